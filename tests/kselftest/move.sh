# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/move.sh - sourced by tests that dump and restore (run in a guest)
#
# A box is a cgroup with one program in it. $dir is a directory for the test's
# files, removed at exit; the area's programs (tests/programs) are in it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/kselftest/load.sh"
. "$root/tests/vm/ktap.sh"
migctl=$root/build/migctl
cg=/sys/fs/cgroup
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
programs=$root/build/tests/${PWD##*/}
[ ! -d "$programs" ] || cp -p "$programs"/* "$dir"

# among WORDS [NAME...]: those of the words that are named, one a line; without names all
among()
{
	local word words=$1

	shift
	for word in $words; do
		if [ $# = 0 ] || [[ " $* " == *" $word "* ]]; then
			echo "$word"
		fi
	done
}

# box NAME COMMAND...: runs the command in a cgroup and session of its own.
box()
{
	local name=$1

	shift
	mkdir -p "$cg/$name"
	# shellcheck disable=SC2016
	setsid sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cg/$name" "$@" \
		</dev/null >/dev/null 2>&1 &
	disown
}

# gone FILE...: none of them is there
gone()
{
	local f

	for f; do
		[ ! -e "$f" ] || return 1
	done
}

# wait_for SECONDS COMMAND...
wait_for()
{
	local end=$((SECONDS + $1 * ${TIME_FACTOR:-1}))

	shift
	until "$@" 2>/dev/null; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# unbox NAME: ends what is in it
unbox()
{
	[ -d "$cg/$1" ] || return 0
	echo 1 >"$cg/$1/cgroup.kill"
	wait_for 60 rmdir "$cg/$1"
}

# dump_box NAME IMAGE [running|frozen|killed]
dump_box()
{
	local pids

	mapfile -t pids < <(find "$cg/$1" -name cgroup.procs -exec cat {} + 2>/dev/null)
	"$migctl" dump "$cg/$1" -o "$2" --leave "${3:-killed}" >"$dir/dump.log" 2>&1 || {
		cat "$dir/dump.log"
		return 1
	}
	# What was killed has its pids until its parent, or init, has waited for it.
	[ "${3:-killed}" != killed ] || wait_for 60 gone "${pids[@]/#//proc/}" || :
}

# snapshot NAME: what /proc and ss tell about all processes in it
snapshot()
{
	local pids

	[ -x "$dir/snapshot" ] || build "$root/tests/kselftest/snapshot.c"
	mapfile -t pids < <(find "$cg/$1" -name cgroup.procs -exec cat {} + | sort -n)
	"$dir/snapshot" "${pids[@]}"
	sockets "${pids[@]}"
}

# sockets PID...: theirs, as ss shows them in the namespace of the first, without
# the numbers of queues and inodes.
sockets()
{
	nsenter -t "$1" -n ss -Hanptuwx0 | awk -v pids="$*" '
	BEGIN {
		n = split(pids, pid, " ")
	}
	{
		line = $1 " " $2
		for (i = 5; i <= NF; i++)
			if ($1 !~ /^u_/ || $i !~ /^[0-9]+$/)
				line = line " " $i
		for (i = 1; i <= n; i++)
			if (index($NF, "pid=" pid[i] ",")) {
				print "ss: " line
				next
			}
	}' | sort
}

frozen()
{
	echo "$2" >"$cg/$1/cgroup.freeze" &&
		wait_for 60 grep -qx "frozen $2" "$cg/$1/cgroup.events"
}

# moved NAME IMAGE: dumped, killed, restored, and nothing that /proc and ss tell
# about it is different. What it does meanwhile it does after that.
moved()
{
	local status

	frozen "$1" 1 || { echo "does not freeze"; return 1; }
	snapshot "$1" >"$dir/before"
	dump_box "$1" "$2"
	status=$?
	((status)) || "$migctl" restore --frozen "$2" || return
	[ -d "$cg/$1" ] && frozen "$1" 1 && snapshot "$1" >"$dir/after"
	frozen "$1" 0
	((status)) || diff -u "$dir/before" "$dir/after"
}

# is_ready FILE: until the program has made FILE.ready, which is empty or says
# what went wrong.
is_ready()
{
	wait_for 300 test -e "$1.ready" || { echo "not ready"; return 1; }
	[ ! -s "$1.ready" ] || { cat "$1.ready"; return 1; }
}

# answers FILE: what the program says about itself in the end.
answers()
{
	touch "$1.go"
	wait_for 300 test -e "$1" || { echo "no answer"; return 1; }
	[ "$(cat "$1")" = ok ] || { cat "$1"; return 1; }
}

# refused STATUS TEXT COMMAND...: it fails like this (what it says is for
# tests/coverage, too)
refused()
{
	local want=$1 text=$2 output status

	shift 2
	output=$("$@" 2>&1)
	status=$?
	[ $status = "$want" ] && [[ $output == *$text* ]] &&
		echo "# refused: ${output##*migctl: }" && return
	echo "status $status, expected $want and \"$text\": $output"
	return 1
}
