#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/nft/run.sh [rest] - the rules of a container's network move
#
# vm: mem=1024 timeout=900
# requires: build/migctl
# build: nettool ../net/nettool.c liblivemig

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

# inside NAME COMMAND...: in the network of a box
inside()
{
	local pid

	pid=$(head -n 1 "$cg/$1/cgroup.procs") || return
	shift
	nsenter -t "$pid" -n "$@"
}

# start NAME: a box with a network of its own
start()
{
	box "$1" unshare -n sleep 100000
	wait_for 60 sleeps "$1"
	inside "$1" ip link set lo up
}

sleeps()
{
	[ "$(cat "/proc/$(head -n 1 "$cg/$1/cgroup.procs")/comm")" = sleep ]
}

# What passes is counted in between: nothing passes here. What expires, does.
ruleset()
{
	inside "$1" nft list ruleset | sed 's/expires [0-9a-z]*/expires/g'
}

# same_after NAME COMMAND...: it says the same before and after the move
same_after()
{
	local name=$1

	shift
	"$@" >"$dir/before" || return
	[ -s "$dir/before" ] || { echo "says nothing"; return 1; }
	moved "$name" "$dir/$name.img" || return
	"$@" >"$dir/after"
	diff -u "$dir/before" "$dir/after"
}

moves()
{
	start rules && inside rules nft -f rules.nft || return
	same_after rules ruleset rules
}

# They are at work: what the first of them drops it counts from where it was.
works()
{
	! inside rules ping -c 1 -W 1 127.0.0.7 >/dev/null || return
	inside rules nft list chain inet filter input | tee "$dir/chain" |
		grep -q "127.0.0.7 counter packets 101 bytes 8484 drop" || {
		cat "$dir/chain"
		return 1
	}
}

# Rules that count differ in every round: then they are replaced.
replaced()
{
	local ns

	ns=/proc/$(head -n 1 "$cg/rules/cgroup.procs")/ns/net
	ruleset rules >"$dir/before"
	"$dir/nettool" rules "$ns" "$dir/rec" &&
		inside rules nft add table inet more &&
		"$dir/nettool" load "$ns" "$dir/rec" || return
	ruleset rules >"$dir/after"
	diff -u "$dir/before" "$dir/after"
}

# All or nothing, and no crash.
damaged()
{
	local ns f

	ns=/proc/$(head -n 1 "$cg/rules/cgroup.procs")/ns/net
	ruleset rules >"$dir/before"
	for f in "$dir"/bad.*; do
		"$dir/nettool" load "$ns" "$f" >"$dir/said" 2>&1
		case $? in
		0)	"$dir/nettool" load "$ns" "$dir/rec" || return ;;
		2|3)	;;
		*)	echo "$f: $(cat "$dir/said")"; return 1 ;;
		esac
		ruleset rules >"$dir/after"
		diff -u "$dir/before" "$dir/after" || return
	done
}

damage()
{
	python3 - "$dir/rec" "$dir" <<'END'
import random, sys
data = open(sys.argv[1], "rb").read()
random.seed(2)
for i in range(20):
    d = bytearray(data)
    for _ in range(random.randint(1, 3)):
        d[random.randrange(len(d))] ^= 1 << random.randrange(8)
    open(f"{sys.argv[2]}/bad.{i}", "wb").write(d)
END
}

# What iptables says of it, modules of xtables among it
xtables()
{
	local i="inside xtables iptables-nft"

	start xtables &&
		$i -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT &&
		$i -A INPUT -p udp -m udp --sport 53 -m comment --comment "two words" -j ACCEPT &&
		$i -A INPUT ! -p tcp -m statistic --mode nth --every 3 --packet 0 -j DROP &&
		$i -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT &&
		$i -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE || return
	same_after xtables saved
}

saved()
{
	inside xtables iptables-nft-save -c | grep -v '^#'
}

# stays NAME WHY
stays()
{
	refused 2 "$2" "$migctl" dump "$cg/$1" -o "$dir/$1.img" --leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	sleeps "$1"
}

owned()
{
	inside owned nft list tables | grep -q mine
}

# What else it has been told (net/run.sh looks at each kind).
fill()
{
	inside "$1" ip link add d0 type dummy || return
	inside "$1" ip link set d0 up alias "not eth0"
	inside "$1" ip link property add dev d0 altname a-name-of-more-than-15
	inside "$1" ip link set d0 arp on
	inside "$1" ip addr add 10.8.0.1/24 dev d0
	inside "$1" ip neigh add 10.8.0.7 lladdr 02:00:00:00:00:07 dev d0
	inside "$1" ip rule add fwmark 1 lookup 100 prio 9
	inside "$1" ip route add local default dev lo table 100
	inside "$1" sysctl -qw net.ipv4.conf.d0.rp_filter=2 net.ipv4.conf.all.arp_ignore=1
}

what_it_holds()
{
	inside "$1" ip rule | grep fwmark
	inside "$1" ip route show table 100
	inside "$1" ip neigh show nud permanent
	inside "$1" ip link show d0
	inside "$1" sysctl net.ipv4.conf.d0.rp_filter net.ipv4.conf.all.arp_ignore
}

rest_moves()
{
	start rest && fill rest && same_after rest what_it_holds rest &&
		[ "$(wc -l <"$dir/before")" -ge 8 ]
}

refuses()
{
	rm -rf "$dir/rest.img"
	inside rest ip xfrm policy add dir out src 10.8.0.1 dst 10.8.0.9 action block &&
		stays rest "IPsec policy" && inside rest ip xfrm policy flush
}

rest()
{
	check "what else the network holds moves" rest_moves
	check "what cannot is refused, and it goes on" refuses
	unbox rest
}

load_module
command -v nft >/dev/null || skip_all "no nft"
if [ "${1:-}" = rest ]; then
	plan 2
	rest
	finish
fi
plan 11

check "a ruleset moves" moves
check "... and is at work" works
check "... and replaces another one" replaced
damage
check "20 damaged ones: all or nothing" damaged
unbox rules
if command -v iptables-nft >/dev/null; then
	check "rules of iptables-nft move" xtables
	unbox xtables
else
	skip "rules of iptables-nft move" "no iptables-nft"
fi

start owned
mkfifo "$dir/hold"
inside owned nft -i <"$dir/hold" >/dev/null 2>&1 &
exec 7>"$dir/hold"
echo 'add table inet mine { flags owner; }' >&7
if wait_for 20 owned; then
	check "a table that belongs to a socket is refused" stays owned "nft table mine"
else
	skip "a table that belongs to a socket is refused" "this nft makes none"
fi
exec 7>&-
unbox owned

start nat
inside nat nft add table ip t &&
	inside nat nft add chain ip t out '{ type nat hook output priority -100; }' &&
	inside nat nft add rule ip t out ip daddr 127.0.0.9 dnat to 127.0.0.1
# (it is forgotten after half a minute)
inside nat sysctl -qw net.netfilter.nf_conntrack_icmp_timeout=600
check "a connection through NAT ..." inside nat ping -c 1 -W 20 127.0.0.9
check "... is refused" stays nat "connection through NAT"
unbox nat

start legacy
if inside legacy iptables-legacy -A INPUT -p tcp --dport 1 -j DROP 2>/dev/null; then
	check "a table of the older kind is refused" stays legacy "iptables table filter"
else
	skip "a table of the older kind is refused" "no iptables-legacy here"
fi
unbox legacy
rest
finish
