# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/programs.sh - sourced by run.sh scripts of C tests on netlink/fam.c
#
# run_all NAME...: runs the area's programs, numbers their tests as one list, and
# exits with 1 when one failed.

bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/tests/${PWD##*/}

run_all()
{
	local name status

	echo "KTAP version 1"
	for name; do
		echo "# $name"
		"$bin/$name" 2>&1
		status=$?
		[ $status -le 1 ] || echo "not ok 0 the program ends (status $status)"
	done | awk '
		/^(TAP version|1\.\.)/ { next }
		/^(not )?ok / {
			sub(/ok [0-9]+/, "ok " ++n)
			if (/^not/)
				failed = 1
		}
		/^Bail out/ { failed = 1 }
		{ print; fflush() }
		END { print "1.." n + 0; exit failed || !n }'
	exit "${PIPESTATUS[1]}"
}
