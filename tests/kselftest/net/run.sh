#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: cpus=2 timeout=1200
# build: nettool nettool.c liblivemig
#
# Network namespaces: described, removed, made again; the lock.
# usage: run.sh [neighbours|rules|settings|links|labels|deleted|numbers|
#                multipath|unseen|others|many_devices...]
#
#       client (namespace)          the container, made again and again
#       eth0 10.9.0.2, fd00::2      eth0 10.9.0.1, fd00::1
#           |                           |
#       vclient                     vhost (veth), or macvlan on "lower"
#           +-------- br0 --------------+

cd "$(dirname "$0")" || exit 1
top=$(realpath ../../..)
tmp=$(mktemp -d)
tool=$top/build/tests/net/nettool
holder=

# shellcheck source=tests/kselftest/net/lib.sh
. ./lib.sh

neighs()
{
	echo 10 >&2
	for what in "nud permanent" "nud noarp" proxy; do
		for family in -4 -6; do
			# shellcheck disable=SC2086
			ip -n box $family neigh show $what | grep -v " lladdr 33:33:" |
				sed "s/^/$what: /" | sort
		done
	done
	ip -n box neigh show 10.9.0.75 | sed 's/ *[A-Z]* *$//'
	bridge -n box fdb show dev eth0 | grep ^02:
}

on_all_devices()
{
	python3 - "$tmp/rec" <<-'EOF'
	import struct, sys
	data, at = open(sys.argv[1], "rb").read(), 0
	while at < len(data):
	    size, kind = struct.unpack_from("=HH", data, at)
	    if kind == 7 and struct.unpack_from("=i", data, at + 8)[0] == -1:
	        assert bytes([10, 9, 0, 81]) in data[at:at + size]
	        sys.exit(0)
	    at += size + 3 & ~3
	sys.exit("no proxy in the record")
	EOF
}

# Dynamic ones are not carried: they would be out of date.
no_dynamic()
{
	! ip -n box neigh show 10.9.0.79 | grep .
}

neighbours()
{
	setup veth
	ip -n box neigh add 10.9.0.70 lladdr 02:00:00:00:70:01 dev eth0
	ip -n box neigh add 10.9.0.71 lladdr 02:00:00:00:70:02 dev eth0 nud noarp
	ip -n box neigh add 10.9.0.75 lladdr 02:00:00:00:70:05 dev eth0 nud stale extern_learn
	ip -n box neigh add 10.9.0.79 lladdr 02:00:00:00:70:09 dev eth0 nud stale
	ip -n box neigh add fd00::70 lladdr 02:00:00:00:70:03 dev eth0 protocol static
	ip -n box neigh add fd00::71 lladdr 02:00:00:00:70:04 dev eth0 router
	ip -n box neigh add fe80::1 lladdr 02:00:00:00:70:06 dev eth0
	ip -n box neigh add proxy 10.9.0.80 dev eth0
	ip -n box neigh add proxy fd00::80 dev eth0
	bridge -n box fdb add 02:00:00:00:70:07 dev eth0 self
	# (ip neither makes nor shows one that is on no device)
	python3 - <<-'EOF'
	import ctypes, os, socket, struct
	ns = os.open("/run/netns/box", os.O_RDONLY)
	if ctypes.CDLL(None, use_errno=True).setns(ns, 0x40000000):
	    raise OSError(ctypes.get_errno(), "setns")
	s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
	m = struct.pack("=BBHiHBB", 2, 0, 0, 0, 0x80, 8, 0) + struct.pack("=HH4B", 8, 1, 10, 9, 0, 81)
	s.send(struct.pack("=IHHII", 16 + len(m), 28, 0x405, 1, 0) + m)
	assert struct.unpack("=i", s.recv(4096)[16:20])[0] == 0
	EOF
	moves neighbours neighs
	check "neighbours: none is carried that was learned" no_dynamic
	check "neighbours: the copy has a proxy on all devices" on_all_devices
	"$tool" clear box
}

rules_and_tables()
{
	echo "${1:-26}" >&2
	ip -n box rule
	ip -n box -6 rule
	for family in -4 -6; do
		ip -n box $family route show table all | grep -v "proto kernel" |
			sed 's/ expires [0-9]*sec//'
	done
}

few_rules()
{
	rules_and_tables 5
}

# What the rules make of it, as the kernel sees it.
way()		# ARGUMENT...: the interface and gateway
{
	ip -n box -o route get "$@" | grep -oE "(via|dev|^local) [^ ]+" | tr '\n' ' '
}

goes()		# WHERE ARGUMENT...
{
	local is

	is=$(way "${@:2}")
	[[ $is == "$1 " ]] || { echo "$*: $is"; return 1; }
}

rules()
{
	setup veth
	ip -n box rule add from 10.9.1.1 lookup main suppress_prefixlength 0 prio 100
	ip -n box rule add from 10.9.1.1 lookup 77 prio 101
	ip -n box rule add fwmark 0x1/0xff lookup 1000 prio 200
	ip -n box rule add iif lo ipproto tcp dport 80-90 lookup 77 prio 300
	ip -n box rule add not fwmark 0x5 lookup 77 prio 40000
	ip -n box rule add uidrange 1000-2000 goto 32766 prio 400
	ip -n box rule add to 192.0.2.0/24 prohibit prio 401
	ip -n box rule add oif nothere tos 0x10 lookup main prio 402
	# The kernel's own: one goes, one comes later than it did.
	ip -n box rule del lookup default
	ip -n box rule add lookup local prio 50
	ip -n box rule del prio 0
	ip -n box -6 rule add from fd00::1 fwmark 7 lookup 1000 prio 99
	ip -n box -6 rule add iif eth0 unreachable prio 98
	ip -n box route add 10.66.0.0/24 dev eth0 table 77
	ip -n box route add default via 10.66.0.9 table 77
	ip -n box route add local default dev lo table 1000
	ip -n box route add local 10.55.0.0/16 dev lo
	ip -n box route add 10.44.0.0/16 dev eth0 src 10.55.1.1
	ip -n box route add blackhole 10.43.0.0/16 proto kernel table 1001
	ip -n box route add broadcast 10.42.0.1 dev eth0 table local
	ip -n box route add throw 10.41.0.0/16 table 77
	ip -n box route add 10.40.0.0/16 table 77 nexthop via 10.9.0.9 nexthop via 10.9.0.8
	ip -n box -6 route add local default dev lo table 1000
	ip -n box -6 route add local fd55::/64 dev lo
	ip -n box -6 route add fd44::/64 via fd00::fd table 70000
	moves rules rules_and_tables
	check "rules: AnyIP" goes "local 10.55.3.3 dev lo" 10.55.3.3
	check "rules: by source" goes "via 10.66.0.9 dev eth0" 8.8.8.8 from 10.9.1.1
	check "rules: by mark" goes "local 8.8.8.8 dev lo" 8.8.8.8 mark 1
	check "rules: otherwise" goes "via 10.9.0.254 dev eth0" 8.8.8.8
	"$tool" clear box

	# A gateway that only the rules lead to.
	setup veth
	ip -n box route add 10.66.0.0/24 dev eth0 table 77
	ip -n box rule add lookup 77 prio 10
	ip -n box route add 10.65.0.0/24 via 10.66.0.9 table 78
	moves "rules, a gateway" few_rules
	"$tool" clear box

	# Without any.
	setup veth
	for family in -4 -6; do
		while read -r prio _; do
			ip -n box $family rule del prio "${prio%:}"
		done < <(ip -n box $family rule)
	done
	moves "rules, none" no_rules
	"$tool" clear box
}

no_rules()
{
	echo 1 >&2
	echo "$(ip -n box rule | wc -l) and $(ip -n box -6 rule | wc -l)"
}

# All that can be read and written.
all_settings()
{
	echo 500 >&2
	ip netns exec box bash -c 'find /proc/sys/net -type f -perm -600 | sort |
		xargs grep -H ""' 2>/dev/null
}

change()	# NAME VALUE: and it is another one than it was
{
	local file=/proc/sys/net/$1

	ip netns exec box bash -c '[[ $(<"$0") != "$1" ]] && echo "$1" >"$0"' "$file" "$2" &&
		changes=$((changes + 1))
}

changed()
{
	echo "$changes of $1"
	((changes == $1))
}

settings()
{
	local all=net/core/somaxconn=77 key

	changes=0
	setup veth
	ip link add vhost2 type veth peer name eth.5 netns box
	change ipv4/ip_forward 1
	change ipv4/conf/all/accept_redirects 1
	change ipv4/conf/lo/forwarding 0
	change ipv4/conf/eth0/forwarding 0
	change ipv4/conf/default/forwarding 0
	change ipv4/conf/eth0/proxy_arp 1
	change ipv4/conf/eth0/route_localnet 1
	change ipv4/conf/eth0/arp_ignore 2
	change ipv4/conf/default/arp_announce 1
	change ipv4/conf/all/rp_filter 2
	change ipv4/conf/lo/arp_filter 1
	change ipv6/conf/all/forwarding 1
	change ipv6/conf/eth0/forwarding 0
	change ipv6/conf/eth0/accept_ra 0
	change ipv6/conf/eth0/accept_dad 0
	change ipv6/conf/default/accept_dad 2
	change ipv6/conf/eth0/mtu 1300
	change ipv6/conf/eth.5/disable_ipv6 1
	change ipv4/neigh/eth0/gc_stale_time 33
	change ipv4/neigh/eth0/base_reachable_time_ms 12345
	change ipv6/neigh/lo/mcast_solicit 2
	change ipv4/ipfrag_low_thresh 100000
	change ipv4/ipfrag_high_thresh 200000
	change ipv4/ip_local_reserved_ports "$(seq -s , 20001 2 25001)"
	change ipv4/tcp_fastopen_key 01234567-89abcdef-01234567-89abcdef
	change core/somaxconn 77
	change unix/max_dgram_qlen 99
	check "settings: they can be changed" changed 27
	moves settings all_settings
	"$tool" clear box

	cp "$tmp/rec" "$tmp/rec.1"
	sed "s|$all|${all/conn/xonn}|" "$tmp/rec.1" >"$tmp/rec"
	refused "settings: one that this host lacks" "net/core/somaxxonn" "$tool" make "$tmp/rec"
	key=net/../kernel/acct=77
	sed "s|$all|$key|" "$tmp/rec.1" >"$tmp/rec"
	refused "settings: one of the host" "malformed" "$tool" make "$tmp/rec"
	setup veth
	check "settings: a record of few" few_settings
	"$tool" clear box
}

# What nobody has changed is not in the record: only the two of setup().
few_settings()
{
	"$tool" dump box "$tmp/rec" || return
	strings -n 8 "$tmp/rec" | grep "^net/"
	(($(strings -n 8 "$tmp/rec" | grep -c "^net/") == 2))
}

devices()
{
	echo 9 >&2
	ip -n box -d link | sed 's/@[^:]*//; s/ link-netns[^ ]* [^ ]*//; s/ qdisc [a-z]*//'
}

has_flags()
{
	local flags

	flags=$(ip -n box link show eth2)
	echo "$flags"
	[[ $flags == *NOARP,ALLMULTI,PROMISC* && $flags != *,MULTICAST* ]]
}

not_promiscuous()
{
	ip -d link show promised
	[[ $(ip -d link show promised) == *"promiscuity 0 "* ]]
}

links()
{
	setup veth
	ip link add vhost2 type veth peer name eth2 netns box
	ip link add link lower name eth3 netns box type macvlan mode source flag nodst \
		bcqueuelen 2000 macaddr set 02:00:00:00:00:77 02:00:00:00:00:78
	ip link add promised type dummy
	ip link set promised up
	ip link add link promised name eth4 netns box type macvlan mode passthru flag nopromisc
	ip -n box link property add dev eth0 altname a-name-of-more-than-15 altname another
	ip -n box link property add dev lo altname loop
	ip -n box link set dev eth0 alias "what it is for" txqueuelen 77 group 5
	ip -n box link set dev eth2 arp off allmulticast on
	ip -n box link set dev eth2 promisc on multicast off
	ip -n box link set dev lo txqueuelen 5
	moves links devices
	check "links: by another name" ip -n box link show a-name-of-more-than-15
	check "links: flags" has_flags
	check "links: a device below one without promiscuity" not_promiscuous
	"$tool" clear box
	ip link del promised
}

# in_record N TYPE...: as many attributes of one of these types
in_record()
{
	python3 - "$tmp/rec" "$@" <<-'EOF'
	import struct, sys
	data, at, n = open(sys.argv[1], "rb").read(), 0, 0
	while at < len(data):
	    size, kind = struct.unpack_from("=HH", data, at)
	    n += str(kind & 0x3fff) in sys.argv[3:]
	    at += size + 3 & ~3
	sys.exit(f"{n} in the record" if n != int(sys.argv[2]) else 0)
	EOF
}

address_labels()
{
	echo 11 >&2
	ip -n box addrlabel | sort
}

no_labels()
{
	echo 1 >&2
	ip -n box addrlabel | wc -l
}

labels()
{
	setup veth
	ip -n box addrlabel add prefix 2001:db8::/32 label 99
	ip -n box addrlabel add prefix fd00::/8 dev eth0 label 77
	ip -n box addrlabel del prefix 2002::/16 label 2
	moves labels address_labels
	"$tool" clear box

	setup veth
	ip -n box addrlabel flush
	moves "labels, none" no_labels
	"$tool" clear box

	setup veth
	"$tool" dump box "$tmp/rec"
	check "labels: those of a fresh namespace are not written down" in_record 0 9
	"$tool" clear box
}

# (of IPv6 the kernel sets some when it gets to it, in any order)
all_routes()
{
	echo 9 >&2
	ip -n box -4 route show table all
	ip -n box -6 route show table main | sed 's/ expires [0-9]*sec//' | sort
}

deleted()
{
	# As the kernel has made them.
	setup veth
	ip -n box link add many0 type dummy
	ip -n box link add many1 type dummy
	ip -n box link set many0 up
	ip -n box addr add 10.9.0.5/24 dev eth0
	ip -n box addr add 10.8.0.1 peer 10.8.0.2/31 dev many0
	ip -n box addr add 10.8.1.1/24 metric 50 dev many0
	ip -n box addr add 10.8.2.1/24 dev many0 noprefixroute
	ip -n box addr add 0.0.0.5/8 dev many0
	ip -n box addr add 10.8.3.1/24 dev many1
	ip -n box addr add fd08::1/64 dev many0 noprefixroute
	ip -n box addr add fd08::2/128 dev many0
	ip -n box addr add fd08::3 peer fd08::4/128 dev many0
	moves "deleted routes, none" all_routes
	check "deleted routes: none" in_record 0 10
	"$tool" clear box

	# As plugins of container runtimes do it, and worse.
	setup veth
	ip -n box route del 10.9.0.0/24 dev eth0
	ip -n box route add 10.9.0.254 dev eth0
	ip -n box route add 10.9.0.0/24 via 10.9.0.254 src 10.9.0.1
	ip -n box route del broadcast 10.9.0.255 dev eth0 table local
	ip -n box route del local 10.9.1.1 dev lo table local
	ip -n box route del local 127.0.0.0/8 dev lo table local
	ip -n box -6 route del fd00::/64 dev eth0
	moves "deleted routes" all_routes
	check "deleted routes: five" in_record 5 10
	"$tool" clear box

	# As NetworkManager does it: beside the kernel's own, and in its place.
	setup veth
	ip -n box addr add 10.8.2.1/24 dev eth0 noprefixroute
	for at in "10.9.0.0/24 scope link src 10.9.0.1" fd00::/64 fd08::/64 \
		"10.8.2.0/24 scope link src 10.8.2.1"; do
		# shellcheck disable=SC2086
		ip -n box route add $at dev eth0 proto kernel metric 100
	done
	moves "routes said to be the kernel's" all_routes
	check "routes said to be the kernel's: it has its own" in_record 0 10
	"$tool" clear box
	setup veth
	ip -n box route del 10.9.0.0/24 dev eth0
	ip -n box -6 route del fd00::/64 dev eth0
	ip -n box route add 10.9.0.0/24 dev eth0 proto kernel metric 100
	ip -n box -6 route add fd00::/64 dev eth0 proto kernel metric 100
	ip -n box -6 route add fd00::99 dev eth0
	ip -n box -6 route add fd09::/64 via fd00::99 proto kernel
	ip -n box route add 10.9.7.0/24 via 10.9.0.253 proto kernel
	moves "routes instead of the kernel's" all_routes
	check "routes instead of the kernel's: two" in_record 2 10
	"$tool" clear box
}

numbers_of()
{
	echo "${1:-2}" >&2
	ip -n box netns list-id | sort
}

numbers()
{
	ip netns attach outside $$
	ip netns add box
	ip -n box netns set outside 5
	ip -n box netns set box 0
	ip link add vhost type veth peer name eth0 netns box
	ip link set vhost up
	ip -n box link set eth0 up
	moves numbers numbers_of
	"$tool" clear box

	# Those that the kernel has given, and of others, which are not at the destination.
	setup veth
	ip -n box link >/dev/null
	ip -n box netns set client 7
	check "numbers: one of another namespace is not refused" "$tool" dump box "$tmp/rec"
	check "numbers: what the kernel has given is not written down" in_record 0 11
	"$tool" clear box
	ip netns delete outside
}

endpoints()
{
	echo 6 >&2
	ip -n box mptcp endpoint
	ip -n box mptcp limits
	ss -N box -Htln
}

multipath()
{
	setup veth
	if ! ip -n box mptcp endpoint add 10.9.0.1 dev eth0 subflow backup id 9; then
		cannot multipath
		"$tool" clear box
		return
	fi
	ip -n box mptcp endpoint add 10.9.1.1 dev lo id 3 signal port 4321
	ip -n box mptcp endpoint add fd00::1 id 200 subflow fullmesh
	ip -n box mptcp endpoint add 192.0.2.1
	ip -n box mptcp limits set add_addr_accepted 3 subflows 5
	moves multipath endpoints
	"$tool" clear box

	setup veth
	"$tool" dump box "$tmp/rec"
	check "multipath: limits of a fresh namespace are not written down" in_record 0 12
	"$tool" clear box
}

# loaded NAME: is the module?
loaded()
{
	[[ -e /sys/module/$1 ]]
}

not_loaded()	# NAME...
{
	for module; do
		! loaded "$module" || { echo "$module"; return 1; }
	done
}

cannot()	# NAME: this kernel has none
{
	skip "$1" "not to be had here"
}

others()
{
	local ours=()

	setup veth
	for module in xfrm_user ip_set ip_vs nfnetlink_log act_gact act_police; do
		loaded $module || ours+=("$module")
	done
	check "others: without them it is described" "$tool" dump box "$tmp/rec2"
	check "others: asking has loaded none" not_loaded "${ours[@]}"
	if tc -n box qdisc add dev eth0 root handle 1: pfifo limit 50; then
		refused "qdisc is refused" "eth0: qdisc pfifo 1:" "$tool" dump box "$tmp/rec2"
		tc -n box qdisc del dev eth0 root
	else
		cannot "qdisc is refused"
	fi
	if tc -n box qdisc add dev eth0 clsact; then
		refused "clsact is refused" "eth0: qdisc clsact ffff:" "$tool" dump box "$tmp/rec2"
		tc -n box qdisc del dev eth0 clsact
	else
		cannot "clsact is refused"
	fi
	if tc -n box actions add action drop index 7; then
		refused "an action is refused" "action gact (tc)" "$tool" dump box "$tmp/rec2"
		tc -n box actions flush action gact
	else
		cannot "an action is refused"
	fi
	ip -n box maddr add 33:33:00:00:12:34 dev eth0
	refused "a multicast address is refused" "eth0: multicast address 333300001234" \
		"$tool" dump box "$tmp/rec2"
	ip -n box maddr del 33:33:00:00:12:34 dev eth0
	bridge -n box fdb add 33:33:00:00:12:35 dev eth0 self
	refused "so is one that is set as a forwarding entry" \
		"eth0: multicast address 333300001235" "$tool" dump box "$tmp/rec2"
	bridge -n box fdb del 33:33:00:00:12:35 dev eth0 self
	if ip -n box xfrm policy add dir out src 10.9.0.1 dst 10.9.9.9 action block; then
		refused "IPsec policy is refused" "xfrm policy" "$tool" dump box "$tmp/rec2"
		ip -n box xfrm policy flush
	else
		cannot "IPsec policy is refused"
	fi
	if ip -n box xfrm state add src 10.9.0.1 dst 10.9.9.9 proto esp spi 5 mode transport \
		enc cipher_null "" auth digest_null ""; then
		refused "IPsec state is refused" "xfrm state" "$tool" dump box "$tmp/rec2"
		ip -n box xfrm state flush
	else
		cannot "IPsec state is refused"
	fi
	if new_ipset; then
		refused "ipset is refused" "ipset" "$tool" dump box "$tmp/rec2"
	else
		cannot "ipset is refused"
	fi
	"$tool" clear box
	setup veth
	if new_service; then
		refused "IPVS is refused" "IPVS" "$tool" dump box "$tmp/rec2"
	else
		cannot "IPVS is refused"
	fi
	"$tool" clear box
	setup veth
	check "without all that it is described" "$tool" dump box "$tmp/rec2"
	"$tool" clear box
}

# ipset and ipvsadm are not on every machine.
in_box()	# a program in Python, on stdin
{
	ip netns exec box python3 - "$@"
}

new_ipset()
{
	modprobe ip_set_hash_ip
	in_box <<-'EOF'
	import socket, struct, sys
	def attr(kind, data):
	    return (struct.pack("=HH", 4 + len(data), kind) + data).ljust(4 + len(data) + 3 & ~3, b"\0")
	try:
	    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
	except OSError:
	    sys.exit(1)
	m = struct.pack("=BBH", 2, 0, 0) + attr(1, b"\6") + attr(2, b"aset\0") + \
	    attr(3, b"hash:ip\0") + attr(4, b"\0") + attr(5, b"\2") + attr(0x8007, b"")
	s.send(struct.pack("=IHHII", 16 + len(m), 6 << 8 | 2, 0x605, 1, 0) + m)
	sys.exit(1 if struct.unpack("=i", s.recv(4096)[16:20])[0] else 0)
	EOF
}

new_service()
{
	modprobe ip_vs
	in_box <<-'EOF'
	import socket, struct, sys
	try:
	    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
	    # IP_VS_SO_SET_ADD, struct ip_vs_service_user
	    s.setsockopt(0, 64 + 1024 + 64 + 2, struct.pack("=HxxIHxxI16sIII", 6,
	                 struct.unpack("=I", bytes([10, 9, 0, 1]))[0], socket.htons(80), 0,
	                 b"rr", 0, 0, 0xffffffff))
	except OSError as e:
	    sys.exit(str(e))
	EOF
}

# Newer kernels give namespaces numbers in each other as late as they can.
unseen()
{
	ip netns add box
	ip link add vhost type veth peer name eth0 netns box
	check "a namespace that nobody has looked into" "$tool" dump box "$tmp/rec2"
	check "a list that is not told is no empty one" "$tool" unlisted box
	"$tool" clear box
}

# As many devices as it likes.
many_devices()
{
	setup veth
	for i in {1..70}; do
		ip -n box link add many$i type dummy || break
	done
	settled box
	view box >"$tmp/before"
	"$tool" dump box "$tmp/rec"
	"$tool" clear box
	check "many devices: make" start_make "$tmp/rec"
	tell open
	check "many devices: they are as before" same_view
	tell free
	"$tool" clear box
}

setup_client
if (($#)); then
	for part; do "$part"; done
	echo "1..$ktap_number"
	finish
fi
for kind in ${KINDS:-veth macvlan}; do
	setup $kind
	settled box
	view box >"$tmp/before"
	check "$kind: the client reaches it" again ping_box
	check "$kind: dump" "$tool" dump box "$tmp/rec"
	check "$kind: clear" "$tool" clear box
	check "$kind: nothing is left of it" gone
	check "$kind: make" start_make "$tmp/rec"
	check "$kind: it has no name yet" test ! -e /run/netns/box
	check "$kind: made, it does not answer IPv4" silent
	check "$kind: made, it does not answer IPv6" silent fd00::1
	check "$kind: made, it is where neighbours ask for its IPv6 address" in_group
	check "$kind: opened up, the client learns where it is" neighbour_learned
	check "$kind: it answers IPv4" again ping_box
	check "$kind: it answers IPv6" again ping_box fd00::1
	check "$kind: devices, addresses and routes are as before" same_view
	check "$kind: settings are as before" settings_kept
	check "$kind: free keeps it" tell free
	check "$kind: it still answers" again ping_box
	refused "$kind: a name that is taken is refused" "box exists here already" \
		"$tool" make "$tmp/rec"
	"$tool" clear box
done

# The death of the coordinator, and removal before it was opened up.
setup veth
"$tool" dump box "$tmp/rec"
"$tool" clear box
start_make "$tmp/rec"
check "made: the host's end is there" ip link show vhost
disown "$holder"
kill -9 "$holder"
for _ in {1..600}; do ip link show vhost >/dev/null 2>&1 || break; sleep 0.1; done
check "killed: nothing is left" gone
start_make "$tmp/rec"
check "remove" tell remove
for _ in {1..600}; do ip link show vhost >/dev/null 2>&1 || break; sleep 0.1; done
check "removed: nothing is left" gone
ip link add vhost type dummy
refused "a host's end that is taken is refused" "vhost" "$tool" make "$tmp/rec"
ip link delete vhost
ip link set br0 down
ip link delete br0
refused "a missing bridge is refused" "needs br0" "$tool" make "$tmp/rec"
ip link add br1 type bridge
ip link set br1 up
start_make "$tmp/rec" br1
in_br1()
{
	ip link show vhost | grep "master br1"
}
check "another parent is used instead" in_br1
tell remove
ip link delete br1
ip link add br0 type bridge
ip link set br0 up
ip link set lowerbr master br0
ip link set vclient master br0

many_devices

# A host whose modules give every namespace devices, with indexes that ours had.
modprobe ipip || modprobe sit
fallback()	# off|on: in new namespaces
{
	local only=0

	[[ $1 != off ]] || only=1
	sysctl -qw "net.core.fb_tunnels_only_for_init_net=$only"
}
fallback_is_on()
{
	ip netns add probe
	ip -n probe -br link
	(($(ip -n probe -br link | wc -l) > 1))
	local status=$?
	ip netns delete probe
	return $status
}
for kind in veth macvlan; do
	fallback off
	setup $kind
	fallback on
	settled box
	view box >"$tmp/before"
	"$tool" dump box "$tmp/rec"
	"$tool" clear box
	check "$kind: namespaces have more than lo" fallback_is_on
	check "$kind: made where its index is taken" start_make "$tmp/rec"
	tell open
	check "$kind: its devices are as before" same_view
	check "$kind: namespaces have it again" fallback_is_on
	tell free
	"$tool" clear box
done
rmmod ipip

neighbours
rules
settings
links
labels
deleted
numbers
multipath
unseen
others

# The lock.
setup veth
start_lock()
{
	"$tool" lock box >"$tmp/lock" 2>&1 &
	holder=$!
	for _ in {1..600}; do grep -q locked "$tmp/lock" && return; sleep 0.1; done
	cat "$tmp/lock"
	return 1
}
arp_silent()
{
	ip -n client neigh flush all
	! ip netns exec client ping -q -c 1 -W 0.5 10.9.0.1 >/dev/null
	ip -n client neigh show 10.9.0.1 | grep -qE "FAILED|INCOMPLETE"
}
box_silent()
{
	! ip netns exec box ping -q -c 1 -W 0.5 10.9.0.2
}
refused_not()	# a closed port: dropped (timeout), not refused
{
	! timeout 0.7 ip netns exec client bash -c '</dev/tcp/10.9.0.1/9' 2>"$tmp/tcp"
	! grep -qi refused "$tmp/tcp"
}
ping_box >/dev/null
check "lock" start_lock
check "locked: nothing gets in" silent
check "locked: nothing gets out" box_silent
check "locked: a connection is dropped, not refused" refused_not
check "locked: no answer to ARP" arp_silent
refused "locked: a second lock is refused" "another tool" timeout 60 "$tool" lock box
check "locked: dump does not mind" "$tool" dump box "$tmp/rec2"
kill -9 $holder
wait $holder 2>/dev/null
check "kill -9 of the holder opens it" again ping_box
check "quiet" "$tool" quiet box 1
check "quiet stays without its tool" silent
check "quiet twice is fine" "$tool" quiet box 1
check "quiet off" "$tool" quiet box 0
check "it answers again" again ping_box
check "quiet off twice is fine" "$tool" quiet box 0

# What would be lost is refused by name.
ip -n box link add vlan5 link eth0 type vlan id 5
refused "vlan is refused" "vlan5: vlan" "$tool" dump box "$tmp/rec2"
ip -n box link delete vlan5
ip -n box link add inner0 type veth peer name inner1
refused "a veth inside is refused" "inner" "$tool" dump box "$tmp/rec2"
ip -n box link delete inner0
ip -n box nexthop add id 5 via 10.9.0.254 dev eth0
ip -n box route add 10.77.0.0/16 nhid 5
refused "a nexthop object is refused" "nexthop" "$tool" dump box "$tmp/rec2"
ip -n box nexthop del id 5
check "without them it is described" "$tool" dump box "$tmp/rec2"

# A damaged record does no harm. Nothing that was half made stays.
python3 - "$tmp/rec" "$tmp" <<'EOF'
import random, sys
data = open(sys.argv[1], "rb").read()
random.seed(1)
for i in range(40):
    d = bytearray(data)
    for _ in range(random.randint(1, 4)):
        d[random.randrange(len(d))] ^= 1 << random.randrange(8)
    open(f"{sys.argv[2]}/bad.{i}", "wb").write(d[:random.randint(1, len(d))] if i % 2 else d)
EOF
"$tool" clear box
damaged()
{
	for f in "$tmp"/bad.*; do
		"$tool" make "$f" </dev/null >/dev/null 2>"$tmp/bad.err"
		(($? < 4)) || { echo "$f"; return 1; }
	done
	for _ in {1..600}; do
		ip -o link show type veth | grep -q vhost || return 0
		sleep 0.1
	done
	ip link
	return 1
}
check "40 damaged records: no crash, nothing left" damaged

echo "1..$ktap_number"
finish
