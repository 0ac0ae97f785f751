#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/cgroup/run.sh - what a container's cgroups are, and who is in which
#
# usage: run.sh [TEST...]
# A box has a crew in it: threads and children that are put elsewhere by their names.
#
# vm: mem=1024 timeout=900
# requires: build/migctl
# build: crew crew.c -pthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

tests="threaded inner_pids mixed domains threaded_top threaded_pid
frozen_below paused frozen_above frozen_pid limits partition lacking"

# crew THREADS CHILDREN: in the box of the test
crew()
{
	box "$t" "$dir/crew" "$dir/$t" "$@"
	is_ready "$dir/$t"
}

# look: what its cgroups are, what their files say that can be written to, and the names of
# all who are in them
look()
{
	local file tid name

	find "$cg/$t" -type d -printf '%P of %U:%G\n' | sort
	find "$cg/$t" -type f -perm -600 ! -name cgroup.procs ! -name cgroup.threads \
		! -name '*.peak' \( -name cgroup.pressure -o ! -name '*.pressure' \) \
		-exec grep -H "" {} + | sort
	find "$cg/$t" -name cgroup.threads -exec grep -H "" {} + |
		while IFS=: read -r file tid; do
			read -r name <"/proc/$tid/comm"
			echo "${file#"$cg/"} has $name"
		done | sort
}

# put WHERE NAME...: threads
put()
{
	local where=$1 name tid is

	shift
	find "$cg/$t" -name cgroup.threads -exec cat {} + >"$dir/tids"
	for name; do
		while read -r tid; do
			read -r is <"/proc/$tid/comm"
			[ "$is" = "$name" ] || continue
			echo "$tid" >"$cg/$t/$where" || return
			continue 2
		done <"$dir/tids"
		echo "no $name"
		return 1
	done
}

# move: dump, kill, restore; it is what it was
move()
{
	look >"$dir/before"
	dump_box "$t" "$dir/$t.img" || return
	"$migctl" restore --detach "$dir/$t.img" || return
	look >"$dir/after"
	diff -u "$dir/before" "$dir/after"
}

# Threads of one process, and a process, in cgroups whose root is their box.
be_threaded()
{
	mkdir -p "$cg/$t/a/b" && echo threaded >"$cg/$t/a/cgroup.type" &&
		echo threaded >"$cg/$t/a/b/cgroup.type" &&
		put a/cgroup.threads t1 && put a/b/cgroup.threads t2 t3 &&
		put a/cgroup.procs c1 &&
		echo "+cpu +pids" >"$cg/$t/cgroup.subtree_control" &&
		echo "+cpu" >"$cg/$t/a/cgroup.subtree_control" &&
		echo 50 >"$cg/$t/a/cpu.weight" &&
		echo "90000 100000" >"$cg/$t/a/b/cpu.max" &&
		[ "$(cat "$cg/$t/cgroup.type")" = "domain threaded" ]
}

threaded()
{
	crew 4 2 && be_threaded && move && grep -qx "threaded/a/b/cgroup.threads has t3" "$dir/after" &&
		answers "$dir/$t"
}

# The numbers of threads are those of another pid namespace.
inner_pids()
{
	mkdir -p "$cg/$t"
	# shellcheck disable=SC2016
	setsid unshare --pid --fork --mount-proc \
		sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' "$cg/$t" \
		"$dir/crew" "$dir/$t" 4 2 </dev/null >/dev/null 2>&1 &
	disown
	is_ready "$dir/$t" && be_threaded && move &&
		grep -qx "inner_pids/a/b/cgroup.threads has t3" "$dir/after" && answers "$dir/$t"
}

# A domain, and the root of threaded cgroups, side by side in a box without tasks.
mixed()
{
	crew 2 2 || return
	mkdir -p "$cg/$t/domain" "$cg/$t/root/a" &&
		echo threaded >"$cg/$t/root/a/cgroup.type" &&
		put root/cgroup.procs crew c2 && put domain/cgroup.procs c1 &&
		put root/a/cgroup.threads t2 &&
		echo "+memory +cpu +pids" >"$cg/$t/cgroup.subtree_control" &&
		echo "+cpu" >"$cg/$t/root/cgroup.subtree_control" &&
		echo $((64 << 20)) >"$cg/$t/domain/memory.max" &&
		echo 33 >"$cg/$t/root/pids.max" &&
		echo 33 >"$cg/$t/root/a/cpu.weight" &&
		move && grep -qx "mixed/root/a/cgroup.threads has t2" "$dir/after" && answers "$dir/$t"
}

# What has controllers for those below it has no tasks, and they are domains.
domains()
{
	crew 1 2 || return
	mkdir -p "$cg/$t/a/b" "$cg/$t/c" "$cg/$t/empty" &&
		put a/b/cgroup.procs crew c1 && put c/cgroup.procs c2 &&
		echo "+memory +pids" >"$cg/$t/cgroup.subtree_control" &&
		echo "+memory" >"$cg/$t/a/cgroup.subtree_control" &&
		echo $((64 << 20)) >"$cg/$t/a/b/memory.max" &&
		move && [ "$(cat "$cg/$t/c/cgroup.type")" = domain ] && answers "$dir/$t"
}

# Its processes might have threads outside.
threaded_top()
{
	crew 1 1 && mkdir "$cg/$t/a" && echo threaded >"$cg/$t/a/cgroup.type" &&
		put a/cgroup.procs crew || return
	look >"$dir/before"
	refused 2 "$cg/$t/a: a threaded cgroup, whose processes may have threads elsewhere: not supported" \
		"$migctl" dump "$cg/$t/a" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && look | diff -u "$dir/before" - && answers "$dir/$t"
}

# A process that would have to leave them, with all its threads.
threaded_pid()
{
	crew 2 1 && be_threads_of_child || return
	look >"$dir/before"
	refused 2 "is in a threaded cgroup, or in the root of some" \
		"$migctl" dump "pid:$(head -n 1 "$cg/$t/cgroup.procs")" -o "$dir/$t.img" \
		--leave killed && gone "$dir/$t.img" && look | diff -u "$dir/before" - &&
		answers "$dir/$t"
}

be_threads_of_child()
{
	mkdir "$cg/$t/a" && echo threaded >"$cg/$t/a/cgroup.type" &&
		put a/cgroup.procs c1 && put a/cgroup.threads t1
}

# A child that the others have frozen.
frozen_below()
{
	crew 1 2 && mkdir "$cg/$t/ice" && put ice/cgroup.procs c1 && frozen "$t/ice" 1 &&
		move && wait_for 60 grep -qx "frozen 1" "$cg/$t/ice/cgroup.events" &&
		[ "$(cat "$cg/$t/cgroup.freeze")" = 0 ] && frozen "$t/ice" 0 &&
		answers "$dir/$t"
}

# By somebody else (podman pause): it stays so, here and there, until he thaws it.
paused()
{
	crew 1 1 && frozen "$t" 1 && dump_box "$t" "$dir/$t.img" running &&
		[ "$(cat "$cg/$t/cgroup.freeze")" = 1 ] && move &&
		grep -qx "$cg/$t/cgroup.freeze:1" "$dir/after" &&
		wait_for 60 grep -qx "frozen 1" "$cg/$t/cgroup.events" && frozen "$t" 0 &&
		answers "$dir/$t"
}

# Who has frozen the one above it would thaw that.
frozen_above()
{
	crew 1 1 && mkdir "$cg/$t/a" && put a/cgroup.procs crew c1 && frozen "$t" 1 || return
	refused 2 "$cg/$t/a: a cgroup above it is frozen: not supported" \
		"$migctl" dump "$cg/$t/a" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && grep -qx "frozen 1" "$cg/$t/cgroup.events" &&
		frozen "$t" 0 && answers "$dir/$t"
}

# To be moved would thaw it.
frozen_pid()
{
	local pid

	crew 1 2 && mkdir "$cg/$t/ice" && put ice/cgroup.procs c1 && frozen "$t/ice" 1 ||
		return
	pid=$(head -n 1 "$cg/$t/cgroup.procs")
	look >"$dir/before"
	refused 2 "is in a frozen cgroup: not supported" \
		"$migctl" dump "pid:$pid" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && look | diff -u "$dir/before" - &&
		grep -qx "frozen 1" "$cg/$t/ice/cgroup.events" && frozen "$t/ice" 0 &&
		answers "$dir/$t"
}

# set_all: FILE VALUE, in lines
set_all()
{
	local file value

	while read -r file value; do
		[ -z "$file" ] || echo "$value" >"$cg/$t/$file" || return
	done
}

# xattr PYTHON DIRECTORY
xattr()
{
	python3 -c "import os, sys; d = sys.argv[1]; $1" "$2"
}

# What few containers set, and what is set twice: in the right order.
limits()
{
	local c

	for c in cpu cpuset memory io pids hugetlb; do
		echo "+$c" >"$cg/cgroup.subtree_control" || return
	done
	crew 1 2 && mkdir "$cg/$t/a" "$cg/$t/b" && put a/cgroup.procs crew c1 &&
		put b/cgroup.procs c2 || return
	set_all <<-END || return
		cgroup.subtree_control +cpu +memory +hugetlb
		a/cpu.idle 1
		b/cpu.weight 77
		b/cpu.max 90000 100000
		b/cpu.max.burst 5000
		b/memory.oom.group 1
		b/memory.swap.high 40960000
		b/memory.swap.max 81920000
		b/memory.zswap.max 4096000
		b/hugetlb.2MB.max 0
		b/hugetlb.2MB.rsvd.max 4194304
		cgroup.max.depth 3
		cgroup.max.descendants 5
		a/cgroup.pressure 0
	END
	xattr 'os.setxattr(d, "user.note", b"a\0note")' "$cg/$t/b" &&
		xattr 'os.setxattr(d, "trusted.delegate", b"1")' "$cg/$t" &&
		look >"$dir/before" &&
		dump_box "$t" "$dir/$t.img" && echo "-hugetlb" >"$cg/cgroup.subtree_control" &&
		"$migctl" restore --detach "$dir/$t.img" && look >"$dir/after" &&
		diff -u "$dir/before" "$dir/after" &&
		grep -qx "$cg/$t/b/hugetlb.2MB.max:0" "$dir/after" &&
		xattr 'assert os.getxattr(d, "user.note") == b"a\0note"' "$cg/$t/b" &&
		xattr 'assert os.getxattr(d, "trusted.delegate") == b"1"' "$cg/$t" &&
		answers "$dir/$t"
}

# Its processors would be all that there are: not valid, here and there.
partition()
{
	crew 1 1 && echo 0 >"$cg/$t/cpuset.cpus" && echo root >"$cg/$t/cpuset.cpus.partition" ||
		return
	grep -q "^root invalid" "$cg/$t/cpuset.cpus.partition" ||
		{ cat "$cg/$t/cpuset.cpus.partition"; return 1; }
	move && answers "$dir/$t"
}

# Where a controller is not to be had: above it are tasks.
lacking()
{
	local status

	crew 1 1 && echo $((64 << 20)) >"$cg/$t/memory.max" && dump_box "$t" "$dir/$t.img" &&
		mkdir -p "$cg/full" || return
	sleep 1000 &
	echo $! >"$cg/full/cgroup.procs"
	refused 2 "memory.max=67108864, and $cg/full/x has no such file" \
		"$migctl" restore --cgroup "$cg/full/x" "$dir/$t.img"
	status=$?
	gone "$cg/full/x" || { echo "the cgroup is there"; status=1; }
	kill $!
	wait $! 2>/dev/null
	rmdir "$cg/full"
	((status)) || "$migctl" restore --detach "$dir/$t.img" && answers "$dir/$t"
}

# unbox_all: with what is below it
unbox_all()
{
	[ -d "$cg/$t" ] || return 0
	echo 1 >"$cg/$t/cgroup.kill"
	wait_for 60 grep -qx "populated 0" "$cg/$t/cgroup.events"
	wait_for 60 find "$cg/$t" -depth -type d -exec rmdir {} +
}

load_module
chmod 777 "$dir"
# shellcheck disable=SC2086
(($#)) || set -- $tests
plan $#
for t; do
	check "${t//_/ }" "$t"
	unbox_all
done
finish
