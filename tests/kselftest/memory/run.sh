#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/memory/run.sh - each kind of memory, dumped and restored
#
# usage: run.sh [KIND...]
# state.c sets it up, and looks at it when it runs again.
#
# coverage: Memory
# vm: mem=1024 timeout=400
# requires: build/migctl
# build: state state.c

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="madvise mlock mlockall growsdown reserve many guard prefork
pkeys sealed droppable swapped ksm"
refused="hugetlb uprobe"

start()
{
	box "memory-$1" "$dir/state" "$1" "$dir/$1"
	is_ready "$dir/$1"
}

# Dump, kill, restore; then what it says itself.
moves()
{
	start "$1" || return
	dump_box "memory-$1" "$dir/$1.img" || return
	"$migctl" restore "$dir/$1.img" || return
	answers "$dir/$1"
}

declare -A why=([hugetlb]="hugetlb file" [uprobe]="breakpoints of uprobes")

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/memory-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/$1"
}

# Memory to swap to, and a probe in the program.
prepare()
{
	local at

	modprobe zram && echo 32M >/sys/block/zram0/disksize &&
		mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
	mount -t tracefs tracefs /sys/kernel/tracing
	at=$(nm "$dir/state" | sed -n 's/ t set_uprobe$//p')
	echo "p:livemig/state $dir/state:0x$at" >/sys/kernel/tracing/uprobe_events
}

probe()
{
	echo "$1" >/sys/kernel/tracing/events/livemig/state/enable
}

load_module
# shellcheck disable=SC2086
[ $# = 0 ] || { moved=$*; refused=; }
# shellcheck disable=SC2086
set -- $moved $refused
plan $#
prepare >/dev/null 2>&1
for kind in $moved; do
	if ! "$dir/state" "$kind" "?"; then
		skip "$kind" "this kernel or machine does not have it"
		continue
	fi
	check "$kind" moves "$kind"
	unbox "memory-$kind"
done
for kind in $refused; do
	[ "$kind" != uprobe ] || probe 1
	check "$kind is refused" stays "$kind"
	[ "$kind" != uprobe ] || probe 0
	unbox "memory-$kind"
done
finish
