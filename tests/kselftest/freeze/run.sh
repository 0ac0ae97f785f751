#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/freeze/run.sh - stopping a container, and whose a session is
#
# vm: cpus=2 timeout=600
# Runs in a guest, as root; KTAP on stdout. The last test unloads the module.

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/load.sh
. ../load.sh
# shellcheck source=tests/kselftest/build.sh
. ../build.sh

load_module
netlink_build freeze owner
run_all freeze owner
