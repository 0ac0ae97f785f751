#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/pages/run.sh - the PAGES command, its records, and APPLY
#
# Runs in a guest, as root; KTAP on stdout.
#
# vm: timeout=900
# build: stream stream.c -I../track ../track/round.c netlink
# build: fail fail.c -I../track ../track/round.c netlink
# build: later later.c -I../track ../track/round.c netlink
# build: apply apply.c -I../track ../track/round.c netlink

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
. ../programs.sh

load_module
run_all stream fail later apply
