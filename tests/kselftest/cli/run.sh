#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/cli/run.sh - migctl: every verb's success and refusal
#
# Runs in a guest, as root; KTAP on stdout. (Not in one with the debug kernel: it
# starts migctl hundreds of times for what that refuses by itself.)
#
# vm: cpus=1 timeout=1800
# kernels: 6.1 6.12 7.2
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
. ../../vm/ktap.sh
root=$(cd ../../.. && pwd)
migctl=$root/build/migctl
tmp=$(mktemp -d)
mkdir "$tmp/json"
chmod 755 "$tmp"
box=/sys/fs/cgroup/box
trap 'umount "$tmp/v1" 2>/dev/null; rm -rf "$tmp"' EXIT

[ -x "$migctl" ] || skip_all "build/migctl is not built"

# What migctl is run by.
as=()

# expect STATUS TEXT ARGUMENT...: migctl ends so, and says so in one line of
# stderr (refusals) or on stdout (success)
expect()
{
	local want=$1 text=$2 status

	shift 2
	"${as[@]}" "$migctl" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	cat "$tmp/out" "$tmp/err"
	[ $status -eq "$want" ] || return
	case $want in
	0) [ ! -s "$tmp/err" ] && grep -q -- "$text" "$tmp/out" ;;
	1) [ ! -s "$tmp/out" ] && head -1 "$tmp/err" | grep -q -- "$text" ;;
	*) [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] &&
		grep -q -- "$text" "$tmp/err" ;;
	esac
}

# refuse: the same command with --json has the same status and says it in JSON
refuse()
{
	expect "$@" && json "$1" "${@:3}" && grep -q '"error"' "$tmp/out"
}

# json STATUS ARGUMENT...: with --json; whether what it prints is JSON is
# looked at in the end, for all at once
json()
{
	local want=$1 status

	shift
	"${as[@]}" "$migctl" --json "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	cat "$tmp/out"
	[ -s "$tmp/out" ] && cp "$tmp/out" "$(mktemp -p "$tmp/json")" && [ $status -eq "$want" ]
}

# all_json: each file is one JSON value
all_json()
{
	python3 - "$tmp"/json/* <<-'END'
		import json, sys
		for path in sys.argv[1:]:
		    try:
		        json.load(open(path))
		    except ValueError as e:
		        sys.exit(f"{e}: {open(path).read()}")
	END
}

# get KEY: of the JSON object in $tmp/out
get()
{
	sed -n 's/^  "'"$1"'": "\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$tmp/out"
}

frozen() # 0 or 1
{
	grep -qx "frozen $1" $box/cgroup.events
}

begin_box()
{
	mkdir -p $box
	setsid python3 -c '
import sys, time
mem = bytearray(4 << 20)
n = 0
while True:
    n += 1
    for i in range(0, 1 << 20, 4096):
        mem[i] = n & 255
    if n == 1:
        open(sys.argv[1], "w").close()
    time.sleep(0.1)' "$tmp/begun" </dev/null >/dev/null 2>&1 &
	pid=$!
	disown $pid
	echo $pid >$box/cgroup.procs
	for _ in $(seq 600); do
		[ -e "$tmp/begun" ] && return
		sleep 0.1
	done
}

end_box()
{
	echo 1 >$box/cgroup.kill
	for _ in $(seq 600); do
		rmdir $box && return
		sleep 0.1
	done
}

sessions() # COUNT
{
	expect 0 "^sessions  $1$" status
}

help_of_all()
{
	local v

	for v in status freeze thaw events "track start" "track stop" "track show" \
		 "image show" "image verify" "image list" dump restore migrate agent; do
		# shellcheck disable=SC2086
		expect 0 "usage: migctl $v" $v --help || { echo "$v"; return 1; }
	done
}

completes()
{
	"$migctl" --complete "$@" >"$tmp/out"
}

completes_ids()
{
	local source=/run/livemig/source id=0123456789abcdef0123456789abcdef

	completes migrate --recover "" && [ ! -s "$tmp/out" ] || return
	mkdir -p $source && echo '{"state": "committed"}' >$source/$id
	completes migrate --recover "" && grep -qx $id "$tmp/out"
	set -- $?
	rm -r $source
	return "$1"
}

bash_completes()
{
	PATH=$root/build:$PATH bash -c '
		. "$1"
		COMP_WORDS=(migctl track "") COMP_CWORD=2
		_migctl
		echo "${COMPREPLY[*]}"
		[ "${COMPREPLY[*]}" = "show start stop" ] || exit 1
		COMP_WORDS=(migctl fre) COMP_CWORD=1
		_migctl
		[ "${COMPREPLY[*]}" = freeze ]' - "$root/tools/completion/migctl"
}

# all_refused TEXT VERB...: each of them, and nothing has changed
all_refused()
{
	local text=$1 v

	shift
	for v; do
		# shellcheck disable=SC2086
		refuse 2 "$text" $v || { echo "$v"; return 1; }
	done
	frozen 0 && ! ls "$tmp"/new*
}

# other_host TYPE DIRECTORY OPTIONS COMMAND...: with that as the only cgroups there are
other_host()
{
	local type=$1 where=/sys/fs/cgroup/$2 options=$3

	shift 3
	unshare -m sh -c 'umount -l /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup &&
		mkdir "$1" && mount -t "$0" -o "$2" none "$1" && shift 2 && exec timeout 100 "$@"' \
		"$type" "$where" "$options" "$@"
}

version_one()
{
	mkdir -p "$tmp/v1" && mount -t cgroup -o none,name=test none "$tmp/v1" &&
		mkdir "$tmp/v1/a" && refuse 2 "a cgroup of version 1: .*boot with" freeze "$tmp/v1/a" &&
		rmdir "$tmp/v1/a"
}

# A client that was built for another protocol.
other_protocol()
{
	cp -r "$root/uapi/linux" "$tmp"
	sed 's/\(#define LIVEMIG_PROTOCOL\).*/\1 99/' "$root/uapi/linux/livemig.h" \
		>"$tmp/linux/livemig.h"
	cat >"$tmp/other.c" <<-'END'
		#include <stdio.h>
		#include "nl.h"
		int main(void)
		{
			struct lm_error e = { 0 };
			struct lm_nl *nl;

			if (!lm_nl_open(&nl, &e))
				return 0;
			puts(e.msg);
			return e.code;
		}
	END
	gcc -D_GNU_SOURCE -I"$tmp" -I"$root/tools/lib" -o "$tmp/other" "$tmp/other.c" \
		"$root"/tools/lib/{nl,nl_parse,attr,error}.c -lmnl || return
	"$tmp/other" >"$tmp/out"
	[ $? -eq 2 ] && cat "$tmp/out" && grep -q '(protocol 1), this tool.*(protocol 99)' "$tmp/out"
}

freeze_and_thaw()
{
	expect 0 "box: frozen" freeze cgroup:box && frozen 1 &&
		refuse 2 "is frozen already" freeze $box && sessions 1 &&
		expect 0 "box: frozen" status && frozen 1 &&
		expect 0 "box: running" thaw $box/ && frozen 0 && sessions 0 &&
		refuse 2 "has not frozen it" thaw cgroup:box
}

freeze_and_thaw_json()
{
	json 0 freeze cgroup:box && [ "$(get state)" = frozen ] && [ "$(get cgroup)" = $box ] &&
		[ "$(get tasks)" -eq 1 ] && json 0 thaw cgroup:box && [ "$(get state)" = running ]
}

track()
{
	expect 0 "tracker soft-dirty" track start cgroup:box &&
		refuse 2 "is tracked already" track start cgroup:box && sessions 1 &&
		json 0 track show cgroup:box && [ "$(get present)" -gt 1000 ] &&
		expect 0 "pages" track show cgroup:box &&
		expect 0 "tracker none" track stop cgroup:box && sessions 0 &&
		refuse 2 "is not tracked" track stop cgroup:box &&
		refuse 2 "is not tracked" track show cgroup:box
}

# One session serves both: neither end takes the other's part away.
both()
{
	expect 0 "tracker soft-dirty" track start cgroup:box &&
		expect 0 "frozen" freeze cgroup:box && sessions 1 &&
		expect 0 "running" thaw cgroup:box && sessions 1 &&
		expect 0 "frozen" freeze cgroup:box &&
		expect 0 "tracker none" track stop cgroup:box && frozen 1 &&
		expect 0 "running" thaw cgroup:box && frozen 0 && sessions 0
}

# listens PID: until it is a member of a netlink multicast group.
listens()
{
	for _ in $(seq 600); do
		awk -v pid="$1" '$3 == pid && $4 !~ /^0*$/ { n++ } END { exit !n }' \
			/proc/net/netlink && return
		sleep 0.1
	done
	return 1
}

events()
{
	"$migctl" events --json --count 4 >"$tmp/events" &
	local watcher=$!

	listens $watcher || return
	expect 0 frozen freeze cgroup:box && expect 0 running thaw cgroup:box &&
		wait $watcher && cat "$tmp/events" && split -l 1 "$tmp/events" "$tmp/json/event" &&
		[ "$(sed 's/.*"event":"\([^"]*\)".*/\1/' "$tmp/events" | tr '\n' ' ')" = \
			"session-new frozen thawed session-gone " ]
}

events_end()
{
	local watcher

	"$migctl" events --timeout 1 || return
	"$migctl" events >"$tmp/out" &
	watcher=$!
	listens $watcher || return
	kill -INT $watcher
	wait $watcher
}

# A task in uninterruptible sleep, on a file system that is frozen, cannot be
# stopped. While migctl waits for it nobody else gets in; when it gives up or
# dies the others run on.
stuck_begin()
{
	truncate -s 16M "$tmp/disk" && mkfs.ext4 -q "$tmp/disk" && mkdir "$tmp/mnt" &&
		modprobe -aq loop ext4; mount -o loop "$tmp/disk" "$tmp/mnt" || return
	fsfreeze -f "$tmp/mnt" || return
	sh -c 'echo $$ >'"$box"'/cgroup.procs; : >'"$tmp/mnt/file" &
	stuck=$!
	for _ in $(seq 600); do
		grep -q '^State:.D' /proc/$stuck/status && return
		sleep 0.1
	done
	return 1
}

stuck_end()
{
	fsfreeze -u "$tmp/mnt"
	wait "$stuck"
	umount "$tmp/mnt"
}

freeze_times_out()
{
	expect 3 "$box: freeze:" freeze --timeout 300 cgroup:box && sessions 0 && frozen 0
}

freeze_is_killed()
{
	local tool

	"$migctl" freeze --timeout 600000 cgroup:box 2>/dev/null &
	tool=$!
	for _ in $(seq 600); do
		[ "$(cat $box/cgroup.freeze)" -eq 1 ] && break
		sleep 0.1
	done
	refuse 2 "another program is at work on it" thaw cgroup:box || return
	kill -KILL $tool
	wait $tool
	for _ in $(seq 600); do
		[ "$(cat $box/cgroup.freeze)" -eq 0 ] && break
		sleep 0.1
	done
	sessions 0 && frozen 0 && [ "$(cat $box/cgroup.freeze)" -eq 0 ]
}

gone_with_cgroup()
{
	expect 0 frozen freeze cgroup:box && end_box
	for _ in $(seq 600); do
		sessions 0 && return
		sleep 0.1
	done
	return 1
}

# Nobody takes the module away below a session; without one it goes.
unload()
{
	expect 0 frozen freeze cgroup:box || return
	! rmmod livemig 2>"$tmp/err" && cat "$tmp/err" && grep -q 'in use' "$tmp/err" &&
		sessions 1 && frozen 1 && expect 0 running thaw cgroup:box &&
		rmmod livemig && refuse 2 "not loaded" status || return
	load_module
}

full_disk()
{
	"$migctl" "$@" >/dev/full 2>"$tmp/err"
	[ $? -eq 3 ] && grep -q 'No space left' "$tmp/err"
}

# All that need the module, and so root; of them those that look for a cgroup.
of_cgroups=("freeze cgroup:box" "thaw cgroup:box" "track start cgroup:box"
	    "track stop cgroup:box" "track show cgroup:box" "dump cgroup:box -o $tmp/new"
	    "migrate cgroup:box 127.0.0.1 --insecure")
agent="agent --listen 127.0.0.1 --insecure"
verbs=(status events "${of_cgroups[@]}" "migrate --recover" "restore $tmp/image" "$agent")
: >"$tmp/image"

plan 56

# ---- the command line ----
check "no command" expect 1 "no command given"
check "unknown command" expect 1 "unknown command 'explode'" explode
check "half a command" expect 1 "unknown command 'track'" track
check "unknown option" expect 1 "unknown option --frob" freeze --frob cgroup:box
check "missing argument" expect 1 "usage: migctl freeze TARGET" freeze
check "too many arguments" expect 1 "usage: migctl thaw TARGET" thaw a b
check "option without its value" expect 1 "needs MS" freeze cgroup:box --timeout
check "number out of range" expect 1 "must be a number from 1 to 600000" freeze -t 0 cgroup:box
check "number that is none" expect 1 "must be a number" freeze --timeout=1x cgroup:box
check "value for a switch" expect 1 "takes no value" status --json=1
check "--help" expect 0 "usage: migctl COMMAND" --help
check "--help of a group" expect 0 "track start" track --help
check "--help of every verb" help_of_all
check "--version" expect 0 "^migctl [0-9.]* (protocol 1)" --version
check "--version --json" json 0 -V
check "completion of a verb" eval 'completes track "" && grep -qx start "$tmp/out"'
check "completion of options" eval 'completes freeze -- && grep -qx -- --timeout "$tmp/out"'
check "completion after a global option" eval 'completes --json track "" && grep -qx start "$tmp/out"'
check "completion of values" eval 'completes dump --leave "" && grep -qx frozen "$tmp/out" &&
	completes dump --leave = "" && grep -qx frozen "$tmp/out" &&
	completes migrate --compress "" && grep -qx zstd "$tmp/out" &&
	completes agent --net-parent "" && grep -qx lo "$tmp/out"'
check "completion of what is to be recovered" completes_ids
check "completion in bash" bash_completes

# ---- targets ----
begin_box
if [ -d /sys/module/livemig ]; then
	skip "no module" "it is loaded"
else
	check "no module" all_refused "not loaded: modprobe livemig" "${verbs[@]}"
fi
load_module
check "not a target" expect 1 "not a target" freeze box
check "no name" expect 1 "a name is missing" freeze cgroup:
check "not a pid" expect 1 "not a pid" freeze pid:abc
check "a pid where a cgroup is wanted" refuse 2 "works on a cgroup only" freeze pid:$$
check "no such process" refuse 2 "no such process" freeze pid:4000000
check "no such cgroup" refuse 2 "no such cgroup" freeze cgroup:nowhere
check "not a cgroup" refuse 2 "not a cgroup" freeze /tmp
check "the root cgroup" refuse 2 "the root cgroup" freeze /sys/fs/cgroup
check "a cgroup of version 1" version_one
boot='(boot with systemd.unified_cgroup_hierarchy=1)'
as=(other_host cgroup2 unified rw)
check "a hybrid host" all_refused "cgroup v1 (hybrid): .*$boot" "${of_cgroups[@]}" "$agent"
as=(other_host cgroup name "none,name=test")
check "a host with cgroup v1 only" all_refused "no cgroup v2 mounted: .*$boot" \
	"${of_cgroups[@]}" "$agent"
as=()
as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
check "not root" all_refused "needs root" "${verbs[@]}"
as=(setpriv --bounding-set -sys_admin --inh-caps -all)
check "root without CAP_SYS_ADMIN" all_refused "CAP_SYS_ADMIN" status "${of_cgroups[@]}"
as=()
check "nobody was let in" sessions 0
check "an address that is none" expect 1 "no such address .*: give one" \
	agent --listen nowhere.invalid --insecure
check "a module of another protocol" other_protocol

# ---- verbs ----
check "status" expect 0 "sessions  0" status
check "completion of a target" eval 'completes freeze "" && grep -qx cgroup:box "$tmp/out"'
check "completion of a process" eval 'completes dump "" && grep -qx pid: "$tmp/out"'
check "no completion of a process where it is refused" \
	eval 'completes freeze "" && ! grep -qx pid: "$tmp/out"'
check "freeze and thaw" freeze_and_thaw
check "freeze and thaw, --json" freeze_and_thaw_json
check "track start, show, stop" track
check "freeze and track together" both
check "events" events
check "events end by time and by signal" events_end
if stuck_begin; then
	check "freeze gives up" freeze_times_out
	check "freeze is killed" freeze_is_killed
	stuck_end
else
	skip "freeze gives up" "no task can be made to hang"
	skip "freeze is killed" "no task can be made to hang"
	umount "$tmp/mnt"
fi
check "the module stays as long as there is a session" unload
check "output onto a full disk" full_disk status
check "dump" expect 0 "1 processes" dump cgroup:box -o "$tmp/dump"
check "a session goes with its cgroup" gone_with_cgroup
as=(other_host cgroup2 unified rw)
check "restore on a hybrid host" refuse 2 "is not cgroup v2; boot with" restore "$tmp/dump"
as=()
check "--json is JSON" all_json
finish
