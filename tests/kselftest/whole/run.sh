#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/whole/run.sh - one container with users, network, mounts, pids of its
# own, rules, AIO and huge pages moves to another host, and back
#
# vm: guests=A,B kernel=A=6.1 mem=1024 timeout=1800
# requires: build/migctl
# build: state ../memory/state.c ../memory/maps.c ../memory/pages.c ../memory/huge.c ../memory/rings.c -pthread
# A runs the test; B does what A asks for.

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/migrate/lib.sh
. ../migrate/lib.sh

# first: the pid of its init on this host
first()
{
	head -n 1 /sys/fs/cgroup/whole/cgroup.procs
}

# look: what is the same wherever it is
look()
{
	local pid

	pid=$(first) && [ -n "$pid" ] || { echo "no process"; return 1; }
	cat "/proc/$pid/uid_map" "/proc/$pid/gid_map"
	grep -E '^(Name|Uid|Gid|NSpid|Cap)' "/proc/$pid/status" | sed 's/^NSpid:.*\t/NSpid /'
	nsenter -t "$pid" -u hostname
	nsenter -t "$pid" -n ip addr
	nsenter -t "$pid" -n nft list ruleset | sed 's/expires [0-9a-z]*/expires/g'
	grep -E ' /(proc|mnt) ' "/proc/$pid/mounts"
	cat "/proc/$pid/root/mnt/file"
}

huge_pages_used()
{
	[ "$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)" -lt 12 ]
}

load_module || { echo "1..0 # SKIP livemig.ko does not load"; exit 4; }
echo 12 >/proc/sys/vm/nr_hugepages

[ "$VM_NAME" = A ] || serve

. "$top/tests/vm/ktap.sh"
agent
hear ready 200 >/dev/null

# Whoever is root inside is 100000 outside, and writes here.
cp -p "$top"/build/tests/whole/state ../nft/rules.nft $out
chmod 777 $out
cat >$out/init <<-'END'
	#!/bin/sh
	cd /
	mount -t proc proc /proc
	mount -t tmpfs tmpfs /mnt
	echo "in its tmpfs" >/mnt/file
	hostname whole
	ip link set lo up
	ip addr add 10.99.0.1/32 dev lo
	/run/out/state rings /run/out/rings &
	/run/out/state hugeprivate /run/out/huge &
	while :; do wait; sleep 1000; done
END
chmod 755 $out/init

# As runtimes do it: from outside.
found()
{
	/usr/bin/python3 - "$out/init" <<-'END'
	import ctypes, os, signal, sys
	NEW = 0x10000000 | 0x20000000 | 0x40000000 | 0x20000 | 0x4000000 | 0x8000000
	wait, go = os.pipe()
	pid = ctypes.CDLL(None).syscall(56, NEW | signal.SIGCHLD, 0, 0, 0, 0)
	if not pid:
	    os.read(wait, 1)
	    os.setgroups([])
	    os.setresgid(0, 0, 0)
	    os.setresuid(0, 0, 0)
	    os.setsid()
	    for fd in range(3):
	        os.dup2(os.open("/dev/null", os.O_RDWR), fd)
	    os.execv(sys.argv[1], sys.argv[1:])
	for name, text in (("/proc/%d/uid_map" % pid, "0 100000 65536"),
	                   ("/proc/%d/gid_map" % pid, "0 100000 65536"),
	                   ("/sys/fs/cgroup/whole/cgroup.procs", str(pid))):
	    with open(name, "w") as f:
	        f.write(text)
	os.write(go, b".")
	END
}

begin()
{
	mkdir /sys/fs/cgroup/whole
	# Pids that the other host does not use.
	echo 20000 >/proc/sys/kernel/ns_last_pid
	found && wait_file $out/rings.ready 200 && wait_file $out/huge.ready 200 || return
	cat $out/rings.ready $out/huge.ready
	[ ! -s $out/rings.ready ] && [ ! -s $out/huge.ready ] &&
		nsenter -t "$(first)" -n nft -f $out/rules.nft && look >/tmp/before
}

same() # [on_b]
{
	"$@" look >/tmp/after || { cat /tmp/after; return 1; }
	diff -u /tmp/before /tmp/after
}

answer() # FILE
{
	touch "$out/$1.go"
	wait_file "$out/$1" 200 || { echo "no answer"; return 1; }
	[ "$(cat "$out/$1")" = ok ] || { cat "$out/$1"; return 1; }
}

plan 9
check "it begins" begin
was=$(first)
check "it moves to B" migrate whole
check "it is gone from A" gone whole "$was"
check "what it has is the same on B" same on_b
check "its huge pages are B's" on_b huge_pages_used
check "it moves back" on_b "timeout $limit $migctl migrate cgroup:whole ${ip[A]} --insecure"
check "what it has is the same on A again" same
check "its AIO is what it was" answer rings
check "its huge pages are what they were" answer huge
stop whole
dismiss
finish
