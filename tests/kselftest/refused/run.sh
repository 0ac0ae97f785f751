#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/refused/run.sh - what cannot be moved is named, and goes on
#
# usage: run.sh [TEST...]
# One dump for each thing. Other areas test what of theirs is refused, too; here is what
# no other has.
#
# coverage: Refused
# vm: mem=1024 timeout=900
# requires: build/migctl
# build: refused main.c inside.c bpf.c tasks.c spaces.c memory.c files.c ring.c sockets.c -pthread
# build: addr32 addr32.c $(gcc -m32 -nostdlib -static -o /dev/null addr32.c 2>/dev/null && echo -m32 -nostdlib -static)

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

load_module
modprobe -a loop tun fuse 2>/dev/null
"$dir/refused" "$dir" "$migctl" "$@"
