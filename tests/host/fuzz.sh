#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/fuzz.sh - a short run of the fuzz targets (`make fuzz` for longer)
#
# usage: tests/host/fuzz.sh
#
# Runs on the host; KTAP on stdout.
#
# kernels: 6.1

set -u
cd "$(dirname "$0")/../.." || exit 1
pkg-config --exists libmnl jansson || {
	echo "1..0 # SKIP needs libmnl-dev and libjansson-dev"
	exit 4
}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
# (build first: what it says is not KTAP)
targets="build/fuzz/args build/fuzz/attr build/fuzz/image build/fuzz/netlink build/fuzz/patches"
# shellcheck disable=SC2086
if ! make -s -j2 B=build $targets >"$log" 2>&1; then
	sed 's/^/# /' "$log"
	echo "Bail out! the fuzz targets do not build"
	exit 1
fi
exec tests/fuzz/run build/fuzz 10
