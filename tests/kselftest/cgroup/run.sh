#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/cgroup/run.sh - what a container's cgroups are, and who is in which
#
# usage: run.sh [TEST...]
# A box has a crew in it: threads and children that are put elsewhere by their names.
#
# vm: mem=1024 timeout=900
# requires: build/migctl build/liblivemig.a
# build: crew crew.c -pthread
# build: look look.c
# build: edit ../restore/edit.c liblivemig

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

tests="threaded inner_pids mixed domains threaded_refused
frozen_below paused prepared frozen_refused limits edited partition lacking handed"
shopt -s globstar

# crew THREADS CHILDREN: in the box of the test
crew()
{
	box "$t" "$dir/crew" "$dir/$t" "$@"
	is_ready "$dir/$t"
}

# look: what its cgroups are, what their files say that can be written to, and the names of
# all who are in them; their names begin where the box does
look()
{
	"$dir/look" "$cg/$t"
}

# put WHERE NAME...: threads
put()
{
	local where=$1 name tid is file tids all=()

	shift
	for file in "$cg/$t"/**/cgroup.threads; do
		mapfile -t tids 2>/dev/null <"$file" && all+=("${tids[@]}")
	done
	for name; do
		for tid in "${all[@]}"; do
			read -r is <"/proc/$tid/comm"
			[ "$is" = "$name" ] || continue
			echo "$tid" >"$cg/$t/$where" || return
			continue 2
		done
		echo "no $name"
		return 1
	done
}

# dump: what runs is dumped and killed, and is not frozen before (dump_box): that would
# be told
dump()
{
	local file pids all=()

	for file in "$cg/$t"/**/cgroup.threads; do
		mapfile -t pids 2>/dev/null <"$file" && all+=("${pids[@]}")
	done
	"$migctl" dump "$cg/$t" -o "$dir/$t.img" --leave killed >"$dir/dump.log" 2>&1 || {
		cat "$dir/dump.log"
		return 1
	}
	wait_for 60 gone "${all[@]/#//proc/}"
}

# move: dump, kill, restore; it is what it was
move()
{
	look >"$dir/before"
	dump || return
	"$migctl" restore --detach "$dir/$t.img" || return
	same
}

# same: it is what it was. (What bash does itself needs no program, of which each takes
# half a second where emulation is slow.)
same()
{
	look >"$dir/after"
	[ "$(<"$dir/before")" = "$(<"$dir/after")" ] || diff -u "$dir/before" "$dir/after"
}

# has LINE: afterwards
has()
{
	local lines

	lines=$'\n'$(<"$dir/after")$'\n'
	[[ $lines == *$'\n'"$1"$'\n'* ]] || { echo "no line $1"; return 1; }
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
	crew 4 2 && be_threaded && move && has "$cg/threaded/a/b/cgroup.threads has t3" &&
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
		has "$cg/inner_pids/a/b/cgroup.threads has t3" && answers "$dir/$t"
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
		move && has "$cg/mixed/root/a/cgroup.threads has t2" && answers "$dir/$t"
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

# A process that would have to leave them, with all its threads; and one of them, whose
# processes might have threads outside.
threaded_refused()
{
	crew 2 1 && be_threads_of_child || return
	look >"$dir/before"
	refused 2 "is in a threaded cgroup, or in the root of some" \
		"$migctl" dump "pid:$(head -n 1 "$cg/$t/cgroup.procs")" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && same && put a/cgroup.procs crew || return
	look >"$dir/before"
	refused 2 "$cg/$t/a: a threaded cgroup, whose processes may have threads elsewhere: not supported" \
		"$migctl" dump "$cg/$t/a" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && same && answers "$dir/$t"
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
		move && wait_for 60 is_frozen "$t/ice" 1 &&
		[ "$(cat "$cg/$t/cgroup.freeze")" = 0 ] && frozen "$t/ice" 0 &&
		answers "$dir/$t"
}

# By somebody else (podman pause): it stays so, here and there, until he thaws it.
paused()
{
	crew 1 1 && frozen "$t" 1 &&
		"$migctl" dump "$cg/$t" -o "$dir/$t.img" --leave running &&
		[ "$(cat "$cg/$t/cgroup.freeze")" = 1 ] && move &&
		has "$cg/$t/cgroup.freeze:1" &&
		wait_for 60 is_frozen "$t" 1 && frozen "$t" 0 &&
		answers "$dir/$t"
}

# A cgroup that was there before: what has failed (or was killed) when all was frozen
# leaves it thawed, for the next one. Who would be born into a frozen one is refused.
prepared()
{
	local there=$cg/$t.there status

	crew 1 1 && frozen "$t" 1 && dump && mkdir "$there" || return
	timeout $((120 * ${TIME_FACTOR:-1})) strace -qq -o /dev/null -P "$there/cgroup.freeze" \
		-e trace=close -e inject=close:signal=KILL "$migctl" restore --wait \
		--cgroup "$there" "$dir/$t.img" </dev/null >/dev/null 2>&1
	status=$?
	[ $status = 137 ] && wait_for 60 grep -qx "populated 0" "$there/cgroup.events" &&
		wait_for 60 grep -qx 0 "$there/cgroup.freeze" && frozen "$t.there" 1 &&
		refused 2 "is frozen; thaw it" \
			"$migctl" restore --cgroup "$there" "$dir/$t.img" &&
		frozen "$t.there" 0 &&
		"$migctl" restore --detach --cgroup "$there" "$dir/$t.img" &&
		wait_for 60 is_frozen "$t.there" 1 && frozen "$t.there" 0 && answers "$dir/$t" &&
		unbox "$t.there" && return
	echo "status $status, $(cat "$there/cgroup.freeze" "$there/cgroup.events")"
	unbox "$t.there"
	return 1
}

# To be moved as a process would thaw it, and who has frozen the one above would do so.
frozen_refused()
{
	local pid

	crew 1 2 && mkdir "$cg/$t/ice" && put ice/cgroup.procs c1 && frozen "$t/ice" 1 ||
		return
	read -r pid <"$cg/$t/cgroup.procs"
	look >"$dir/before"
	refused 2 "is in a frozen cgroup: not supported" \
		"$migctl" dump "pid:$pid" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && same && is_frozen "$t/ice" 1 &&
		frozen "$t/ice" 0 && frozen "$t" 1 || return
	look >"$dir/before"
	refused 2 "$cg/$t/ice: a cgroup above it is frozen: not supported" \
		"$migctl" dump "$cg/$t/ice" -o "$dir/$t.img" --leave killed &&
		gone "$dir/$t.img" && same && is_frozen "$t" 1 && frozen "$t" 0 &&
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

# What few containers set, and what is set twice: in the right order. Controllers without
# a limit of theirs, as a runtime in the container enables all. What systemd notes about
# the cgroup stays behind.
limits()
{
	local c all

	all=$(<"$cg/cgroup.controllers")
	echo "+${all// / +}" >"$cg/cgroup.subtree_control" || return
	[[ " $all " == *" hugetlb "*" rdma "* ]] || { echo "$all"; return 1; }
	crew 1 2 && mkdir "$cg/$t/a" "$cg/$t/b" && put a/cgroup.procs crew c1 &&
		put b/cgroup.procs c2 || return
	set_all <<-END || return
		cgroup.subtree_control +${all// / +}
		a/cpu.idle 1
		b/cpu.weight 77
		b/cpu.max 90000 100000
		b/cpu.max.burst 5000
		b/memory.oom.group 1
		b/memory.swap.high 40960000
		b/memory.swap.max 81920000
		$([ ! -e "$cg/$t/b/memory.zswap.max" ] || echo b/memory.zswap.max 4096000)
		b/hugetlb.2MB.max 0
		b/hugetlb.2MB.rsvd.max 4194304
		cgroup.max.depth 3
		cgroup.max.descendants 5
		a/cgroup.pressure 0
	END
	"$dir/look" "$cg/$t/b" user.note a%note &&
		"$dir/look" "$cg/$t/b" trusted.delegate 1 &&
		"$dir/look" "$cg/$t" trusted.note 1 &&
		look >"$dir/before" &&
		"$dir/look" "$cg/$t" trusted.delegate 1 &&
		"$dir/look" "$cg/$t" trusted.invocation_id 0123 &&
		dump || return
	for c in hugetlb rdma misc; do
		[[ " $all " != *" $c "* ]] || echo "-$c" >"$cg/cgroup.subtree_control" || return
	done
	"$migctl" restore --detach "$dir/$t.img" && same &&
		has "$cg/$t/b/hugetlb.2MB.max:0" &&
		has "$cg/$t/b has user.note=a%note" &&
		has "$cg/$t/b has trusted.delegate=1" &&
		answers "$dir/$t"
}

# edit OLD NEW: the image's, of the same length
edit()
{
	"$dir/edit" "$dir/$t.img" "$dir/bad.img" value "$1" "$2" || { echo "no $1"; return 1; }
}

# Images that set other things. An action is none, of whatever host's process; limits of
# pages that no host has hold there.
edited()
{
	local up=$cg/$t.up

	echo +hugetlb >"$cg/cgroup.subtree_control"
	crew 1 1 && echo 1 >"$cg/$t/memory.oom.group" && echo 0 >"$cg/$t/hugetlb.2MB.max" &&
		dump || return
	edit memory.oom.group=1 cgroup.procs=00001 &&
		refused 2 'cgroup value "cgroup.procs=00001"' "$migctl" restore "$dir/bad.img" &&
		edit memory.oom.group=1 cgroup.kill=000001 &&
		refused 2 'cgroup value "cgroup.kill=000001"' "$migctl" restore "$dir/bad.img" &&
		edit memory.oom.group=1 cgroup.freeze=0000 &&
		refused 2 'cgroup value "cgroup.freeze=0000"' "$migctl" restore "$dir/bad.img" &&
		edit memory.oom.group=1 memory.oom.groop=1 &&
		mkdir -p "$up/other" &&
		refused 2 "has no such file" "$migctl" restore --cgroup "$up/x" "$dir/bad.img" &&
		gone "$up/x" && keeps_controllers &&
		edit hugetlb.2MB.max=0 hugetlb.3MB.max=0 &&
		"$migctl" restore --detach "$dir/bad.img" && answers "$dir/$t"
}

# What has failed has enabled them; the one beside it may have limits by now.
keeps_controllers()
{
	[[ " $(<"$up/cgroup.subtree_control") " == *" memory "* ]] && rmdir "$up/other" "$up" ||
		{ cat "$up/cgroup.subtree_control"; return 1; }
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

	crew 1 1 && echo $((64 << 20)) >"$cg/$t/memory.max" && dump &&
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
	((status == 0)) && "$migctl" restore --detach "$dir/$t.img" && answers "$dir/$t"
}

# Who may do what with it: some files of one that is root's, a whole one, a mode.
handed()
{
	crew 1 1 && mkdir -p "$cg/$t/theirs" && chown 1000:100 "$cg/$t/cgroup.procs" &&
		chmod 664 "$cg/$t/cgroup.threads" && chmod 770 "$cg/$t/theirs" &&
		chown -R 1000:1000 "$cg/$t/theirs" && put theirs/cgroup.procs c1 &&
		echo 67108864 >"$cg/$t/memory.max" && chmod 444 "$cg/$t/memory.max" && move &&
		[ "$(<"$cg/$t/memory.max")" = 67108864 ] &&
		[ "$(stat -c %a "$cg/$t/memory.max")" = 444 ] &&
		has "$cg/handed/cgroup.procs of 1000:100, 644" &&
		has "$cg/handed/cgroup.threads of 0:0, 664" &&
		has "$cg/handed/theirs of 1000:1000, 770" && answers "$dir/$t"
}

# empty: nothing lives in the box
empty()
{
	local lines

	mapfile -t lines <"$cg/$t/cgroup.events" && [[ " ${lines[*]} " == *" populated 0 "* ]]
}

# unbox_all: with what is below it
unbox_all()
{
	local at dirs deepest=()

	[ -d "$cg/$t" ] || return 0
	echo 1 >"$cg/$t/cgroup.kill"
	wait_for 60 empty
	dirs=("$cg/$t"/**/)
	for ((at = ${#dirs[@]} - 1; at >= 0; at--)); do
		deepest+=("${dirs[at]}")
	done
	wait_for 60 rmdir "${deepest[@]}"
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
