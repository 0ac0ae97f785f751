#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/lazy/run.sh - programs that start before their memory is there
#
# usage: run.sh [TEST...]
# lazy.c knows what is in it. Most tests let memory come when it is touched and not
# before (LIVEMIG_LAZY=on-demand), so that it is missing for certain.
#
# coverage: Memory
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: lazy lazy.c ../program.c -pthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

programs="read write threads fork unmap dontneed mremap kernel sparse rounds eager prefork"
others="arrives frozen waits pending dies damaged head pipe"

# start TEST [DUMP OPTION...]: and dumped
start()
{
	local test=$1

	shift
	box "lazy-$test" "$dir/lazy" "${program:-$test}" "$dir/$test"
	is_ready "$dir/$test" || return
	"$migctl" dump "$cg/lazy-$test" -o "$dir/$test.img" --leave killed "$@" \
		>"$dir/dump.log" 2>&1 || cat "$dir/dump.log"
}

lazily()
{
	LIVEMIG_LAZY=on-demand "$migctl" restore --lazy "$@"
}

# servers NUMBER: so many processes bring memory
servers()
{
	[ "$(pgrep -cx migctl-lazy)" = "$1" ]
}

# populated NAME 0|1
populated()
{
	grep -qx "populated $2" "$cg/$1/cgroup.events"
}

# said TEXT: the kernel's log has it
said()
{
	dmesg | grep -q "$1"
}

# When all is there, or nobody to need it, the server ends.
works()
{
	local options=()

	case $1 in
	rounds | prefork) options=(--rounds 3) ;;
	esac
	start "$1" "${options[@]}" && lazily "$dir/$1.img" || return
	answers "$dir/$1" || return
	wait_for 120 servers 0 || { echo "a server is left"; return 1; }
}

# Without anybody touching it; then it is as any other.
t_arrives()
{
	local i

	start arrives && "$migctl" restore --lazy "$dir/arrives.img" || return
	wait_for 120 servers 0 || { echo "a server is left"; return 1; }
	for ((i = 0; i < 2; i++)); do
		moved lazy-arrives "$dir/arrives.img" || return
	done
	answers "$dir/arrives"
}

t_frozen()
{
	start frozen && "$migctl" restore --lazy --frozen "$dir/frozen.img" || return
	wait_for 120 servers 0 || { echo "a server is left"; return 1; }
	frozen lazy-frozen 0 && answers "$dir/frozen"
}

# Its parent hears of the end, and of what went wrong.
t_waits()
{
	local status

	start waits || return
	touch "$dir/waits.go"
	lazily --json --wait "$dir/waits.img" >"$dir/waits.json" || return
	answers "$dir/waits" || return
	grep -q '"lazy": true' "$dir/waits.json" && grep -q '"running_ns": [1-9]' \
		"$dir/waits.json" || { cat "$dir/waits.json"; return 1; }
	program=marked start waits-bad && damage waits-bad || return
	touch "$dir/waits-bad.go"
	lazily --wait "$dir/waits-bad.img" >"$dir/waits-bad.log" 2>&1
	status=$?
	[ $status = 137 ] && grep -q "is damaged (wrong hash); the container is killed" \
		"$dir/waits-bad.log" || { echo "status $status"; cat "$dir/waits-bad.log"; return 1; }
	gone "$dir/waits-bad"
}

# A dump of what is not there is refused.
t_pending()
{
	start pending && lazily --pidfile "$dir/pending.pid" "$dir/pending.img" || return
	servers 1 || { echo "no server"; return 1; }
	[ "$(cat "$dir/pending.pid")" = "$(head -1 "$cg/lazy-pending/cgroup.procs")" ] || return
	refused 2 userfaultfd "$migctl" dump "$cg/lazy-pending" -o "$dir/pending.2" || return
	answers "$dir/pending"
}

# Nothing goes on without the memory that it has not got.
t_dies()
{
	start dies && lazily "$dir/dies.img" || return
	populated lazy-dies 1 || { echo "it does not run"; return 1; }
	pkill -KILL -x migctl-lazy
	wait_for 120 populated lazy-dies 0 || { echo "it runs on"; return 1; }
	touch "$dir/dies.go"
	# (once it is killed)
	wait_for 60 said "has ended too early: the container (1 processes) is killed" ||
		{ echo "nothing in the log"; return 1; }
	gone "$dir/dies"
}

# damage TEST: one byte of the page that is marked
damage()
{
	local offset

	offset=$(grep -abo "here is the page that is to be damaged" "$dir/$1.img" |
		head -1 | cut -d: -f1)
	[ "$offset" ] && printf X | dd of="$dir/$1.img" bs=1 seek=$((offset + 100)) \
		conv=notrunc status=none
}

t_damaged()
{
	program=marked start damaged && damage damaged && lazily "$dir/damaged.img" || return
	populated lazy-damaged 1 || { echo "it does not run"; return 1; }
	touch "$dir/damaged.go"
	wait_for 120 populated lazy-damaged 0 || { echo "it runs on"; return 1; }
	wait_for 60 said "lazy restore of .*lazy-damaged: the page at 0x.*000 of memory .* is damaged" ||
		{ echo "nothing in the log"; return 1; }
	gone "$dir/damaged"
}

# The heads of all records are looked at before anything runs.
t_head()
{
	start head || return
	# (the last but one byte of what the last head says of a page)
	python3 - "$dir/head.img" <<-'END' || return
	import struct, sys
	data = bytearray(open(sys.argv[1], "rb").read())
	at = last = 0
	while at < len(data):
	    magic, kind, version, flags, head, payload = struct.unpack_from("<IHBBII", data, at)
	    pages = head >= 16 and payload and payload % 4096 == 0 and at % 4096 == 0
	    last = at + 32 + head - 10 if pages else last
	    align = 4096 if pages else 8
	    at += (32 + head + align - 1) // align * align + payload
	data[last] ^= 1
	open(sys.argv[1], "wb").write(data)
	END
	refused 2 "its checksum is wrong" lazily "$dir/head.img" || return
	servers 0 && gone "$cg/lazy-head"
}

t_pipe()
{
	start pipe || return
	refused 2 "needs its image in a file" lazily <(cat "$dir/pipe.img") || return
	servers 0 && gone "$cg/lazy-pipe"
}

load_module
# shellcheck disable=SC2086
[ $# != 0 ] || set -- $programs $others
plan $#
for t; do
	case " $others " in
	*" $t "*)
		program='read' check "$t" "t_$t"
		;;
	*)
		check "$t" works "$t"
		;;
	esac
	unbox "lazy-$t"
done
finish
