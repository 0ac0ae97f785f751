#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/tasks/run.sh - states of tasks, dumped and restored
#
# usage: run.sh [TEST...]
# main.c sets a state up, and looks at it when it runs again.
#
# vm: mem=1024 timeout=400
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="pipeline daemon left many zombies theirs filters tsync
single strict attrs stopped exitsig orphans
apart together"
refused="notify"

start()
{
	box "tasks-$1" "$dir/main" "$1" "$dir/$1"
	wait_for 120 test -e "$dir/$1.ready" || { echo "not ready"; return 1; }
	[ ! -s "$dir/$1.ready" ] || { cat "$dir/$1.ready"; return 1; }
}

answer()
{
	touch "$dir/$1.go"
	wait_for 120 test -e "$dir/$1" || { echo "no answer"; return 1; }
	[ "$(cat "$dir/$1")" = ok ] || { cat "$dir/$1"; return 1; }
}

# Dump, kill, restore; then what it says itself.
moves()
{
	start "$1" || return
	dump_box "tasks-$1" "$dir/$1.img" || return
	"$migctl" restore --detach "$dir/$1.img" || return
	answer "$1"
}

declare -A why=(
	[notify]="seccomp: thread"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/tasks-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answer "$1"
}

load_module
build main.c sessions.c zombies.c seccomp.c attrs.c jobs.c fs.c
# shellcheck disable=SC2086
[ $# = 0 ] || { moved=$*; refused=; }
# shellcheck disable=SC2086
set -- $moved $refused
plan $#
for t in $moved; do
	check "$t" moves "$t"
	unbox "tasks-$t"
done
for t in $refused; do
	check "$t is refused" stays "$t"
	unbox "tasks-$t"
done
finish
