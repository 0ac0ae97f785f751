#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/memory/run.sh - each kind of memory, dumped and restored
#
# usage: run.sh [KIND...]
# state.c sets it up, and looks at it when it runs again.
#
# coverage: Memory
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: edit ../restore/edit.c liblivemig
# build: state state.c maps.c pages.c huge.c rings.c -pthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="madvise mlock mlockall growsdown stack cold reserve many guard numa numalocal named prefork
pkeys sealed droppable swapped ksm hugeprivate hugeshared hugememfd
rings ringwait"
refused="hugefile underway uprobe"

start()
{
	box "memory-$1" "$dir/state" "$1" "$dir/$1"
	is_ready "$dir/$1"
}

declare -A why=([hugefile]="hugetlb file" [underway]="requests under way"
	[uprobe]="breakpoints of uprobes")

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/memory-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/$1"
}

huge_pages()
{
	echo "$1" >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$1" ]
}

# Refused with the remedy where there are too few huge pages, before anything is made;
# then they are there.
lacks()
{
	box memory-lack "$dir/state" hugeprivate "$dir/lack"
	is_ready "$dir/lack" && dump_box memory-lack "$dir/lack.img" &&
		wait_for 60 huge_pages 3 || return
	refused 2 "4 huge pages of 2 MB, of which 3 are free here; raise vm.nr_hugepages" \
		"$migctl" restore "$dir/lack.img" || return
	gone "$cg/memory-lack" || { echo "a cgroup is left"; return 1; }
	wait_for 60 huge_pages 12 || { echo "no memory for huge pages"; return 1; }
	restore_box memory-lack "$dir/lack.img" && answers "$dir/lack"
}

# A policy names a node that the host has not: told before anything is made.
node()
{
	box memory-node "$dir/state" numa "$dir/node"
	is_ready "$dir/node" && dump_box memory-node "$dir/node.img" &&
		"$dir/edit" "$dir/node.img" "$dir/far.img" node || return
	refused 2 "NUMA node 63, which is not here" "$migctl" restore "$dir/far.img" || return
	gone "$cg/memory-node" || { echo "a cgroup is left"; return 1; }
	restore_box memory-node "$dir/node.img" && answers "$dir/node"
}

# Of MPOL_LOCAL no node is meant, whatever an image says.
nowhere()
{
	box memory-nowhere "$dir/state" numalocal "$dir/nowhere"
	is_ready "$dir/nowhere" && dump_box memory-nowhere "$dir/nowhere.img" &&
		"$dir/edit" "$dir/nowhere.img" "$dir/far.img" node &&
		"$migctl" restore "$dir/far.img" && frozen memory-nowhere 0 &&
		answers "$dir/nowhere"
}

# Objects come and go between the rounds of a running container, and the stop.
replaced()
{
	start replaced && "$migctl" dump "$cg/memory-replaced" -o "$dir/replaced.img" \
		--rounds 2 --leave killed && "$migctl" restore "$dir/replaced.img" &&
		answers "$dir/replaced"
}

# Huge pages, memory to swap to, and a probe in the program.
prepare()
{
	local at

	huge_pages 12
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
plan $(($# + 4))
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
check "shared memory that takes the place of other" replaced
unbox memory-replaced
if "$dir/state" numa "?"; then
	check "a NUMA node that is not here" node
	unbox memory-node
	check "nodes of a local NUMA policy" nowhere
	unbox memory-nowhere
else
	skip "a NUMA node that is not here" "this kernel has no NUMA"
	skip "nodes of a local NUMA policy" "this kernel has no NUMA"
fi
if "$dir/state" hugeprivate "?"; then
	check "too few huge pages" lacks
	unbox memory-lack
else
	skip "too few huge pages" "there are none"
fi
finish
