#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/deadline.sh - slow peers are given up
#
# usage: tests/host/deadline.sh
#
# Runs on the host; KTAP on stdout.
#
# kernels: 6.1

cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
gcc -O1 -D_GNU_SOURCE -Iuapi -Itools/lib -o "$tmp/deadline" tests/host/deadline.c \
	tools/lib/record.c tools/lib/attr.c tools/lib/error.c -lxxhash 2>"$tmp/log" || {
	echo "1..0 # SKIP deadline.c cannot be built: $(head -n 1 "$tmp/log")"
	exit 4
}
"$tmp/deadline"
