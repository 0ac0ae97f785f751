#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/migrate/run.sh - containers move, and what happens when an end
# dies on the way
#
# vm: guests=A,B mem=1024 timeout=3600
# requires: build/migctl
# build: tree tree.c
# build: threads threads.c -pthread
# build: clocks ../time/clocks.c -pthread
# build: fake_peer fake_peer.c liblivemig
# A runs the tests; B does what A asks for.

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/migrate/lib.sh
. ./lib.sh

load_module || { echo "1..0 # SKIP livemig.ko does not load"; exit 4; }

# link_of PID: the device of its namespace
link_of()
{
	nsenter -t "$1" -n ip -d -o link show dev eth0 |
		grep -o 'link/ether [0-9a-f:]*\|macvlan mode [a-z]*' &&
		nsenter -t "$1" -n ip -br addr show dev eth0 | grep -o ' [0-9].*'
}

begin_tests
dev=$(ip -o -4 addr show | awk -v ip="${ip[A]}" 'index($4, ip "/") == 1 { print $2 }')

# The same with a terminal for stderr.
migrate_on_terminal() # NAME
{
	script -qec "timeout $limit $migctl migrate cgroup:$1 ${ip[B]} --insecure" \
		/tmp/terminal </dev/null
}

# ---- they move, there and back ----

for program in tree threads clocks; do
	start $program $out/$program
	before=$(tree $pid)
	move=migrate
	[ $program = threads ] && move=migrate_on_terminal
	check "$program: moves to B" $move $program
	check "$program: is gone from A" gone $program $pid
	check "$program: runs on B" on_b "alive $pid"
	after=$(on_b "tree $pid")
	check "$program: same family on B" [ "$before" = "$after" ]
	check "$program: moves back" on_b \
		"timeout $limit $migctl migrate cgroup:$program ${ip[A]} --insecure"
	check "$program: runs on A again" alive $pid
	check "$program: is gone from B" on_b "gone $program $pid"
	stop $program
done

check "a terminal shows how it goes on" grep -qE \
	'round 0: [0-9]+ pages, [0-9.]+ [kMGT]?B, [0-9]+ pages/s dirty, would stop for [0-9]+ ms' \
	/tmp/terminal

# ---- an address on a macvlan of its own ----

# macvlan_begin NAME: a server with one, and somebody on this host who talks to it
macvlan_begin()
{
	# Those on one device reach each other, and not the device itself.
	ip link add link "$dev" name peer type macvlan mode bridge
	ip addr add 10.88.0.1/24 dev peer
	ip link set peer up
	start "$1" unshare -n python3 "$PWD/talk.py" server || return
	ip link add link "$dev" name peer2 type macvlan mode bridge
	ip link set peer2 netns "$pid" name eth0
	nsenter -t "$pid" -n ip addr add 10.88.0.50/24 dev eth0
	nsenter -t "$pid" -n ip link set eth0 up
	python3 talk.py client 10.88.0.50 /tmp/talk 2>/tmp/talk.err &
	client=$!
	wait_for 120 test -s /tmp/talk
}

# talks: that connection goes on
talks()
{
	local n

	n=$(cat /tmp/talk) && kill -0 $client && wait_for 60 eval "[ \$(cat /tmp/talk) -gt $((n + 5)) ]" ||
		{ cat /tmp/talk /tmp/talk.err; return 1; }
}

client=none
macvlan_begin m
before=$(link_of $pid)
check "macvlan: a container has one" grep 'macvlan mode bridge' <<<"$before"
check "... talks" talks
check "... moves to B" migrate m
check "... is gone from A" gone m $pid
check "... runs on B" on_b "alive $pid"
check "... has the same device on B" [ "$before" = "$(on_b "link_of $pid")" ]
check "... the connection goes on" talks
check "... moves back" on_b "timeout $limit $migctl migrate cgroup:m ${ip[A]} --insecure"
check "... runs on A again" alive $pid
check "... has the same device on A" [ "$before" = "$(link_of $pid)" ]
check "... the connection goes on" talks
touch /tmp/talk.stop
wait $client
check "... and ends well" [ $? = 0 ]
stop m
ip link del peer

# ---- refusals: nothing is changed ----

# another_build FILE COPY: as it is, but for its build-id
another_build()
{
	local id

	id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
	[ "${#id}" = 40 ] || { echo "no build-id"; return 1; }
	python3 - "$1" "$2" "$id" <<-'END' && touch -r "$1" "$2"
		import sys
		data, id = open(sys.argv[1], "rb").read(), bytes.fromhex(sys.argv[3])
		assert data.count(id) == 1
		open(sys.argv[2], "wb").write(data.replace(id, id[::-1]))
	END
}

# /tmp is each guest's own.
cp -p $out/threads /tmp/threads
start f unshare -n /tmp/threads 10000
check "refused: a file is missing on B" refused \
	"/tmp/threads: missing here; bring it from the source" migrate f
on_b "cp -p $out/threads /tmp/threads; echo >>/tmp/threads; touch -r $out/threads /tmp/threads" >/dev/null
check "refused: a file of another size on B" refused \
	"/tmp/threads: size [0-9]+ here, [0-9]+ when .*; bring the same file" migrate f
on_b "cp $out/threads /tmp/threads" >/dev/null
check "refused: a file of another time on B" refused \
	"/tmp/threads: changed since .*\(modification time\); bring the same file" migrate f
check "another build of it" another_build $out/threads $out/another
on_b "cp -p $out/another /tmp/threads" >/dev/null
check "refused: a program of another build on B" refused \
	"/tmp/threads: build-id [0-9a-f]+ here, [0-9a-f]+ when .*; install the same version" \
	migrate f
check "nothing is left on B" on_b "gone f $pid"
on_b "cp -p $out/threads /tmp/threads" >/dev/null
check "with the same file it moves" migrate f
check "... it runs on B" on_b "alive $pid"
on_b "stop f" >/dev/null

mkdir /tmp/only-here
# shellcheck disable=SC2016
start w unshare -n bash -c 'cd /tmp/only-here && exec "$0" 10000' $out/threads
check "refused: a working directory is missing on B" refused \
	"/tmp/only-here: missing here; bring it from the source" migrate w
stop w

start r unshare -n $out/threads

# gives_up ROUNDS OPTION...: after so many
gives_up()
{
	local rounds=$1

	shift
	status_is 3 migrate r --strict --downtime 1 "$@" 2>/tmp/said &&
		grep "^migctl: .* after $rounds rounds; it runs on" /tmp/said &&
		untouched "$pid" || { cat /tmp/said; return 1; }
}
check "--strict: not stopped for longer than allowed" gives_up 2 --rounds 2
# On a link that takes longer than that for each round: a page needs 33 ms.
check "a slow link" tc qdisc add dev "$dev" root netem rate 1mbit limit 10000
check "--timeout: no further round after that" gives_up 1 --rounds 2 --timeout 1
tc qdisc del dev "$dev" root
stop r
start r unshare -n $out/threads 10000
check "refused without --insecure" refused "neither encrypted .*: say --insecure on both sides" \
	"$migctl" migrate cgroup:r "${ip[B]}"
check "refused: no agent at that port" refused \
	"port 7000: no agent answers \(start .migctl agent. there\)" \
	"$migctl" migrate cgroup:r "${ip[B]}:7000" --insecure
check "refused: no such host" refused "nowhere.invalid: no such host .*: give a name" \
	"$migctl" migrate cgroup:r nowhere.invalid --insecure
check "refused: no such container" refused "cgroup:nowhere: no such cgroup \(/sys/.*\)" \
	"$migctl" migrate cgroup:nowhere "${ip[B]}" --insecure
check "an agent needs --insecure" refused "neither encrypted .*: say --insecure on both sides" \
	"$migctl" agent --listen "${ip[A]}:7001"

# said KIND: what is said of such a peer
said()
{
	case $1 in
	version) echo "fake runs migctl 9.9.9 with protocol 2, .*: install the same version" ;;
	arch) echo "fake is a riscv64 host, .*: move it to a host of the same architecture" ;;
	cpu) echo "lacks CPU state .*: choose a host with the same CPU features" ;;
	tls) echo "fake wants a connection secured by .tls.*: install the same version" ;;
	noise) echo "does not answer like a .migctl agent. .*: name the host and port of one" ;;
	esac
}
for kind in version arch cpu tls noise; do
	$out/fake_peer $kind 7002 &
	wait_for 60 listens 7002
	check "refused: agent with another $kind" refused "$(said $kind)" \
		"$migctl" migrate cgroup:r 127.0.0.1:7002 --insecure
	wait $!
done
# Our agent says so to such a client, and into its log.
for kind in version arch cpu tls; do
	check "refused: client with another $kind" refused "$(said $kind)" \
		$out/fake_peer $kind "${ip[A]}:7447"
	# (once the client has been told)
	check "... the agent's log says so, too" \
		wait_for 60 grep -E " fake: .*$(said $kind)" $out/agent-A.log
done
on_b "take_pid $pid" >/dev/null
check "refused: a pid is taken on B" refused \
	"pid $pid is taken here by sleep; end it, or use another host" migrate r
on_b "pkill sleep; far_pids" >/dev/null
check "nothing is left on B" on_b "gone r $pid"
stop r

# shellcheck disable=SC2016
start d unshare -n bash -c 'exec "$0" 10000 9</dev/kmsg' $out/threads
check "refused: an unknown device" refused \
	"pid $pid fd 9: device /dev/kmsg: not supported" migrate d
stop d

# ---- the source's tool is killed ----

for step in check connected offered round frozen ready committed; do
	start k $out/threads 10000
	LIVEMIG_DIE_AT=$step check "tool killed at '$step'" status_is 137 migrate k
	check "... the container runs on" alive $pid
	check "... nothing is left on B" on_b "gone k $pid"
	stop k
done
check "... nothing waits to be recovered" status_is 2 "$migctl" migrate --recover

# The shortest of all moments.
start k $out/threads 10000
LIVEMIG_DIE_AT=held check "tool killed directly before COMMIT is sent" status_is 137 migrate k
check "... it stays frozen" still $pid
check "... --recover lets it run on" "$migctl" migrate --recover
check "... it does" alive $pid
check "... nothing is left on B" on_b "gone k $pid"
stop k

# (SIGTERM: a shell may have SIGINT ignored)
start k $out/threads 10000
LIVEMIG_DIE_AT=held:15 check "a signal at that moment does not end the tool" migrate k
check "... it runs on B" on_b "alive $pid"
check "... it is gone from A" gone k $pid
on_b "stop k" >/dev/null

for step in sent running; do
	start k $out/threads 10000
	LIVEMIG_DIE_AT=$step check "tool killed at '$step'" status_is 137 migrate k
	check "... it runs on B" on_b "alive $pid"
	check "... it stays frozen on A" still $pid
	check "... --recover removes it" "$migctl" migrate --recover
	check "... it is gone from A" gone k $pid
	check "... it still runs on B" on_b "alive $pid"
	on_b "stop k" >/dev/null
done

# ---- the agent is killed ----

for step in connected offered round frozen ready committed going; do
	on_b "agent $step" >/dev/null
	start k $out/threads 10000
	check "agent killed at '$step'" status_is 3 migrate k
	check "... the container runs on" alive $pid
	check "... nothing is left on B" on_b "gone k $pid"
	stop k
done

# stop_tool STEP: a container is sent off by a $tool that stops after COMMIT, to an agent
# that dies at STEP
stop_tool()
{
	on_b "agent $1" >/dev/null
	start k $out/threads 10000
	LIVEMIG_DIE_AT=sent:19 "$migctl" migrate cgroup:k "${ip[B]}" --insecure 2>/tmp/said &
	tool=$!
	wait_for 120 stopped $tool
}

# Its pid is somebody else's by the time that it is asked for.
check_here "agent killed at 'committed', tool stopped" stop_tool committed
check "... nothing is left on B" on_b "gone k $pid"
on_b "take_pid $pid" >/dev/null
kill -CONT $tool
wait $tool
check "... status 3, though the pid is taken there" [ $? = 3 ]
check "... the container runs on" alive $pid
on_b "pkill sleep; far_pids" >/dev/null
stop k

on_b "agent running" >/dev/null
start k $out/threads 10000
check "agent killed before it says RUNNING" migrate k
check "... it runs on B" on_b "alive $pid"
check "... it is gone from A" gone k $pid
on_b "stop k" >/dev/null

# Nobody can say what became of COMMIT: no agent is there any more.
check_here "tool stopped after COMMIT is sent" stop_tool running
check "... it runs on B" on_b "alive $pid"
check "... whose agent goes" on_b no_more_agent
kill -CONT $tool
wait $tool
check "... status 4" [ $? = 4 ]
check "... which says what to do" grep -x \
	"migctl: cgroup:k: .*: frozen here, and ${ip[B]} does not say whether it runs there (.*): .migctl migrate --recover [0-9a-f]*. asks again" \
	/tmp/said
check "... it stays frozen on A" still $pid
# Somebody else by that name, or this one without what it has promised.
on_b "mv /run/livemig/agent /run/livemig/away; agent" >/dev/null
check "... an agent that knows nothing of it is not believed" status_is 4 "$migctl" migrate --recover
check "... it stays frozen on A" still $pid
on_b "rm -rf /run/livemig/agent; mv /run/livemig/away /run/livemig/agent" >/dev/null
# Who had asked before died while it removed it.
echo 1 >/sys/fs/cgroup/k/cgroup.kill
check "... and then removes it, though it has no process any more" "$migctl" migrate --recover
check "... its cgroup, too" [ ! -e /sys/fs/cgroup/k ]
check "... it is gone from A" gone k $pid
check "... it still runs on B" on_b "alive $pid"
on_b "stop k" >/dev/null

end_tests
