# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: bash socat
# check: no
#
# An interactive bash on a pseudo terminal: a job in the background counts, one is
# stopped and goes on, shell variables stay. socat has the other end.

start()
{
	container socat TCP-LISTEN:7000,bind="$addr",reuseaddr,fork \
		'EXEC:bash --norc --noediting -i,pty,setsid,ctty,stderr,echo=0'
}

ready()
{
	port 7000
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		from load import Line, run

		line = Line(7000)

		def sh(command):
		    """What it prints between two marks."""
		    line.say(b"echo; echo '<<'; " + command.encode() + b"\necho; echo '>>'\n")
		    while line.hear().strip() != b"<<":
		        pass
		    out = []
		    while (text := line.hear().strip()) != b">>":
		        out.append(text)
		    return b"\n".join(out).decode().strip()

		sh("PS1=; mine=0; n=0; while :; do echo $((n++)) >count; sleep 0.05; done &")
		sh("sleep 100000 &")
		sh("kill -STOP %2; until [[ $(jobs) == *Stopped* ]]; do :; done")
		count = -1

		def step(i):
		    global count
		    assert sh("echo $((mine += 2))") == str(2 * i + 2)
		    if i % 5:
		        return
		    assert sh("stty size; tty") == "33 77\n" + tty
		    jobs = sh("jobs")
		    assert "Running" in jobs and "Stopped" in jobs, jobs
		    while (now := int(open("count").read() or -1)) == count:
		        pass
		    count = now

		tty = sh("stty rows 33 cols 77; tty")
		run(step)
		sh("kill -CONT %2")
		assert "Stopped" not in sh("jobs")
		assert sh("kill %1 %2; wait; jobs") is not None
		line.say(b"exit\n")
	END
}
