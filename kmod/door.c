// SPDX-License-Identifier: GPL-2.0
/*
 * The door: a way into the kernel that is no system call.
 *
 * A helper puts the seccomp filters of a dump on itself while it still has calls
 * to make, which they would not let through. What asks them is a flag of the
 * task; but after the first filter no call could clear it. A page fault is not
 * asked for: reading a page of this mapping for the first time suspends the
 * check for the task that reads. lm_close_door() ends that on the way to user
 * mode, when the task is no helper any more.
 *
 * Only who has /dev/livemig open, root's helpers, can map it, and nobody can
 * touch it for somebody else (VM_IO).
 *
 * Locking: a task changes the flag of its own, which is atomic.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/thread_info.h>

#include "restore.h"
#include "wrapper/mm.h"

static vm_fault_t door_fault(struct vm_fault *vmf)
{
	struct lm_restore *r = vmf->vma->vm_private_data;

	if (vmf->flags & FAULT_FLAG_REMOTE)
		return VM_FAULT_SIGBUS;
	clear_task_syscall_work(current, SECCOMP);
	get_page(r->door);
	vmf->page = r->door;
	return 0;
}

static const struct vm_operations_struct door_ops = {
	.fault = door_fault,
};

/**
 * lm_door_mmap() - mmap of /dev/livemig
 * @file: of the restore; the mapping holds it
 * @vma: of one page, to be read
 *
 * Return: 0 or -EINVAL.
 */
int lm_door_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start != PAGE_SIZE || vma->vm_pgoff ||
	    (vma->vm_flags & (VM_WRITE | VM_EXEC)))
		return -EINVAL;
	lm_vma_clear_flags(vma, VM_MAYWRITE | VM_MAYEXEC);
	lm_vma_set_flags(vma, VM_IO | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &door_ops;
	return 0;
}

/**
 * lm_has_filters() - are these current's
 * @s: what a thread had
 *
 * Return: true when current is in that mode and has as many filters.
 */
bool lm_has_filters(const struct livemig_seccomp *s)
{
#ifdef CONFIG_SECCOMP
	return current->seccomp.mode == s->mode &&
	       (s->mode != SECCOMP_MODE_FILTER ||
		atomic_read(&current->seccomp.filter_count) == s->filters);
#else
	return !s->mode;
#endif
}

/**
 * lm_close_door() - from now on current's filters are asked again
 */
void lm_close_door(void)
{
#ifdef CONFIG_SECCOMP
	if (current->seccomp.mode != SECCOMP_MODE_DISABLED)
		set_task_syscall_work(current, SECCOMP);
#endif
}
