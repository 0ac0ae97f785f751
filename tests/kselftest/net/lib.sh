# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/net/lib.sh - for run.sh (sourced): results, the container's network and
# its client's, what is looked at, and its way through the tool

# shellcheck source=tests/vm/ktap.sh
. ../../vm/ktap.sh

check()
{
	check_here "$@"
}

refused()	# NAME TEXT COMMAND...: status 2, TEXT in the message
{
	local name=$1 text=$2 status

	shift 2
	"$@" >"$tmp/err" 2>&1
	status=$?
	[[ $status == 2 ]] && grep -qF -- "$text" "$tmp/err"
	verdict $? "$name" "$tmp/err"
}

cleanup()
{
	[[ $holder ]] && kill "$holder" 2>/dev/null
	for ns in box client outside; do ip netns delete $ns; done
	for dev in br0 lower vhost; do ip link delete $dev; done
	rm -rf "$tmp"
} 2>/dev/null

((EUID == 0)) || skip_all "not root"
command -v ip python3 >/dev/null || skip_all "ip, python3 needed"
trap cleanup EXIT
trap '' PIPE
echo KTAP version 1

# What a namespace looks like from inside, without what differs each time.
view()
{
	for family in "" -6; do
		ip -n "$1" -j $family addr
		ip -n "$1" -j $family route
	done | python3 -c '
import json, sys
text, out, at = sys.stdin.read(), [], 0
dec = json.JSONDecoder()
while at < len(text):
    if text[at].isspace():
        at += 1
        continue
    value, at = dec.raw_decode(text, at)
    out.append(value)
def clean(x):
    if isinstance(x, list):
        return [clean(i) for i in x if i]
    if isinstance(x, dict):
        return {k: clean(v) for k, v in x.items() if k not in (
            "link", "link_index", "link_netnsid", "valid_life_time",
            "preferred_life_time", "operstate", "stats64", "expires")}
    return x
json.dump(clean(out), sys.stdout, indent=1, sort_keys=True)'
}

setup()		# veth|macvlan
{
	ip netns add box
	if [[ $1 == veth ]]; then
		ip link add vhost mtu 1400 type veth peer name eth0 netns box mtu 1400 \
			address 02:00:00:00:09:01
		ip link set vhost master br0 up
	else
		ip link add link lower name eth0 netns box address 02:00:00:00:09:01 \
			type macvlan mode bridge
	fi
	ip -n box link set lo up
	ip -n box link set eth0 up
	ip -n box addr add 10.9.0.1/24 brd + dev eth0
	ip -n box addr add 10.9.1.1/32 dev lo
	ip -n box addr add fd00::1/64 dev eth0 nodad
	ip -n box route add default via 10.9.0.254
	ip -n box route add 172.20.0.0/16 via 10.9.0.253 metric 7
	ip -n box -6 route add default via fd00::fe
	ip netns exec box sysctl -qw net.ipv4.ip_local_port_range="20000 30000" \
		net.ipv4.tcp_keepalive_time=77
}

setup_client()
{
	ip link add br0 type bridge
	ip link set br0 up
	ip link add lower type veth peer name lowerbr
	ip link set lowerbr master br0 up
	ip link set lower up
	ip netns add client
	ip link add vclient type veth peer name eth0 netns client
	ip link set vclient master br0 up
	ip -n client link set eth0 up
	ip -n client addr add 10.9.0.2/24 dev eth0
	ip -n client addr add fd00::2/64 dev eth0 nodad
}

# IPv6 addresses that come by themselves take their time, and so does what the kernel
# says of a device that has just been set up.
settled()
{
	for _ in {1..600}; do
		ip -n "$1" -6 addr show dev eth0 scope link | grep -q inet6 &&
			! ip -n "$1" -6 addr show tentative | grep -q inet6 &&
			! ip -n "$1" link show dev eth0 | grep -q NO-CARRIER && return 0
		sleep 0.1
	done
}

ping_box()
{
	ip netns exec client ping -q -c 1 -W 2 "${1:-10.9.0.1}"
}

silent()
{
	! ip netns exec client ping -q -c 1 -W 0.5 "${1:-10.9.0.1}"
}

again()		# COMMAND...: what failed before may need a moment
{
	ip -n client neigh flush all
	for _ in {1..20}; do "$@" && return; sleep 0.2; done
	ip -n client neigh
	return 1
}

start_make()	# ARGUMENT...: made it is, and coproc MAKE waits for commands
{
	coproc MAKE { exec "$tool" make "$@" 2>"$tmp/make.err"; }
	holder=$MAKE_PID
	exec 5<&"${MAKE[0]}" 6>&"${MAKE[1]}"
	read -t 200 -r _ where <&5
	cat "$tmp/make.err" >&2
	[[ $where ]]
}

tell()
{
	echo "$1" >&6
	read -t 200 -r answer <&5
	cat "$tmp/make.err" >&2
	[[ $answer == "done" ]]
}

same_view()
{
	settled box
	view box >"$tmp/after"
	diff -U 2 "$tmp/before" "$tmp/after"
}

gone()
{
	! ip link show vhost 2>/dev/null && [[ ! -e /run/netns/box ]]
}

settings_kept()
{
	[[ $(ip netns exec box sysctl -n net.ipv4.ip_local_port_range) == 20000*30000 &&
	   $(ip netns exec box sysctl -n net.ipv4.tcp_keepalive_time) == 77 ]]
}

in_group()	# the container listens where neighbours ask for fd00::1
{
	# (the kernel joins it a moment after the address has come)
	for _ in {1..600}; do
		nsenter --net="$where" ip -6 maddr show dev eth0 >"$tmp/groups"
		grep -q ff02::1:ff00:1 "$tmp/groups" && return
		sleep 0.1
	done
	cat "$tmp/groups"
	return 1
}

neighbour_learned()	# the client's table has the container's address
{
	ip -n client neigh flush all
	ip -n client neigh add 10.9.0.1 lladdr 02:00:00:00:00:99 dev eth0 nud stale
	tell open || return
	for _ in {1..600}; do
		ip -n client neigh show 10.9.0.1 | grep -q 02:00:00:00:09:01 && return
		sleep 0.1
	done
	ip -n client neigh
	return 1
}

# moves NAME VIEW: what VIEW says of box is the same when it was made again. It says
# how many lines there have to be at least, so that it does not compare nothing.
moves()
{
	local at_least

	settled box
	at_least=$("$2" 2>&1 >"$tmp/before")
	(($(wc -l <"$tmp/before") >= at_least))
	check "$1: they are there" test $? = 0
	rm -f "$tmp/rec"
	check "$1: dump" "$tool" dump box "$tmp/rec"
	"$tool" clear box
	[[ -e $tmp/rec ]] || return
	check "$1: make" start_make "$tmp/rec"
	tell open
	check "$1: they are as before" same "$2"
	tell free
	check "$1: the copy can be described" "$tool" dump box "$tmp/rec"
}

same()		# VIEW
{
	settled box
	"$1" >"$tmp/after" 2>/dev/null
	diff -U 2 "$tmp/before" "$tmp/after"
}
