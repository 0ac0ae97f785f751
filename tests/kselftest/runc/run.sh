#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/runc/run.sh - a container that runc (or crun) has made
#
# It has namespaces of all kinds, with runc once with and once without that of users,
# a shell that counts, and a redis. It is dumped, killed and restored; the runtime
# itself does not know.
#
# vm: mem=1024 timeout=1200
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh
# shellcheck source=tests/kselftest/runc/bundle.sh
. ./bundle.sh

starts()
{
	[ -e "$dir/$box.run" ] || return
	init_pid "$runtime" "$box" >"$dir/pid"
	wait_for 60 counted_beyond "$(cat "$dir/pid")" 0 || { echo "no count"; return 1; }
	wait_for 60 ask SET key "$box" || { no_redis "$(cat "$dir/pid")"; return; }
	view "$(cat "$dir/pid")" >"$dir/before"
	grep -q /dev/shm "$dir/before" && grep -q "^0::/$" "$dir/before"
}

dumps()
{
	count "$(cat "$dir/pid")" >"$dir/count"
	dump_box "$box" "$dir/$box.img"
}

restores()
{
	restore_box "$box" "$dir/$box.img" --detach --pidfile "$dir/pid"
}

counts()
{
	local pid

	pid=$(cat "$dir/pid")
	wait_for 60 counted_beyond "$pid" "$(cat "$dir/count")" || { count "$pid"; return 1; }
}

knows()
{
	wait_for 60 has_key || { ask GET key; return 1; }
}

same()
{
	view "$(cat "$dir/pid")" >"$dir/after"
	diff "$dir/before" "$dir/after"
}

# all_of NAME RUNTIME [ID]: a container, whose root is ID on the host
all_of()
{
	runtime=$2
	box=lm-${1// /-}
	bundle=$dir/$box
	make_bundle "$bundle" "$box" ${3:+"$3"}
	# (its output would be held by the container)
	if "$runtime" --log "$dir/log" run -d -b "$bundle" "$box" </dev/null >/dev/null 2>&1; then
		touch "$dir/$box.run"
	elif [ "${VM_KERNEL:-6.1}" != 6.1 ]; then
		# Debian 12's runc is older than that kernel.
		for what in "it runs" dump restore "the shell goes on" "redis knows what it knew" \
			"from inside all is as before"; do
			skip "$1: $what" "$runtime cannot start it here: $(tail -n 1 "$dir/log")"
		done
		return
	fi
	check "$1: it runs" starts
	check "$1: dump" dumps
	check "$1: restore" restores
	check "$1: the shell goes on" counts
	check "$1: redis knows what it knew" knows
	check "$1: from inside all is as before" same
	unbox "$box"
	"$runtime" delete -f "$box" >/dev/null 2>&1
}

load_module
tests=0
command -v runc >/dev/null && tests=12
command -v crun >/dev/null && tests=$((tests + 6))
((tests)) || skip_all "no runc, no crun"
command -v redis-server >/dev/null || skip_all "no redis-server"
chmod 755 "$dir"	# (root of a user namespace must get through)
plan $tests
for name in runc crun; do
	command -v $name >/dev/null && all_of $name $name
done
command -v runc >/dev/null && all_of "runc user" runc 100000
finish
