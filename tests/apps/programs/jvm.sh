# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: java /usr/share/java/bsh.jar
# check: no
#
# 60 threads that lock, wait and leave garbage, in a heap of which 8 GB are
# reserved.

start()
{
	container java -Xmx8g -Xms32m -XX:+UseG1GC -cp /usr/share/java/bsh.jar \
		bsh.Interpreter "$here/jvm.bsh"
}

ready()
{
	port 7000
}

load()
{
	cd "$work" && exec /usr/bin/python3 "$here/squares.py"
}
