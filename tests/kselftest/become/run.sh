#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/become/run.sh - /dev/livemig, the helper, and becoming
#
# A coordinator made by hand turns helpers into a program of which every
# register is known. Runs in a guest, as root; KTAP on stdout.
#
# vm: cpus=2 timeout=1800
# requires: build/livemig-helper
# build: become *.c -I../netlink liblivemig

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
top=../../..

load_module
[ -x $top/build/livemig-helper ] || {
	echo "1..0 # SKIP build/livemig-helper is not built"
	exit 4
}
LIVEMIG_HELPER=$(realpath $top/build/livemig-helper)
export LIVEMIG_HELPER
$top/build/tests/become/become "$@"
