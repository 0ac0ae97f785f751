#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/ipc/run.sh - System V IPC and POSIX queues, dumped and restored
#
# usage: run.sh [KIND|FUNCTION...]
# In an ipc namespace of the container's own, and in the host's.
#
# vm: mem=1024 timeout=1800
# requires: build/migctl
# build: tests *.c ../program.c -lpthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

own="shm shmgone shmalone sem semown msg mqueue"

# left: nothing of System V is in the host's namespace
left()
{
	local list

	for list in shm sem msg; do
		[ "$(wc -l <"/proc/sysvipc/$list")" = 1 ] ||
			{ cat "/proc/sysvipc/$list"; return 1; }
	done
}

# go KIND FILE [COMMAND...]: run it in a box, until it is ready
go()
{
	local kind=$1 f=$2

	shift 2
	box ipc "$@" "$dir/tests" "$kind" "$f"
	is_ready "$f"
}

# Others have come and gone before, so that no id is the first.
moves()
{
	local f=$dir/own.$1

	go "$1" "$f" unshare --ipc || return
	moved ipc "$f.img" || return
	answers "$f"
}

moves_twice()
{
	local f=$dir/twice

	go shm "$f" unshare --ipc || return
	moved ipc "$f.1" && moved ipc "$f.2" && answers "$f"
}

in_host()
{
	local f=$dir/host.$1

	go "$1" "$f" || return
	dump_box ipc "$f.img" || return
	left || { echo "a segment stays behind"; return 1; }
	restore_box ipc "$f.img" || return
	answers "$f" && left
}

# Looked at so often, it is seen between vfork() and the end of the child; and once in a
# while when that ends: then what was told of it does not fit together.
spawns()
{
	local f=$dir/spawns

	go shmspawn "$f" && kill_box ipc "$f.img" --rounds 100 || return
	left || { echo "a segment stays behind"; return 1; }
	"$migctl" restore --detach "$f.img" || return
	answers "$f" && left
}

# refuses KIND TEXT [COMMAND...]: unless the command gives it one of its own, it is
# in the host's namespace; it runs on
refuses()
{
	local f=$dir/refused.$1

	go "$1" "$f" "${@:3}" || return
	refused 2 "$2" "$migctl" dump "$cg/ipc" -o "$f.img" --leave killed || return
	gone "$f.img" || { echo "an image is left"; return 1; }
	answers "$f" && left
}

# outside [COMMAND...]: a process outside of the container has the segment attached as
# well; with the command it is one of the container's own ipc namespace.
outside()
{
	local f=$dir/outside out status

	go shm "$f" "$@" || return
	nsenter --ipc --target "$(head -n 1 "$cg/ipc/cgroup.procs")" python3 -c '
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
assert libc.shmat(libc.shmget(0x4c4d0001, 0, 0), None, 0) != 2 ** 64 - 1
open(sys.argv[1], "w").close()
while not os.path.exists(sys.argv[2]):
	time.sleep(.02)' "$f.attached.outside" "$f.over" >"$dir/python.log" 2>&1 &
	out=$!
	wait_for 60 test -e "$f.attached.outside" &&
		refused 2 "processes outside the container have it attached" \
			"$migctl" dump "$cg/ipc" -o "$f.img" --leave killed
	status=$?
	touch "$f.over"
	wait $out || { cat "$dir/python.log"; status=1; }
	((status)) && return $status
	gone "$f.img" || { echo "an image is left"; return 1; }
	answers "$f" && left
}

# taken HOW TEXT: something here has its key or id; when that is gone it works
taken()
{
	local f=$dir/taken.$1 id other status

	go shm "$f" || return
	id=$(awk 'NR == 2 { print $2 }' /proc/sysvipc/shm)
	dump_box ipc "$f.img" || return
	if [ "$1" = id ]; then
		echo "$id" >/proc/sys/kernel/shm_next_id
		other=$(ipcmk -M 4096 | sed 's/.*: //')
	else
		other=$(python3 -c '
import ctypes
print(ctypes.CDLL(None).shmget(0x4c4d0001, 4096, 0o1600))')
	fi
	refused 2 "$2" "$migctl" restore "$f.img"
	status=$?
	ipcrm -m "$other"
	((status)) && return $status
	left || { echo "a segment is left"; return 1; }
	restore_box ipc "$f.img" || return
	answers "$f" && left
}

# A restore that fails when the segment is there.
failed()
{
	local f=$dir/failed

	box ipc bash -c "exec 9<>$dir/file; exec '$dir/tests' shm '$f'"
	is_ready "$f" || return
	dump_box ipc "$f.img" || return
	mv "$dir/file" "$dir/away"
	refused 2 "$dir/file" "$migctl" restore "$f.img" || return
	left || { echo "a segment is left"; return 1; }
	mv "$dir/away" "$dir/file"
	restore_box ipc "$f.img" || return
	answers "$f" && left
}

# end: of a test, also of what a failed one leaves
end()
{
	unbox ipc
	ipcrm --all
	rm -f /dev/mqueue/*
}

load_module
if [ $# != 0 ]; then
	plan $#
	for kind; do
		if declare -F "$kind" >/dev/null; then
			check "$kind" "$kind"
		else
			check "$kind" moves "$kind"
		fi
		end
	done
	finish
fi
plan 23
for kind in $own; do
	check "$kind" moves "$kind"
	end
done
check "twice" moves_twice
end
for kind in shm shmgone; do
	check "$kind in the host's namespace" in_host "$kind"
	end
done
check "a segment of one who starts programs, in the host's namespace" spawns
end
check "semaphores in the host's namespace are refused" refuses sem "semaphore set"
end
check "queues in the host's namespace are refused" refuses msg "message queue"
end
check "POSIX queues in the host's namespace are refused" \
	refuses mqueue "/kept in the host's ipc namespace"
end
check "a queue that notifies by a thread is refused" \
	refuses mqthread "mq_notify() of /bell by a thread" unshare --ipc
end
check "what is to be undone in the host's namespace is refused" \
	refuses semundo "semaphore set"
end
check "a segment that others have, too, is refused" outside
end
rm -f "$dir"/outside*
check "also in a namespace of the container's own" outside unshare --ipc
end
check "a segment of another namespace is refused" refuses shmelse \
	"attached, but not of the ipc namespace that it is in" unshare --ipc
end
check "a segment that is mapped beyond its end is refused" \
	refuses shmgrown "mapped beyond its end" unshare --ipc
end
check "an id that is taken here is refused" taken id "its id is taken here"
end
check "a key that is taken here is refused" taken key "is taken here"
end
check "a restore that fails leaves nothing" failed
end
finish
