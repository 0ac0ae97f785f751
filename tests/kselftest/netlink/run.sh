#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/netlink/run.sh - the generic netlink family from outside
#
# Clients that use libnl-genl-3 and the YAML spec, not liblivemig: a session's
# life, and every refusal. Runs in a guest, as root; KTAP on stdout.

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/load.sh
. ../load.sh
# shellcheck source=tests/kselftest/build.sh
. ../build.sh

load_module
netlink_build client refuse
run_all client refuse
