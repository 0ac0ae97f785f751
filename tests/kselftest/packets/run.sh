#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/packets/run.sh - what comes for a container while it is stopped
# is answered when it runs again
#
# Runs in a guest, as root; KTAP on stdout.
#
# vm: cpus=2 timeout=1200
# requires: build/migctl
# build: threads ../migrate/threads.c -pthread
# build: pass pass.c liblivemig
#
#	client (namespace)	box: the container
#	   10.77.0.60		10.77.0.50
#	       +------ br0 -------+

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

load_module
command -v ping >/dev/null || skip_all "no ping"
echo "KTAP version 1"

# network NAME ADDRESS: a namespace with one end of a veth pair
network()
{
	ip netns add "$1"
	ip link add "v$1" type veth peer name eth0 netns "$1"
	ip link set "v$1" master br0 up
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 up
	ip -n "$1" addr add "$2/24" dev eth0
}

ip link add br0 type bridge forward_delay 0
ip link set br0 up
network client 10.77.0.60
network box 10.77.0.50

# all_answered COMMAND...: pings before, while it runs and after, and each has
# its answer in the end, once or (it came when the lock did) twice.
all_answered()
{
	local pinger

	ip netns exec client ping -n -i 0.05 -W 20 10.77.0.50 >"$dir/ping" &
	pinger=$!
	wait_for 60 grep -q icmp_seq=20 "$dir/ping"
	"$@" >"$dir/said" 2>&1
	echo "status $?: $(tail -n 1 "$dir/said")"
	# Some more after it: these are no older.
	wait_for 60 more_than "$(grep -c icmp_seq "$dir/ping")"
	kill -INT $pinger
	wait $pinger
	tail -n 2 "$dir/ping"
	sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' "$dir/ping" | sort -n | uniq -c | awk '
		$2 != ++n { print "no answer to", n; n = $2; lost++ }
		$1 > 2 { print $1, "answers to", $2; many++ }
		END { exit lost || many || n < 50 }'
}

more_than()
{
	(($(grep -c icmp_seq "$dir/ping") > $1 + 50))
}

# passed: it is stopped as a migration does it, for a while, and what came goes
# through a connection.
passed()
{
	rm -f "$dir/go"
	"$dir/pass" /run/netns/box "$dir/go" >"$dir/pass.log" 2>&1 &
	wait_for 60 grep -q locked "$dir/pass.log" || return 1
	sleep 1
	touch "$dir/go"
	wait $!
	cat "$dir/pass.log"
	# Some came, or there was nothing to see.
	grep -q "^[1-9][0-9]* packets" "$dir/pass.log"
}

# alive: the program goes on.
alive()
{
	local pid was

	pid=$(head -n 1 "$cg/box/cgroup.procs")
	was=$(cat "/proc/$pid/comm") || return 1
	# shellcheck disable=SC2016
	wait_for 60 bash -c '[ "$(cat "/proc/$0/comm")" != "$1" ]' "$pid" "$was"
	grep ok- "/proc/$pid/comm"
}

box box nsenter --net=/run/netns/box "$dir/threads"
check "it answers" ip netns exec client ping -c 1 -W 20 10.77.0.50
check "dumped: each packet has its answer" all_answered \
	"$migctl" dump cgroup:box -o "$dir/image"
check "... there is an image" test -s "$dir/image"
check "... and it runs on" alive
mkdir "$dir/small"
mount -t tmpfs -o size=64k none "$dir/small"
check "a dump that fails: each packet has its answer" all_answered \
	"$migctl" dump cgroup:box -o "$dir/small/image"
check "... for want of room" grep -q "No space" "$dir/said"
check "... and it runs on" alive
check "passed on: each packet has its answer" all_answered passed
check "... some came while it was stopped" grep -q "^[1-9][0-9]* packets" "$dir/said"
unbox box
umount "$dir/small"

echo "1..$ktap_number"
finish
