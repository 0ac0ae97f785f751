#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/vm/segment - a container's own MAC on the segment, before and after it
# moves to another host
#
# vm: guests=A,B,C until=C timeout=900
# kernels: 6.1
#
#	A: veth+bridge "c1" 10.77.0.50    -->  B: veth+bridge "c1", same MAC and IP
#	A: macvlan     "c2" 10.77.0.51    -->  B: macvlan "c2", same MAC and IP
#	C: pings both, before and after

. tests/vm/lib.sh
. tests/vm/ktap.sh

# bridged: a container behind a bridge that has eth0 as a port.
bridged()
{
	ip link add br0 type bridge
	ip addr flush dev eth0
	ip link set eth0 master br0
	ip link set br0 up
	ip addr add "$VM_IP/24" dev br0
	ip netns add c1
	ip link add host1 type veth peer name eth0 netns c1
	ip link set host1 master br0 up
	ip -n c1 link set eth0 address 02:00:00:00:00:01
	ip -n c1 addr add 10.77.0.50/24 dev eth0
	ip -n c1 link set eth0 up
	ip netns exec c1 arping -q -U -c 2 -i eth0 -S 10.77.0.50 10.77.0.50 &
}

# macvlan: a container on the bridge, which has taken the place of eth0.
macvlan()
{
	ip netns add c2
	ip link add link br0 name host2 type macvlan mode bridge
	ip link set host2 address 02:00:00:00:00:02 netns c2
	ip -n c2 link set host2 name eth0
	ip -n c2 addr add 10.77.0.51/24 dev eth0
	ip -n c2 link set eth0 up
	ip netns exec c2 arping -q -U -c 2 -i eth0 -S 10.77.0.51 10.77.0.51 &
}

mac_of()
{
	ip neigh show "$1" | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'
}

case $1 in
A)
	bridged
	macvlan
	tell placed
	hear leave 250 >/dev/null
	ip netns del c1
	ip netns del c2
	tell left
	sleep infinity
	;;
B)
	hear left 400 >/dev/null
	bridged
	macvlan
	tell moved
	sleep infinity
	;;
C)
	plan 8
	check "A makes the containers" hear placed 200
	check "bridged container on A answers" wait_for 60 ping -c 1 -W 1 10.77.0.50
	check "macvlan container on A answers" wait_for 60 ping -c 1 -W 1 10.77.0.51
	check "it is the container's own MAC" \
		[ "$(mac_of 10.77.0.50)" = 02:00:00:00:00:01 ]
	tell leave
	check "B makes the containers" hear moved 200
	check "bridged container on B answers" wait_for 60 ping -c 1 -W 1 10.77.0.50
	check "macvlan container on B answers" wait_for 60 ping -c 1 -W 1 10.77.0.51
	check "a megabyte arrives whole" ping -q -c 20 -i 0.05 -s 50000 10.77.0.50
	finish
	;;
esac
