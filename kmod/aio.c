// SPDX-License-Identifier: GPL-2.0
/*
 * AIO contexts. The id of one is the address of its ring, a shared mapping of a file
 * that nothing else leads to. What is in the ring moves like memory of the process's
 * own: the kernel writes to it without page tables, so that it is compared in every
 * round. User space makes the context again, and brings the kernel's end of the ring
 * to where it was (tools/lib/restore/rings.c).
 *
 * Requests that are under way cannot be moved. How many there are is told by the
 * places in the ring: each is available, taken by a request, or by an event.
 *
 * Locking: mmap_lock is held; RCU while a context is looked at.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/percpu.h>

#include "aio.h"
#include "wrapper/aio_state.h"

/**
 * lm_is_ring() - is a mapping the ring of an AIO context
 * @vma: the mapping
 *
 * Context: mmap_lock is held.
 * Return: whether it is, or was.
 */
bool lm_is_ring(const struct vm_area_struct *vma)
{
	return vma->vm_file &&
	       !strcmp(file_inode(vma->vm_file)->i_sb->s_type->name, "aio");
}

static unsigned int under_way(const struct lm_kioctx *ctx)
{
	unsigned int idle = atomic_read(&ctx->reqs_available);
	int cpu;

	for_each_possible_cpu(cpu)
		idle += READ_ONCE(per_cpu_ptr(ctx->cpu, cpu)->reqs_available);
	/* (requests end meanwhile, and none begins) */
	smp_rmb();
	return ctx->nr_events - 1 - idle - READ_ONCE(ctx->completed_events);
}

/**
 * lm_ring_unsupported() - can an AIO context be moved
 * @vma: lm_is_ring()
 * @transient: set when it may be different in a moment
 *
 * Context: mmap_lock is held.
 * Return: NULL, or why it cannot.
 */
const char *lm_ring_unsupported(const struct vm_area_struct *vma, bool *transient)
{
	const unsigned long rw = VM_READ | VM_WRITE | VM_MAYSHARE;
	const struct lm_kioctx *ctx;
	const char *why = NULL;

	rcu_read_lock();
	ctx = lm_kioctx(vma);
	if (!ctx || (vma->vm_flags & rw) != rw) {
		why = "AIO context whose ring was changed";
	} else if (under_way(ctx)) {
		*transient = true;
		why = "AIO context with requests under way";
	}
	rcu_read_unlock();
	return why;
}
