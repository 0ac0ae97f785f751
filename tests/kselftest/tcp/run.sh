#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: cpus=2 timeout=1800
# requires: build/migctl
# build: stream stream.c
#
# TCP connections of a container that is dumped, killed and restored, while the
# other end, outside of it, goes on.
#
#       client (namespace)              box: the container
#       10.9.0.2, fd00::2               10.9.0.1, fd00::1, port 7000
#           +------------- br0 ---------------+

cd "$(dirname "$0")" || exit 1
top=$(realpath ../../..)
migctl=$top/build/migctl
tmp=$(mktemp -d)
stream=$top/build/tests/tcp/stream

# shellcheck source=tests/vm/ktap.sh
. ../../vm/ktap.sh

check()
{
	check_here "$@"
}

no_cgroup()
{
	rmdir /sys/fs/cgroup/tcp 2>/dev/null
	[[ ! -e /sys/fs/cgroup/tcp ]]
}

teardown()
{
	echo 1 >/sys/fs/cgroup/tcp/cgroup.kill
	kill $clients
	clients=
	for ns in box client; do ip netns delete $ns; done
	# (with a namespace its devices go when the kernel finds the time)
	for dev in vbox vclient br0; do ip link delete $dev; done
	until_true no_cgroup
	rm -rf "${tmp:?}"/{server,10,fd00}* "$tmp/image"
} 2>/dev/null

cleanup()
{
	teardown
	rm -rf "$tmp"
}

((EUID == 0)) || skip_all "not root"
[[ -x $migctl ]] || skip_all "no build/migctl: make tools"
. "$top/tests/kselftest/load.sh"
load_module
trap cleanup EXIT
echo KTAP version 1

setup()
{
	ip link add br0 type bridge
	ip link set br0 up
	for ns in box client; do
		ip netns add $ns
		ip link add v$ns type veth peer name eth0 netns $ns
		ip link set v$ns master br0 up
		ip -n $ns link set lo up
		ip -n $ns link set eth0 up
	done
	ip -n box addr add 10.9.0.1/24 dev eth0
	ip -n box addr add fd00::1/64 dev eth0 nodad
	ip -n client addr add 10.9.0.2/24 dev eth0
	ip -n client addr add fd00::2/64 dev eth0 nodad
	mkdir /sys/fs/cgroup/tcp
	(
		echo $BASHPID >/sys/fs/cgroup/tcp/cgroup.procs
		exec setsid nsenter --net=/run/netns/box $stream server "$tmp" 7000 \
			</dev/null >/dev/null 2>&1
	) &
	until_true test -e "$tmp/server.status" && return
	echo "Bail out! the server does not start"
	exit 1
}

client()	# N ADDRESS: sets $pid
{
	mkdir -p "$tmp/$2"
	ip netns exec client $stream client "$tmp/$2" 7000 "$1" "$2" &
	pid=$!
	clients+=" $pid"
}

field()		# FILE NUMBER
{
	cut -d' ' -f"$2" "$tmp/$1.status" 2>/dev/null || echo 0
}

until_true()	# COMMAND...: within two minutes, or $tries times 0.2 s
{
	local i

	for ((i = 0; i < ${tries:-600}; i++)); do "$@" && return; sleep 0.2; done
	return 1
}

connected()
{
	(($(field server 1) == $1))
}

moved_on()	# WHO: reads and writes more than it had
{
	local in out

	in=$(field "$1" 2)
	out=$(field "$1" 3)
	more() { (($(field "$1" 2) > in + 10000 && $(field "$1" 3) > out + 10000)); }
	until_true more "$1" || { cat "$tmp/$1.status" "$tmp/$1.errors"; return 1; }
}

no_errors()
{
	! cat "$tmp"/*.errors "$tmp"/*/*.errors 2>/dev/null
}

# Both sides stop reading; both sides' buffers fill.
stall()
{
	touch "$tmp"/server.stall "$tmp"/{10.9.0.1,fd00::1}/client.stall
	sleep 2
	until_true queues
}

# in_state STATE...: the container has connections in one of them.
in_state()
{
	local state

	for state; do
		nsenter --net=/run/netns/box ss -Htn state "$state" | grep -q :7000 && return
	done
	return 1
}

go_on()
{
	rm -f "$tmp"/server.stall "$tmp"/*/client.stall
}

dump()		# further options
{
	"$migctl" dump cgroup:tcp -o "$tmp/image" "$@"
}

restore()
{
	"$migctl" restore --detach "$tmp/image"
}

dead()
{
	[[ ! -e /sys/fs/cgroup/tcp && ! -e /run/netns/box ]] && ! pgrep -f "stream server"
}

clients=
setup
client 5 10.9.0.1
client 5 fd00::1
check "10 connections, IPv4 (mapped) and IPv6" until_true connected 10
check "data flows" moved_on server

check "dump, the container runs on" dump
check "connections go on" moved_on server
check "no errors" no_errors

queues()
{
	ip netns exec client ss -tn | awk 'NR > 1 { r += $2; s += $3 } END { exit !(r && s) }' &&
	nsenter --net=/run/netns/box ss -tn | awk 'NR > 1 { r += $2; s += $3 } END { exit !(r && s) }'
}
check "stalled: data waits in all queues" stall
check "dump --leave killed" dump --leave killed
check "nothing is left of it" dead
alive()
{
	ip netns exec client ss -tn state established | grep -c 10.9.0.1:7000 | grep -qx 5
}
check "the client noticed nothing" alive
sleep 1
check "restore" restore
go_on
check "the server reads and writes" moved_on server
check "the IPv4 client reads and writes" moved_on 10.9.0.1/client
check "the IPv6 client reads and writes" moved_on fd00::1/client
check "no errors, nothing lost, doubled or changed; options kept" no_errors
client 3 10.9.0.1
check "the listener accepts" until_true connected 13

# While data flows, several times in a row.
again()
{
	for _ in 1 2 3; do
		dump --leave killed && restore && moved_on server || return
	done
}
check "three times in a row under load" again
check "no errors" no_errors

# The client shuts down: data and the end of file wait.
stall
touch "$tmp/10.9.0.1/client.fin"
tries=150 until_true in_state close-wait
rm "$tmp/10.9.0.1/client.fin"
check "half closed by the client: dump and kill" dump --leave killed
check "half closed by the client: restore" restore
go_on
eof() { (($(field server 4) >= 3)); }
check "half closed by the client: the server reads the end of file" until_true eof
check "no errors" no_errors

# A connection from outside that nobody has accepted.
touch "$tmp/server.noaccept"
ip netns exec client timeout 1000 nc 10.9.0.1 7000 </dev/null >/dev/null 2>&1 &
clients+=" $!"
waits() { nsenter --net=/run/netns/box ss -Hltn | awk '$2 > 0 { n++ } END { exit !n }'; }
check "a connection waits to be accepted" until_true waits
check "dump and kill" dump --leave killed
check "restore" restore
check "it still waits" waits
accepted=$(field server 1)
rm "$tmp/server.noaccept"
more_accepted() { (($(field server 1) > accepted)); }
check "it is accepted" until_true more_accepted
check "data flows" moved_on server

# Many.
client 300 10.9.0.1
many() { (($(field server 1) >= 310)); }
check "300 connections more" until_true many
check "dump and kill" dump --leave killed
check "restore" restore
check "data flows" moved_on server
check "no errors" no_errors

# Half closed by the container.
touch "$tmp/server.fin"
tries=150 until_true in_state fin-wait-1 fin-wait-2
check "half closed by the container: dump and kill" dump --leave killed
check "half closed by the container: restore" restore
check "half closed by the container: it is so still" in_state fin-wait-1 fin-wait-2
before=$(field server 2)
reads_on() { (($(field server 2) > before)); }
check "half closed by the container: the server reads on" until_true reads_on
check "no errors" no_errors

# Much in flight: megabytes that the client has got, or that were lost, and the
# container knows of neither.
. ./bulk.sh

echo "1..$ktap_number"
finish
