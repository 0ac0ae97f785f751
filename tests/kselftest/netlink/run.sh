#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/netlink/run.sh - the generic netlink family from outside
#
# Clients that use libnl-genl-3 and the YAML spec, not liblivemig: a session's
# life, and every refusal. Runs in a guest, as root; KTAP on stdout.
#
# vm: timeout=900
# build: client client.c netlink
# build: refuse refuse.c netlink

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/load.sh
. ../load.sh
# shellcheck source=tests/kselftest/programs.sh
. ../programs.sh

load_module
run_all client refuse
