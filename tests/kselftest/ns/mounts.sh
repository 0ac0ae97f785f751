# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/ns/mounts.sh - a root directory for a container, and its mounts
# (sourced by run.sh)

# make_root DIR: programs of busybox, and the test's own.
make_root()
{
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,data,host,run,etc,lib,lib64}
	cp /bin/busybox "$1/bin/"
	ln -sf busybox "$1/bin/sh"
	cp "$dir/mounted" "$1/bin/"
}

# in_root ROOT BOX COMMAND...: as init of pid, mount, ipc and cgroup namespaces, at
# the root ROOT.
in_root()
{
	local root=$1 name=$2

	shift 2
	mkdir -p "$cg/$name"
	# shellcheck disable=SC2016
	setsid unshare --pid --fork sh -c '
		echo 0 >"$0/cgroup.procs"
		exec unshare --mount --ipc --uts --cgroup --propagation private \
			"$@"' "$cg/$name" ./enter.sh "$root" "$@" \
		</dev/null >/dev/null 2>&1 &
	disown
}
