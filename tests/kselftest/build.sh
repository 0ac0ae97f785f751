# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/build.sh - sourced by run.sh scripts of C tests on netlink/fam.c
#
# netlink_build NAME...: compiles NAME.c of the current directory, together with
# $sources, into $bin.
# run_all NAME...: runs the programs, numbers their tests as one list, and exits
# with 1 when one failed.

netlink_build()
{
	local root name nl

	root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	nl=$root/tests/kselftest/netlink
	bin=$(mktemp -d)
	if ! pkg-config --exists libnl-genl-3.0; then
		echo "1..0 # SKIP libnl-genl-3-dev is not installed"
		exit 4
	fi
	(cd "$root" && tests/host/spec.py header \
		Documentation/netlink/specs/livemig.yaml) >"$bin/spec.h" || exit 1
	for name; do
		# shellcheck disable=SC2046,SC2086
		gcc -O1 -g -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE \
			-I"$bin" -I"$nl" -o "$bin/$name" "$name.c" ${sources:-} \
			"$nl/fam.c" "$nl/box.c" -I"$root/uapi" \
			$(pkg-config --cflags --libs libnl-genl-3.0) \
			-lxxhash -lpthread || {
			echo "Bail out! $name.c does not compile"
			exit 1
		}
	done
}

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
