/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared memory objects: shmem inodes that have no name in any file system
 * (MAP_SHARED|MAP_ANONYMOUS, memfd, System V). See shmem.c.
 */
#ifndef _LIVEMIG_SHMEM_H
#define _LIVEMIG_SHMEM_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/types.h>

#include "sent.h"

struct file;
struct inode;
struct lm_round;
struct lm_session;
struct task_struct;

/* One object as the rounds know it. It does not keep the memory alive: between
 * rounds it is known by inode, number and generation.
 */
struct lm_obj {
	struct list_head list;
	struct hlist_node node;
	const struct inode *inode; /* NULL: it is gone, and another one is there */
	unsigned long ino;
	u32 generation;
	u32 id;
	struct file *file;	/* only during a round */
	struct lm_sent sent;
};

/* All of a tracker's. At most one of those in the table has an inode's address. */
struct lm_objs {
	struct lm_session *s;
	struct list_head list;
	DECLARE_HASHTABLE(by_inode, 10);
};

bool lm_is_shmem_object(struct file *f);
bool lm_is_hugetlb(struct file *f);

void lm_objs_init(struct lm_objs *objs, struct lm_session *s);
void lm_objs_inode(struct lm_objs *objs, const struct inode *inode);
struct lm_obj *lm_obj_note(struct lm_objs *objs, struct file *f);
int lm_objs_of_task(struct lm_objs *objs, struct task_struct *t);
int lm_objs_held(struct lm_objs *objs);
int lm_objs_round(struct lm_round *r, struct lm_objs *objs);
void lm_objs_round_end(struct lm_objs *objs, bool drop);
void lm_objs_stale(struct lm_objs *objs);
void lm_objs_free(struct lm_objs *objs);

#endif
