#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/frames.sh - what goes through frames comes out of them, and damaged
# frames are the end of the stream
#
# usage: tests/host/frames.sh
#
# Runs on the host; KTAP on stdout.
#
# kernels: 6.1

cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
gcc -O1 -g -fsanitize=address,undefined -D_GNU_SOURCE -Iuapi -Itools/lib -o "$tmp/frames" \
	tests/host/frames.c tools/lib/migrate/{pump,codec}.c tools/lib/error.c \
	-lzstd -llz4 -lpthread 2>"$tmp/log" || {
	echo "1..0 # SKIP frames.c cannot be built: $(head -n 1 "$tmp/log")"
	exit 4
}
"$tmp/frames"
