#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/patches.sh - PATCHES records, good and damaged
#
# usage: tests/host/patches.sh
#
# Runs on the host; KTAP on stdout.
#
# kernels: 6.1

cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
gcc -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Iuapi \
	-Itools/lib -o "$tmp/patches" tests/host/patches.c tools/lib/restore/patches.c \
	tools/lib/{patch,record,attr,error}.c -lxxhash 2>"$tmp/log" || {
	echo "1..0 # SKIP patches.c cannot be built: $(head -n 1 "$tmp/log")"
	exit 4
}
"$tmp/patches"
