# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: /usr/bin/python3
# check: no
#
# Threads with a lock and a queue, an asyncio server, and processes that
# calculate for it.

start()
{
	container /usr/bin/python3 "$here/python.py"
}

ready()
{
	port 7000
}

load()
{
	cd "$work" && exec /usr/bin/python3 "$here/squares.py"
}
