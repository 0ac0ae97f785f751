// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Image reader. Read twice: as it is, and with magic, sequence and checksums put
 * right, since hardly any mutation gets past those.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "image.h"
#include "image_out.h"

#define SIZE_MAX_IN	(1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair(uint8_t *p, size_t size)
{
	uint64_t seq = 0;
	size_t pos = 0;

	while (size - pos >= sizeof(struct livemig_rec)) {
		struct livemig_rec r;
		size_t align, len;

		memcpy(&r, p + pos, sizeof(r));
		r.magic = LIVEMIG_REC_MAGIC;
		r.head_len %= size - pos - sizeof(r) + 1;
		align = r.type == LIVEMIG_OBJ_PAGES ? LIVEMIG_REC_PAGE : LIVEMIG_REC_ALIGN;
		if (r.seq != UINT64_MAX || r.type != LIVEMIG_OBJ_PAGES)
			r.seq = seq++;
		r.checksum = 0;
		memcpy(p + pos, &r, sizeof(r));
		len = sizeof(r) + r.head_len;
		r.checksum = XXH64(p + pos, len, 0);
		memcpy(p + pos, &r, sizeof(r));
		for (size_t i = len; i < (len + align - 1) / align * align &&
		     pos + i < size; i++)
			p[pos + i] = 0;
		len = (len + align - 1) / align * align + r.payload_len;
		if (len > size - pos)
			break;
		pos += len;
	}
}

static void read_it(int fd, const uint8_t *data, size_t size)
{
	struct lm_image_opts o = { .no_hashes = false };
	struct lm_error e = { 0 };
	struct lm_image img;

	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	lseek(fd, 0, SEEK_SET);
	if (lm_image_read(&img, fd, &o, &e)) {
		/* never without a reason */
		if (!e.code || !*e.msg)
			abort();
	} else {
		json_decref(image_json(&img));
	}
	lm_image_free(&img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	uint8_t *copy;

	if (fd < 0)
		fd = memfd_create("image", 0);
	if (size > SIZE_MAX_IN)
		return 0;
	read_it(fd, data, size);
	copy = malloc(size + 1);
	memcpy(copy, data, size);
	repair(copy, size);
	read_it(fd, copy, size);
	free(copy);
	return 0;
}
