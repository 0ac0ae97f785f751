#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/transfer/run.sh - what a migration sends memory as: by
# differences, compressed; it is right at the other end
#
# The two ends are on one host, one after the other. Runs in a guest, as root;
# KTAP on stdout.
#
# vm: cpus=2 timeout=1200
# requires: build/migctl
# build: pages pages.c
# build: replay replay.c liblivemig

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

load_module
echo "KTAP version 1"
export LIVEMIG_HELPER=$root/build/livemig-helper

first()	# prints the first process of the container
{
	head -n 1 "$cg/pages/cgroup.procs"
}

# alive: it goes on, and finds nothing wrong with its memory.
alive()
{
	local was

	was=$(cat "/proc/$(first)/comm") || return 1
	# shellcheck disable=SC2016
	wait_for 120 bash -c '[ "$(cat "/proc/$0/comm")" != "$1" ]' "$(first)" "$was"
	cat "/proc/$(first)/comm"
	grep -q ok- "/proc/$(first)/comm"
}

told()	# by differences and copies
{
	awk '{ print; exit !($1 > 100 && $3 > 10) }' "$dir/said"
}

for how in none lz4 zstd; do
	box pages "$dir/pages"
	wait_for 60 grep -q . "$cg/pages/cgroup.procs"
	check "$how: the program is there" wait_for 60 grep -q ok- "/proc/$(first)/comm"
	check "$how: it moves" bash -c "'$dir/replay' cgroup:pages 3 $how >'$dir/said'"
	check "$how: by differences and copies" told
	check "$how: its memory is right" alive
	unbox pages
done
echo "1..$ktap_number"
finish
