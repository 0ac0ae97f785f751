# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/ns/mounts.sh - a root directory for a container, and its mounts
# (sourced by run.sh)

# make_root DIR: programs of busybox, and the test's own.
make_root()
{
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,data,host,run,etc,lib,lib64,opt,over,slave}
	mkdir -p "$1".{volume,lower,upper,work,slave/later}
	echo "of the host" >"$1.volume/outside"
	echo "below" >"$1.lower/file"
	rm -rf "$1/data"/* "$1.upper"/* "$1/opt"/*
	umount "$1.slave/later" 2>/dev/null
	rm -f "$1.slave/expected"
	mountpoint -q "$1.slave" || mount --bind "$1.slave" "$1.slave"
	mount --make-shared "$1.slave"
	cp /bin/busybox "$1/bin/"
	ln -sf busybox "$1/bin/sh"
	cp "$dir/mounted" "$1/bin/"
}

# in_root ROOT EXTRA BOX COMMAND...: as init of pid, mount, ipc, uts and cgroup
# namespaces, at the root ROOT. EXTRA: see enter.sh.
in_root()
{
	local root=$1 extra=$2 name=$3

	shift 3
	mkdir -p "$cg/$name"
	# shellcheck disable=SC2016
	setsid unshare --pid --fork sh -c '
		echo 0 >"$0/cgroup.procs"
		exec unshare --mount --ipc --uts --cgroup --propagation slave \
			"$@"' "$cg/$name" ./enter.sh "$root" "$extra" "$@" \
		</dev/null >/dev/null 2>&1 &
	disown
}
