#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/vdso/run.sh - what a program knows of the vdso holds on a kernel that
# has another one
#
# One kernel only is here: LIVEMIG_OTHER_VDSO lets migctl take its own for another.
# tests/host/kernels.sh has two of them.
#
# coverage: vdso of another kernel
# vm: mem=1024 timeout=900
# requires: build/migctl
# build: calls calls.c -pthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

# (not in its time namespace: nobody outside has its clocks)
begin() # NAME [MODE]
{
	box "$1" "$dir/calls" "$dir/$1" ${2:+"$2"}
	is_ready "$dir/$1"
}

restore() # NAME [OPTION...]
{
	local name=$1

	shift
	"$migctl" restore --detach "$@" "$dir/$name.img"
}

other() # NAME [OPTION...]
{
	LIVEMIG_OTHER_VDSO=1 restore "$@"
}

vdso_of() # NAME
{
	sed -n 's/^\([0-9a-f]*\)-.*\[vdso\]$/\1/p' "/proc/$(head -n 1 "$cg/$1/cgroup.procs")/maps"
}

# moves NAME [OPTION...]: to another place, and old calls still lead there
moves()
{
	local before

	before=$(vdso_of "$1")
	kill_box "$1" "$dir/$1.img" && other "$@" || return
	[ -n "$before" ] && [ "$before" != "$(vdso_of "$1")" ] || {
		echo "at $before, now at $(vdso_of "$1")"
		return 1
	}
	grep "^$before-.* r-xp .* 0 *$" "/proc/$(head -n 1 "$cg/$1/cgroup.procs")/maps"
}

# maps NAME: where it has mappings
maps()
{
	sed 's/-.*//' "/proc/$(head -n 1 "$cg/$1/cgroup.procs")/maps"
}

# (the kernel's place and that of what was left change places)
there_and_back()
{
	local before after

	before=$(maps plain)
	moves plain && moves plain || return
	after=$(maps plain)
	[ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after"); return 1; }
	moved plain "$dir/plain.img"
}

# in_the_vdso: refused; where it was caught in its handler, which is short, once more. (It
# is stopped before: a dump would look for another moment.)
in_the_vdso()
{
	for _ in {1..20}; do
		begin stuck stuck && frozen stuck 1 && kill_box stuck "$dir/stuck.img" || return
		refused 2 "just then in the vdso" other stuck && return
		unbox stuck
		rm -f "$dir"/stuck.*
	done
	return 1
}

back()
{
	restore stuck && frozen stuck 0
}

load_module
plan 11
begin plain
check "it moves" moves plain
check "it moves twice more, to places that it knows, and to the same" there_and_back
check "its calls tell what the kernel tells" answers "$dir/plain"
begin lazy
check "memory that follows later" moves lazy --lazy
check "its calls tell what the kernel tells then" answers "$dir/lazy"
begin handler handler
check "a signal handler that interrupted the vdso" moves handler
check "it returns there" answers "$dir/handler"
begin once once
check "a dump looks for a moment when nobody is in the vdso" moves once
check "its calls tell what the kernel tells" answers "$dir/once"
check "who is in the vdso is refused" in_the_vdso
check "and goes on where it came from" back
for name in plain lazy handler once stuck; do
	unbox $name
done
finish
