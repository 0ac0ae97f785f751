#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/dkms.sh - `make dkms-install` brings the module in, dkms-remove takes it away
#
# usage: tests/host/dkms.sh
#
# For Debian 12's kernel, on this machine, of which it changes nothing: it sees another
# /usr and /var. KTAP on stdout.
#
# kernels: 6.1

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/ktap.sh
. tests/vm/ktap.sh

cannot()
{
	echo "1..0 # SKIP $*"
	exit 4
}

if [[ ! ${LIVEMIG_PRIVATE:-} ]]; then
	((EUID == 0)) || cannot "needs root"
	LIVEMIG_PRIVATE=$(mktemp -d) || exit 1
	export LIVEMIG_PRIVATE
	unshare --mount "$0"
	status=$?
	rmdir "$LIVEMIG_PRIVATE"
	exit $status
fi
command -v dkms >/dev/null || cannot "dkms is not installed"
kernel=$(printf '%s\n' /lib/modules/6.1.*-amd64/build | tail -n 1)
[[ -d $kernel ]] || cannot "there are no headers of Debian 12's kernel"
kernel=${kernel%/build}
kernel=${kernel##*/}

tmp=$LIVEMIG_PRIVATE
mount -t tmpfs none "$tmp" || cannot "a tmpfs cannot be mounted"
for dir in usr var; do
	mkdir "$tmp/$dir" "$tmp/$dir.work"
	mount -t overlay -o "lowerdir=/$dir,upperdir=$tmp/$dir,workdir=$tmp/$dir.work" \
		none "/$dir" || cannot "an overlay cannot be mounted over /$dir"
done

installed()
{
	local file

	file=$(modinfo -k "$kernel" -n livemig) || return
	[[ $file == */updates/dkms/livemig.ko* ]] || { echo "it is $file"; return 1; }
	[[ $(modinfo -k "$kernel" -F vermagic livemig) == "$kernel "* ]] || return
	dkms status livemig | grep "$kernel.*: installed"
}

# The same in dkms.conf, in the header of the protocol and in the module.
one_version()
{
	local conf header

	conf=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
	header=$(sed -n 's/^#define LIVEMIG_VERSION[[:space:]]*"\(.*\)"$/\1/p' \
		uapi/linux/livemig.h)
	echo "$conf, $header"
	[[ $conf && $conf == "$header" && $(modinfo -k "$kernel" -F version livemig) == "$conf" ]]
}

removed()
{
	make -s dkms-remove uninstall || return
	! modinfo -k "$kernel" -n livemig 2>/dev/null || return
	[[ ! -e /var/lib/dkms/livemig ]] || { ls /var/lib/dkms/livemig; return 1; }
	! ls -d /usr/src/livemig-*
}

plan 4
check "make dkms-install" make -s dkms-install KVER="$kernel"
check "it is where modprobe finds it" installed
check "one version everywhere" one_version
check "dkms-remove and uninstall leave nothing" removed
finish
