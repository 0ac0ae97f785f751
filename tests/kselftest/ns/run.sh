#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/ns/run.sh - namespaces of the container's own, dumped and restored
#
# usage: run.sh [KIND...]
# state.c sets them up, and looks at them when it runs again.
#
# vm: mem=1024 timeout=400
# requires: build/migctl
# build: state *.c -lrt -lpthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="uts family ipc init nested deep"
refused="initless"

start()
{
	local f=$dir/$1

	case $1 in
	init) contain "$1" "$dir/state" "$1" "$f" ;;
	deep) contain "$1" "$dir/state" nested "$f" ;;
	entered | initless)
		contain init "$dir/state" init "$dir/first"
		is_ready "$dir/first" || return
		enter "$1"
		;;
	*) box "ns-$1" "$dir/state" "$1" "$f" ;;
	esac
	is_ready "$f"
}

# contain NAME COMMAND...: as init of a pid namespace; nobody outside of it is in
# the box.
contain()
{
	local name=$1

	shift
	mkdir -p "$cg/ns-$name"
	# shellcheck disable=SC2016
	setsid unshare --pid --fork sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' \
		"$cg/ns-$name" "$@" </dev/null >/dev/null 2>&1 &
	disown
}

# enter NAME: sends a program into the namespace of the box init, and into its box;
# initless: into a box of its own.
enter()
{
	local name=$1 to=$cg/ns-init

	[ "$name" = entered ] || to=$cg/ns-$name
	mkdir -p "$to"
	# shellcheck disable=SC2016
	nsenter --pid --target "$(sort -n "$cg/ns-init/cgroup.procs" | head -n 1)" \
		setsid sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' \
		"$to" "$dir/state" entered "$dir/$name" </dev/null >/dev/null 2>&1 &
	disown
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
	[initless]="pid namespace whose init is not in the container"
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

# One that came from outside moves with the others. The first program is asked
# last: it is alone then.
entered()
{
	start entered || return
	dump_box ns-init "$dir/entered.img" || return
	"$migctl" restore --detach "$dir/entered.img" || return
	answers "$dir/entered" && answers "$dir/first"
}

load_module
# shellcheck disable=SC2086
[ $# = 0 ] || { moved=$*; refused=; }
case " $moved " in *" init "*) others=entered ;; *) others= ;; esac
# shellcheck disable=SC2086
set -- $moved $refused $others
plan $#
for kind in $moved; do
	check "$kind" moves "$kind"
	unbox "ns-$kind"
done
for kind in $refused; do
	check "$kind is refused" stays "$kind"
	unbox "ns-$kind"
done
unbox ns-init
rm -f "$dir"/first*
[ -z "$others" ] || check entered entered
unbox ns-init
finish
