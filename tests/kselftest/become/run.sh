#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/become/run.sh - /dev/livemig, the helper, and becoming
#
# A coordinator made by hand turns helpers into a program of which every
# register is known. Runs in a guest, as root; KTAP on stdout.
#
# vm: cpus=2 timeout=600
# requires: build/livemig-helper

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
top=../../..

load_module
[ -x $top/build/livemig-helper ] || {
	echo "1..0 # SKIP build/livemig-helper is not built"
	exit 4
}
bin=$(mktemp -d)
gcc -O1 -g -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE -std=gnu11 \
	-I$top/uapi -I$top/tools/lib -I../netlink -o "$bin/become" ./*.c \
	$top/tools/lib/{remote,remote_batch,error,attr}.c || {
	echo "Bail out! it does not compile"
	exit 1
}
LIVEMIG_HELPER=$(realpath $top/build/livemig-helper)
export LIVEMIG_HELPER
"$bin/become" "$@"
