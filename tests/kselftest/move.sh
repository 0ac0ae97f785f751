# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/move.sh - sourced by tests that dump and restore (run in a guest)
#
# A box is a cgroup with one program in it. $dir is a directory for the test's
# files, removed at exit; the area's programs (tests/programs) are in it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/kselftest/load.sh"
. "$root/tests/vm/ktap.sh"
. "$root/tests/vm/nap.sh"
migctl=$root/build/migctl
cg=/sys/fs/cgroup
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
area=${PWD##*/}
snapshot=$root/build/tests/snapshot
programs=$root/build/tests/$area
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

# box NAME COMMAND...: runs the command in a cgroup and session of its own, with random
# addresses (tests/vm/run).
box()
{
	local name=$1

	shift
	mkdir -p "$cg/$name"
	# shellcheck disable=SC2016
	setsid sh -c 'echo $$ >"$0/cgroup.procs"; exec setarch x86_64 "$@"' \
		"$cg/$name" "$@" \
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

# wait_for SECONDS COMMAND...: and not given up for a single try that took so long
wait_for()
{
	local end=$((SECONDS + $1 * ${TIME_FACTOR:-1})) tries=0

	shift
	until "$@" 2>/dev/null; do
		((++tries < 5 || SECONDS < end)) || return 1
		nap 0.05
	done
}

# unbox NAME: ends what is in it
unbox()
{
	[ -d "$cg/$1" ] || return 0
	echo 1 >"$cg/$1/cgroup.kill"
	wait_for 60 rmdir "$cg/$1"
}

# dump_box NAME IMAGE [running|frozen|killed]: what is killed is frozen before, and
# described in IMAGE.before
dump_box()
{
	local pids status leave=${3:-killed} tries=0

	mapfile -t pids < <(find "$cg/$1" -name cgroup.procs -exec cat {} + 2>/dev/null)
	while :; do
		[ "$leave" != killed ] || {
			frozen "$1" 1 && snapshot "$1" >"$2.before" || {
				echo "does not freeze, or shows nothing"
				return 1
			}
		}
		"$migctl" dump "$cg/$1" -o "$2" --leave "$leave" >"$dir/dump.log" 2>&1
		status=$?
		# What was frozen when it started a program has to run until that is over.
		((status == 2 && tries++ < 10)) && grep -q "waits in vfork()" "$dir/dump.log" &&
			frozen "$1" 0 || break
		nap 0.1
	done
	((status)) && {
		cat "$dir/dump.log"
		[ "$leave" != killed ] || frozen "$1" 0
		return $status
	}
	# What was killed has its pids until its parent, or init, has waited for it.
	[ "$leave" != killed ] || wait_for 60 gone "${pids[@]/#//proc/}" || :
}

# kill_box NAME IMAGE [OPTION...]: the same as it runs. (What dump_box has frozen is restored frozen:
# for those who do not restore it by restore_box.)
kill_box()
{
	local pids

	mapfile -t pids < <(find "$cg/$1" -name cgroup.procs -exec cat {} + 2>/dev/null)
	"$migctl" dump "$cg/$1" -o "$2" --leave killed "${@:3}" >"$dir/dump.log" 2>&1 || {
		cat "$dir/dump.log"
		return 1
	}
	wait_for 60 gone "${pids[@]/#//proc/}" || :
}

# restore_box NAME IMAGE [OPTION...]: what dump_box has killed. Nothing that /proc and
# ss tell about it is different before anything of it runs.
restore_box()
{
	local status

	"$migctl" restore --frozen "${@:3}" "$2" || return
	# A main thread that has ended ends again when it runs.
	! grep -q "has ended" "$2.before" || wait_for 60 ended "$1" "$2"
	frozen "$1" 1 && snapshot "$1" "$2.before" >"$2.after" && diff -u "$2.before" "$2.after"
	status=$?
	frozen "$1" 0
	return $status
}

# ended NAME IMAGE: as many have as before
ended()
{
	frozen "$1" 0 && frozen "$1" 1 &&
		[ "$(snapshot "$1" | grep -c "has ended")" = "$(grep -c "has ended" "$2.before")" ]
}

# moved NAME IMAGE [OPTION...]: dumped, killed, restored, compared. What it does
# meanwhile it does after that.
moved()
{
	dump_box "$1" "$2" && restore_box "$@"
}

# moves TEST: the box that the area's start() makes for it, AREA-TEST; then what the
# program says itself. start() may set $file, where it says that.
moves()
{
	local file=$dir/$1

	start "$1" && moved "${area:?}-$1" "$dir/$1.img" && answers "$file"
}

# snapshot NAME [BEFORE]: what /proc and ss tell about all processes in it
snapshot()
{
	"$snapshot" "$cg/$1" "${@:2}"
}

frozen()
{
	echo "$2" >"$cg/$1/cgroup.freeze" && wait_for 60 is_frozen "$1" "$2"
}

# (without a program: this is asked before and after each move)
is_frozen()
{
	local lines

	mapfile -t lines <"$cg/$1/cgroup.events" && [[ " ${lines[*]} " == *" frozen $2 "* ]]
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
	: >"$1.go"
	wait_for 300 test -s "$1" || { echo "no answer"; return 1; }
	[ "$(<"$1")" = ok ] || { cat "$1"; return 1; }
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
