/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared memory objects: shmem inodes that have no name in any file system
 * (MAP_SHARED|MAP_ANONYMOUS, memfd, System V). See shmem.c.
 */
#ifndef _LIVEMIG_SHMEM_H
#define _LIVEMIG_SHMEM_H

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
	const struct inode *inode;
	unsigned long ino;
	u32 generation;
	u32 id;
	struct file *file;	/* only during a round */
	struct lm_sent sent;
};

bool lm_is_shmem_object(struct file *f);
bool lm_is_hugetlb(struct file *f);

struct lm_obj *lm_obj_note(struct list_head *objs, struct file *f, gfp_t gfp);
int lm_objs_of_task(struct list_head *objs, struct task_struct *t);
int lm_objs_held(struct list_head *objs, struct lm_session *s);
int lm_objs_round(struct lm_round *r, struct list_head *objs);
void lm_objs_round_end(struct lm_session *s, struct list_head *objs, bool drop);
void lm_objs_stale(struct list_head *objs);
void lm_objs_free(struct list_head *objs);

#endif
