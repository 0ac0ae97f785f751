# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Part of run.sh: connections of which much more is in flight at the time of the
# dump than a new connection would send before the first acknowledgement.

acks_late()	# MS
{
	ip netns exec client tc qdisc replace dev eth0 root netem delay "$1ms" limit 100000
	late=$1
}

lose()		# PERCENT of what comes to the client
{
	tc qdisc replace dev vclient root netem loss "$1%" limit 100000
}

in_flight()	# packets, in the connection that has the fewest
{
	nsenter --net=/run/netns/box ss -Htin state established |
		grep -o 'unacked:[0-9]*' | cut -d: -f2 | sort -n | head -n 1
}

much_in_flight()
{
	(($(in_flight) >= 200))
}

# The slower the machine, the later the acknowledgements must come for it.
fills()
{
	local ms

	for ms in 60 200 600; do
		((ms > late)) && acks_late $ms
		((ms == late)) && tries=100 until_true much_in_flight && return
	done
	return 1
}

# Nothing of what is in flight now comes, and none of it is known to have come before.
is_lost()
{
	for _ in {1..10}; do
		fills || return
		lose 100
		sleep "0.$((late + 300))"
		much_in_flight && return
		lose 0
	done
	return 1
}

# More than all the buffers together can hold: it is sent after the restore.
streams_on()
{
	local start

	start=$(field 10.9.0.1/client 2)
	more() { (($(field 10.9.0.1/client 2) > start + 20000000)); }
	until_true more ||
		{ cat "$tmp"/*.status "$tmp"/*/*.status; ip netns exec client ss -tin; return 1; }
}

teardown
export BULK=1
setup
if acks_late 60 2>"$tmp/err" && lose 0 2>"$tmp/err"; then
	client 2 10.9.0.1
	check "bulk: the data flows" streams_on
	check "bulk: much in flight, the client has got it" fills
	check "bulk: dump and kill" dump --leave killed
	check "bulk: restore" restore
	check "bulk: the client gets the rest" streams_on
	check "bulk: both write on" moved_on server
	check "bulk: no errors" no_errors

	check "bulk: much in flight again" fills
	check "bulk: ... and lost" is_lost
	check "bulk: loss: dump and kill" dump --leave killed
	lose 0
	check "bulk: loss: restore" restore
	check "bulk: loss: the client gets all" streams_on
	check "bulk: loss: both write on" moved_on server
	check "bulk: loss: no errors" no_errors
else
	n=$((n + 1))
	echo "ok $n - bulk # SKIP no netem: $(head -n 1 "$tmp/err")"
fi
