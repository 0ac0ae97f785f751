# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/vm/apt.sh - packages of other Debian suites, from this machine's mirror
# (sourced after common.sh)
# shellcheck disable=SC2154

# mirror SUITE: the address that apt on this machine takes Debian itself from.
mirror()
{
	local own

	own=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(RELEASE) $(SITE)' \
		'Created-By: Packages' | awk -v own="$own" '$1 == own { print $2; exit }'
}

# apt_suite SUITE COMMAND...: apt-get or apt-cache with one suite and no state
# in common with this machine's.
apt_suite()
{
	local dir=$kernels/apt/$1 tool=$2

	mkdir -p "$dir"/{state/lists/partial,cache/archives/partial}
	: >"$dir/status"
	echo "deb $(mirror) $1 main" >"$dir/sources.list"
	"$tool" -qq -o Acquire::Retries=3 -o APT::Architecture=amd64 -o APT::Sandbox::User=root \
		-o Dir::State="$dir/state" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Acquire::Languages=none "${@:3}"
}

# unpack DEB DIR [TAR OPTIONS]: dpkg -x, but links to directories stay.
unpack()
{
	dpkg-deb --fsys-tarfile "$1" |
		tar -x -C "$2" --keep-directory-symlink --no-same-owner "${@:3}"
}
