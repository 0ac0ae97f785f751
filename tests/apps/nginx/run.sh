#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/apps/nginx/run.sh - the demo with nginx, as a test
#
# vm: guests=A,B,C until=C timeout=1800
# requires: build/migctl

exec "$(dirname "$0")/../demo.sh" nginx
