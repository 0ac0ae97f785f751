#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/symbols.sh - livemig.ko uses exported symbols only
#
# usage: tests/host/symbols.sh [MODULE [SYMVERS]]
#
# Every undefined symbol of MODULE ($LIVEMIG_KO or livemig.ko) must be in SYMVERS
# (that of the kernel that MODULE was built for: $KERNEL or an installed one), and not exported to single modules or in a
# namespace that MODULE does not import. Then both are tried on damaged copies
# of SYMVERS. Runs on the host; KTAP on stdout.

set -u
cd "$(dirname "$0")/../.." || exit 1
ko=${1:-${LIVEMIG_KO:-livemig.ko}}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

result() # STATUS NAME
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
	fi
}

skip()
{
	echo "1..0 # SKIP $*"
	exit 4
}

# Symvers: crc, symbol, provider, kind, namespace; separated by tabs.
check() # SYMVERS
{
	awk -F'\t' -v imports=" $(modinfo -F import_ns "$ko" | tr '\n' ' ')" '
	FNR == NR { found[$2] = 1; ns[$2] = $5; from[$2] = $3; next }
	{
		total++
		if (!($1 in found)) {
			print $1 ": not exported"; bad++
		} else if (ns[$1] ~ /^module:/) {
			print $1 ": exported to " ns[$1] " alone"; bad++
		} else if (ns[$1] != "" && index(imports, " " ns[$1] " ") == 0) {
			print $1 ": in the namespace " ns[$1]; bad++
		} else if (from[$1] != "vmlinux") {
			print $1 ": needs the module " from[$1] " (allowed)"
		}
	}
	END {
		print total + 0 " undefined symbols, " bad + 0 " bad"
		exit bad || !total
	}' "$1" "$tmp/undefined"
}

[ -e "$ko" ] || skip "$ko is not built"
release=$(modinfo -F vermagic "$ko" | cut -d' ' -f1)
symvers=${2:-/lib/modules/$release/build/Module.symvers}
[ -e "$symvers" ] || symvers=$(tests/vm/kernel info "${KERNEL:-6.1}" |
	sed -n 's/^symvers=//p')
[ -e "$symvers" ] || skip "$symvers of kernel $release is not here"
nm -u "$ko" | awk '{ print $NF }' | sort -u >"$tmp/undefined"

echo "KTAP version 1"
echo "1..3"

check "$symvers" >"$tmp/out"
status=$?
sed 's/^/# /' "$tmp/out"
result $status "only exported symbols of $release are used"

grep -v -P '\tkernel_write\t' "$symvers" >"$tmp/symvers"
! check "$tmp/symvers" >"$tmp/out" && grep -q '^kernel_write: not' "$tmp/out"
result $? "it is noticed when a symbol is not exported"

sed 's/^\([^\t]*\tkernel_write\t[^\t]*\t[^\t]*\).*/\1\tmodule:kvm/' "$symvers" \
	>"$tmp/symvers"
! check "$tmp/symvers" >"$tmp/out" && grep -q 'to module:kvm alone' "$tmp/out"
result $? "it is noticed when a symbol is exported to one module"

exit $failed
