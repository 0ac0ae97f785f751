// SPDX-License-Identifier: LGPL-2.1-or-later
/* Character devices without state: those of <linux/major.h> MEM_MAJOR. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kinds.h"

enum { MEM_MAJOR = 1, DEV_NULL = 3, DEV_ZERO = 5, DEV_FULL = 7,
       DEV_RANDOM = 8, DEV_URANDOM = 9 };

static unsigned int rdev_major(const struct lm_file *f)
{
	return lm_u64(f->obj.tb[LIVEMIG_FILE_A_RDEV]) >> 20;
}

static unsigned int rdev_minor(const struct lm_file *f)
{
	return lm_u64(f->obj.tb[LIVEMIG_FILE_A_RDEV]) & 0xfffff;
}

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_CHR;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	if (rdev_major(f) == MEM_MAJOR) {
		switch (rdev_minor(f)) {
		case DEV_NULL:
		case DEV_ZERO:
		case DEV_FULL:
		case DEV_RANDOM:
		case DEV_URANDOM:
			return 0;
		}
	}
	return lm_fail(e, LM_REFUSED, "device %s (%u:%u): not supported",
		       f->path ?: "without a path", rdev_major(f), rdev_minor(f));
}

static int chr_open(struct lm_restorer *r, struct lm_file *f,
		    struct lm_error *e)
{
	struct stat st;

	if (check(NULL, f, e) || lm_kind_open_path(r, f, e))
		return -1;
	if (fstat(f->fd, &st) || !S_ISCHR(st.st_mode) ||
	    major(st.st_rdev) != rdev_major(f) ||
	    minor(st.st_rdev) != rdev_minor(f))
		return lm_fail(e, LM_REFUSED, "%s: another device here than %u:%u",
			       f->path, rdev_major(f), rdev_minor(f));
	return 0;
}

const struct lm_file_kind lm_kind_chr = {
	.name	= "device",
	.match	= match,
	.check	= check,
	.open	= chr_open,
};
