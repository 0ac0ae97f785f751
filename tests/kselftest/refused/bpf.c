// SPDX-License-Identifier: GPL-2.0-or-later
/* BPF maps with one element: see refused.h. */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

static const uint32_t key;

int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int bpf_map(unsigned int type, unsigned int len)
{
	union bpf_attr a = { .map_type = type, .key_size = sizeof(key), .value_size = len,
			     .max_entries = 1 };

	return bpf(BPF_MAP_CREATE, &a);
}

bool bpf_set(int map, const void *value)
{
	union bpf_attr a = { .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)value };

	return !bpf(BPF_MAP_UPDATE_ELEM, &a);
}

bool bpf_get(int map, void *value)
{
	union bpf_attr a = { .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)value };

	return !bpf(BPF_MAP_LOOKUP_ELEM, &a);
}
