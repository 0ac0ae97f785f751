# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: /usr/sbin/sshd ssh ssh-keygen
# check: no
#
# Two sessions, one on a terminal, of a shell that answers.

start()
{
	mkdir -p /run/sshd
	for key in host user; do
		ssh-keygen -q -t ed25519 -N '' -f "$work/$key"
	done
	cp "$work/user.pub" "$work/allowed"
	container /usr/sbin/sshd -D -e -f /dev/null -h "$work/host" \
		-o ListenAddress=$addr:2222 -o UsePAM=no -o StrictModes=no \
		-o AuthorizedKeysFile="$work/allowed" -o PermitRootLogin=yes
}

ready()
{
	port 2222
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		import subprocess

		from load import run

		ssh = ["ssh", "-F", "none", "-i", "user", "-o", "StrictHostKeyChecking=no",
		       "-o", "UserKnownHostsFile=known", "-p", "2222", "root@10.9.0.1"]
		shell = "stty -echo 2>/dev/null; echo ready; sum=0; while read x; do echo $((sum += x)); done; exit 7"
		sessions = [subprocess.Popen(ssh + more + [shell], stdin=subprocess.PIPE,
		                             stdout=subprocess.PIPE, text=True)
		            for more in (["-T"], ["-tt"])]
		for session in sessions:
		    assert session.stdout.readline().strip() == "ready"
		sums = [0, 0]

		def step(i):
		    n = i % 2
		    sums[n] += i
		    sessions[n].stdin.write(f"{i}\n")
		    sessions[n].stdin.flush()
		    answer = sessions[n].stdout.readline().strip()
		    assert answer == str(sums[n]), (i, answer, sums[n])

		run(step)
		sessions[0].stdin.close()
		assert sessions[0].wait() == 7
		sessions[1].stdin.write("\x04")
		sessions[1].stdin.flush()
		assert sessions[1].wait() == 7
	END
}
