/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in a tmpfs of the container, name by name. Names and sizes go with every
 * round, as files may be mapped before the last one; contents with the last.
 */
#ifndef LM_TREE_H
#define LM_TREE_H

#include <limits.h>
#include <stdio.h>

#include "../model.h"
#include "../record.h"

/* One name is one record, and one more for each piece of a file's contents. */
enum lm_tree_attr {
	LM_TREE_UNSPEC,
	LM_TREE_NS,		/* u32: LM_NS_ID of the mount namespace */
	LM_TREE_MOUNT,		/* u32: LM_MOUNT_ID */
	LM_TREE_PATH,		/* string: below the mount: "", "a/b" */
	LM_TREE_MODE,		/* u32, st_mode */
	LM_TREE_UID,		/* u32 */
	LM_TREE_GID,		/* u32 */
	LM_TREE_MTIME_NS,	/* u64 */
	LM_TREE_RDEV,		/* u64: major << 20 | minor, devices */
	LM_TREE_TARGET,		/* string, symbolic links */
	LM_TREE_SIZE,		/* u64, files */
	LM_TREE_OFFSET,		/* u64: where BYTES belong */
	LM_TREE_BYTES,		/* binary, up to 32768: only NS, MOUNT, PATH are with it */
	LM_TREE_XATTR,		/* binary: name, 0, value; one each */
	LM_TREE_MAX = LM_TREE_XATTR
};
#define LM_TREE_PIECE	32768
/* A container's tmpfs contents, all told. */
#define LM_TREE_BYTES_MAX	(256ULL << 20)
#define LM_TREE_NAMES_MAX	100000
/* The names of a file's extended attributes, or the value of one. */
#define LM_TREE_XATTRS		8192

/* Source. Called with each record; @left: bytes and names that may still come. */
struct lm_tree_dump {
	uint32_t ns, mount;
	const char *name;	/* for messages: where it is mounted */
	bool contents;
	uint64_t bytes_left, names_left;
	int (*put)(struct lm_buf *b, void *arg, struct lm_error *e); /* frees b */
	void *arg;
};
int lm_tree_dump(struct lm_tree_dump *d, int root, struct lm_error *e);

/* A path of ours to @name in the directory @dir, into PATH_MAX bytes. */
static inline int lm_tree_way(int dir, const char *name, char *path)
{
	return snprintf(path, PATH_MAX, "/proc/self/fd/%d/%s", dir, name) < PATH_MAX ?
	       0 : -1;
}

/* Destination: make what is below @root what the records of the mount tell.
 * @contents: fill the files, too.
 */
int lm_tree_make(const struct lm_model *m, uint32_t ns, uint32_t mount, int root,
		 bool contents, struct lm_error *e);
/* Is there more than its root? */
bool lm_tree_any(const struct lm_model *m, uint32_t ns, uint32_t mount);

#endif
