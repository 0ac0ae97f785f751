// SPDX-License-Identifier: GPL-2.0
/*
 * One round on one mm: find the pages, then copy them.
 *
 * The order is what makes it exact: marks are taken and pages write-protected
 * under the page-table locks, then every CPU flushes, then the lock is dropped,
 * and only then is anything copied. A write through an old TLB entry comes
 * before the flush and so is in the copy; one after it faults and is marked.
 *
 * Locking: s->lock is held. mmap_lock is held for reading for each window of
 * the walk, for writing only while VM_SOFTDIRTY is cleared, and not at all
 * while something is written.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xxhash.h>

#include "arch.h"
#include "extack.h"
#include "patch.h"
#include "round.h"
#include "versions.h"
#include "wrapper/mm.h"
#include "wrapper/task_state.h"

/* ---- trackers ---- */

static int none_begin(struct lm_walk *w)
{
	w->all = true;
	return mmap_read_lock_killable(w->mm);
}

/* No tracker: every page that is there is dirty. */
const struct lm_tracker_ops lm_track_none = {
	.name = "none",
	.begin = none_begin,
};

static int soft_dirty_check(struct netlink_ext_ack *extack)
{
	if (lm_soft_dirty_works())
		return 0;
	return lm_err(extack, -EOPNOTSUPP,
		      "this kernel has no soft-dirty bits, or runs as a Xen PV guest");
}

static int soft_dirty_begin(struct lm_walk *w)
{
	u64 t;

	/* Whoever looks at this mm with tables of his own (KVM) would have to
	 * be told, and that is not exported: it is not tracked.
	 */
	if (mm_has_notifiers(w->mm))
		return none_begin(w);
	if (w->flags & LIVEMIG_PAGES_F_COUNT)
		return mmap_read_lock_killable(w->mm);

	w->clear = true;
	w->max_fresh = READ_ONCE(w->mm->map_count) + 64;
	w->fresh = kvmalloc_array(w->max_fresh, sizeof(*w->fresh),
				  GFP_KERNEL_ACCOUNT);
	if (!w->fresh)
		w->max_fresh = 0;
	if (mmap_write_lock_killable(w->mm))
		return -EINTR;
	t = ktime_get_ns();
	if (!(w->flags & LIVEMIG_PAGES_F_UNSAFE_NOVMA))
		lm_walk_fresh(w);
	mmap_write_downgrade(w->mm);
	w->st->ns_locked = max(w->st->ns_locked, ktime_get_ns() - t);
	return 0;
}

/* The soft-dirty bits of the page tables. */
const struct lm_tracker_ops lm_track_soft_dirty = {
	.name = "soft-dirty",
	.check = soft_dirty_check,
	.begin = soft_dirty_begin,
};

/* ---- writing ---- */

/* What the bytes of a page are: LM_SENT_ZERO or not, and their hash. */
static bool page_is_zero(struct page *page, u64 *hash)
{
	void *p = kmap_local_page(page);
	bool zero = !memchr_inv(p, 0, PAGE_SIZE);

	if (!zero)
		*hash = xxh64(p, PAGE_SIZE, 0);
	kunmap_local(p);
	return zero;
}

/* ---- what the receiver has ---- */

/* Keeps the bytes of a page that it gets. @page passes over; NULL: no memory.
 * @copy: it was told as a copy.
 */
static void remember(struct lm_round *r, u64 addr, u64 old, u64 hash,
		     struct page *page, bool copy)
{
	const struct lm_stream *st = &r->stream;
	const struct lm_version new = {
		.page = page, .hash = hash, .addr = addr, .space = st->space,
		.id = st->id, .round = st->round, .heat = old > LM_SENT_STALE,
	};

	if (page)
		lm_version_put(st->patches->versions, &new, copy);
}

/* It has the bytes with this hash, and keeps them in this round. */
static void confirm(struct lm_round *r, u64 addr, u64 hash)
{
	const struct lm_stream *st = &r->stream;
	struct lm_version *v;

	v = lm_version_of(st->patches->versions, st->space, st->id, addr);
	if (v && v->hash == hash)
		v->round = st->round;
}

/*
 * Writes a page by what the receiver has. @page is the stream's slot, or
 * @owned. Return: 1; 0: it must be sent as it is; or an error.
 */
static int write_patch(struct lm_round *r, u64 addr, u64 old, u64 hash,
		       struct page *page, bool owned)
{
	struct page *like;
	int ret;

	ret = lm_patch_page(&r->stream, addr,
			    r->flags & LIVEMIG_PAGES_F_ALL ? LM_SENT_NOT : old,
			    hash, page, &like);
	if (ret <= 0)
		return ret;
	if (like) {
		r->st->copy++;
		get_page(like);
		remember(r, addr, old, hash, like, true);
	} else {
		r->st->delta++;
		if (!owned)
			remember(r, addr, old, hash,
				 lm_stream_take(&r->stream, page), false);
	}
	if (owned)
		put_page(page);
	return 1;
}

/*
 * Writes a page with its bytes, in one way or another. @page is the stream's
 * slot, or @owned, and then passes over.
 */
static int write_bytes(struct lm_round *r, u64 addr, u32 kind, u64 old, u64 hash,
		       struct page *page, bool owned)
{
	int ret = 0;

	if (r->stream.patches)
		ret = write_patch(r, addr, old, hash, page, owned);
	if (ret > 0)
		return 0;
	if (ret) {
		if (owned)
			put_page(page);
		return ret;
	}
	if (r->stream.patches && !owned) {
		get_page(page);
		remember(r, addr, old, hash, page, false);
	}
	r->st->data++;
	return lm_stream_data(&r->stream, addr | (kind & LIVEMIG_PAGE_F_HUGE),
			      hash, owned ? page : NULL);
}

/*
 * Writes a page unless the receiver has it. @page is the stream's slot, or
 * @owned: frozen memory, whose reference passes over. Return: 1 when the
 * receiver had it, 0, or an error.
 */
static int write_page(struct lm_round *r, struct lm_sent *sent, u64 addr,
		      u32 kind, struct page *page, bool owned)
{
	bool count = r->flags & LIVEMIG_PAGES_F_COUNT;
	unsigned long index = addr >> PAGE_SHIFT;
	u64 hash = 0, value, old = sent ? lm_sent_value(sent, index) : LM_SENT_NOT;
	bool zero = page_is_zero(page, &hash);
	int ret = 0;

	value = zero ? LM_SENT_ZERO : lm_sent_hash(hash);
	if (sent && !(r->flags & LIVEMIG_PAGES_F_ALL) &&
	    value != LM_SENT_STALE && old == value)
		ret = 1;
	else if (sent && !count)
		ret = lm_sent_set(sent, index, value);
	if (ret == 1)
		lm_chunk_cool(lm_sent_chunk(sent, index, false), index);
	if (ret == 1 && r->stream.patches)
		confirm(r, addr, hash);
	if (ret || zero || count) {
		if (owned)
			put_page(page);
		if (ret || count)
			return ret;
		r->st->zero++;
		return lm_stream_range(&r->stream, LIVEMIG_PAGE_ZERO, addr, 1);
	}
	return write_bytes(r, addr, kind, old, hash, page, owned);
}

/* A page in the file has this hash. */
static void page_hashed(void *arg, u64 addr, u64 hash)
{
	struct lm_round *r = arg;

	if (r->writing)		/* (it has room there since STALE) */
		lm_sent_set(r->writing, addr >> PAGE_SHIFT, lm_sent_hash(hash));
}

/* A page that may change meanwhile, straight into the file. What is written may
 * be of several moments: then the page is dirty again. The receiver has not got
 * it yet, so there is nothing to compare.
 */
static int write_live(struct lm_round *r, struct lm_sent *sent,
		      unsigned long addr, u32 kind, struct page *page)
{
	int err = 0;

	if (sent)
		err = lm_sent_set(sent, addr >> PAGE_SHIFT, LM_SENT_STALE);
	if (err) {
		put_page(page);
		return err;
	}
	r->st->data++;
	return lm_stream_live(&r->stream, addr | (kind & LIVEMIG_PAGE_F_HUGE), page);
}

static bool looks_zero(struct page *page)
{
	void *p = kmap_local_page(page);
	bool zero = !memchr_inv(p, 0, PAGE_SIZE);

	kunmap_local(p);
	return zero;
}

/* One page of the mm, with a reference that passes over. */
static int write_mm_page(struct lm_round *r, struct lm_sent *sent,
			 unsigned long addr, u32 kind, struct page *page)
{
	struct page *slot = page;
	bool final = r->flags & LIVEMIG_PAGES_F_FINAL;
	int ret;

	if (!final && r->stream.direct && !r->stream.patches && !looks_zero(page) &&
	    !(sent && lm_sent_value(sent, addr >> PAGE_SHIFT) > LM_SENT_STALE))
		return write_live(r, sent, addr, kind, page);
	/* A task that runs may write at any time: hash what will be sent. */
	if (!final) {
		slot = lm_stream_slot(&r->stream);
		if (!IS_ERR(slot))
			memcpy_from_page(page_address(slot), page, 0, PAGE_SIZE);
		put_page(page);
		if (IS_ERR(slot))
			return PTR_ERR(slot);
	}
	ret = write_page(r, sent, addr, kind, slot, final);
	if (ret <= 0)
		return ret;
	r->st->same++;
	return 0;
}

/* A page that was there in the walk cannot be read. */
static int page_lost(struct lm_round *r, struct lm_mm *m, unsigned long addr,
		     long err)
{
	if (err != -EFAULT && err != -EHWPOISON)
		return fatal_signal_pending(current) ? -EINTR : err;
	if (r->flags & LIVEMIG_PAGES_F_FINAL)
		return lm_err(r->extack, err,
			      "page %#lx of process %u cannot be read", addr,
			      m->pid);
	/* Unmapped meanwhile: the next walk sees what is there then. */
	if (r->sent && lm_sent_value(&m->sent, addr >> PAGE_SHIFT) != LM_SENT_NOT)
		return lm_sent_set(&m->sent, addr >> PAGE_SHIFT, LM_SENT_STALE);
	return 0;
}

static int write_data(struct lm_round *r, struct lm_mm *m,
		      const struct lm_span *span)
{
	struct lm_sent *sent = r->sent ? &m->sent : NULL;
	unsigned long addr = span->addr;
	u32 left = span->pages;
	long got, i;
	int err = 0;

	while (left && !err) {
		if (mmap_read_lock_killable(m->mm))
			return -EINTR;
		got = lm_get_user_pages(m->mm, addr,
					min_t(u32, left, ARRAY_SIZE(r->pages)),
					FOLL_FORCE, r->pages);
		mmap_read_unlock(m->mm);
		if (got <= 0) {
			err = page_lost(r, m, addr, got ?: -EFAULT);
			got = 1;
		} else {
			for (i = 0; i < got; i++) {
				if (err)
					put_page(r->pages[i]);
				else
					err = write_mm_page(r, sent,
							    addr + i * PAGE_SIZE,
							    span->kind,
							    r->pages[i]);
			}
		}
		addr += got * PAGE_SIZE;
		left -= got;
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	return err;
}

static int write_zero(struct lm_round *r, struct lm_mm *m,
		      const struct lm_span *span)
{
	u32 i;
	int err = 0;

	for (i = 0; r->sent && i < span->pages && !err; i++)
		err = lm_sent_set(&m->sent, (span->addr >> PAGE_SHIFT) + i,
				  LM_SENT_ZERO);
	r->st->zero += span->pages;
	return err ?: lm_stream_range(&r->stream, LIVEMIG_PAGE_ZERO, span->addr,
				      span->pages);
}

/* Pages whose bytes are asked for afterwards. Their marks are gone: should there be
 * another round after all, it must write them.
 */
static int write_later(struct lm_round *r, struct lm_mm *m, const struct lm_span *span)
{
	u32 i;
	int err = 0;

	for (i = 0; r->sent && i < span->pages && !err; i++)
		err = lm_sent_set(&m->sent, (span->addr >> PAGE_SHIFT) + i,
				  LM_SENT_STALE);
	r->st->later += span->pages;
	return err ?: lm_stream_range(&r->stream, LIVEMIG_PAGE_LATER, span->addr,
				      span->pages);
}

/**
 * lm_round_hole() - write that pages are gone; for lm_sent_holes()
 * @round: the struct lm_round
 * @index: of the first page
 * @n: how many
 *
 * Return: 0, or an error of writing.
 */
int lm_round_hole(void *round, unsigned long index, unsigned long n)
{
	struct lm_round *r = round;

	r->st->hole += n;
	return lm_stream_range(&r->stream, LIVEMIG_PAGE_HOLE,
			       (u64)index << PAGE_SHIFT, n);
}

static int write_window(struct lm_round *r, struct lm_mm *m,
			const struct lm_walk *w)
{
	const struct lm_span *span;
	unsigned int i;
	int err = 0;

	for (i = 0; i < w->nr_spans && !err; i++) {
		span = &w->spans[i];
		if ((span->kind & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_ZERO)
			err = write_zero(r, m, span);
		else if (r->flags & LIVEMIG_PAGES_F_LATER)
			err = write_later(r, m, span);
		else
			err = write_data(r, m, span);
	}
	if (err || !r->sent)
		return err;
	return lm_sent_holes(&m->sent, w->from >> PAGE_SHIFT,
			     (w->pos >> PAGE_SHIFT) - 1, lm_round_hole, r);
}

/* ---- the round ---- */

/* Walks one window. Called with mmap_lock held for reading, drops it. */
static int walk_window(struct lm_walk *w)
{
	u64 t0 = ktime_get_ns(), t1;
	int err;

	if (w->clear)
		inc_tlb_flush_pending(w->mm);
	err = lm_walk_window(w);
	t1 = ktime_get_ns();
	if (w->clear) {
		if (!(w->flags & LIVEMIG_PAGES_F_UNSAFE_NOFLUSH))
			lm_flush_tlb();
		dec_tlb_flush_pending(w->mm);
		w->st->ns_flush += ktime_get_ns() - t1;
	}
	mmap_read_unlock(w->mm);
	w->st->ns_walk += t1 - t0;
	return err;
}

static int round_windows(struct lm_round *r, struct lm_mm *m, struct lm_walk *w)
{
	u64 t;
	int err;

	err = r->ops->begin(w);
	if (err)
		return -EINTR;
	w->round = w->clear ? ++m->round : m->round;
	for (;;) {
		err = walk_window(w);
		if (err)
			return err;
		if (r->spans) {
			t = ktime_get_ns();
			err = write_window(r, m, w);
			r->st->ns_write += ktime_get_ns() - t;
		}
		if (err || w->done)
			return err;
		if (mmap_read_lock_killable(w->mm))
			return -EINTR;
	}
}

/**
 * lm_round_mm() - the pages of one mm that changed
 * @r: the round
 * @m: the mm
 *
 * Context: sleeps, killable.
 * Return: 0 (also when the mm is going), or -errno.
 */
int lm_round_mm(struct lm_round *r, struct lm_mm *m)
{
	struct lm_walk w = {
		.mm = m->mm,
		.objs = r->objs,
		.sent = r->sent ? &m->sent : NULL,
		.st = r->st,
		.flags = r->flags,
		.all = r->flags & LIVEMIG_PAGES_F_ALL,
		.spans = r->spans,
	};
	int err;

	if (!mmget_not_zero(m->mm))
		return 0;
	m->ksm |= lm_mm_test(m->mm, MMF_VM_MERGEABLE);
	w.ksm = m->ksm;
	err = lm_stream_space(&r->stream, LIVEMIG_PAGES_SPACE_MM, m->id);
	r->writing = w.sent;
	r->stream.hashed = page_hashed;
	r->stream.arg = r;
	if (!err)
		err = round_windows(r, m, &w);
	kvfree(w.fresh);
	mmput(m->mm);
	return err;
}

/**
 * lm_round_ranges() - pages of an mm, whatever the receiver has
 * @r: the round, FINAL, that does not keep account
 * @m: the mm
 * @v: where
 * @n: how many of these, checked
 *
 * Context: sleeps, killable.
 * Return: 0; -ENOENT: the mm is going; -EFAULT, -EHWPOISON: a page cannot be
 * read; -EINTR; or an error of writing.
 */
int lm_round_ranges(struct lm_round *r, struct lm_mm *m,
		    const struct livemig_range *v, unsigned int n)
{
	unsigned int i;
	int err;

	if (!mmget_not_zero(m->mm))
		return -ENOENT;
	err = lm_stream_space(&r->stream, LIVEMIG_PAGES_SPACE_MM, m->id);
	for (i = 0; i < n && !err; i++) {
		const struct lm_span span = {
			.addr = v[i].start,
			.pages = (v[i].end - v[i].start) >> PAGE_SHIFT,
			.kind = LIVEMIG_PAGE_DATA,
		};

		err = write_data(r, m, &span);
	}
	mmput(m->mm);
	return err;
}

/**
 * lm_round_shared() - a page of a shared memory object
 * @r: the round
 * @sent: what the receiver has of the object; NULL: nothing
 * @index: of the page
 * @page: its bytes, in the stream's slot
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_round_shared(struct lm_round *r, struct lm_sent *sent,
		    unsigned long index, struct page *page)
{
	int ret = write_page(r, sent, (u64)index << PAGE_SHIFT, 0, page, false);

	if (!ret)
		r->st->dirty++;
	return min(ret, 0);
}
