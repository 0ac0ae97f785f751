#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: cpus=2 timeout=1500
# requires: build/migctl
# build: count count.c
#
# migctl dump: images, what becomes of the container, and refusals. Whatever goes
# wrong, the container runs on and its network is open.

cd "$(dirname "$0")" || exit 1
. ../move.sh
load_module

image=$dir/image


value()
{
	cat "$1" 2>/dev/null || echo 0
}

advances()	# FILE: it counts on
{
	local before

	before=$(value "$1")
	wait_for 60 eval "((\$(value $1) > $before))"
}

stands()	# FILE: it does not
{
	local before

	before=$(value "$1")
	sleep 0.5
	[ "$(value "$1")" = "$before" ]
}

start()		# NAME [ARGUMENT...]
{
	local name=$1

	shift
	rm -f "$dir/$name"
	box "$name" "$dir/count" "$dir/$name" "$@"
	wait_for 60 test -s "$dir/$name"
}

stop()		# NAME...
{
	local name

	for name; do
		[ -d "$cg/$name" ] || continue
		echo 1 >"$cg/$name/cgroup.kill"
		wait_for 60 grep -q "populated 0" "$cg/$name/cgroup.events"
		rmdir "$cg/$name"
	done
} 2>/dev/null

refused()	# TEXT COMMAND...: status 2 and the text
{
	local text=$1 said status

	shift
	said=$("$@" 2>&1)
	status=$?
	echo "status $status: $said"
	[ $status = 2 ] && grep -qF -- "$text" <<<"$said"
}

failed()	# STATUS TEXT COMMAND...
{
	local want=$1 text=$2 said status

	shift 2
	said=$("$@" 2>&1)
	status=$?
	echo "status $status: $said"
	[ $status = "$want" ] && grep -qF -- "$text" <<<"$said"
}

dump()
{
	"$migctl" dump "$@"
}

no_sessions()
{
	"$migctl" status --json | grep -q '"sessions": \[\]'
}

echo KTAP version 1

# ---- the image, and what becomes of the container ----
start a
check "dump" dump cgroup:a -o "$image"
check "the image is good" "$migctl" image verify "$image"
check "it is nobody's to read" test "$(stat -c %a "$image")" = 600
check "no half image is left" gone "$image.tmp"
check "the container runs on" advances "$dir/a"
check "no session is left" no_sessions
check "dump to the same name again" dump cgroup:a -o "$image"
check "rounds: dump" dump cgroup:a -o "$image" --rounds 3
check "rounds: the image is good" "$migctl" image verify "$image"
json()
{
	dump cgroup:a -o "$image" --rounds 2 --json | python3 -c '
import json, sys
j = json.load(sys.stdin)
assert len(j["rounds"]) == 3 and j["processes"] == 1, j
assert j["stop"]["total"] > 0 and len(j["id"]) == 32 and j["left"] == "running", j'
}
check "--json says what was done" json
on_terminal()
{
	script -qec "$migctl dump cgroup:a -o $image --rounds 2" "$dir/terminal" </dev/null &&
		grep -E 'dump: round 1: [0-9]+ pages, [0-9.]+ [kMGT]?B, [0-9]+ pages/s dirty, would stop for [0-9]+ ms' \
			"$dir/terminal"
}
check "a terminal shows how it goes on" on_terminal
check "--leave frozen" dump cgroup:a -o "$image" --leave frozen
check "--leave frozen: it stands" stands "$dir/a"
check "thaw" "$migctl" thaw cgroup:a
check "thawed: it runs on" advances "$dir/a"
check "--leave killed" dump cgroup:a -o "$image" --leave killed
check "--leave killed: nothing is left" gone "$cg/a"
check "--leave killed: the image is good" "$migctl" image verify "$image"
check "... and is restored" "$migctl" restore --detach "$image"
check "... and runs on" advances "$dir/a"

# ---- limits of the cgroup ----
mkdir "$cg/b"
echo "$((64 << 20))" >"$cg/b/memory.max"
echo 77 >"$cg/b/pids.max"
start b
dump cgroup:b -o "$image" >/dev/null 2>&1
limits()
{
	grep -qa "memory.max=67108864" "$image" && grep -qa "pids.max=77" "$image"
}
check "limits are in the image" limits
stop b

# ---- pid:N ----
start c tree "$dir/c2"
wait_for 60 test -s "$dir/c2"
first=$(head -n 1 "$cg/c/cgroup.procs")
members()
{
	wc -l <"$cg/c/cgroup.procs"
}
check "pid:N, with its descendants" eval \
	'dump "pid:$first" -o "$image" && test "$(members)" = 3'
check "pid:N: three processes are in the image" eval \
	'"$migctl" image show "$image" | grep -c " pid [0-9]*" | grep -qx 3'
check "pid:N: its cgroup of the meantime is gone" gone "$cg/c/livemig-$first"
check "pid:N: all run on" eval 'advances "$dir/c" && advances "$dir/c2"'
stop c

# ---- refusals ----
check "no such cgroup" refused "no such cgroup" dump cgroup:none -o "$image"
check "no such process" refused "no such process" dump pid:4000000 -o "$image"
check "no target" failed 1 usage dump -o "$image"
check "no image" failed 1 "-o IMAGE" dump cgroup:a
mkdir "$cg/empty"
check "an empty cgroup" refused "no process" dump cgroup:empty -o "$image"
rmdir "$cg/empty"
rm -f "$image"
check "a directory that is not there" refused "/none/image" dump cgroup:a -o /none/image
start f fanotify
start g packet
for name in f g; do
	check "unsupported, named: pid and fd ($name)" refused "pid $(<"$cg/$name/cgroup.procs") fd 3: " \
		dump cgroup:$name -o "$image"
	check "unsupported: no image" gone "$image" "$image.tmp"
	check "unsupported: it runs on" advances "$dir/$name"
done
stop f g

# ---- failures on the way ----
mkdir "$dir/small"
mount -t tmpfs -o size=4m none "$dir/small"
start d 20
rounds()	# BOX [OPTION...]: how many there were, the last one included
{
	dump "cgroup:$1" -o "$dir/rounds" --json "${@:2}" |
		python3 -c 'import json, sys; print(len(json.load(sys.stdin)["rounds"]))'
	rm -f "$dir/rounds"
}
check "much memory is copied before the stop" eval '(($(rounds d) > 1))'
check "--rounds 0: within the stop" eval '(($(rounds d --rounds 0) == 1))'
check "little memory: within the stop" eval '(($(rounds a) == 1))'
check "no space" failed 3 "No space left" dump cgroup:d -o "$dir/small/image"
check "no space: nothing is left" gone "$dir/small/image" "$dir/small/image.tmp"
check "no space: it runs on" advances "$dir/d"
check "no space, with rounds" failed 3 "No space left" \
	dump cgroup:d -o "$dir/small/image" --rounds 2
check "no space, with rounds: it runs on" advances "$dir/d"
umount "$dir/small"

# Killed at some moment or other, in a network namespace whose lock must go.
ip netns add box
ip link add vbox type veth peer name eth0 netns box
ip addr add 10.8.0.254/24 dev vbox
ip link set vbox up
ip -n box link set lo up
ip -n box link set eth0 up
ip -n box addr add 10.8.0.1/24 dev eth0
mkdir "$cg/n"
setsid sh -c 'echo $$ >"$0/cgroup.procs"; exec nsenter --net=/run/netns/box "$@"' "$cg/n" \
	"$dir/count" "$dir/n" 30 </dev/null >/dev/null 2>&1 &
disown
wait_for 60 test -s "$dir/n"
reachable()
{
	wait_for 60 ping -q -c 1 -W 1 10.8.0.1
}
unlocked()
{
	! nsenter --net=/run/netns/box nft list tables | grep -q livemig
}
untouched()
{
	advances "$dir/n" && reachable && wait_for 60 no_sessions && wait_for 60 unlocked
}
check "a network namespace of its own: dump" dump cgroup:n -o "$image"
check "it runs on, its network is open" untouched
# Whatever peers would send it, it would acknowledge, and the image does not know.
silent()
{
	! ping -q -c 1 -W 1 10.8.0.1
}
check "--leave frozen: its network, too" dump cgroup:n -o "$dir/frozen" --leave frozen
check "... nothing reaches it" silent
check "... thaw lets it talk again" "$migctl" thaw cgroup:n
check "... it runs on, its network is open" untouched
linked()
{
	echo mine >"$dir/mine"
	ln -s mine "$dir/linked.tmp"
	dump cgroup:n -o "$dir/linked" && [ "$(cat "$dir/mine")" = mine ] && untouched
}
check "a link in the place of the half image is not followed" linked
rm -f "$dir/frozen" "$dir/linked" "$dir/mine"
killed()	# SIGNAL
{
	local i pid

	for i in $moments; do
		"$migctl" dump cgroup:n -o "$dir/killed" --rounds 1 >/dev/null 2>&1 &
		pid=$!
		sleep "$(printf "0.%03d" $((i * 8)))"
		kill "-$1" $pid 2>/dev/null
		wait $pid
		untouched || {
			echo "killed after $((i * 8)) ms"
			return 1
		}
	done
} 2>/dev/null
moments="1 2 4 6 8 10 14 20 30 50"
check "kill -9 at ten moments: it runs on, its network is open" killed KILL
moments="3 9 18"
check "kill -TERM at three moments: the same" killed TERM
rm -f "$dir"/killed*
terminated()	# with a half image; one that was through before does not count
{
	local pid

	for _ in {1..10}; do
		rm -f "$dir/term"
		"$migctl" dump cgroup:n -o "$dir/term" --rounds 100 >/dev/null 2>&1 &
		pid=$!
		wait_for 60 test -s "$dir/term.tmp" -o -e "$dir/term"
		kill -TERM $pid 2>/dev/null
		wait $pid 2>/dev/null
		gone "$dir/term.tmp" || return
		gone "$dir/term" && return
	done
	return 1
}
check "kill -TERM leaves no half image" terminated
rm -f "$dir/term"

# Nobody takes what is written.
mkfifo "$dir/fifo.tmp"
sleep 1000 <>"$dir/fifo.tmp" &
reader=$!
timeout -s KILL 3 "$migctl" dump cgroup:n -o "$dir/fifo" >/dev/null 2>&1
check "stuck on a full pipe, then killed: it runs on, its network is open" untouched
kill $reader

# It is stopped, its image is complete, and then it is not killed.
without_kill()	# INJECTION: into the write that would kill it
{
	strace -qq -o /dev/null -P "$cg/n/cgroup.kill" -e "inject=write:$1" \
		"$migctl" dump cgroup:n -o "$dir/unkilled" --leave killed
}
check "--leave killed, which fails" failed 4 "cannot kill" without_kill error=EIO
check "... its image is good" "$migctl" image verify "$dir/unkilled"
check "... it runs on, its network is open" untouched
rm -f "$dir/unkilled"
check "--leave killed, killed itself before that" failed 137 "" without_kill signal=KILL
check "... its image is good" "$migctl" image verify "$dir/unkilled"
check "... it runs on, its network is open" untouched

stop a d n
ip netns delete box
echo "1..$ktap_number"
finish
