#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What TASK_GET says about programs whose state is known. KTAP on stdout.
# usage: run.sh [TEST...]   inside a guest, as root
#
# vm: cpus=2 timeout=1800
# build: state *.c -lmnl -lpthread
cd "$(dirname "$0")" || exit 1
top=../../..

skip()
{
	printf 'KTAP version 1\n1..0 # SKIP %s\n' "$1"
	exit 4
}

[ "$(id -u)" = 0 ] || skip "not root"
[ -f /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup v2"
# shellcheck source=tests/kselftest/load.sh
. ../load.sh
load_module
$top/build/tests/state/state "$@"
