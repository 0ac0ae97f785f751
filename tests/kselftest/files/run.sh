#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/files/run.sh - each kind of open file, dumped and restored
#
# usage: run.sh [KIND...]
# Each .c file here is a few kinds: a program that sets files up, and looks at them
# when it runs again.
#
# coverage: Files
# vm: mem=1024 timeout=1800
# requires: build/migctl
# build: tests *.c ../program.c -lpthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="reg append proc fork dir dev pipe brokenpipe pipefork fifo eventfd epoll timerfd
signalfd memfd seals oneshot shared mapfile deleted tmpfile mapdeleted locks opath pidfd owner
semaphore inotify pty generated fifoends lostwatch lease othername removed deadpidfd
ownthread reopen typed rawtyped deadproc unread overflow listing ptymodes"
refused="watchgone tty fulltty outpty outpipe morepipe outproc threadproc fileproc
pathproc outwatch hole"

start()
{
	box "files-$1" "$dir/tests" "$1" "$dir/$1"
	is_ready "$dir/$1"
}

declare -A why=(
	[hole]="3072 MB" [watchgone]="no name leads" [tty]="terminal of the host /dev/console"
	[outpty]="whose master is outside" [outpipe]="whose other end is outside"
	[fulltty]="bytes are on their way" [outproc]="/proc/1/stat, of a process outside"
	[threadproc]=", of a thread" [fileproc]=", of an open file or a mapping"
	[pathproc]="/proc/1, of a process outside"
	[morepipe]="processes outside the container have open, too"
	[outwatch]="epoll watches what was fd 9, which no process of the container has open"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	local kind=$1 f=$dir/$1

	if [ "$kind" = outpipe ]; then
		box "files-$kind" sh -c "sh -c 'exec $dir/tests $kind $f' | sh -c 'echo \$\$ >$cg/cgroup.procs; exec cat'"
	elif [ "$kind" = morepipe ]; then
		# it has both ends, as this shell does
		mkfifo "$f.pipe"
		exec 8<>"$f.pipe"
		box "files-$kind" sh -c "exec '$dir/tests' '$kind' '$f' 7<>'$f.pipe' 8>&-"
	elif [ "$kind" = outwatch ]; then
		mkfifo "$f.pipe"
		exec 9<>"$f.pipe"
		box "files-$kind" "$dir/tests" "$kind" "$f"
		echo >&9
	elif [ "$kind" = outpty ]; then
		script -qc "sh -c 'mkdir -p $cg/files-$kind
			echo \$\$ >$cg/files-$kind/cgroup.procs
			exec $dir/tests $kind $f'" /dev/null </dev/null >/dev/null 2>&1 &
	else
		box "files-$kind" "$dir/tests" "$kind" "$f"
	fi
	is_ready "$f" || return
	refused 2 "${why[$kind]}" "$migctl" dump "$cg/files-$kind" -o "$f.img" \
		--leave killed || return
	gone "$f.img" || { echo "an image is left"; return 1; }
	answers "$f"
}

# What somebody here has locked meanwhile.
lock_taken()
{
	local f=$dir/taken status

	box files-locks "$dir/tests" locks "$f"
	is_ready "$f" || return
	dump_box files-locks "$f.img" || return
	exec {lock}<"$f.data"
	flock -x "$lock"
	refused 2 "$f.data: somebody here holds a lock" "$migctl" restore "$f.img"
	status=$?
	exec {lock}<&-
	((status)) && return $status
	wait_for 60 gone "$cg/files-locks" || { echo "the cgroup is left"; return 1; }
	restore_box files-locks "$f.img"
}

# Somebody here has left something in the named pipe.
fifo_in_use()
{
	local f=$dir/busy status

	box files-fifo "$dir/tests" fifo "$f"
	is_ready "$f" || return
	dump_box files-fifo "$f.img" || return
	exec {pipe}<>"$f.fifo"
	echo text >&$pipe
	refused 2 "$f.fifo: in use here: 5 bytes wait in it" "$migctl" restore "$f.img"
	status=$?
	read -r -t 10 text <&$pipe && [ "$text" = text ] ||
		{ echo "what waited is not what it was"; status=1; }
	exec {pipe}<&-
	((status)) && return $status
	wait_for 60 gone "$cg/files-fifo" || { echo "the cgroup is left"; return 1; }
	restore_box files-fifo "$f.img" && answers "$f"
}

# A program whose file is gone, as after an upgrade.
deleted_program()
{
	local f=$dir/upgraded pid

	cp "$dir/tests" "$dir/program"
	box files-program "$dir/program" reg "$f"
	is_ready "$f" || return
	rm "$dir/program"
	pid=$(cat "$cg/files-program/cgroup.procs")
	dump_box files-program "$f.img" || return
	restore_box files-program "$f.img" || return
	[ "$(readlink "/proc/$pid/exe")" = "$dir/program (deleted)" ] ||
		{ readlink "/proc/$pid/exe"; return 1; }
	cmp "/proc/$pid/exe" "$dir/tests" || return
	answers "$f"
}

no_helper()
{
	! pgrep livemig-helper
}

# No room where the contents of a deleted file go: it is told, and nothing stays;
# with room it works.
no_room()
{
	local small=$dir/small f status

	mkdir "$small"
	mount -t tmpfs -o size=1m tmpfs "$small" || return
	f=$small/x
	box files-deleted "$dir/tests" deleted "$f"
	is_ready "$f" || return
	dump_box files-deleted "$dir/full.img" || return
	dd if=/dev/zero of="$small/full" bs=4k count=1000 2>/dev/null
	df --output=avail "$small"
	refused 3 "$f.gone (deleted): No space left on device" \
		"$migctl" restore "$dir/full.img"
	status=$?
	((status)) || wait_for 60 gone "$cg/files-deleted" ||
		{ echo "the cgroup is left"; status=1; }
	# (init waits for them)
	((status)) || wait_for 60 no_helper || { echo "a helper is left"; status=1; }
	rm "$small/full"
	((status)) || restore_box files-deleted "$dir/full.img" || status=1
	((status)) || answers "$f" || status=1
	unbox files-deleted
	umount "$small"
	return $status
}

# The destination's queues may not be as long.
short_queue()
{
	local f=$dir/short limit=/proc/sys/fs/inotify/max_queued_events was

	was=$(cat $limit)
	box files-unread "$dir/tests" unread "$f"
	is_ready "$f" && dump_box files-unread "$f.img" || return
	echo 4 >$limit
	refused 2 "raise fs.inotify.max_queued_events" "$migctl" restore "$f.img" ||
		return
	echo "$was" >$limit
	wait_for 60 gone "$cg/files-unread" || { echo "the cgroup is left"; return 1; }
	restore_box files-unread "$f.img" && answers "$f"
}

load_module
# shellcheck disable=SC2086
extra="lock_taken fifo_in_use deleted_program no_room short_queue"
[ $# = 0 ] || { moved=$*; refused=; extra=; }
# shellcheck disable=SC2086
set -- $moved $refused $extra
plan $#
for kind in $moved; do
	check "$kind" moves "$kind"
	unbox "files-$kind"
done
for kind in $refused; do
	check "$kind is refused" stays "$kind"
	unbox "files-$kind"
done
[ -n "$extra" ] || finish
check "a lock that somebody holds here" lock_taken
unbox files-locks
check "a named pipe in which something waits here" fifo_in_use
unbox files-fifo
check "a deleted program" deleted_program
unbox files-program
check "no room for a deleted file" no_room
check "too many unread events" short_queue
unbox files-unread
finish
