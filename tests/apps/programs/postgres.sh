# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: pgbench psql
# check: no
# refused: System V
#
# Every commit that pgbench was told of is in the tables, and they agree.

pg=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
export PGHOST=$addr PGUSER=postgres PGDATABASE=postgres

start()
{
	chown postgres: "$work"
	as postgres "$pg/initdb" -N -A trust -D "$work/data" &&
		echo "host all all 10.9.0.0/24 trust" >>"$work/data/pg_hba.conf"
	container setpriv --reuid=postgres --regid=postgres --init-groups \
		"$pg/postgres" -D "$work/data" -c listen_addresses="$addr" \
		-c unix_socket_directories=
}

ready()
{
	psql -qc 'select 1' && pgbench -qi -s 1
}

load()
{
	local n=0

	cd "$work" || exit
	until [ -e stop ]; do
		pgbench -n -c 4 -t 25 --max-tries=100 >pgbench.log 2>&1 || { cat pgbench.log; exit 1; }
		grep -q "actually processed: 100/100" pgbench.log || { cat pgbench.log; exit 1; }
		echo $((n += 100)) >ops.new
		mv ops.new ops
	done
}

verify()
{
	local got

	got=$(psql -qAt -F' ' -c "select count(*), sum(delta),
		(select sum(abalance) from pgbench_accounts),
		(select sum(bbalance) from pgbench_branches),
		(select sum(tbalance) from pgbench_tellers) from pgbench_history")
	echo "$got, committed $(cat "$work/ops")"
	# shellcheck disable=SC2086
	set -- $got
	[ "$1" = "$(cat "$work/ops")" ] && [ "$2" = "$3" ] && [ "$2" = "$4" ] && [ "$2" = "$5" ]
}
