#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/restore/run.sh - restored programs are what they were; what
# cannot be restored leaves nothing behind
#
# usage: run.sh [FUNCTION [ARGUMENT...]]   all, or one of the functions below
#
# vm: mem=1024 timeout=1800
# requires: build/migctl build/liblivemig.a
# build: work work.c -lcap -lpthread
# build: gone gone.c ../program.c -lpthread
# build: skeleton skeleton.c liblivemig
# build: edit edit.c liblivemig

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

start()
{
	box "$1" "$dir/work" "$1" "$dir/$1"
	wait_for 300 test -e "$dir/$1.ready" || { echo "not ready"; return 1; }
	sleep 0.3
}

# answer NAME: what the program says about itself in the end
answer()
{
	touch "$dir/$1.go"
	wait_for 300 test -s "$dir/$1" || { echo "no answer"; return 1; }
	[ "$(cat "$dir/$1")" = ok ] || { cat "$dir/$1"; return 1; }
}

first_pid()
{
	sort -n "$cg/$1/cgroup.procs" | head -1
}

# Dump, kill, restore: once, and again what came of it.
moves()
{
	local name=$1 times=${2:-1} i

	start "$name" || return
	for ((i = 0; i < times; i++)); do
		moved "$name" "$dir/$name.img" || return
	done
	answer "$name"
}

# Inventories and pages of a program that maps, unmaps, forks and runs other
# programs meanwhile.
survives_rounds()
{
	local i

	start churn || return
	for ((i = 0; i < 5; i++)); do
		"$migctl" dump "$cg/churn" -o "$dir/churn.img" --rounds 6 \
			--leave killed >"$dir/dump.log" 2>&1 || {
			cat "$dir/dump.log"
			return 1
		}
		"$migctl" restore "$dir/churn.img" || return
	done
	answer churn
}

# What is written between the rounds to a file that is only read, and therefore compared,
# was not there when the first one was told.
grows()
{
	local size pid

	echo line >"$dir/grown"
	# shellcheck disable=SC2016
	box grows sh -c 'exec 3<"$0"; while :; do echo line >>"$0"; done' "$dir/grown"
	# shellcheck disable=SC2016
	wait_for 60 eval '(($(stat -c %s "$dir/grown") > 5))' || return
	pid=$(first_pid grows)
	"$migctl" dump "$cg/grows" -o "$dir/grows.img" --rounds 3 --leave killed || return
	wait_for 60 gone "/proc/$pid" || return
	"$migctl" restore --detach "$dir/grows.img" || return
	size=$(stat -c %s "$dir/grown")
	# shellcheck disable=SC2016
	wait_for 60 eval '(($(stat -c %s "$dir/grown") > size))'
}

no_helper()
{
	! grep -l livemig-helper /proc/[0-9]*/comm 2>/dev/null
}

# nothing_left PID: neither the process nor helpers nor the cgroup (once init has waited
# for them)
nothing_left()
{
	wait_for 60 gone "/proc/$1" || { echo "pid $1 is there"; return 1; }
	wait_for 60 gone "$cg/plain" || { echo "the cgroup is there"; return 1; }
	wait_for 60 no_helper
}

# bad STATUS TEXT [ARGUMENT...]: the restore is refused like this; no traces.
bad()
{
	refused "$1" "$2" "$migctl" restore "${@:3}" && nothing_left "$plain"
}

bad_edit()
{
	"$dir/edit" "$dir/plain.img" "$dir/bad.img" "${@:3}" || return
	bad "$1" "$2" "$dir/bad.img"
}

# A listener of events hears of a restore, too.
tells()
{
	local listener pid status

	rm -f "$dir"/memory*
	: >"$dir/events"
	start memory || return
	pid=$(first_pid memory)
	"$migctl" events >"$dir/events" 2>&1 &
	listener=$!
	# Until it listens: each of these is an event.
	until [ -s "$dir/events" ]; do
		dump_box memory "$dir/memory.img" running || break
	done
	moved memory "$dir/memory.img" &&
		wait_for 60 grep -qx "restored pid $pid" "$dir/events"
	status=$?
	kill $listener
	wait $listener 2>/dev/null
	[ $status = 0 ] || cat "$dir/events"
	unbox memory
	return $status
}

pid_taken()
{
	local sleeper i

	# the next pid is free to choose, if no thread of the kernel is born just then
	for i in {1..20}; do
		echo $((plain - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 1000 &
		sleeper=$!
		[ $sleeper != "$plain" ] || break
		kill $sleeper
		wait $sleeper 2>/dev/null
	done
	[ $sleeper = "$plain" ] || { echo "got pid $sleeper, $i times"; return 1; }
	refused 2 "pid $plain is taken here by sleep" "$migctl" restore "$dir/plain.img"
	local status=$?
	kill $sleeper
	wait $sleeper 2>/dev/null
	return $status
}

# limited_to MAX IMAGE: one of its ids is out of the range of pids
limited_to()
{
	local max status

	max=$(cat /proc/sys/kernel/pid_max)
	echo "$1" >/proc/sys/kernel/pid_max || return
	bad 2 "is beyond the limit of $1 here; raise kernel.pid_max" "$2"
	status=$?
	echo "$max" >/proc/sys/kernel/pid_max
	# pids were counted from the beginning again: far from those that are restored
	echo 6000 >/proc/sys/kernel/ns_last_pid
	return $status
}

# Its own, and that of a thread.
pid_beyond()
{
	local threads

	rm -f "$dir"/threads*
	# (below it there must be some for who restores it)
	echo 5000 >/proc/sys/kernel/ns_last_pid
	start threads || return
	threads=$(first_pid threads)
	dump_box threads "$dir/threads.img" &&
		limited_to "$plain" "$dir/plain.img" &&
		limited_to $((threads + 1)) "$dir/threads.img"
}

pipe_as_path()
{
	local status

	box piped sh -c 'sleep 1000 | cat'
	# shellcheck disable=SC2016
	wait_for 60 bash -c '[ "$(wc -l <"$0")" = 3 ]' "$cg/piped/cgroup.procs"
	dump_box piped "$dir/piped.img" || return
	"$dir/edit" "$dir/piped.img" "$dir/bad.img" opath || return
	bad 2 "pipe opened with O_PATH: not supported" "$dir/bad.img" &&
		wait_for 60 gone "$cg/piped" || return
	restore_box piped "$dir/piped.img"
	status=$?
	unbox piped
	return $status
}

# The agent finds too little memory: the container runs on where it is.
little_memory()
{
	local agent status

	rm -f "$dir"/memory*
	start memory || return
	echo "MemAvailable: 4 kB" >"$dir/meminfo"
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$0" /proc/meminfo && exec "$@"' "$dir/meminfo" \
		"$migctl" agent --listen 127.0.0.1 --insecure >"$dir/agent" 2>&1 &
	agent=$!
	wait_for 60 bash -c ': </dev/tcp/127.0.0.1/7447' || cat "$dir/agent"
	refused 2 "MB of memory, 0 MB are free; make room there" \
		"$migctl" migrate cgroup:memory 127.0.0.1 --insecure
	status=$?
	kill $agent
	wait $agent
	((status)) && return $status
	answer memory
}

file_missing()
{
	mv "$dir/work" "$dir/elsewhere"
	bad 2 "$dir/work" "$dir/plain.img"
	local status=$?
	mv "$dir/elsewhere" "$dir/work"
	return $status
}

file_touched()
{
	touch -r "$dir/work" "$dir/stamp"
	touch "$dir/work"
	bad 2 "changed since it was dumped" "$dir/plain.img"
	local status=$?
	touch -r "$dir/stamp" "$dir/work"
	return $status
}

# Of another size, though not of another time.
file_grown()
{
	local size status

	size=$(stat -c %s "$dir/work")
	cp -p "$dir/work" "$dir/kept"
	cp -p "$dir/work" "$dir/other"
	echo >>"$dir/other"
	touch -r "$dir/kept" "$dir/other"
	mv "$dir/other" "$dir/work"
	bad 2 "$dir/work: size $((size + 1)) here, $size when it was dumped; bring the same file" \
		"$dir/plain.img"
	status=$?
	mv "$dir/kept" "$dir/work"
	return $status
}

# Same name, size and time, but built of something else: one byte of the id.
file_rebuilt()
{
	local id at status

	id=$(readelf -n "$dir/work" | sed -n 's/.*Build ID: *//p')
	[ "${#id}" = 40 ] || { echo "the program has no build-id"; return 1; }
	at=$(LC_ALL=C grep -obUaP "$(sed 's/../\\x&/g' <<<"$id")" "$dir/work" |
		head -1 | cut -d: -f1)
	cp -p "$dir/work" "$dir/kept"
	# a running program cannot be written to: another file in its place
	cp -p "$dir/work" "$dir/other"
	printf '\x5a\xa5' | dd of="$dir/other" bs=1 seek=$((at + 3)) conv=notrunc \
		status=none
	touch -r "$dir/kept" "$dir/other"
	mv "$dir/other" "$dir/work"
	bad 2 "$dir/work: build-id ${id:0:6}5aa5${id:10} here, $id when" "$dir/plain.img"
	status=$?
	mv "$dir/kept" "$dir/work"
	return $status
}

cgroup_occupied()
{
	mkdir -p "$cg/plain"
	sleep 1000 &
	echo $! >"$cg/plain/cgroup.procs"
	refused 2 "has processes" "$migctl" restore "$dir/plain.img"
	local status=$?
	kill $!
	wait $! 2>/dev/null
	unbox plain
	return $status
}

unprivileged()
{
	local text="needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN): run migctl as root"

	chmod 644 "$dir/plain.img"
	refused 2 "$text" setpriv --reuid=1000 --regid=1000 --clear-groups \
		"$migctl" restore "$dir/plain.img" && nothing_left "$plain" || return
	# as root is in a container
	refused 2 "$text" setpriv --bounding-set=-sys_admin \
		"$migctl" restore "$dir/plain.img" && nothing_left "$plain"
}

# A host whose cgroups are of the first version, or none.
no_cgroup2()
{
	# shellcheck disable=SC2016
	refused 2 "$cg is not cgroup v2; boot with systemd.unified_cgroup_hierarchy=1" \
		unshare -m sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$cg" \
		"$migctl" restore "$dir/plain.img" && nothing_left "$plain"
}

# places: every border of records; and within the first of each type its header, its
# head and its payload
places()
{
	"$migctl" image show -r "$dir/plain.img" | awk '
	NR == 1 {
		next
	}
	payload {
		print $2 - int(payload / 2) - 100
	}
	{
		print $2
		payload = 0
	}
	!seen[$5]++ {
		print $2 + 16
		if ($3)
			print $2 + 33
		payload = $4
	}' | sort -rnu
}

# One line says why, nothing was made, and nothing is left.
cut_anywhere()
{
	local at status last n=0

	cp "$dir/plain.img" "$dir/bad.img"
	places >"$dir/places"
	while read -r at; do
		truncate -s "$at" "$dir/bad.img"
		"$migctl" restore "$dir/bad.img" >"$dir/out" 2>"$dir/err"
		status=$?
		[ $status = 2 ] && [ "$(wc -l <"$dir/err")" = 1 ] && [ ! -s "$dir/out" ] &&
			grep -q "^migctl: $dir/bad.img: .*\(truncated\|not complete\): " \
				"$dir/err" && nothing_left "$plain" || {
			echo "cut at $at: status $status"
			cat "$dir/out" "$dir/err"
			return 1
		}
		last=$at
		n=$((n + 1))
	done <"$dir/places"
	[ "$last" = 0 ] && ((n > 40)) || { echo "$n places"; cat "$dir/places"; return 1; }
}

is_asleep()
{
	[ "$(cat "/proc/$(first_pid bound)/comm")" = sleep ]
} 2>/dev/null

# A program that is to die with its parent, which stays behind, does not die with migctl.
dies_with_parent()
{
	local pid

	box bound setpriv --pdeathsig TERM sleep 1000
	wait_for 60 is_asleep &&
		kill_box bound "$dir/bound.img" && "$migctl" restore "$dir/bound.img" || return
	pid=$(first_pid bound)
	kill -0 "$pid" && grep "^State:.*[SR] (" "/proc/$pid/status"
	local status=$?
	unbox bound
	return $status
}

# Killed with SIGKILL at eight of its system calls, from one end to the other: nothing is
# left, or, where it was through, all of it runs.
killed_anywhere()
{
	local call nth killed=0

	strace -qq -o "$dir/calls" "$migctl" restore --wait --pidfile "$dir/pidfile.k" \
		"$dir/plain.img" &
	wait_for 60 test -s "$dir/pidfile.k" || return
	unbox plain
	wait $!
	# which system call it is that the k-th ninth begins with, and its how manieth
	awk -F'(' '/^[a-z]/ { name[++n] = $1; nth[n] = ++seen[$1] }
		END { for (k = 1; k < 9; k++) { at = int(n * k / 9); print name[at], nth[at] } }' \
		"$dir/calls" >"$dir/moments"
	while read -r call nth; do
		timeout $((120 * ${TIME_FACTOR:-1})) strace -qq -o /dev/null -e "inject=$call:signal=KILL:when=$nth" \
			"$migctl" restore "$dir/plain.img" >/dev/null 2>&1 </dev/null
		if [ $? = 137 ] && wait_for 60 gone "/proc/$plain"; then
			killed=$((killed + 1))
			nothing_left "$plain" || { echo "at $call $nth"; return 1; }
			continue
		fi
		unbox plain || { echo "at $call $nth"; return 1; }
	done <"$dir/moments"
	((killed > 3)) || { echo "$killed killed"; cat "$dir/moments"; return 1; }
}

passes_status()
{
	local pid status

	start exit || return
	pid=$(first_pid exit)
	kill_box exit "$dir/exit.img" || return
	"$migctl" restore --wait --pidfile "$dir/pidfile" "$dir/exit.img" &
	local restore=$!
	wait_for 60 test -s "$dir/pidfile" || return
	[ "$(cat "$dir/pidfile")" = "$pid" ] || { echo "pidfile"; return 1; }
	answer exit || return
	wait $restore
	status=$?
	[ $status = 42 ] || { echo "status $status"; return 1; }
}

detaches()
{
	restore_box plain "$dir/plain.img" --detach || return
	[ "$(awk '{ print $4 }' "/proc/$plain/stat")" = 1 ] ||
		{ echo "its parent is not init"; return 1; }
	unbox plain
}

limits()
{
	local disk

	start limits || return
	echo "+memory +pids +cpu +io" >"$cg/cgroup.subtree_control" || return
	modprobe -q zram num_devices=1
	disk=$(cat /sys/class/block/zram0/dev) || return
	echo "$disk rbps=1048576 wiops=77" >"$cg/limits/io.max" || return
	echo $((64 << 20)) >"$cg/limits/memory.max" || return
	echo 33 >"$cg/limits/pids.max" || return
	kill_box limits "$dir/limits.img" || return
	"$migctl" restore --cgroup "$cg/other/place" "$dir/limits.img" || return
	[ "$(cat "$cg/other/place/memory.max")" = $((64 << 20)) ] || return
	[ "$(cat "$cg/other/place/pids.max")" = 33 ] || return
	[ "$(cat "$cg/other/place/io.max")" = "$disk rbps=1048576 wbps=max riops=max wiops=77" ] ||
		{ cat "$cg/other/place/io.max"; return 1; }
	answer limits || return
	unbox other/place && rmdir "$cg/other" && modprobe -r zram || return
	refused 2 "zram0, which is not here" "$migctl" restore --cgroup "$cg/limits" \
		"$dir/limits.img"
}

# Names with dots in them are names like others.
dotted()
{
	local procs=$cg/a..b/c..d/cgroup.procs pid

	box a..b/c..d sleep 10000
	wait_for 60 grep -q . "$procs" || return
	pid=$(head -n 1 "$procs")
	wait_for 60 grep -qx sleep "/proc/$pid/comm" || return
	moved a..b "$dir/dotted.img" || return
	[ "$(cat "/proc/$pid/cgroup")" = 0::/a..b/c..d ] || { cat "/proc/$pid/cgroup"; return 1; }
	unbox a..b/c..d && rmdir "$cg/a..b"
}

# Where migctl has another root than its mount namespace has, names begin at its own: those
# of the rest lead nowhere.
in_chroot()
{
	local jail=$dir/jail pid status

	mkdir "$jail" && mount --rbind / "$jail" && mount --make-rprivate "$jail" &&
		mount -t tmpfs none "$jail/mnt" && cp -p "$dir/work" "$jail/mnt/" || return
	box jailed chroot "$jail" /mnt/work plain "$dir/jailed"
	is_ready "$dir/jailed" && pid=$(first_pid jailed) &&
		chroot "$jail" "$migctl" dump "$cg/jailed" -o "$dir/jailed.img" --leave killed &&
		wait_for 60 gone "/proc/$pid" &&
		chroot "$jail" "$migctl" restore "$dir/jailed.img" && answer jailed
	status=$?
	unbox jailed
	umount -l "$jail"
	return $status
}

larger() { (($(stat -c %s "$1") > $2)); }

# The dump is halted when the first round has come to the memfd, which is the last of it.
# What that has told is then unmapped, is mapped as something else, or is cut off: it is
# no more, and there is too much of it to be kept.
outlives_rounds()
{
	local image=$dir/gone.img dump status pid how

	box gone "$dir/gone" gone "$dir/out"
	is_ready "$dir/out" || return
	pid=$(first_pid gone)
	"$migctl" dump "$cg/gone" -o "$image" --rounds 100 --leave killed >"$dir/dump.log" 2>&1 &
	dump=$!
	wait_for 300 larger "$image.tmp" $((3 << 20)) || { cat "$dir/dump.log"; return 1; }
	kill -STOP $dump
	wait_for 60 grep -q "^State:[[:space:]]*T" "/proc/$dump/status" &&
		grep -qx "frozen 0" "$cg/gone/cgroup.events" &&
		touch "$dir/out.change" && wait_for 60 test -e "$dir/out.changed"
	status=$?
	kill -CONT $dump
	wait $dump || { cat "$dir/dump.log"; return 1; }
	((status == 0)) || { echo "it was not halted between the rounds"; return 1; }
	for how in "" --lazy; do
		rm -f "$dir/out" "$dir/out.go"
		wait_for 60 gone "/proc/$pid" || return
		# shellcheck disable=SC2086
		"$migctl" restore $how "$image" && answers "$dir/out" || return
	done
}

no_pidfile()
{
	refused 4 "was not written" "$migctl" restore --pidfile /proc/none/x \
		"$dir/plain.img" || return
	kill -0 "$plain" || return
	unbox plain
}

several()
{
	local mode

	for mode; do
		moves "$mode" || return
		unbox "$mode"
	done
}

# run.sh FUNCTION [ARGUMENT...]: that one only
one()
{
	plan 1
	check "$*" "$@"
	finish
}

load_module
chmod 777 "$dir"

(($#)) && one "$@"
plan 41
check "skeleton" env LIVEMIG_HELPER="$root/build/livemig-helper" "$dir/skeleton"
for mode in memory signals attributes tree stopped threads; do
	check "$mode" moves $mode
	unbox $mode
done
rm -f "$dir"/threads*
check "threads, twice" moves threads 2
check "an event tells of a restore" tells
unbox threads
check "six rounds while everything changes, five times" survives_rounds
unbox churn
check "three rounds while a file grows" grows
unbox grows
check "cgroup and its limits" limits
unbox limits
check "a cgroup whose name has two dots in it" dotted
check "in a chroot" in_chroot
check "--wait passes on the status, --pidfile" passes_status
unbox exit

start plain
plain=$(first_pid plain)
dump_box plain "$dir/plain.img"
check "--detach: a child of init" detaches
check "a pidfile that cannot be written: told, and it runs" no_pidfile
check "nothing is left of the source" nothing_left "$plain"
echo "no image" >"$dir/text"
check "not an image" bad 2 "truncated" "$dir/text"
check "no such image" bad 2 "No such file" "$dir/none"
check "usage" refused 1 "exclude" "$migctl" restore --wait --detach "$dir/plain.img"
check "another architecture" bad_edit 2 "machine" arch
check "a CPU feature that is not here" bad_edit 2 "CPU" xfeatures
check "the vdso of another kernel" bad_edit 2 "vdso" vdso
check "a damaged page" bad_edit 3 "damaged" page
check "cut off at every border of records, and within" cut_anywhere
check "a pid that is taken" pid_taken
check "a pid that is out of range" pid_beyond
unbox threads
check "a pipe that is only a name" pipe_as_path
check "too little memory for a migration" little_memory
unbox memory
check "a missing file" file_missing
check "a changed file" file_touched
check "a file of another size" file_grown
check "a program of another build" file_rebuilt
check "a cgroup with processes" cgroup_occupied
check "no privilege" unprivileged
check "no cgroup v2" no_cgroup2
check "a program that dies with its parent" dies_with_parent
check "killed anywhere" killed_anywhere
check "and it can still be restored" detaches
check "what an early round has told is not there any more" outlives_rounds
unbox gone
finish
