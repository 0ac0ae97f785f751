# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: mariadbd mariadb mariadb-install-db
# check: no
#
# Money goes from account to account: none is made or lost, and each transfer
# that was committed is in the book.

start()
{
	chown mysql: "$work"
	mariadb-install-db --no-defaults --user=mysql --datadir="$work/data" \
		--auth-root-authentication-method=normal --skip-test-db \
		--innodb-log-file-size=4M --innodb-use-native-aio=0
	container mariadbd --no-defaults --user=mysql --datadir="$work/data" \
		--bind-address=$addr --socket="$work/socket" --skip-grant-tables \
		--innodb-log-file-size=4M --innodb-buffer-pool-size=16M \
		--innodb-use-native-aio=0 --wait-timeout=100000
}

sql()
{
	mariadb --no-defaults -NB -h $addr "$@"
}

ready()
{
	sql -e 'select 1' && sql <<-'END'
		create database if not exists bank;
		use bank;
		create table account (id int primary key, money int) engine=innodb;
		create table book (id int primary key, source int, target int) engine=innodb;
		insert into account select seq, 1000 from seq_1_to_50;
	END
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		import subprocess

		from load import run

		shells = [subprocess.Popen(["mariadb", "--no-defaults", "-NBn", "-h", "10.9.0.1", "bank"],
		                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		          for _ in range(3)]

		def ask(i, text):
		    shell = shells[i % len(shells)]
		    shell.stdin.write(text + "\n")
		    shell.stdin.flush()
		    return shell.stdout.readline().strip()

		def step(i):
		    a, b = i % 50 + 1, i * 7 % 49 + 1
		    done = ask(i, f"begin; update account set money = money - 1 where id = {a};"
		                  f"update account set money = money + 1 where id = {b};"
		                  f"insert into book values ({i}, {a}, {b}); commit; select {i};")
		    assert done == str(i), (i, done)
		    assert ask(i + 1, "select sum(money) from account;") == "50000"

		run(step)
	END
}

verify()
{
	sql bank -e "check table account, book" | grep -v 'OK$' && return 1
	[ "$(sql bank -e 'select count(*), min(id), max(id) from book')" = \
		"$(printf '%d\t0\t%d' "$(cat "$work/ops")" $(($(cat "$work/ops") - 1)))" ] &&
	[ "$(sql bank -e "select count(*) from account where money != 1000 -
		(select count(*) from book where source = account.id) +
		(select count(*) from book where target = account.id)")" = 0 ]
}
