# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/vm/common.sh - what the scripts in this directory share (sourced)

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
vm=$top/tests/vm
work=${LIVEMIG_BUILD:-$top/build}
state=$work/vm
kernels=$work/kernels
# Guests share the machine also with those of other work trees.
locks=/run/lock/livemig.$UID
mkdir -p "$locks" 2>/dev/null || locks=$state

# Statuses of a guest run beside those of the command itself.
# shellcheck disable=SC2034
readonly st_dirty=123 st_timeout=124 st_dead=125

die()
{
	echo "${0##*/}: $*" >&2
	exit "$st_dead"
}

# The comment that opens a script is its help text.
usage()
{
	sed -n '2,/^$/{/SPDX/d;s/^# \{0,1\}//p}' "$1"
}

# kernel_files NAME: sets vmlinuz, release and moddir of a kernel that is there.
# shellcheck disable=SC2034
kernel_files()
{
	local dir

	if [[ $1 == 6.1 ]]; then
		dir=$(printf '%s\n' /lib/modules/6.1.*-amd64/kernel | sort -V | tail -1)
		[[ -d $dir ]] || die "no stock kernel; run tests/setup/packages guest"
		moddir=${dir%/kernel}
		release=${moddir##*/}
		vmlinuz=/boot/vmlinuz-$release
	else
		dir=$kernels/$1
		[[ -e $dir/release ]] || die "no kernel $1; run tests/vm/kernel get $1"
		release=$(<"$dir/release")
		moddir=$dir/modules
		vmlinuz=$dir/vmlinuz
	fi
	[[ -r $vmlinuz ]] || die "cannot read $vmlinuz"
}

# uncompressed: prints the kernel chosen by kernel_files as the image that its file holds,
# if that can be booted (CONFIG_PVH); a guest would take longer to uncompress it than to
# boot. Offsets: Documentation/arch/x86/boot.rst. All but gzip have their size behind them.
uncompressed()
{
	local out=$state/vmlinux-$release setup offset length

	# (a package's vmlinuz is as old as its build, modules.dep as its installation)
	if [[ ! -e $out || $vmlinuz -nt $out || $moddir/modules.dep -nt $out ]]; then
		field()
		{
			od -An -td"$2" -j "$1" -N "$2" "$vmlinuz" | tr -d ' '
		}
		mkdir -p "$state"
		setup=$(field 0x1f1 1) offset=$(field 0x248 4) length=$(field 0x24c 4)
		tail -c "+$(((setup + 1) * 512 + offset + 1))" "$vmlinuz" |
			head -c "$length" >"$out.$$.payload"
		{
			gzip -dc "$out.$$.payload" || head -c -4 "$out.$$.payload" | xz -dc ||
				head -c -4 "$out.$$.payload" | zstd -qdc
		} >"$out.$$" 2>/dev/null
		# (its note with the entry: XEN_ELFNOTE_PHYS32_ENTRY)
		LC_ALL=C grep -qaP '\x04\0\0\0[\x04\x08]\0\0\0\x12\0\0\0Xen\0' "$out.$$" ||
			cp "$vmlinuz" "$out.$$"
		rm "$out.$$.payload"
		mv "$out.$$" "$out"
	fi
	echo "$out"
}

# initramfs: prints the base initramfs of the kernel chosen by kernel_files,
# made anew when something that goes into it changed.
initramfs()
{
	local out=$state/initramfs-$release.cpio

	if [[ ! -e $out || $vm/init -nt $out || $vm/mkinitramfs -nt $out ||
		$moddir/modules.dep -nt $out ]]; then
		mkdir -p "$state"
		"$vm/mkinitramfs" "$moddir" "$out" || die "no initramfs"
	fi
	echo "$out"
}

# hot: prints the cpio of the programs that guests start all the time, made anew when
# packages changed.
hot()
{
	local out=$state/hot.cpio

	(
		flock 9
		[[ -e $out && ! $vm/mkhot -nt $out && ! /var/lib/dpkg/status -nt $out ]] ||
			"$vm/mkhot" "$out"
	) 9>"$out.lock" || die "no $out"
	echo "$out"
}

# accel: prints kvm or tcg. /dev/kvm is believed only after a guest ran a
# command with it; the verdict holds until this machine is booted again.
accel()
{
	local cache=$state/accel boot verdict

	if [[ ${VM_ACCEL:-} ]]; then
		echo "$VM_ACCEL"
		return
	fi
	mkdir -p "$state"
	boot=$(</proc/sys/kernel/random/boot_id)
	(
		flock 9
		[[ -e $cache && $(<"$cache") == *" $boot" ]] && exit
		verdict=tcg
		if [[ -r /dev/kvm && -w /dev/kvm ]] &&
			VM_ACCEL=kvm "$vm/run" --kernel 6.1 --cpus 2 --name probe \
				--timeout 15 -- true >"$state/probe.log" 2>&1 9>&-; then
			verdict=kvm
		fi
		echo "$verdict $boot" >"$cache"
	) 9>"$cache.lock"
	read -r verdict _ <"$cache"
	echo "$verdict"
}
