# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/runc/bundle.sh - a bundle for an OCI runtime (sourced)

# make_bundle DIR NAME [ID]: programs are the host's, read-only; the root is a directory.
# ID: it has a user namespace, whose root is ID on the host.
make_bundle()
{
	local rootfs=$1/rootfs d user= more= caps='"CAP_KILL", "CAP_NET_BIND_SERVICE"'

	mkdir -p "$rootfs"/{usr,proc,sys,dev,data,tmp,etc}
	for d in bin sbin lib lib64; do
		ln -sfn usr/$d "$rootfs/$d"
	done
	cat >"$rootfs/data/main" <<-'END'
		redis-server --port 0 --unixsocket /data/redis.sock --save '' \
			--logfile /tmp/redis.log >/dev/null &
		i=0
		while :; do
			i=$((i + 1))
			echo $i >/tmp/count.new
			mv /tmp/count.new /tmp/count
			sleep 1
		done
	END
	if [ "${3:-}" ]; then
		user='"uidMappings": [ { "containerID": 0, "hostID": '$3', "size": 65536 } ],
			"gidMappings": [ { "containerID": 0, "hostID": '$3', "size": 65536 } ],'
		more=', { "type": "user" }'
		caps="$caps, \"CAP_SYS_ADMIN\""
		chown -R "$3:$3" "$rootfs"
	fi
	# (the shell has it open: the same file on every host)
	touch -d @1000000000 "$rootfs/data/main"
	cat >"$1/config.json" <<-END
	{
	"ociVersion": "1.0.2",
	"hostname": "$2",
	"root": { "path": "rootfs" },
	"process": {
		"user": { "uid": 0, "gid": 0 },
		"args": [ "busybox", "sh", "/data/main" ],
		"env": [ "PATH=/usr/sbin:/usr/bin" ],
		"cwd": "/data",
		"noNewPrivileges": true,
		"capabilities": {
			"bounding": [ $caps ],
			"effective": [ $caps ],
			"permitted": [ $caps ]
		},
		"rlimits": [ { "type": "RLIMIT_NOFILE", "hard": 2048, "soft": 2048 } ]
	},
	"mounts": [
		{ "destination": "/proc", "type": "proc", "source": "proc" },
		{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
		  "options": [ "nosuid", "strictatime", "mode=755", "size=65536k" ] },
		{ "destination": "/dev/pts", "type": "devpts", "source": "devpts",
		  "options": [ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" ] },
		{ "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
		  "options": [ "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" ] },
		{ "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
		  "options": [ "nosuid", "noexec", "nodev" ] },
		{ "destination": "/sys", "type": "sysfs", "source": "sysfs",
		  "options": [ "nosuid", "noexec", "nodev", "ro" ] },
		{ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
		  "options": [ "nosuid", "noexec", "nodev", "relatime", "ro" ] },
		{ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
		  "options": [ "nosuid", "nodev", "size=16m" ] },
		{ "destination": "/usr", "type": "bind", "source": "/usr",
		  "options": [ "bind", "ro" ] }
	],
	"linux": {
		"cgroupsPath": "/$2",
		"namespaces": [
			{ "type": "pid" }, { "type": "network" }, { "type": "ipc" },
			{ "type": "uts" }, { "type": "mount" }, { "type": "cgroup" }$more
		],
		$user
		"maskedPaths": [ "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware" ],
		"readonlyPaths": [ "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys" ]
	}
	}
	END
}

# ask COMMAND...: its redis, through a socket in its root
ask()
{
	timeout $((5 * ${TIME_FACTOR:-1})) redis-cli -s "$bundle/rootfs/data/redis.sock" "$@" 2>&1 | grep -v '^Could not'
}

has_key()
{
	[ "$(ask GET key)" = "$box" ]
}

# no_redis PID: it does not answer; what can be known about it, in the box with that init
no_redis()
{
	echo "no redis; its processes:"
	nsenter -t "$1" -m -p ps -eo pid,stat,wchan,time,comm
	tail -n 30 "/proc/$1/root/tmp/redis.log"
	dmesg | tail -n 5
	return 1
}

# count PID: how far the shell has come, whose pid that is
count()
{
	cat "/proc/$1/root/tmp/count" 2>/dev/null
}

# counted_beyond PID NUMBER
counted_beyond()
{
	local now

	now=$(count "$1")
	[ -n "$now" ] && ((now > $2))
}

# view PID: what it looks like from inside, without what is another each time
view()
{
	nsenter -t "$1" -m -u -i -n -p -C /bin/sh -c '
		hostname
		cut -d " " -f 4- /proc/1/mountinfo | sort
		sed "/^State\|^Vm\|^Rss\|^FDSize\|^Sig[QPB]\|^ShdPnd\|ctxt_switches/d" \
			/proc/1/status
		cat /proc/1/cgroup /proc/1/limits
		find /dev /tmp -not -name count.new -printf "%p %y %m %U %G %l\n" | sort -u
		for p in /proc/[0-9]*; do
			if [ "$(cat "$p/comm")" = redis-server ]; then echo "${p#/proc/}"; fi
		done'
}

# init_pid RUNTIME BOX
init_pid()
{
	"$1" state "$2" | sed -n 's/^ *"pid" *: *\([0-9]*\).*/\1/p'
}
