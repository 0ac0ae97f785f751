/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is under way in an AIO context only private structs of fs/aio.c tell. They have
 * looked like this from 5.x to 7.2. That they do is seen by members around those
 * that matter: the ring's place, size and file. Nothing is written.
 */
#ifndef _LIVEMIG_WRAPPER_AIO_STATE_H
#define _LIVEMIG_WRAPPER_AIO_STATE_H

#include <linux/aio_abi.h>
#include <linux/cache.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct lm_kioctx_cpu {
	unsigned int reqs_available;
};

struct lm_kioctx {
	struct percpu_ref users;
	atomic_t dead;
	struct percpu_ref reqs;
	unsigned long user_id;		/* address of the ring */
	struct lm_kioctx_cpu __percpu *cpu;
	unsigned int req_batch, max_reqs;
	unsigned int nr_events;		/* room in the ring */
	unsigned long mmap_base, mmap_size;
	void **ring_pages;
	long nr_pages;
	struct rcu_work free_rwork;
	void *rq_wait;
	struct {
		atomic_t reqs_available;
	} ____cacheline_aligned_in_smp;
	struct {
		spinlock_t ctx_lock;
		struct list_head active_reqs;
	} ____cacheline_aligned_in_smp;
	struct {
		struct mutex ring_lock;
		wait_queue_head_t wait;
	} ____cacheline_aligned_in_smp;
	struct {
		unsigned int tail;
		unsigned int completed_events; /* whose places were not given back */
		spinlock_t completion_lock;
	} ____cacheline_aligned_in_smp;
	void *internal_pages[8];
	struct file *aio_ring_file;
	unsigned int id;
};

struct lm_kioctx_table {
	struct rcu_head rcu;
	unsigned int nr;
	struct lm_kioctx __rcu *table[];
};

/* The head of a ring, as programs see it. */
struct lm_aio_ring {
	unsigned int id, nr, head, tail;
	unsigned int magic, compat_features, incompat_features, header_length;
};

/* The context whose ring is all of @vma; NULL: none, or this kernel's structs are
 * others. Callers hold mmap_lock and RCU.
 */
static inline const struct lm_kioctx *lm_kioctx(const struct vm_area_struct *vma)
{
#if defined(CONFIG_AIO) && !defined(CONFIG_RANDSTRUCT)
	unsigned long len = vma->vm_end - vma->vm_start;
	const struct lm_kioctx_table *table =
		(void *)rcu_dereference(vma->vm_mm->ioctx_table);
	const struct lm_kioctx *ctx;
	unsigned int i;

	for (i = 0; table && i < table->nr; i++) {
		ctx = rcu_dereference(table->table[i]);
		if (ctx && ctx->user_id == vma->vm_start &&
		    ctx->mmap_base == vma->vm_start && ctx->mmap_size == len &&
		    ctx->nr_events == (len - sizeof(struct lm_aio_ring)) /
				      sizeof(struct io_event) &&
		    ctx->aio_ring_file == vma->vm_file && ctx->id == i)
			return ctx;
	}
#endif
	return NULL;
}

#endif
