#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/files/run.sh - each kind of open file, dumped and restored
#
# usage: run.sh [KIND...]
# state.c sets the files up, and looks at them when it runs again.
#
# vm: mem=1024 timeout=400
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="reg append proc fork dir dev pipe brokenpipe pipefork fifo eventfd epoll timerfd
signalfd memfd shared"
refused="deleted inotify tty lostwatch outpipe"

# Dump, kill, restore; then what it says itself.
moves()
{
	local kind=$1 f=$dir/$1

	box "files-$kind" "$dir/state" "$kind" "$f"
	wait_for 60 test -e "$f.ready" || { echo "not ready"; return 1; }
	sleep 0.2
	dump_box "files-$kind" "$f.img" || return
	"$migctl" restore "$f.img" || return
	touch "$f.go"
	wait_for 60 test -e "$f" || { echo "no answer"; return 1; }
	[ "$(cat "$f")" = ok ] || { cat "$f"; return 1; }
}

declare -A why=(
	[deleted]=deleted [inotify]=inotify [tty]=ptmx [lostwatch]=epoll
	[outpipe]="outside"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	local kind=$1 f=$dir/$1

	if [ "$kind" = outpipe ]; then
		box "files-$kind" sh -c "sh -c 'exec $dir/state $kind $f' | sh -c 'echo \$\$ >$cg/cgroup.procs; exec cat'"
	else
		box "files-$kind" "$dir/state" "$kind" "$f"
	fi
	wait_for 60 test -e "$f.ready" || { echo "not ready"; return 1; }
	sleep 0.2
	refused 2 "${why[$kind]}" "$migctl" dump "$cg/files-$kind" -o "$f.img" \
		--leave killed || return
	gone "$f.img" || { echo "an image is left"; return 1; }
	touch "$f.go"
	wait_for 60 test -e "$f" || { echo "it does not run on"; return 1; }
	[ "$(cat "$f")" = ok ] || { cat "$f"; return 1; }
}

load_module
build state.c
# shellcheck disable=SC2086
[ $# = 0 ] || { moved=$*; refused=; }
# shellcheck disable=SC2086
set -- $moved $refused
plan $#
for kind in $moved; do
	check "$kind" moves "$kind"
	unbox "files-$kind"
done
for kind in $refused; do
	check "$kind is refused" stays "$kind"
	unbox "files-$kind"
done
finish
