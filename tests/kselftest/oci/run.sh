#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/oci/run.sh - a container of runc moves to another host, and back
#
# vm: guests=A,B mem=1024 timeout=1800
# requires: build/migctl
# A runs the tests; B does what A asks for. Both have the bundle, in their own /tmp.

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/migrate/lib.sh
. ../migrate/lib.sh
# shellcheck source=tests/kselftest/runc/bundle.sh
. ../runc/bundle.sh

box=lm-oci
bundle=/tmp/$box

if ! command -v runc || ! command -v redis-server; then
	[ "$VM_NAME" = A ] && echo "1..0 # SKIP no runc or no redis-server"
	exit 4
fi >/dev/null 2>&1
load_module || { echo "1..0 # SKIP livemig.ko does not load"; exit 4; }

# Its first process: other hosts have another number for it.
init()
{
	sort -n "/sys/fs/cgroup/$box/cgroup.procs" | head -n 1
}

starts()
{
	runc run -d -b "$bundle" "$box" </dev/null >/dev/null 2>&1 || return
	wait_for 60 counted_beyond "$(init)" 0 || { echo "no count"; return 1; }
	wait_for 60 ask SET key "$box" || { no_redis "$(init)"; return; }
	view "$(init)" >"$out/before"
}

# The file that the shell has open is not there.
lacks_file()
{
	local said status

	said=$(migrate "$box" 2>&1)
	status=$?
	[ $status = 2 ] && grep -q "/data/main\|$bundle" <<<"$said" && return
	echo "status $status: $said"
	return 1
}

# goes_on NUMBER: here; it counts on, redis knows, and all looks the same from inside
goes_on()
{
	local pid

	pid=$(init)
	wait_for 60 counted_beyond "$pid" "$1" || { echo "count $(count "$pid"), was $1"; return 1; }
	wait_for 60 has_key || { echo "redis: $(ask GET key)"; return 1; }
	view "$pid" >"$out/after"
	diff "$out/before" "$out/after"
}

stopped()
{
	gone "$box" none && runc state "$box" | grep -q '"status": "stopped"'
}

if [ "$VM_NAME" = B ]; then
	# Pids that A does not use.
	echo 20000 >/proc/sys/kernel/ns_last_pid
fi
begin_tests
make_bundle "$bundle" "$box"

check "it runs" starts
check "refused: no such file on B" lacks_file
check "it runs on" goes_on "$(count "$(init)")"
on_b "make_bundle $bundle $box"
far=$(count "$(init)")
check "it moves to B" migrate "$box" --json
check "it has left A, runc sees it stopped" stopped
check "it goes on on B" on_b "goes_on $far"
far=$(on_b "count \$(init)")
check "it moves back" on_b "timeout $limit $migctl migrate cgroup:$box ${ip[A]} --insecure"
check "it goes on on A" goes_on "$far"
check "it has left B" on_b "gone $box none"
runc delete -f "$box" >/dev/null 2>&1

end_tests
