#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/apps/drain/run.sh - a host gets another kernel: a redis under load, and a
# program that watches its clocks beside it, leave it for a host that has $KERNEL
# already, and come back
#
# vm: guests=A,B,C until=C kernel=A=6.1,C=6.1 timeout=1800
# kernels: 6.12 7.2 debug
# requires: build/migctl

exec "$(dirname "$0")/../demo.sh" drain
