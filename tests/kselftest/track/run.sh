#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/track/run.sh - tracking of changed pages against ground truth
#
# Runs in a guest, as root; KTAP on stdout.
#
# vm: mem=3072 cpus=2 timeout=1800
# build: exact exact.c round.c judge.c mutate.c netlink
# build: hot hot.c round.c netlink
# build: controls controls.c round.c judge.c mutate.c netlink

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
. ../programs.sh

# Memory to swap to; without it MADV_PAGEOUT does nothing.
if modprobe zram 2>/dev/null && echo 128M >/sys/block/zram0/disksize; then
	mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
fi

load_module unsafe_controls=1
run_all exact hot controls
