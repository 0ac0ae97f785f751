# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/vm/nap.sh - how scripts in guests sleep while they wait (sourced)

# nap SECONDS: sleeps (as what it is, not multiplied by anything). Starting a program for
# that costs an emulated processor ten milliseconds or more, again and again where one
# waits; nobody ever writes into this FIFO of tests/vm/stage2.
nap()
{
	if [ -p /run/vm/nap ]; then
		read -rt "$1" <>/run/vm/nap || return 0
	else
		sleep "$1"
	fi
}
