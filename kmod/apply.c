// SPDX-License-Identifier: GPL-2.0
/*
 * LIVEMIG_IOC_APPLY: pages from a file or socket straight into the memory of a
 * task that waits to become a restored one.
 *
 * Page by page there are three cases. Memory that is there is read into without
 * a copy. Zeros for private anonymous memory that is not there cost nothing. A
 * HOLE is told as zeros to private anonymous memory, which a fresh mapping
 * would show, as nothing that drops pages of another task is exported; in any
 * other mapping, or in none, it is up to user space (@missed), which does
 * madvise(MADV_DONTNEED) or forgets pages that it kept for a mapping to come.
 * With KEEP_SAME pages are read into buffers first, and copied where they differ
 * from what is there.
 *
 * Locking: mmap_lock of the target is held for reading while pages are looked
 * up, never while the fd is read. Nothing that userspace says is believed.
 */
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/xxhash.h>

#include "restore.h"
#include "walk.h"
#include "wrapper/io.h"
#include "wrapper/mm.h"

#define ENTRIES_MAX	LIVEMIG_PAGES_ENTRIES_MAX

struct apply {
	struct mm_struct *mm;
	struct file *in;
	loff_t pos;
	const struct livemig_ioc_apply *a;
	struct livemig_page_entry entry[ENTRIES_MAX];
	DECLARE_BITMAP(missed, ENTRIES_MAX);
	/* A run of DATA entries. */
	struct page *page[ENTRIES_MAX];
	struct bio_vec bvec[ENTRIES_MAX];
};

static unsigned long entry_addr(const struct livemig_page_entry *e)
{
	return le64_to_cpu(e->addr) & PAGE_MASK;
}

static unsigned int entry_kind(const struct livemig_page_entry *e)
{
	return le64_to_cpu(e->addr) & LIVEMIG_PAGE_KIND_MASK;
}

static bool entry_valid(const struct livemig_page_entry *e)
{
	u64 addr = le64_to_cpu(e->addr), pages = le64_to_cpu(e->value);

	if (addr & ~(u64)PAGE_MASK & ~(LIVEMIG_PAGE_KIND_MASK | LIVEMIG_PAGE_F_HUGE))
		return false;
	switch (entry_kind(e)) {
	case LIVEMIG_PAGE_DATA:
		pages = 1;
		break;
	case LIVEMIG_PAGE_ZERO:
	case LIVEMIG_PAGE_HOLE:
		break;
	default:
		return false;
	}
	addr &= PAGE_MASK;
	return pages && addr < TASK_SIZE_MAX &&
	       pages <= (TASK_SIZE_MAX - addr) >> PAGE_SHIFT;
}

/* ---- DATA ---- */

/*
 * Memory that is not there yet, as it is almost always: fault page by page, look
 * for all of them once. get_user_pages() walks the tables twice for each. Where a
 * huge page appears there is one fault. Return: how many of @n, 0: it is no plain
 * memory.
 */
static unsigned int touch_pages(struct apply *ap, unsigned long addr,
				unsigned int n, struct page **pages)
{
	const unsigned int flags = FAULT_FLAG_WRITE | FAULT_FLAG_REMOTE;
	struct vm_area_struct *vma = find_vma(ap->mm, addr);
	unsigned int i, got;

	if (!vma || vma->vm_start > addr || !vma_is_anonymous(vma) ||
	    !(vma->vm_flags & VM_WRITE))
		return 0;
	n = min_t(unsigned long, n,
		  (min(vma->vm_end, (addr & PMD_MASK) + PMD_SIZE) - addr) >>
		  PAGE_SHIFT);
	got = lm_walk_writable(ap->mm, addr, n, pages);
	if (got || handle_mm_fault(vma, addr, flags, NULL) & VM_FAULT_ERROR)
		return got;
	got = lm_walk_writable(ap->mm, addr, n, pages);
	if (got != 1 || n == 1)
		return got;
	for (i = 1; i < n; i++)
		if (handle_mm_fault(vma, addr + i * PAGE_SIZE, flags, NULL) &
		    VM_FAULT_ERROR)
			break;
	return 1 + lm_walk_writable(ap->mm, addr + PAGE_SIZE, i - 1, pages + 1);
}

/* Finds the memory of @n entries from @first on. What has none gets a page that
 * is thrown away, and a bit in @missed.
 */
static int find_pages(struct apply *ap, unsigned int first, unsigned int n)
{
	unsigned int i, run;
	long got;

	if (mmap_read_lock_killable(ap->mm))
		return -EINTR;
	for (i = 0; i < n; i += run) {
		unsigned long addr = entry_addr(&ap->entry[first + i]);

		for (run = 1; i + run < n; run++)
			if (entry_addr(&ap->entry[first + i + run]) !=
			    addr + run * PAGE_SIZE)
				break;
		got = touch_pages(ap, addr, run, ap->page + i) ?:
		      lm_get_user_pages(ap->mm, addr, run,
					FOLL_WRITE | FOLL_FORCE, ap->page + i);
		if (got > 0) {
			run = got;
			continue;
		}
		run = 1;
		if (got && got != -EFAULT) {
			mmap_read_unlock(ap->mm);
			return fatal_signal_pending(current) ? -EINTR : got;
		}
		ap->page[i] = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!ap->page[i]) {
			mmap_read_unlock(ap->mm);
			return -ENOMEM;
		}
		__set_bit(first + i, ap->missed);
	}
	mmap_read_unlock(ap->mm);
	return 0;
}

static int read_pages(struct apply *ap, unsigned int n)
{
	struct iov_iter iter;
	unsigned int i;
	ssize_t got;

	for (i = 0; i < n; i++)
		ap->bvec[i] = (struct bio_vec) {
			.bv_page = ap->page[i], .bv_len = PAGE_SIZE,
		};
	iov_iter_bvec(&iter, READ, ap->bvec, n, n * PAGE_SIZE);
	while (iov_iter_count(&iter)) {
		got = lm_iter_read(ap->in, &iter, &ap->pos);
		if (got == -ERESTARTSYS || fatal_signal_pending(current))
			return -EINTR;
		if (got == 0 || got == -EAGAIN)
			return -EIO;
		if (got < 0)
			return got;
	}
	return 0;
}

/* Return: 0; -EBADMSG: not the bytes that were sent; -EFAULT: nobody takes it. */
static int check_page(struct apply *ap, unsigned int i, struct page *page)
{
	void *p = kmap_local_page(page);
	int err = 0;

	if (xxh64(p, PAGE_SIZE, 0) != le64_to_cpu(ap->entry[i].value)) {
		err = -EBADMSG;
	} else if (test_bit(i, ap->missed)) {
		void __user *to = u64_to_user_ptr(ap->a->missed_buf) +
				  i * PAGE_SIZE;

		if (!ap->a->missed || !ap->a->missed_buf ||
		    copy_to_user(to, page_address(page), PAGE_SIZE))
			err = -EFAULT;
	}
	kunmap_local(p);
	return err;
}

static int get_buffers(struct apply *ap, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		ap->page[i] = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!ap->page[i])
			return -ENOMEM;
	}
	return 0;
}

/* Is there an anonymous page with these bytes? mmap_lock is held for reading. */
static bool has_page(struct apply *ap, unsigned long addr, struct page *bytes)
{
	struct page *page;
	void *a, *b;
	bool same;

	if (lm_walk_mapped(ap->mm, addr, addr + PAGE_SIZE) != addr ||
	    lm_get_user_pages(ap->mm, addr, 1, FOLL_FORCE, &page) != 1)
		return false;
	a = kmap_local_page(page);
	b = kmap_local_page(bytes);
	same = PageAnon(page) && !memcmp(a, b, PAGE_SIZE);
	kunmap_local(b);
	kunmap_local(a);
	put_page(page);
	return same;
}

/* Puts what was read into buffers to its place. */
static int copy_differing(struct apply *ap, unsigned int first, unsigned int n)
{
	unsigned int i;
	struct page *page;
	long got = 1;

	if (mmap_read_lock_killable(ap->mm))
		return -EINTR;
	for (i = 0; i < n; i++) {
		unsigned long addr = entry_addr(&ap->entry[first + i]);

		if (has_page(ap, addr, ap->page[i]))
			continue;
		got = lm_get_user_pages(ap->mm, addr, 1, FOLL_WRITE | FOLL_FORCE,
					&page);
		if (got == 1) {
			copy_highpage(page, ap->page[i]);
			set_page_dirty_lock(page);
			put_page(page);
		} else if (!got || got == -EFAULT) {
			__set_bit(first + i, ap->missed);
		} else {
			break;
		}
	}
	mmap_read_unlock(ap->mm);
	if (i == n)
		return 0;
	return fatal_signal_pending(current) ? -EINTR : got;
}

static int apply_data(struct apply *ap, unsigned int first, unsigned int n,
		      u32 *done)
{
	bool keep = ap->a->flags & LIVEMIG_APPLY_F_KEEP_SAME;
	unsigned int i;
	int err, bad;

	memset(ap->page, 0, n * sizeof(*ap->page));
	err = keep ? get_buffers(ap, n) : find_pages(ap, first, n);
	if (!err)
		err = read_pages(ap, n);
	if (!err && keep)
		err = copy_differing(ap, first, n);
	for (i = 0; i < n && ap->page[i]; i++) {
		bad = err ?: check_page(ap, first + i, ap->page[i]);
		if (!bad)
			++*done;
		err = bad;
		set_page_dirty_lock(ap->page[i]);
		put_page(ap->page[i]);
	}
	return err;
}

/* ---- ZERO and HOLE ---- */

/* Return: 0; -EFAULT: cannot be written. */
static int zero_page(struct apply *ap, unsigned long addr)
{
	struct page *page;
	void *p;
	long got;

	got = lm_get_user_pages(ap->mm, addr, 1, FOLL_WRITE | FOLL_FORCE, &page);
	if (got != 1)
		return got ?: -EFAULT;
	p = kmap_local_page(page);
	if (memchr_inv(p, 0, PAGE_SIZE)) {
		clear_page(p);
		set_page_dirty(page);
	}
	kunmap_local(p);
	put_page(page);
	return 0;
}

/* Return: the end of what was done from @addr on; 0 with *@err: 0 is up to user
 * space, or an errno. mmap_lock is held for reading.
 */
static unsigned long zero_vma(struct apply *ap, unsigned int kind,
			      unsigned long addr, unsigned long end, int *err)
{
	struct vm_area_struct *vma = find_vma(ap->mm, addr);
	unsigned int batch = 0;
	bool fresh_is_zero;

	*err = 0;
	if (!vma || vma->vm_start > addr)
		return 0;
	fresh_is_zero = vma_is_anonymous(vma) && !(vma->vm_flags & VM_SHARED);
	if (kind == LIVEMIG_PAGE_HOLE && !fresh_is_zero)
		return 0;
	end = min(end, vma->vm_end);
	for (; addr < end && batch < 512; addr += PAGE_SIZE, batch++) {
		if (fresh_is_zero)
			addr = lm_walk_mapped(ap->mm, addr, end);
		if (addr >= end)
			break;
		*err = zero_page(ap, addr);
		if (*err == -EFAULT)
			*err = 0;	/* a shared mapping that is read-only */
		else if (!*err)
			continue;
		return 0;
	}
	return addr;
}

static int apply_range(struct apply *ap, unsigned int i)
{
	const struct livemig_page_entry *e = &ap->entry[i];
	unsigned long addr = entry_addr(e), next;
	unsigned long end = addr + le64_to_cpu(e->value) * PAGE_SIZE;
	int err = 0;

	while (addr < end) {
		if (mmap_read_lock_killable(ap->mm))
			return -EINTR;
		next = zero_vma(ap, entry_kind(e), addr, end, &err);
		mmap_read_unlock(ap->mm);
		if (fatal_signal_pending(current))
			return -EINTR;
		if (err)
			return err;
		if (!next) {
			__set_bit(i, ap->missed);
			if (!ap->a->missed && entry_kind(e) == LIVEMIG_PAGE_ZERO)
				return -EFAULT;
			return 0;
		}
		addr = next;
		cond_resched();
	}
	return 0;
}

/* ---- the call ---- */

static int apply_entries(struct apply *ap, u32 nr, u32 *done)
{
	unsigned int i = 0, n;
	int err = 0;

	while (i < nr && !err) {
		for (n = 0; i + n < nr; n++)
			if (entry_kind(&ap->entry[i + n]) != LIVEMIG_PAGE_DATA)
				break;
		if (n) {
			err = apply_data(ap, i, n, done);
			i += n;
			continue;
		}
		err = apply_range(ap, i);
		if (!err)
			++*done;
		i++;
	}
	return err;
}

static int get_entries(struct apply *ap, const struct livemig_ioc_apply *a)
{
	u32 i;

	if (!a->nr_entries || a->nr_entries > ENTRIES_MAX)
		return -EINVAL;
	if (copy_from_user(ap->entry, u64_to_user_ptr(a->entries),
			   a->nr_entries * sizeof(*ap->entry)))
		return -EFAULT;
	for (i = 0; i < a->nr_entries; i++)
		if (!entry_valid(&ap->entry[i]))
			return -EINVAL;
	return 0;
}

/**
 * lm_apply() - fill pages of a task from an fd
 * @t: the task; the caller has checked that it belongs to the restore and holds
 * a reference
 * @a: the request; ->done is set. When it fails, the bits of @missed and the
 * pages after ->done entries are undefined
 *
 * Context: sleeps, killable; a signal ends it while the sender is slow. No lock
 * is held.
 * Return: 0; -EINVAL (entries); -EFAULT (pointers of the caller, or a page has
 * no mapping and nobody takes it); -EBADF; -EBADMSG (a page has not the hash of
 * its entry); -EIO (the fd ended or is non-blocking); -ESRCH (the task has no
 * memory any more); -EINTR; -ENOMEM; what reading @a->fd gives.
 */
int lm_apply(struct task_struct *t, struct livemig_ioc_apply *a)
{
	struct apply *ap;
	int err;

	a->done = 0;
	ap = kvzalloc(sizeof(*ap), GFP_KERNEL_ACCOUNT);
	if (!ap)
		return -ENOMEM;
	ap->a = a;
	err = get_entries(ap, a);
	if (err)
		goto out_free;
	err = -EBADF;
	ap->in = fget(a->fd);
	if (!ap->in || !(ap->in->f_mode & FMODE_READ))
		goto out_file;
	if (S_ISREG(file_inode(ap->in)->i_mode))
		ap->pos = READ_ONCE(ap->in->f_pos);
	err = -ESRCH;
	ap->mm = get_task_mm(t);
	if (!ap->mm)
		goto out_file;
	err = apply_entries(ap, a->nr_entries, &a->done);
	mmput(ap->mm);
	if (S_ISREG(file_inode(ap->in)->i_mode))
		ap->in->f_pos = ap->pos;
	if (!err && a->missed &&
	    copy_to_user(u64_to_user_ptr(a->missed), ap->missed,
			 DIV_ROUND_UP(a->nr_entries, 8)))
		err = -EFAULT;
out_file:
	if (ap->in)
		fput(ap->in);
out_free:
	kvfree(ap);
	return err;
}
