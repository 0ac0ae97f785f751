#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/kernels.sh - a program goes from Debian 12's kernel to $KERNEL, and back
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

[[ $kernel != 6.1 ]] || skip_all "one kernel only: KERNEL=6.12 or 7.2"
[ -e build/migctl ] || skip_all "no build/migctl"
tests/vm/kernel build 6.1 >/dev/null ||
	skip_all "no module for 6.1"
tests/programs tests/kselftest/vdso/run.sh || skip_all "no program"

# in_guest KERNEL NAME TEXT
in_guest()
{
	tests/vm/run --kernel "$1" --share "$out" --log "kernels-$2" \
		--timeout $((200 * ${TIME_FACTOR:-1})) \
		--env "LIVEMIG_KO=$kernels/$1/livemig.ko" \
		--env "TIME_FACTOR=${TIME_FACTOR:-1}" -- "
		cd tests/kselftest/vdso && . ../move.sh && load_module || exit 1
		$3"
}

plan 3
# (pids that no guest has)
check "6.1: it begins, and is dumped" in_guest 6.1 begin '
	cp "$dir/calls" /run/out/calls
	echo 20000 >/proc/sys/kernel/ns_last_pid
	box calls /run/out/calls /run/out/answer
	is_ready /run/out/answer && dump_box calls /run/out/there.img'
check "$kernel: it goes on, and is dumped" in_guest "$kernel" there '
	"$migctl" restore --detach /run/out/there.img &&
	uname -r && sleep 2 && [ ! -e /run/out/answer ] &&
	dump_box calls /run/out/back.img'
check "6.1: it ends as it should" in_guest 6.1 back '
	"$migctl" restore --detach /run/out/back.img && answers /run/out/answer'
finish
