#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/ns/run.sh - namespaces of the container's own, dumped and restored
#
# usage: run.sh [KIND...]
# state.c sets them up, and looks at them when it runs again.
#
# vm: mem=1024 timeout=400
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="uts family ipc"
refused="shm sem msg mqueue"

start()
{
	box "ns-$1" "$dir/state" "$1" "$dir/$1"
	is_ready "$dir/$1"
}

# What the host shows of itself.
host()
{
	hostname
	cat /proc/sys/kernel/msgmax /proc/sys/kernel/sem /proc/sys/fs/mqueue/msg_max
}

# Dump, kill, restore; then what it says itself. The host is as it was.
moves()
{
	local before

	before=$(host)
	start "$1" || return
	dump_box "ns-$1" "$dir/$1.img" || return
	"$migctl" restore --detach "$dir/$1.img" || return
	answers "$dir/$1" || return
	[ "$(host)" = "$before" ] || { host; return 1; }
}

declare -A why=(
	[shm]="System V shared memory in its ipc namespace"
	[sem]="System V semaphores" [msg]="System V message queues"
	[mqueue]="POSIX message queue /mail"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/ns-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/$1"
}

load_module
build state.c -lrt
# shellcheck disable=SC2086
[ $# = 0 ] || { moved=$*; refused=; }
# shellcheck disable=SC2086
set -- $moved $refused
plan $#
for kind in $moved; do
	check "$kind" moves "$kind"
	unbox "ns-$kind"
done
for kind in $refused; do
	check "$kind is refused" stays "$kind"
	unbox "ns-$kind"
done
finish
