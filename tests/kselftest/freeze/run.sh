#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/freeze/run.sh - stopping a container, and whose a session is
#
# vm: cpus=2 timeout=1800
# build: freeze freeze.c netlink
# build: owner owner.c netlink
# Runs in a guest, as root; KTAP on stdout. The last test unloads the module.

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/load.sh
. ../load.sh
# shellcheck source=tests/kselftest/programs.sh
. ../programs.sh

load_module
run_all freeze owner
