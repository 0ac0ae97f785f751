#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/sockets/run.sh - sockets, dumped and restored
#
# usage: run.sh [TEST...]
# main.c sets a state up, and looks at it when it runs again.
#
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: main *.c

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

moved="backlog seqbacklog rights deeprights cycle waitingrights scmcreds streamcreds
peercred names tcpbacklog tcpends tcpopening tcpdata
tcpclosed tcptimewait tcpended tcpclosing tcpconnecting tcpmakers sockopts filters udp udplite udperrors raw netlink packet
multicast"
refused="packetring packetfanout vsock alg sctp mptcp xdp tls bpf oob netlinkgroup netlinkunread
multicast_anycast multicast_sources"

# With a network of its own, where it is that which the test is about.
start()
{
	case $1 in
	tcp*|udp*|sockopts|raw|netlink|packet*)
		# shellcheck disable=SC2016
		box "sockets-$1" unshare -n sh -c 'ip link set lo up
			echo 0 65535 >/proc/sys/net/ipv4/ping_group_range; exec "$@"' - \
			"$dir/main" "$1" "$dir/$1" ;;
	multicast*)
		# shellcheck disable=SC2016
		box "sockets-$1" unshare -n sh -c 'ip link set lo up
			ip link add dm0 type dummy; ip addr add 10.4.0.1/32 dev dm0
			ip addr add fd04::1/64 dev dm0 nodad; ip link set dm0 up
			exec "$@"' - "$dir/main" "$1" "$dir/$1" ;;
	*)
		box "sockets-$1" "$dir/main" "$1" "$dir/$1" ;;
	esac
	is_ready "$dir/$1"
}

# Dump, kill, restore; then what it says itself.
moves()
{
	is_ready "$dir/$1" || return
	moved "sockets-$1" "$dir/$1.img" || return
	answers "$dir/$1"
}

declare -A why=(
	[packetring]="with a ring" [packetfanout]="in a fanout group" [vsock]="vsock socket" [alg]="AF_ALG socket"
	[sctp]="SCTP socket" [mptcp]="MPTCP socket" [xdp]="XDP socket" [tls]="kernel TLS"
	[bpf]="BPF program on a socket" [oob]="urgent data" [netlinkgroup]="is in a group"
	[netlinkunread]="that nobody has read"
	[multicast_anycast]="IPv6 anycast membership"
	[multicast_sources]="multicast membership with too many sources"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	is_ready "$dir/$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/sockets-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/$1"
}

load_module
# shellcheck disable=SC2086
[ $# = 0 ] || { moved=$*; refused=; }
# shellcheck disable=SC2086
set -- $moved $refused
plan $#
# whole TEST NAME COMMAND: the test, if there is what it is about
whole()
{
	start "$1" >/dev/null
	if grep -qx none "$dir/$1.ready" 2>/dev/null; then
		skip "$2" "this kernel has no such sockets"
	else
		check "$2" "$3" "$1"
	fi
	unbox "sockets-$1"
}
for t in $moved; do
	whole "$t" "$t" moves
done
for t in $refused; do
	whole "$t" "$t is refused" stays
done
finish
