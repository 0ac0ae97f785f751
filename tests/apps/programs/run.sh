#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/apps/programs/run.sh - other people's programs, under load, move
#
# usage: run.sh [PROGRAM...]
#
# Each file PROGRAM.sh here is one program. It is sourced, and says
#
#	# needs: COMMAND...	skipped where one of them is missing
#	# check: no		run when it is named, and with PROGRAMS=all
#	# refused: TEXT		it cannot move yet: refused with this text
#	start	starts it with `container COMMAND...'
#	ready	succeeds once it can be used
#	load	keeps it busy from outside, in the background, until $work/stop is
#		there; writes a growing number into $work/ops; its status tells
#		whether all was right
#	verify	looks at all data in the end (optional)
#
# The program is dumped, killed and restored twice: stopped while it is busy, with
# /proc and ss compared before and after; and running, by rounds.
#
#	load, in the guest: br0 10.9.0.2 ---- eth0 10.9.0.1, the container
#
# Lines "# verdict PROGRAM moved|refused|failed REASON" are for tests/coverage.
#
# coverage: Programs
# vm: mem=3072 cpus=2 timeout=900 env=PROGRAMS
# requires: build/migctl
# when: PROGRAMS

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../../kselftest/move.sh
here=$PWD
addr=10.9.0.1
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1

# container COMMAND...: in its cgroup and network namespace.
container()
{
	local ns=$app

	ip netns add "$ns"
	ip link add "v$ns" type veth peer name eth0 netns "$ns"
	ip link set "v$ns" master br0 up
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
	ip -n "$ns" addr add $addr/24 dev eth0
	mkdir -p "$cg/$app"
	(
		echo $BASHPID >"$cg/$app/cgroup.procs"
		cd "$work" || exit
		exec setsid nsenter --net="/run/netns/$ns" "$@" </dev/null >"$work/log" 2>&1
	) &
	disown
}

# port N: somebody listens there
port()
{
	timeout 2 bash -c ": <>/dev/tcp/$addr/$1"
}

# as USER COMMAND...
as()
{
	setpriv --reuid="$1" --regid="$1" --init-groups "${@:2}"
}

# busy: the load gets on
busy()
{
	local before

	before=$(cat "$work/ops" 2>/dev/null || echo 0)
	wait_for 300 progress "$before" || { echo "the load stands still"; return 1; }
}

progress()
{
	[ "$(cat "$work/ops" 2>/dev/null || echo 0)" -ge "$(($1 + 5))" ]
}

# The tool's own words, if it was a refusal.
refusal()
{
	sed -n 's/^migctl: //p' "$dir/dump.log" | head -n 1
}

moves()
{
	busy || return
	moved "$app" "$work/image" || return
	busy || return
	kill_box "$app" "$work/image" && "$migctl" restore "$work/image" && busy
}

verdict() # KIND REASON
{
	echo "# verdict $app $1 ${2:-}"
}

one()
{
	local needs want command status

	app=$1
	work=/srv/$app
	needs=$(sed -n 's/^# needs: *//p' "$app.sh")
	want=$(sed -n 's/^# refused: *//p' "$app.sh")
	for command in $needs; do
		command -v "$command" >/dev/null && continue
		skip "$app" "no $command here"
		return
	done
	mkdir -p "$work"
	verify() { :; }
	# shellcheck disable=SC1090
	. "./$app.sh"
	start >"$work/start.log" 2>&1
	if ! wait_for 300 ready; then
		sed 's/^/# /' "$work/start.log" "$work/log"
		fail "$app: starts"
		return
	fi
	(load) >"$work/load.log" 2>&1 &
	loading=$!
	: >"$dir/dump.log"
	moves >"$work/moves.log" 2>&1
	status=$?
	if ((status == 2)) && [ -d "$cg/$app" ]; then
		verdict refused "$(refusal)"
		check "$app: is refused ($want)" grep -qF -- "${want:-nothing}" "$dir/dump.log"
		check "$app: and runs on" busy
	else
		((status)) && sed 's/^/# /' "$work/moves.log"
		((status)) && verdict failed "$(tail -n 1 "$work/moves.log")" || verdict moved
		check "$app: moves under load" [ $status = 0 ]
		check "$app: is the same and busy afterwards" busy
	fi
	touch "$work/stop"
	wait "$loading"
	status=$?
	((status)) && sed 's/^/# /' "$work/load.log"
	check "$app: no error, nothing lost" [ $status = 0 ]
	check "$app: all data is right" verify
	unbox "$app"
	ip netns delete "$app"
	ip link delete "v$app" 2>/dev/null
}

if [ $# = 0 ]; then
	for file in *.sh; do
		[ "$file" != run.sh ] || continue
		[ "${PROGRAMS:-}" = all ] || ! grep -qx '# check: no' "$file" || continue
		set -- "$@" "${file%.sh}"
	done
fi
(($#)) || skip_all "only with PROGRAMS=all"
load_module
ip link add br0 type bridge forward_delay 0
ip link set br0 up
ip addr add 10.9.0.2/24 dev br0
echo "KTAP version 1"
for app; do
	(one "$app"; echo "$ktap_number $ktap_failed" >"$dir/count")
	read -r ktap_number ktap_failed <"$dir/count"
done
echo "1..$ktap_number"
finish
