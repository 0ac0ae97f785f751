#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/throttle/run.sh - a program that no round gets ahead of is slowed
# down, and never left so
#
# sink.c is the other end, on the same machine.
#
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: sink sink.c liblivemig
# build: writer writer.c

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

box=$cg/throttled

is_max()
{
	[ "$(cat "$box/cpu.max")" = "${1:-max 100000}" ]
}

sink()	# STALL
{
	"$dir/sink" 7000 "$box" "$1" >"$dir/seen" &
	wait_for 60 grep -q listening "$dir/seen"
}

# (its downtime is less than any stop takes: no round is good enough)
migrate()
{
	"$migctl" migrate cgroup:throttled 127.0.0.1:7000 --insecure --downtime 1 "$@" \
		>"$dir/said" 2>&1
}

# Nobody is left frozen, and its limit is what it was.
as_before()
{
	is_max "${1:-max 100000}" || { cat "$box/cpu.max"; return 1; }
	grep -qx "frozen 0" "$box/cgroup.events" && grep -qx "populated 1" "$box/cgroup.events"
}

throttled()	# how many rounds had a limit
{
	grep "^round: " "$dir/seen" | grep -cv max
}

t_without()
{
	sink 0 || return
	migrate --rounds 6
	cat "$dir/seen"
	[ "$(throttled)" = 0 ] && as_before
}

t_slows()
{
	sink 0 || return
	migrate --rounds 12 --throttle
	cat "$dir/seen" "$dir/said"
	[ "$(throttled)" -gt 0 ] && grep -qx "last: max 100000" "$dir/seen" &&
		! grep -q "cpu.max=" "$dir/seen" && as_before
}

# Half of what it was allowed before.
t_limited()
{
	echo "40000 100000" >"$box/cpu.max"
	sink 0 || return
	migrate --rounds 12 --throttle
	cat "$dir/seen"
	grep -qx "round: 20000 100000" "$dir/seen" &&
		grep -qx "last: cpu.max=40000 100000" "$dir/seen" &&
		as_before "40000 100000" && echo max >"$box/cpu.max"
}

t_killed()
{
	local pid

	sink 1 || return
	migrate --rounds 60 --throttle &
	pid=$!
	wait_for 300 grep -q "^round: [1-9]" "$dir/seen" || { cat "$dir/seen"; return 1; }
	! is_max || return
	pkill -KILL -x migctl
	wait "$pid"
	pkill -KILL -x sink
	wait_for 60 is_max && wait_for 60 as_before
}

load_module
plan 5
box throttled "$dir/writer"
wait_for 60 grep -q . "$box/cgroup.procs"
echo -cpu >"$cg/cgroup.subtree_control"
check "without the controller it is refused" refused 2 "write +cpu to cgroup.subtree_control" \
	"$migctl" migrate cgroup:throttled 127.0.0.1:7000 --insecure --throttle
echo +cpu >"$cg/cgroup.subtree_control"
check "without --throttle nothing happens" t_without
check "it is slowed down" t_slows
check "a limit that was there" t_limited
check "it is not left so when migctl is killed" t_killed
unbox throttled
finish
