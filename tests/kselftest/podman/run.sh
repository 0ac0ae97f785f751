#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/podman/run.sh - a container that podman has made, as root
#
# Its root is an overlay, and its programs are filtered by podman's seccomp profile.
# When it is killed podman unmounts the overlay and its /dev/shm: the restored one gets
# an overlay of the same directories, and what was in the other. podman itself does not
# know of it.
#
# vm: mem=1024 timeout=1200
# requires: build/migctl

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

pod()
{
	podman --root "$dir/storage" --runroot "$dir/run" --tmpdir "$dir/libpod" \
		--cgroup-manager cgroupfs --events-backend file "$@"
}

# makes_image: busybox, and nothing else.
makes_image()
{
	mkdir -p "$dir"/image/{bin,tmp}
	cp /bin/busybox "$dir/image/bin/"
	for p in sh cat ls mv sleep sort cut; do
		ln -s busybox "$dir/image/bin/$p"
	done
	echo below >"$dir/image/file"
	tar -C "$dir/image" -c . | pod import - localhost/box
}

# Output goes where podman's own goes: pipes would end in its monitor.
starts()
{
	pod run -d --name box --network none --log-driver passthrough \
		--tmpfs /scratch localhost/box sh -c '
			echo in a tmpfs >/scratch/file
			echo above >/file
			echo shared memory >/dev/shm/file
			i=0
			while :; do
				i=$((i + 1))
				echo $i >/tmp/count.new
				mv /tmp/count.new /tmp/count
				sleep 1
			done' </dev/null >/dev/null 2>&1 || return
	pod inspect --format '{{.State.Pid}}' box >"$dir/pid"
	wait_for 60 test -s "/proc/$(cat "$dir/pid")/root/tmp/count" ||
		{ echo "no count"; return 1; }
	sed -n 's/^0:://p' "/proc/$(cat "$dir/pid")/cgroup" >"$dir/cgroup"
	view >"$dir/before"
	grep -q '^/ / .*overlay' "$dir/before"
}

# What it looks like from inside.
view()
{
	nsenter -t "$(cat "$dir/pid")" -m -u -i -n -p -C /bin/sh -c '
		cut -d " " -f 4- /proc/1/mountinfo | sort
		cat /proc/1/cgroup /proc/1/limits /scratch/file /file /dev/shm/file
		ls -lR /dev
		cat /proc/1/uid_map /proc/sys/kernel/hostname'
	grep '^Cap\|^Seccomp\|^NoNew\|^NSpid' "/proc/$(cat "$dir/pid")/status" |
		sed 's/\t[0-9]*\t1$//'
}

# Killed it is gone for podman, too, once its monitor has noticed.
cleaned()
{
	pod container cleanup box >/dev/null &&
		! grep -qE " $dir/storage/.*/(merged|shm) " /proc/self/mountinfo
}

dumps()
{
	"$migctl" dump "$cg/$(cat "$dir/cgroup")" -o "$dir/box.img" --leave killed ||
		return
	wait_for 60 cleaned
	cat "$dir"/storage/overlay/*/diff/tmp/count >"$dir/count"
	! grep -E " $dir/storage/.*/(merged|shm) " /proc/self/mountinfo
}

restores()
{
	"$migctl" restore --detach --pidfile "$dir/pid" "$dir/box.img"
}

beyond()
{
	(($(cat "/proc/$(cat "$dir/pid")/root/tmp/count") > $(cat "$dir/count")))
}

counts()
{
	wait_for 60 beyond
}

same()
{
	view >"$dir/after"
	diff "$dir/before" "$dir/after"
}

command -v podman >/dev/null || skip_all "no podman"
load_module
plan 6
check "an image" makes_image
check "it runs" starts
check "dump" dumps
check "restore" restores
check "it goes on" counts
check "from inside all is as before" same
unbox "$(cat "$dir/cgroup")"
pod rm -f box >/dev/null 2>&1
finish
