#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/ns/run.sh - namespaces of the container's own, dumped and restored
#
# usage: run.sh [KIND...]
# state.c sets them up, and looks at them when it runs again.
#
# vm: mem=1024 timeout=1200
# requires: build/migctl
# build: state state.c pids.c -lrt -lpthread
# build: mounted mounted.c -static

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh
. ./mounts.sh

moved="uts family ipc twoipc cgroups chroot init nested deep deepest"
refused="initless group leaderless sent"

start()
{
	local f=$dir/$1

	case $1 in
	init) contain "$1" "$dir/state" "$1" "$f" ;;
	deep) contain "$1" "$dir/state" nested "$f" ;;
	sent)
		contain sent "$dir/state" nested "$dir/around"
		is_ready "$dir/around" || return
		enter sent
		;;
	entered | initless)
		contain init "$dir/state" init "$dir/first"
		is_ready "$dir/first" || return
		enter "$1"
		;;
	chroot)
		# in the mount namespace that it is started in
		box ns-chroot unshare --mount --propagation private "$dir/state" chroot "$f" ;;
	*) box "ns-$1" "$dir/state" "$1" "$f" ;;
	esac
	is_ready "$f"
}

# contain NAME COMMAND...: as init of a pid namespace; nobody outside of it is in
# the box.
contain()
{
	local name=$1

	shift
	mkdir -p "$cg/ns-$name"
	# shellcheck disable=SC2016
	setsid unshare --pid --fork sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' \
		"$cg/ns-$name" "$@" </dev/null >/dev/null 2>&1 &
	disown
}

# inits BOX: those who are pid 1 somewhere, the one further out first
inits()
{
	local pid

	sort -n "$cg/ns-$1/cgroup.procs" | while read -r pid; do
		! grep -q "^NSpid:.*[[:space:]]1$" "/proc/$pid/status" || echo "$pid"
	done
}

# enter NAME: sends a program into the namespace of the box init, and into its box;
# initless: into a box of its own; sent: into the inner one of two, and into their box.
enter()
{
	local name=$1 to=$cg/ns-$1 target

	[ "$name" != entered ] || to=$cg/ns-init
	if [ "$name" = sent ]; then
		target=$(inits sent | tail -n 1)
	else
		target=$(inits init | head -n 1)
	fi
	mkdir -p "$to"
	# shellcheck disable=SC2016
	nsenter --pid --target "$target" \
		setsid sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' \
		"$to" "$dir/state" entered "$dir/$name" </dev/null >/dev/null 2>&1 &
	disown
}

# What the host shows of itself.
host()
{
	hostname
	cat /proc/sys/kernel/msgmax /proc/sys/kernel/sem /proc/sys/fs/mqueue/msg_max
}

# Dump, kill, restore; then what it says itself. The host is as it was.
moves()
{
	local before

	before=$(host)
	start "$1" || return
	moved "ns-$1" "$dir/$1.img" || return
	answers "$dir/$1" || return
	[ "$(host)" = "$before" ] || { host; return 1; }
}

declare -A why=(
	[initless]="pid namespace whose init is not in the container"
	[group]="whose leader is outside of its pid namespace or has ended"
	[leaderless]="whose leader has ended, in a pid namespace within that of the container"
	[sent]="sent from outside into a pid namespace within that of the container"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/ns-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/$1"
}

# One that came from outside moves with the others. The first program is asked
# last: it is alone then.
entered()
{
	start entered || return
	moved ns-init "$dir/entered.img" || return
	answers "$dir/entered" && answers "$dir/first"
}

# start_mounted EXTRA BOX
start_mounted()
{
	make_root "$dir/root"
	in_root "$dir/root" "$1" "ns-$2" /bin/mounted /data/state
	is_ready "$dir/root/data/state"
}

mounts()
{
	local image=$dir/mounts.img

	start_mounted "" mounts || return
	dump_box ns-mounts "$image" || return
	# What a mount shows must be here, and its place in the root.
	mv "$dir/root.volume" "$dir/away"
	refused 2 "root.volume: it is not here" "$migctl" restore --detach "$image" ||
		return
	mv "$dir/away" "$dir/root.volume"
	rmdir "$dir/root/host" && ln -s /etc "$dir/root/host"
	refused 2 "mount /host (" "$migctl" restore --detach "$image" || return
	rm "$dir/root/host" && mkdir "$dir/root/host"
	restore_box ns-mounts "$image" || return
	mount -t tmpfs later "$dir/root.slave/later"
	touch "$dir/root.slave/later/mark" "$dir/root.slave/expected"
	answers "$dir/root/data/state" || { cat "$dir/root/data/state.mounts"; return 1; }
}

# All that the host has mounted, and one more: over the place where the restored
# one's root is made.
unshared()
{
	local f=$dir/unshared

	# shellcheck disable=SC2016
	box ns-unshared unshare --mount sh -c '
		mount -t tmpfs mine /mnt && echo inside >/mnt/file
		touch "$0.ready"
		while [ ! -e "$0.go" ]; do sleep 1; done
		[ "$(cat /mnt/file)" = inside ] && echo ok >"$0"' "$f"
	is_ready "$f" || return
	moved ns-unshared "$f.img" || return
	gone /mnt/file || { echo "it is mounted on the host"; return 1; }
	answers "$f"
}

# Two mount namespaces, each with a file system that the other has not.
twomounts()
{
	local f=$dir/twomounts

	# shellcheck disable=SC2016
	box ns-twomounts unshare --mount sh -c '
		mount -t tmpfs one /mnt && echo one >/mnt/file
		unshare --mount --propagation private sh -c "
			exec </dev/null
			umount /mnt && mount -t tmpfs two /srv && echo two >/srv/file
			: >\"$0.inner\"
			while [ ! -e \"$0.go\" ]; do sleep 1; done
			[ \"\$(cat /srv/file)\" = two ] && [ ! -e /mnt/file ]" &
		while [ ! -e "$0.inner" ]; do sleep 1; done
		: >"$0.ready"
		wait $! && [ "$(cat /mnt/file)" = one ] && [ ! -e /srv/file ] &&
			echo ok >"$0.new" && mv "$0.new" "$0"' "$f"
	is_ready "$f" || return
	moved ns-twomounts "$f.img" && answers "$f"
}

# A mount that cannot be moved is named, and the container runs on.
unmovable()
{
	start_mounted "$1" "$1" || return
	refused 2 "$2" "$migctl" dump "$cg/ns-$1" -o "$dir/$1.img" --leave killed ||
		return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$dir/root/data/state"
}

# Of a file system that is mounted nowhere else.
part()
{
	unmovable part "mount /etc (proc): a part of a file system that is not mounted as a whole"
}

# What can be filled only before it is as it was, which the last round tells.
readonly()
{
	start_mounted readonly readonly || return
	"$migctl" dump "$cg/ns-readonly" -o "$dir/readonly.img" --leave killed \
		--rounds 1 || return
	"$migctl" restore --detach "$dir/readonly.img" || return
	answers "$dir/root/data/state"
}

# What a process has open of its network is not the host's.
network()
{
	local f=$dir/network

	ip link add outside0 type dummy || return
	# shellcheck disable=SC2016
	box ns-network unshare --net sh -c '
		sh -c "exec 3</proc/self/net/dev; touch $0.ready
			while [ ! -e $0.go ]; do sleep 1; done
			grep outside0 <&3 >$0.new || echo ok >$0.new
			mv $0.new $0"; true' "$f"
	is_ready "$f" && moved ns-network "$f.img" && answers "$f"
	local status=$?
	ip link delete outside0
	return $status
}

# changing NAME FILE ADD LIST: the dump is slow whenever it looks at FILE, and the command
# ADD makes things of the address 10.77.0.$i until long after the first time. None is lost.
changing()
{
	local f=$dir/$1

	# shellcheck disable=SC2016
	box "ns-$1" unshare --net sh -c '
		ip link set lo up
		nft add table ip t && nft add chain ip t c
		touch $0.ready
		until [ -e $0.img.tmp ]; do sleep .1; done
		for i in 1 2 3 4 5 6 7 8 9 10; do
			eval "$1"
			sleep .3
		done
		until [ -e $0.go ]; do sleep .1; done
		eval "$2" | grep -c 10.77. >$0.new
		[ $(cat $0.new) != 10 ] || echo ok >$0.new
		mv $0.new $0' "$f" "$3" "$4"
	is_ready "$f" || return
	strace -f -qq -o "$f.calls" -P "$2" -e inject=openat:delay_enter=1000000 \
		"$migctl" dump "$cg/ns-$1" -o "$f.img" --rounds 0 --leave killed || return
	grep -q DELAYED "$f.calls" || { cat "$f.calls"; return 1; }
	"$migctl" restore --detach "$f.img" && answers "$f"
}

address='ip address add 10.77.0.$i/32 dev lo'
addresses='ip -o address show dev lo'

# Between its lists...
listed()
{
	changing listed /proc/thread-self/net/arp_tables_names "$address" "$addresses"
}

# ... and between them and the stop.
stopped()
{
	changing stopped "$cg/ns-stopped/cgroup.type" "$address" "$addresses"
}

ruled()
{
	changing ruled "$cg/ns-ruled/cgroup.type" \
		'nft add rule ip t c ip saddr 10.77.0.$i drop' 'nft list ruleset'
}

ramfs()
{
	unmovable ramfs "mount /opt: ramfs of ramfs, which the host has not mounted"
}

peers()
{
	unmovable peers "propagate to each other"
}

load_module
# shellcheck disable=SC2086
# (before there are mounts that are shared between the host and its tests)
others="twomounts entered mounts unshared ramfs peers part readonly network listed stopped ruled"
[ $# = 0 ] || { moved=$*; refused=; others=; }
case " $moved " in *" twomounts "*) others=twomounts; moved= ;; esac
case " $moved " in *" mounts "*) others="mounts unshared ramfs peers part readonly"; moved= ;; esac
case $moved in entered | network | listed | stopped | ruled) others=$moved; moved= ;; esac
# shellcheck disable=SC2086
set -- $moved $refused $others
plan $#
for kind in $moved; do
	check "$kind" moves "$kind"
	unbox "ns-$kind"
done
for kind in $refused; do
	check "$kind is refused" stays "$kind"
	unbox "ns-$kind"
done
unbox ns-init
rm -f "$dir"/first*
for kind in $others; do
	check "$kind" "$kind"
	unbox ns-init
	unbox "ns-$kind"
done
umount -R "$dir/root.slave" 2>/dev/null
finish
