#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/pages/run.sh - the PAGES command, its records, and APPLY
#
# Runs in a guest, as root; KTAP on stdout.

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
. ../build.sh

load_module
sources="-I../track ../track/round.c" netlink_build stream fail apply
run_all stream fail apply
