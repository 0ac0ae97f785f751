#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/wire/run.sh - what rounds send of pages whose content asks for
# little, and that the receiver has the same memory afterwards
#
# Runs in a guest, as root; KTAP on stdout.
#
# vm: mem=3072 cpus=2 timeout=1800
# build: content content.c -I../track ../track/{round,judge,mutate}.c netlink
# build: exact exact.c -I../track ../track/{round,judge,mutate}.c netlink

set -u
cd "$(dirname "$0")" || exit 1
. ../load.sh
. ../programs.sh

load_module
run_all content exact
