#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: timeout=1800
# requires: build/migctl
# build: unix unix.c
#
# Unix sockets of a container that is dumped, killed and restored.

cd "$(dirname "$0")" || exit 1
. ../move.sh
load_module

refused()	# TEXT COMMAND...
{
	local text=$1 said status

	shift
	said=$("$@" 2>&1)
	status=$?
	echo "status $status: $said"
	[ $status = 2 ] && grep -qF -- "$text" <<<"$said"
}

is_ok()
{
	wait_for 60 test -e "$dir/result"
	cat "$dir/result" "$dir/result.new" 2>/dev/null
	grep -qx ok "$dir/result"
}

fresh()
{
	unbox unix	# the one before has ended, or will soon
	rm -f "$dir"/{ready,go,result,listener,relative,sink,sender}
	box unix "$dir/unix" "$dir"
	wait_for 60 test -e "$dir/ready"
}

echo KTAP version 1
fresh
touch "$dir/go"
check "not moved: the test itself is right" is_ok

fresh
check "dump, it runs on" "$migctl" dump cgroup:unix -o "$dir/image"
touch "$dir/go"
check "what waits in the sockets was not touched" is_ok

fresh
check "dump and kill" dump_box unix "$dir/image"
check "the paths stay" test -S "$dir/listener" -a -S "$dir/relative"
check "restore" restore_box unix "$dir/image"
check "mode of the path" test "$(stat -c %a "$dir/relative")" = 640
touch "$dir/go"
check "names, messages and ends are as they were" is_ok

fresh
dump_box unix "$dir/image" >/dev/null 2>&1
rm -f "$dir/listener" "$dir/sink"
check "restore where the paths are missing" restore_box unix "$dir/image"
touch "$dir/go"
check "names, messages and ends are as they were" is_ok

fresh
"$migctl" dump cgroup:unix -o "$dir/image" --leave killed >/dev/null 2>&1
rm -f "$dir/listener"
# One that keeps what it accepts.
socat "UNIX-LISTEN:$dir/listener,fork" EXEC:'sleep 1000' 2>/dev/null &
other=$!
wait_for 60 test -S "$dir/listener"
check "a path that somebody else listens on is refused" \
	refused "another program uses the socket" "$migctl" restore --detach "$dir/image"
check "... and is still his" socat -u /dev/null "UNIX-CONNECT:$dir/listener"

box outside "$dir/unix" "$dir" "$dir/listener"
connected()	# it, not who was at the listener before
{
	local pid

	pid=$(head -n 1 "$cg/outside/cgroup.procs") && [ -n "$pid" ] &&
		ss -xpH state established | grep -q "pid=$pid,"
}
wait_for 60 connected
check "a peer outside of the container is refused by name" \
	refused "($dir/listener) is outside" "$migctl" dump cgroup:outside -o "$dir/image2"
kill $other
echo 1 >"$cg/outside/cgroup.kill"
echo "1..$ktap_number"
finish
