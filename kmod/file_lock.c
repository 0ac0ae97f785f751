// SPDX-License-Identifier: GPL-2.0
/*
 * Locks and leases on open files. They belong to an open file (flock, OFD
 * locks, leases) or to a descriptor table (POSIX locks).
 *
 * Locking: flc_lock of the inode, a spin lock, taken and left in here.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include "dump.h"
#include "file_kinds.h"
#include "wrapper/file_state.h"

/* Locks in one FILE object; the others follow in further ones. */
#define LM_LOCK_BATCH	256

/* The locks that one look finds. */
struct held_locks {
	struct livemig_lock *v;
	unsigned int n, cap;	/* n may be more than there is room for */
};

/* A POSIX lock was made through one of the files that its owner has open (when
 * the owner closes any of them it goes): it is told with that file.
 */
static bool is_held(struct file_lock *fl, struct file *f,
		    struct files_struct *files)
{
	return lm_lock_owner(fl) == (fl_owner_t)f ||
	       (lm_lock_owner(fl) == (fl_owner_t)files && lm_lock_file(fl) == f);
}

static void note(struct held_locks *l, struct file_lock *fl, u32 kind, u32 owner)
{
	if (l->n < l->cap)
		l->v[l->n] = (struct livemig_lock){
			.start = fl->fl_start,
			.end = fl->fl_end,
			.kind = kind,
			.type = lm_lock_type(fl),
			.owner = kind == LIVEMIG_LOCK_POSIX ? owner : 0,
		};
	l->n++;
}

static void collect(struct file_lock_context *ctx, struct file *f,
		    struct files_struct *files, u32 owner, struct held_locks *l)
{
	struct file_lock *fl;

	l->n = 0;
	spin_lock(&ctx->flc_lock);
	lm_for_each_lock(fl, &ctx->flc_flock)
		if (lm_lock_file(fl) == f)
			note(l, fl, LIVEMIG_LOCK_FLOCK, owner);
	lm_for_each_lock(fl, &ctx->flc_posix)
		if (is_held(fl, f, files))
			note(l, fl, lm_lock_owner(fl) == (fl_owner_t)f ?
			     LIVEMIG_LOCK_OFD : LIVEMIG_LOCK_POSIX, owner);
	spin_unlock(&ctx->flc_lock);
}

static int put_locks(struct lm_dump *d, u32 id, u32 type,
		     const struct livemig_lock *v, unsigned int n)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_FILE);

	BUILD_BUG_ON(LM_LOCK_BATCH * sizeof(*v) > LM_OBJ_MAX / 2);
	if (!obj)
		return -ENOMEM;
	if (nla_put_u32(obj, LIVEMIG_FILE_A_ID, id) ||
	    nla_put_u32(obj, LIVEMIG_FILE_A_TYPE, type) ||
	    nla_put(obj, LIVEMIG_FILE_A_LOCKS, n * sizeof(*v), v)) {
		kfree_skb(obj);
		return -EMSGSIZE;
	}
	lm_obj_end(d, obj);
	return 0;
}

/**
 * lm_dump_locks - queue the locks that are held through an open file
 * @d: the dump
 * @f: the file, referenced
 * @files: table that has it open, as an owner of POSIX locks
 * @owner: number of that table
 * @id: number of the file, whose FILE object is queued
 * @type: its type
 *
 * Sleeps.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_dump_locks(struct lm_dump *d, struct file *f, struct files_struct *files,
		  u32 owner, u32 id, u32 type)
{
	struct file_lock_context *ctx = smp_load_acquire(&file_inode(f)->i_flctx);
	struct held_locks l = {};
	unsigned int i;
	int err = 0;

	if (!ctx)
		return 0;
	for (;;) {
		collect(ctx, f, files, owner, &l);
		if (l.n <= l.cap)
			break;
		kvfree(l.v);
		l.cap = l.n;
		l.v = kvcalloc(l.cap, sizeof(*l.v), GFP_KERNEL_ACCOUNT);
		if (!l.v)
			return -ENOMEM;
	}
	for (i = 0; i < l.n && !err; i += LM_LOCK_BATCH)
		err = put_locks(d, id, type, l.v + i,
				min_t(unsigned int, l.n - i, LM_LOCK_BATCH));
	kvfree(l.v);
	return err;
}

/**
 * lm_put_lease - add the lease on an open file to its FILE object
 * @d: the dump
 * @t: whose file it is
 * @fd: its number
 * @f: the file, referenced
 * @obj: the object under construction
 *
 * Sleeps. One that somebody waits for is in the way for the time being.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_put_lease(struct lm_dump *d, struct task_struct *t, int fd, struct file *f,
		 struct sk_buff *obj)
{
	struct file_lock_context *ctx = smp_load_acquire(&file_inode(f)->i_flctx);
	bool breaking = false;
	lm_lease_t *fl;
	int type = -1;

	if (!ctx)
		return 0;
	spin_lock(&ctx->flc_lock);
	lm_for_each_lease(fl, &ctx->flc_lease) {
		if (lm_lock_file(fl) != f)
			continue;
		type = lm_lock_type(fl);
		breaking = lm_lease_breaking(fl);
	}
	spin_unlock(&ctx->flc_lock);
	if (breaking)
		return lm_unsupported(d, t, fd, true, NULL,
				      "lease that somebody else waits for");
	return type < 0 ? 0 : nla_put_u32(obj, LIVEMIG_FILE_A_LEASE, type);
}
