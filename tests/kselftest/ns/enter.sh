#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/ns/enter.sh - what a runtime mounts, below a new root, and more
#
# usage: enter.sh ROOT EXTRA COMMAND...    in a mount namespace of its own
#
# COMMAND is run at that root. ROOT.volume is bound to /host there, ROOT.slave to
# /slave, and ROOT.lower is below an overlay. EXTRA is what cannot be moved: a type
# of file system, "peers", "part"; or "readonly", which can, or "" for nothing.

set -e
root=$1
extra=$2
shift 2
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,size=1m,nosuid tmpfs dev
mkdir dev/pts dev/shm dev/mqueue
for d in null zero full random urandom; do
	cp -a /dev/$d dev/
done
ln -s pts/ptmx dev/ptmx
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
mount -t tmpfs -o size=4m,nosuid,nodev,noexec shm dev/shm
mount -t mqueue mqueue dev/mqueue
mount -t cgroup2 -o ro cgroup sys/fs/cgroup
mount -t tmpfs -o size=16m tmpfs tmp
# a volume
mount --bind "$root.volume" host
mount -o remount,bind,ro host
# one that gets what the host mounts there
mount --bind "$root.slave" slave
mount -t overlay -o "lowerdir=$root.lower,upperdir=$root.upper,workdir=$root.work" \
	overlay over
# shared
mount --bind data data
mount --make-shared data
# what a container is not to write to, or not to see
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind dev/null proc/uptime
# one covers the other
mount -t tmpfs -o size=64k first run
: >run/under
mount -t tmpfs -o size=64k second run
: >run/over
case $extra in
"") ;;
peers) mount --bind data opt ;;
part)
	mount -t proc proc opt
	mount --bind opt/sys etc
	umount opt
	;;
readonly)
	mount -t tmpfs -o size=64k kept opt
	: >opt/file
	mount -o remount,ro opt
	;;
*) mount -t "$extra" "$extra" opt ;;
esac
# (the old root is over /tmp for a moment)
pivot_root . tmp
cd /
/bin/busybox umount -l /tmp
exec "$@"
