#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/apps/redis/run.sh - the demo with redis, as a test
#
# vm: guests=A,B,C until=C timeout=1800
# kernels: 6.1
# requires: build/migctl

exec "$(dirname "$0")/../demo.sh" redis
