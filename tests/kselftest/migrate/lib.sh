# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/migrate/lib.sh - for run.sh, on both hosts (sourced)

top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../../..")
migctl=$top/build/migctl
out=/run/out
. "$top/tests/vm/lib.sh"
declare -A ip=([A]=10.77.0.1 [B]=10.77.0.2)

# alive PID: it goes on, and finds nothing wrong with itself.
alive()
{
	local first second

	first=$(cat "/proc/$1/comm") || return
	[[ $first == ok-* ]] &&
		wait_for 60 bash -c '[[ $(cat "/proc/$0/comm") != "$1" ]]' "$1" "$first"
	second=$(cat "/proc/$1/comm") || return
	echo "$first, then $second"
	[[ $first == ok-* && $second == ok-* && $first != "$second" ]]
}

# still PID: it is there and does not move.
still()
{
	local first second

	first=$(cat "/proc/$1/comm") || return
	sleep 1
	second=$(cat "/proc/$1/comm") || return
	echo "$first, then $second"
	[[ $first == "$second" ]]
}

# stopped PID: by a signal
stopped()
{
	grep -q '^State:.T' "/proc/$1/status"
}

# take_pid PID: a sleep has it. (The kernel's threads are numbered, too: until it is the one.)
take_pid()
{
	until
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 1000 >/dev/null 2>&1 &
		disown
		[ $! = "$1" ]
	do
		kill $!
	done
}

# gone NAME PID: nothing of the container is here (any more).
gone()
{
	wait_for 120 bash -c "! [ -e /proc/$2 ] &&
		! grep -qs . /sys/fs/cgroup/$1/cgroup.procs"
}

# start NAME PROGRAM [ARGUMENT...]: a container; sets $pid.
start()
{
	mkdir -p "/sys/fs/cgroup/$1"
	# Pids that the other host does not use.
	((last_pid += 200))
	echo $last_pid >/proc/sys/kernel/ns_last_pid
	(
		echo $BASHPID >"/sys/fs/cgroup/$1/cgroup.procs"
		cd / && exec setarch x86_64 setsid "${@:2}" </dev/null >/dev/null 2>&1
	) &
	pid=$!
	disown
	# In its first round a program may still be starting others; "ok-0" waits for a
	# client.
	wait_for 120 grep -qE 'ok-(0|[2-9]|[0-9]{2})' "/proc/$pid/comm"
}
last_pid=10000

# stop NAME: end a container of ours.
stop()
{
	[ -e "/sys/fs/cgroup/$1" ] || return 0
	"$migctl" thaw "cgroup:$1" >/dev/null 2>&1
	echo 1 >"/sys/fs/cgroup/$1/cgroup.kill"
	wait_for 60 rmdir "/sys/fs/cgroup/$1"
}

# (the whole line of -x: a shell that looks for it is not taken for it)
no_agent()
{
	! pgrep -x -f "$migctl agent .*"
}

no_more_agent()
{
	pkill -9 -x -f "$migctl agent .*"
	wait_for 60 no_agent
}

# agent [STEP]: (re)start this host's agent; it dies at STEP.
agent()
{
	no_more_agent
	LIVEMIG_DIE_AT=${1:-} "$migctl" agent --listen "${ip[$VM_NAME]}" --insecure \
		>>"$out/agent-$VM_NAME.log" 2>&1 &
	disown
	wait_port "${ip[$VM_NAME]}" 7447
}

# tree PID: the family relations of a container.
tree()
{
	ps -o pid=,ppid=,pgid=,sid= -g "$1" | awk -v root="$1" '$1 == root { $2 = 0 } { print $1, $2, $3, $4 }' | sort -n
}

# ---- A asks B, by notes ----

# serve: B does what A asks for, to the end.
serve()
{
	local k text reply status

	agent || echo "# $VM_NAME: no agent"
	tell ready
	for ((k = 1; ; k++)); do
		text=$(hear "cmd.$k" 3600) || exit 1
		[ "$text" = end ] && exit 0
		reply=$(eval "$text" 2>&1)
		status=$?
		tell "reply.$k" "$status $reply"
	done
}

# on_b TEXT: run it there; its output and status. Called in subshells, too: the
# count of what was asked is in a file.
echo 0 >/tmp/asked
on_b()
{
	local n reply

	n=$(($(cat /tmp/asked) + 1))
	echo $n >/tmp/asked
	tell "cmd.$n" "$1"
	reply=$(hear "reply.$n" 500) || { echo "B does not answer"; return 1; }
	echo "${reply#* }"
	return "${reply%% *}"
}

# dismiss: B may end.
dismiss()
{
	tell "cmd.$(($(cat /tmp/asked) + 1))" end
}

# far_pids: what this host starts next has pids that no container has. (While it waits it
# starts some each second, and would come to those of the containers in the end.)
far_pids()
{
	echo 20000 >/proc/sys/kernel/ns_last_pid
}

# begin_tests: both hosts have an agent; A, which goes on, the programs of its area in $out.
begin_tests()
{
	local programs=$top/build/tests/${PWD##*/}

	if [ "$VM_NAME" != A ]; then
		far_pids
		serve
	fi
	. "$top/tests/vm/ktap.sh"
	echo "KTAP version 1"
	[ ! -d "$programs" ] || cp -p "$programs"/* $out
	agent
	hear ready 200 >/dev/null
}

# end_tests: of the tests, and of B
end_tests()
{
	echo "1..$ktap_number"
	dismiss
	finish
}

limit=$((400 * ${TIME_FACTOR:-1}))

migrate() # NAME [OPTION...]
{
	local name=$1

	shift
	timeout $limit "$migctl" migrate "cgroup:$name" "${ip[B]}" --insecure "$@"
}

# untouched PID: a container runs on, and nothing is at work on it.
untouched()
{
	alive "$1" || return
	"$migctl" status | grep -x 'sessions  0' || { "$migctl" status; return 1; }
	! nsenter -t "$1" -n nft list tables | grep livemig
}

# refused TEXT COMMAND...: status 2, and one line on stderr, which says TEXT (what is in
# the way, and the remedy). The container of $pid is as if nothing had been.
refused()
{
	local text=$1 status

	shift
	"$@" >/tmp/out 2>/tmp/err
	status=$?
	cat /tmp/out /tmp/err
	[ $status = 2 ] || { echo "status $status"; return 1; }
	[ ! -s /tmp/out ] && [ "$(wc -l </tmp/err)" = 1 ] || { echo "not one line"; return 1; }
	grep -qE -- ": .*$text" /tmp/err || { echo "does not say: $text"; return 1; }
	untouched "$pid" && echo "# refused: $(sed 's/^[^:]*: //' /tmp/err)"
}

# listens PORT: somebody does
listens()
{
	ss -Hltn "sport = $1" | grep .
}

# status_is N COMMAND...
status_is()
{
	local want=$1 got

	shift
	"$@"
	got=$?
	[ $got = "$want" ] || { echo "status $got, not $want"; return 1; }
}
