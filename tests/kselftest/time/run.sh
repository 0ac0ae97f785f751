#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/time/run.sh - clocks and timers go on after a move
#
# usage: run.sh [FUNCTION [ARGUMENT...]]   all, or one of the functions below
#
# The programs compare what they see before and after by themselves. A container
# whose time namespace is ahead of the host stands for one from another host.
#
# coverage: Clocks, timers, waiting
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: clocks clocks.c -lpthread
# build: timers timers.c -lpthread
# build: calls calls.c calls_all.c calls_ipc.c -lpthread -lrt
# build: wall wall.c -lpthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

# start PROGRAM MODE
start()
{
	box "$1-$2" "$dir/$1" "$2" "$dir/$1-$2"
	wait_for 300 test -e "$dir/$1-$2.ready" || { echo "not ready"; return 1; }
}

# answer PROGRAM MODE: what it says about itself in the end
answer()
{
	touch "$dir/$1-$2.go"
	wait_for 300 test -s "$dir/$1-$2" || { echo "no answer"; return 1; }
	[ "$(cat "$dir/$1-$2")" = ok ] || { cat "$dir/$1-$2"; return 1; }
}

# moves TIMES PROGRAM MODE: dump, kill, restore
moves()
{
	local times=$1 name=$2-$3 i

	start "$2" "$3" || return
	for ((i = 0; i < times; i++)); do
		moved "$name" "$dir/$name.img" || return
	done
	answer "$2" "$3"
}

# set_forward SECONDS: the clock on the wall
set_forward()
{
	date -s "@$(($(date +%s) + $1))" >/dev/null
}

# meanwhile_an_hour_passes: on the wall, between dump and restore
meanwhile_an_hour_passes()
{
	local status

	start wall hour || return
	kill_box wall-hour "$dir/wall.img" && set_forward 3600 || return
	"$migctl" restore "$dir/wall.img" && answer wall hour
	status=$?
	set_forward -3600
	return $status
}

# stays TEXT PROGRAM MODE: refused with these words; it runs on
stays()
{
	start "$2" "$3" || return
	refused 2 "$1" "$migctl" dump "$cg/$2-$3" -o "$dir/$2-$3.img" \
		--leave killed || return
	gone "$dir/$2-$3.img" || { echo "an image is left"; return 1; }
	answer "$2" "$3"
}

# run.sh FUNCTION [ARGUMENT...]: that one only
one()
{
	plan 1
	check "$*" "$@"
	finish
}

load_module

(($#)) && one "$@"
plan 11
check "clocks far ahead of the host's, moved three times" moves 3 clocks ahead
check "clocks behind the host's" moves 1 clocks behind
check "the host's own clocks, moved three times" moves 3 clocks host
check "refused: two time namespaces" \
	stays "second time namespace" clocks two
check "refused: a time namespace for children" \
	stays "time namespace for children" clocks children
check "timers of all kinds" moves 1 timers once
check "timers of all kinds, moved twice" moves 2 timers again
check "refused: a timer on the CPU time of another process" \
	stays "posix timer on the CPU time of another process" timers foreign
check "waiting in every system call, moved twice" moves 2 calls all
check "waiting for message queues, moved twice" moves 2 calls ipc
check "times of day stay what they are" meanwhile_an_hour_passes
unbox wall-hour
unbox calls-all
unbox calls-ipc
unbox timers-once
unbox timers-again
unbox timers-foreign
for mode in ahead behind host two children; do
	unbox "clocks-$mode"
done
finish
