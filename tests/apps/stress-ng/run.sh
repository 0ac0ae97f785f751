#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/apps/stress-ng/run.sh - stress-ng's stressors move while they work
#
# usage: run.sh [STRESSOR...]
#
# One by one: it works in a container, as an ordinary user and with --verify; is
# dumped and killed after a while, restored, works on, and ends by itself when it
# is told to, content with what it saw. Refused is an answer, then it works on; what
# fails is run once more and left alone: what does that badly, too, is not ours.
#
# STRESSORS=few: some that stand for all; STRESSORS=all: each there is. Neither is
# asked for by `make check' so far.
# Lines "# verdict STRESSOR moved|refused|failed REASON" are for tests/coverage.
#
# coverage: stress-ng
# vm: mem=2048 cpus=2 timeout=600 env=STRESSORS
# requires: build/migctl
# when: STRESSORS

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../../kselftest/move.sh

few="cpu context fork futex malloc mmapfork mprotect mremap pipe poll pthread
	sem shm sigq signal sigsegv sockpair timer timerfd vfork vm zombie"

# These are not about programs in a container: they need the machine, or end it.
none="cpu-online reboot smi softlockup sysinval syscall sysbadaddr"

# usage NAME: microseconds of CPU time
usage()
{
	sed -n 's/^usage_usec //p' "$cg/$1/cpu.stat"
}

worked()
{
	(($(usage box) >= $1)) 2>/dev/null
}

# works USEC SECONDS: it gets so much CPU time, or within that time at least some
works()
{
	local before

	before=$(usage box)
	wait_for "$2" worked $((before + $1)) || worked $((before + 1))
}

# begin STRESSOR: in the background; its status comes to $dir/status
begin()
{
	rm -f "$dir/status"
	mkdir -p "$cg/box" "$dir/tmp"
	chmod 777 "$dir" "$dir/tmp"
	: >"$dir/log"
	(
		# shellcheck disable=SC2016
		cd "$dir/tmp" && setsid sh -c 'echo $$ >"$0/cgroup.procs"
			exec setpriv --reuid=1000 --regid=1000 --clear-groups "$@"' "$cg/box" \
			stress-ng "--$1" 1 --verify --timeout 1000 --temp-path "$dir/tmp" \
			--oomable --no-rand-seed </dev/null >"$dir/log" 2>&1
		echo $? >"$dir/status"
	) &
	disown
	wait_for 30 worked 1 || [ -e "$dir/status" ]
}

first()
{
	find "$cg/box" -name cgroup.procs -exec cat {} + | sort -n | head -n 1
}

# ends: told to, it ends; its status
ends()
{
	kill -INT "$(first)" 2>/dev/null
	if ! wait_for 60 test -e "$dir/status"; then
		echo "it does not end"
		return 99
	fi
	return "$(cat "$dir/status")"
}

# alone STRESSOR: what it does when nobody moves it
alone()
{
	unbox box
	begin "$1" && works 300000 5 && ends
}

# Restored by somebody who waits for its status.
restore()
{
	rm -f "$dir/status" "$dir/pid"
	(
		"$migctl" restore --wait --pidfile "$dir/pid" "$dir/image" >"$dir/restore.log" 2>&1
		echo $? >"$dir/status"
	) &
	disown
	wait_for 120 test -s "$dir/pid" -o -e "$dir/status" && [ -s "$dir/pid" ]
}

# Sets $verdict and $reason.
try()
{
	local status

	verdict=failed
	begin "$1"
	works 100000 5
	if [ -e "$dir/status" ]; then
		# Nothing it could do here.
		verdict=skipped
		reason=$(grep -m 1 -E 'skip|not |fail' "$dir/log")
		return
	fi
	"$migctl" dump "$cg/box" -o "$dir/image" --leave killed >"$dir/dump.log" 2>&1
	status=$?
	reason=$(sed -n 's/^migctl: //p' "$dir/dump.log" | tail -n 1)
	case $status in
	0)
		wait_for 10 test -e "$dir/status"
		restore || { reason=$(tail -n 1 "$dir/restore.log"); return; }
		;;
	2) verdict=refused ;;
	*) return ;;
	esac
	works 100000 10 || { verdict=failed; reason="does not go on"; return; }
	ends
	status=$?
	if [ $status != 0 ]; then
		verdict=failed
		reason="status $status afterwards: $(grep -m 1 -E 'fail|error|info: *\[[0-9]*\] unsucc' "$dir/log")"
	elif [ $verdict != refused ]; then
		verdict=moved
	fi
}

one()
{
	local reason="" verdict=""

	try "$1"
	if [ "$verdict" = failed ]; then
		cat "$dir/log" "$dir/dump.log" "$dir/restore.log" 2>/dev/null | sed 's/^/# /'
		alone "$1" >/dev/null || { verdict=skipped; reason="fails when it is not moved, too"; }
	fi
	[ "$verdict" = skipped ] || echo "# verdict $1 $verdict $reason"
	case $verdict in
	skipped) skip "$1" "$reason" ;;
	failed) fail "$1: $reason" ;;
	refused) pass "$1: refused: $reason" ;;
	*) pass "$1" ;;
	esac
	unbox box
	rm -rf "$dir/tmp"
}

command -v stress-ng >/dev/null || skip_all "no stress-ng here"
[ $# != 0 ] || [ "${STRESSORS:-}" ] || skip_all "only with STRESSORS=few or all"
load_module
if [ $# = 0 ] && [ "${STRESSORS:-}" = all ]; then
	# shellcheck disable=SC2046
	set -- $(stress-ng --stressors | tr ' ' '\n' |
		grep -vxF "$(tr ' ' '\n' <<<"$none")")
elif [ $# = 0 ]; then
	# shellcheck disable=SC2086
	set -- $few
fi
plan $#
for stressor; do
	one "$stressor"
done
finish
