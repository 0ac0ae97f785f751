#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/runc/run.sh - a container that runc (or crun) has made
#
# It has namespaces of all kinds but the user's, a shell that counts, and a redis.
# It is dumped, killed and restored; the runtime itself does not know.
#
# vm: mem=1024 timeout=400
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh
# shellcheck source=tests/kselftest/runc/bundle.sh
. ./bundle.sh

init_pid()
{
	"$runtime" state "$box" | sed -n 's/^ *"pid" *: *\([0-9]*\).*/\1/p'
}

# What it looks like from inside, without what is another each time.
view()
{
	nsenter -t "$1" -m -u -i -n -p -C /bin/sh -c '
		hostname
		cut -d " " -f 4- /proc/1/mountinfo | sort
		sed "/^State\|^Vm\|^Rss\|^FDSize\|^Sig[QPB]\|^ShdPnd\|ctxt_switches/d" \
			/proc/1/status
		cat /proc/1/cgroup /proc/1/limits
		find /dev /tmp -printf "%p %y %m %U %G %l\n" | sort
		for p in /proc/[0-9]*; do
			[ "$(cat "$p/comm")" = redis-server ] && echo "${p#/proc/}"
		done'
}

starts()
{
	"$runtime" run -d -b "$bundle" "$box" </dev/null >/dev/null 2>&1 || return
	wait_for 60 test -s "$bundle/rootfs/data/count" || { echo "no count"; return 1; }
	wait_for 60 ask SET key "$box" || { echo "no redis"; return 1; }
	init_pid >"$dir/pid"
	view "$(cat "$dir/pid")" >"$dir/before"
	grep -q /dev/shm "$dir/before" && grep -q "^0::/$" "$dir/before"
}

dumps()
{
	"$migctl" dump "$cg/$box" -o "$dir/$box.img" --leave killed
}

restores()
{
	rm -f "$bundle/rootfs/data/count"
	"$migctl" restore --detach --pidfile "$dir/pid" "$dir/$box.img"
}

counts()
{
	local first

	first=$(cat "$dir/count")

	wait_for 60 counted_beyond "$first" || { cat "$bundle/rootfs/data/count"; return 1; }
}

knows()
{
	[ "$(ask GET key)" = "$box" ] || { ask GET key; return 1; }
}

same()
{
	view "$(cat "$dir/pid")" >"$dir/after"
	diff "$dir/before" "$dir/after"
}

load_module
tests=0
for runtime in runc crun; do
	command -v $runtime >/dev/null && tests=$((tests + 6))
done
((tests)) || skip_all "no runc, no crun"
command -v redis-server >/dev/null || skip_all "no redis-server"
plan $tests
for runtime in runc crun; do
	command -v $runtime >/dev/null || continue
	box=lm-$runtime
	bundle=$dir/$box
	make_bundle "$bundle" "$box"
	check "$runtime: it runs" starts
	check "$runtime: dump" dumps
	cp "$bundle/rootfs/data/count" "$dir/count"
	check "$runtime: restore" restores
	check "$runtime: the shell goes on" counts
	check "$runtime: redis knows what it knew" knows
	check "$runtime: from inside all is as before" same
	unbox "$box"
	"$runtime" delete -f "$box" >/dev/null 2>&1
done
finish
