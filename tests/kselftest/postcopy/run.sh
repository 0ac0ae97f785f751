#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/postcopy/run.sh - containers that run on the other host before all
# of their memory is there, and what becomes of them when it does not come
#
# Programs that keep their memory dirty (postcopy.c) move after one round, so that all
# of it is missing. Most tests let it come when it is touched and not before
# (LIVEMIG_LAZY=on-demand), so that it is missing for certain when something happens.
#
# coverage: Memory
# vm: guests=A,B mem=1024 timeout=3600
# requires: build/migctl
# build: postcopy postcopy.c ../program.c -pthread
# build: threads ../migrate/threads.c -pthread
# build: fake_peer ../migrate/fake_peer.c liblivemig

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/migrate/lib.sh
. ../migrate/lib.sh

load_module || { echo "1..0 # SKIP livemig.ko does not load"; exit 4; }

# told_of_end: the kernel's log says that a container was killed
told_of_end()
{
	dmesg | grep 'has ended too early: the container (.* processes) is killed'
}

# killed NAME: nothing of it is left, and the log says why (once all of them are killed)
killed()
{
	wait_for 120 grep -qx 'populated 0' "/sys/fs/cgroup/$1/cgroup.events" ||
		[ ! -e "/sys/fs/cgroup/$1" ] || { echo "it lives"; return 1; }
	wait_for 60 told_of_end || { echo "nothing in the log"; return 1; }
	told_of_end
	dmesg -C
}

# no_server: nobody brings memory here
no_server()
{
	wait_for 120 bash -c '! pgrep -x migctl-lazy'
}

begin_tests

# run NAME TEST: a container with one of the programs; sets $pid
run()
{
	mkdir -p "/sys/fs/cgroup/$1"
	((last_pid += 200))
	echo $last_pid >/proc/sys/kernel/ns_last_pid
	(
		echo $BASHPID >"/sys/fs/cgroup/$1/cgroup.procs"
		cd / && exec setsid "$out/postcopy" "$2" "$out/$1" </dev/null >/dev/null 2>&1
	) &
	pid=$!
	disown
	wait_file "$out/$1.ready" 120
}

# move NAME [OPTION...]: after one round; what it says is in $out/NAME.json, .err
move()
{
	local name=$1

	shift
	migrate "$name" --postcopy --rounds 1 --downtime 1 --json "$@" \
		>"$out/$name.json" 2>"$out/$name.err" || { status=$?; cat "$out/$name.err"; return $status; }
}

# follows NAME: it runs there, and its memory is here
follows()
{
	wait_for 300 grep -q "[ /:]$1 from .*memory follows" "$out/agent-B.log"
}

# says NAME FILTER: jq-like, a python expression of what the migration has said (j, and
# pc for its "postcopy")
says()
{
	python3 -c 'import json, sys
j = json.load(open(sys.argv[1])); pc = j["postcopy"]
print(pc)
sys.exit(not eval(sys.argv[2]))' "$out/$1.json" "$2"
}

# answers NAME: the program finds nothing wrong
answers()
{
	touch "$out/$1.go"
	wait_file "$out/$1" 300 || { echo "no answer"; return 1; }
	[ "$(cat "$out/$1")" = ok ] || { cat "$out/$1"; return 1; }
}

# goes NAME: moves a program away, that only then looks at its memory
goes()
{
	local name=$1 job

	move "$name" &
	job=$!
	follows "$name" || { cat "$out/$name.err"; return 1; }
	on_b "pgrep -x migctl-lazy" || { echo "nothing is missing"; return 1; }
	answers "$name" || return
	wait $job || { cat "$out/$name.err"; return 1; }
	gone "$name" "$pid" && on_b no_server
}

# ---- memory that is missing, whatever programs do to it ----

on_b "LIVEMIG_LAZY=on-demand agent" >/dev/null
for test in read write threads fork unmap dontneed mremap kernel eager; do
	run c-$test $test
	check "$test" goes c-$test
	stop c-$test
done
check "it came because somebody waited" says c-read \
	'pc["pages"] > 1000 and 100 < pc["wanted"] <= pc["pages"] and pc["brought"] == 0'
check "what cannot wait came before" says c-eager 'pc["before"] >= 20'

# ---- it comes by itself ----

on_b agent >/dev/null
run prefork prefork
check "prefork: moves" move prefork
check "... pages that are shared with a child came before" says prefork \
	'pc["before"] > 1000 and pc["wanted"] == pc["brought"] == 0'
check "... and are right" answers prefork
stop prefork
run rounds rounds
check "a writer moves" move rounds
check "... its memory comes by itself" says rounds \
	'pc["brought"] > 0 and pc["seconds"] > 0 and j["rounds"][-1]["final"]'
check "... nothing of it is left here" gone rounds $pid
check "... nobody brings memory any more" on_b no_server
check "... and it was right all the time" answers rounds
run squeezed plain
check "with --compress and --delta" move squeezed --compress lz4 --delta
check "... so it came" says squeezed 'pc["pages"] > 0 and j["compress"] == "lz4"'
check "... and it is right, too" answers squeezed

# ---- a link that is slower than the writer ----

dev=$(ip -o -4 addr show | awk -v ip="${ip[A]}" 'index($4, ip "/") == 1 { print $2 }')
check "a slow link" tc qdisc add dev "$dev" root netem rate 40mbit limit 10000
run never rounds
check "without --postcopy it would stop for long" status_is 3 \
	migrate never --strict --rounds 2 --downtime 10
postcopy_on_terminal()
{
	script -qec "timeout $limit $migctl migrate cgroup:never ${ip[B]} --insecure --postcopy --strict --rounds 2 --downtime 10" \
		/tmp/terminal </dev/null
}
check "with it it moves" postcopy_on_terminal
check "... a terminal shows how it goes on" grep -qE \
	'post-copy: [0-9]+ of [0-9]+ pages, [0-9]+ of them waited for' /tmp/terminal
check "... it is right" answers never
tc qdisc del dev "$dev" root
start enough $out/threads
enough()
{
	migrate enough --postcopy --downtime 60000 --json >$out/enough.json
}
check "when rounds are enough" enough
check "... nothing follows" says enough 'pc is None'
on_b "stop enough" >/dev/null

# ---- refusals ----

start o unshare -n $out/threads
$out/fake_peer old 7002 &
wait_for 60 listens 7002
check "refused: an agent that does not know it" refused \
	"fake does not know post-copy: leave out --postcopy, or update it" \
	"$migctl" migrate cgroup:o 127.0.0.1:7002 --insecure --postcopy
wait $!
stop o
run r read

# ---- until it runs there nothing is different ----

on_b "LIVEMIG_LAZY=on-demand agent" >/dev/null
for step in frozen ready; do
	LIVEMIG_DIE_AT=$step check "tool killed at '$step'" status_is 137 move r
	check "... nothing is left on B" on_b "gone r $pid"
done
on_b "LIVEMIG_LAZY=on-demand agent committed" >/dev/null
check "agent killed at 'committed'" status_is 3 move r
check "... nothing is left on B" on_b "gone r $pid"
on_b "LIVEMIG_LAZY=on-demand agent going" >/dev/null
check "agent killed when the tasks are next" status_is 3 move r
check "... nothing is left on B" on_b "gone r $pid"
check "... it ran on all the time" answers r
stop r

# ---- what ends is not always lost ----

on_b agent >/dev/null
run signal read
# (SIGTERM: a shell may have SIGINT ignored)
LIVEMIG_DIE_AT=sent:15 check "a signal after COMMIT does not end the tool" move signal
check "... it is right" answers signal
on_b "stop signal" >/dev/null

# Nothing is missing, so it needs nobody there.
on_b "agent running" >/dev/null
run whole prefork
check "prefork: agent killed before it says RUNNING" move whole
check "... it is right" answers whole
check "... it is gone from A" gone whole $pid
on_b "stop whole" >/dev/null
on_b "agent arrived" >/dev/null
run all read
check "agent killed before it says ARRIVED" move all
check "... it is right" answers all
check "... it is gone from A" gone all $pid
on_b "stop all" >/dev/null

# ---- after that it is lost with whoever fails ----

# stays NAME: it is there, and does not run
stays()
{
	[ -e "/proc/$pid" ] && grep -x 'frozen 1' "/sys/fs/cgroup/$1/cgroup.events" ||
		{ cat "/sys/fs/cgroup/$1/cgroup.events"; return 1; }
}

# lost NAME: it is known on A; nothing runs again
lost()
{
	stays "$1" || return
	status_is 4 "$migctl" migrate --recover >"$out/recover" 2>&1 &&
		grep -q 'lost: it ran on .*, and was killed there' "$out/recover" ||
		{ cat "$out/recover"; return 1; }
	gone "$1" "$pid"
}

on_b "dmesg -C; LIVEMIG_LAZY=on-demand agent" >/dev/null
run tool read
LIVEMIG_DIE_AT=running check "tool killed after RUNNING" status_is 137 move tool
check "... it is killed on B" on_b "killed tool"
check "... the copy here never runs, and --recover says so" lost tool

run agent read
move agent >/dev/null 2>&1 &
job=$!
check "memory follows" follows agent
on_b "pkill -KILL -x migctl-lazy" >/dev/null
wait $job
check "agent killed after RUNNING: status 4" [ $? = 4 ]
check "... with the reason" grep -q "lost: it ran on" $out/agent.err
check "... it is killed on B" on_b "killed agent"
check "... the copy here never runs, and --recover says so" lost agent

run damaged read
python3 damage.py 7450 "${ip[B]}" 7447 &
proxy=$!
wait_for 60 listens 7450
# The way there is another one.
check "a page that was damaged on its way: status 4" status_is 4 \
	timeout $limit "$migctl" migrate cgroup:damaged 127.0.0.1:7450 --insecure \
	--postcopy --rounds 1 --downtime 1
check "... it is killed on B" on_b "killed damaged"
check "... whose log says why" on_b \
	"wait_for 60 grep -q 'is damaged (wrong hash)' $out/agent-B.log"
check "... the copy here never runs, and --recover says so" lost damaged
kill $proxy

on_b "LIVEMIG_LAZY=on-demand agent running" >/dev/null
run said read
check "agent killed before it says RUNNING: status 4" status_is 4 move said
check "... it is killed on B" on_b "killed said"
on_b "LIVEMIG_LAZY=on-demand agent" >/dev/null
check "... the copy here never runs, and --recover says so" lost said

run link read
move link >/dev/null 2>&1 &
job=$!
check "memory follows" follows link
ip link set "$dev" down
check "link cut after RUNNING: it is killed on B" on_b "killed link"
wait $job
check "... status 4" [ $? = 4 ]
ip link set "$dev" up
check "... the copy here never runs, and --recover says so" lost link

end_tests
