#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/tasks/run.sh - states of tasks, dumped and restored
#
# usage: run.sh [TEST...]
# main.c sets a state up, and looks at it when it runs again.
#
# coverage: Tasks
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: main *.c -pthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="pipeline daemon left many zombies theirs ended ended-killed ended-first ended-init filters tsync
single strict attrs keys speculation mdwe merge stopped exitsig vforked orphans
apart together modes nested avx avx512 amx rseq robust robust-pi pi files"
refused="notify breakpoint siblings pdeath crossed astray places filtered tiles"
by_pid="ended-pid ended-pid-killed"

start()
{
	case $1 in
	ended-init)
		# As init of a pid namespace; nobody outside of it is in the box.
		mkdir -p "$cg/tasks-$1"
		# shellcheck disable=SC2016
		setsid unshare --pid --fork --mount-proc \
			sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' "$cg/tasks-$1" \
			"$dir/main" "$1" "$dir/$1" </dev/null >/dev/null 2>&1 &
		disown
		;;
	*)	box "tasks-$1" "$dir/main" "$1" "$dir/$1" ;;
	esac
	is_ready "$dir/$1"
}

# A byte changes in the file, and nothing else that a restore looks at.
mark()
{
	touch -r "$1" "$1.time"
	printf 1 | dd of="$1" conv=notrunc status=none
	touch -r "$1.time" "$1"
}

# Dump, kill, restore; then what it says itself.
moves()
{
	start "$1" || return
	dump_box "tasks-$1" "$dir/$1.img" || return
	[ ! -e "$dir/$1.mark" ] || mark "$dir/$1.mark"
	restore_box "tasks-$1" "$dir/$1.img" || return
	answers "$dir/$1"
}

declare -A why=(
	[notify]="seccomp: thread" [breakpoint]="hardware breakpoints"
	[siblings]="table of open files shared with pid"
	[pdeath]="whose main thread has ended"
	[crossed]="table of open files shared with its parent, which is in another session"
	[astray]="cannot be made again" [places]="both addresses of the restore helper"
	[filtered]="seccomp filters of" [tiles]="AMX tiles that are in use"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/tasks-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/$1"
}

# It cannot be moved while it waits in vfork(), and is tried again. (Not by dump_box: that
# stops it before.)
waits()
{
	start vforked && kill_box tasks-vforked "$dir/vforked.img" || return
	"$migctl" restore --detach "$dir/vforked.img" && answers "$dir/vforked"
}

# main_of BOX: the process whose main thread is not among those in there
main_of()
{
	local tid

	while read -r tid; do
		awk -v tid="$tid" '$1 == "Tgid:" && $2 != tid { print $2 }' "/proc/$tid/status"
	done <"$cg/$1/cgroup.threads"
}

# By its pid, into a cgroup of the meantime, where its main thread does not go, and back.
returns()
{
	local main

	start "$1" || return
	main=$(main_of "tasks-$1")
	[ "$main" ] || { echo "its main thread is there"; return 1; }
	sort -n "$cg/tasks-$1/cgroup.threads" >"$dir/threads"
	"$migctl" dump "pid:$main" -o "$dir/$1.img" || return
	gone "$cg/tasks-$1/livemig-$main" || { echo "its cgroup is left"; return 1; }
	sort -n "$cg/tasks-$1/cgroup.threads" | diff "$dir/threads" - || return
	answers "$dir/$1"
}

# It is killed there, and comes to where it was.
comes_back()
{
	local main tids

	start "$1" || return
	main=$(main_of "tasks-$1")
	[ "$main" ] || { echo "its main thread is there"; return 1; }
	mapfile -t tids <"$cg/tasks-$1/cgroup.threads"
	"$migctl" dump "pid:$main" -o "$dir/$1.img" --leave killed || return
	wait_for 60 gone "/proc/$main" "${tids[@]/#//proc/}" "$cg/tasks-$1/livemig-$main" ||
		{ echo "something is left"; return 1; }
	"$migctl" restore --detach --cgroup "$cg/tasks-$1" "$dir/$1.img" || return
	answers "$dir/$1"
}

# Of keys that stay behind it is told once, not for each who has them; the session's link
# to the keyring of the user is no key.
told()
{
	local text="session keyring (odd session), with 2 keys, stays behind"

	start keys || return
	dump_box tasks-keys "$dir/keys.img" || return
	[ "$(grep -c keyring "$dir/dump.log")" = 1 ] &&
		grep -q "migctl: warning: pid [0-9]*: its $text" "$dir/dump.log" ||
		{ cat "$dir/dump.log"; return 1; }
	restore_box tasks-keys "$dir/keys.img" && answers "$dir/keys"
}

load_module
moved=$(among "$moved" "$@")
refused=$(among "$refused" "$@")
by_pid=$(among "$by_pid" "$@")
# shellcheck disable=SC2086
set -- $moved $refused $by_pid
plan $#
for t in $moved; do
	if ! reason=$("$dir/main" "$t" "?"); then
		skip "$t" "$reason"
		continue
	fi
	case $t in
	keys)	check "$t stay behind" told ;;
	vforked) check "$t" waits ;;
	*)	check "$t" moves "$t" ;;
	esac
	unbox "tasks-$t"
done
for t in $refused; do
	if ! reason=$("$dir/main" "$t" "?"); then
		skip "$t is refused" "$reason"
		continue
	fi
	check "$t is refused" stays "$t"
	unbox "tasks-$t"
done
for t in $by_pid; do
	case $t in
	*-killed) check "$t" comes_back "$t" ;;
	*)	check "$t" returns "$t" ;;
	esac
	unbox "tasks-$t"
done
finish
