#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/kernels.sh - programs go to another guest: from Debian 12's kernel to
# $KERNEL; if that is another one, one of them back and there again
#
# An image is made in one guest and restored in the next one. They meet in a 9p file
# system that has no page cache.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/ktap.sh

kernel=${KERNEL:-6.1}
kernels=$PWD/build/kernels
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

[ -e build/migctl ] || skip_all "no build/migctl"
tests/vm/kernel build 6.1 >/dev/null || skip_all "no module for 6.1"
tests/programs tests/kselftest/{vdso,memory,files,sockets,time}/run.sh ||
	skip_all "no programs"

# in_guest KERNEL NAME TEXT
in_guest()
{
	tests/vm/run --kernel "$1" --share "$out" --log "kernels-$2" \
		--timeout $((600 * ${TIME_FACTOR:-1})) \
		--env "LIVEMIG_KO=$kernels/$1/livemig.ko" \
		--env "TIME_FACTOR=${TIME_FACTOR:-1}" -- "
		cd tests/kselftest/vdso && . ../move.sh && load_module || exit 1
		$functions
		turn=$2
		$3"
}

# shellcheck disable=SC2016
functions='
	maps()
	{
		cat "/proc/$(pgrep -o -x calls)/maps"
	}
	# here: as it was when it was on this kernel before, if it was
	here()
	{
		local known=/run/out/on-$VM_KERNEL

		maps | sed -n "s/-.*vdso.$//p" >"$dir/place"
		maps | wc -l >"$dir/number"
		[ -e "$known.place" ] || cp "$dir/place" "$known.place"
		[ -e "$known.number" ] || cp "$dir/number" "$known.number"
		cmp "$dir/place" "$known.place" && { [ "$1" = other ] ||
			cmp "$dir/number" "$known.number"; } || { maps; return 1; }
	}
	# sleeps: how many; each is a turn of its calls
	sleeps()
	{
		sed -n "s/^voluntary_ctxt_switches:[[:space:]]*//p" \
			"/proc/$(pgrep -o -x calls)/status"
	}
	# (every 16 turns it does more)
	makes_calls()
	{
		[ "$(sleeps)" -gt $(($1 + 40)) ]
	}
	# (its next children get pids that no guest of this test has: one may be alive
	# when it leaves)
	arrives()
	{
		"$migctl" restore --detach /run/out/image || return
		echo "$((20000 + turn * 1000))" >/proc/sys/kernel/ns_last_pid
		wait_for 60 makes_calls "$(sleeps)" && [ ! -e /run/out/answer ] && here "$@"
	}
	leaves()
	{
		kill_box calls /run/out/image
	}
	# One container with much in it: each program has one thing, and looks at it
	# in the end. The file is one of both guests.
	all="files:reg files:pipe files:pipefork files:eventfd files:epoll files:timerfd
		files:signalfd sockets:deeprights timers:once"
	hold()
	{
		local tests=$root/build/tests each

		cp "$tests/files/tests" /run/out/files
		cp "$tests/sockets/main" /run/out/sockets
		cp "$tests/time/timers" /run/out/timers
		# shellcheck disable=SC2016
		box held sh -c "for each in \$0; do
			/run/out/\${each%:*} \${each#*:} /run/out/\${each#*:} &
		done; wait" "$all"
		for each in $all; do
			is_ready "/run/out/${each#*:}" || return
		done
		kill_box held /run/out/held.img
	}
	held()
	{
		local each

		"$migctl" restore --detach /run/out/held.img || return
		for each in $all; do
			[ ! -e "/run/out/${each#*:}" ] && answers "/run/out/${each#*:}" ||
				{ echo "that was $each"; return 1; }
		done
	}
	# memory that 6.1 does not know
	newer="sealed droppable guard"
	leave()
	{
		local state=$root/build/tests/memory/state kind

		for kind in $newer; do
			"$state" $kind "?" || continue
			box $kind "$state" $kind /run/out/$kind
			is_ready /run/out/$kind && kill_box $kind /run/out/$kind.img || return
		done
	}
	# are_refused KERNEL: those that it has made
	are_refused()
	{
		local kind some=

		for kind in $newer; do
			[ -e /run/out/$kind.img ] || continue
			some=yes
			refused 2 "use a host with a newer kernel" \
				"$migctl" restore /run/out/$kind.img || return
		done
		[ "$some" ] || [ "$1" != 7.2 ] || { echo "7.2 has made none"; return 1; }
	}'

[[ $kernel == 6.1 ]] && plan 2 || plan 4
# (pids that no guest has)
check "6.1: they begin" in_guest 6.1 1 '
	cp "$dir/calls" /run/out/calls
	echo 20000 >/proc/sys/kernel/ns_last_pid
	box calls /run/out/calls /run/out/answer
	is_ready /run/out/answer && here && leaves && hold'
if [[ $kernel == 6.1 ]]; then
	check "6.1, after a boot: they go on, and end as they should" in_guest 6.1 2 '
		arrives && answers /run/out/answer && held'
	finish
fi
check "$kernel: they go on, all but one to their end" in_guest "$kernel" 2 '
	held && arrives && leaves && leave'
# (what was left of the other vdso is there, too)
check "6.1: the vdso is where it was, and what is newer is refused" in_guest 6.1 3 '
	arrives other && leaves && are_refused '"$kernel"
check "$kernel: no mapping is added; it ends as it should" in_guest "$kernel" 4 '
	arrives && answers /run/out/answer'
finish
