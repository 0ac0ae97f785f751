// SPDX-License-Identifier: GPL-2.0
/*
 * The page tables of one mm: which private pages are there, which were written
 * since the last walk, and making the next write to them fault.
 *
 * walk_page_range() is not exported, so this is a walk of our own. Marks are
 * the soft-dirty bits; what these do not tell is in the comments below.
 *
 * Locking: mmap_lock is held for reading (lm_walk_fresh(): for writing), page
 * tables are changed under their own lock, and whoever cleared marks flushes
 * the TLB of every CPU before he copies a page.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "aio.h"
#include "shmem.h"
#include "track.h"
#include "walk.h"
#include "wrapper/mm.h"
#include "wrapper/pgtable.h"
#include "wrapper/task_state.h"

/* ---- VMAs ---- */

/**
 * lm_walk_fresh() - take VM_SOFTDIRTY from all VMAs and remember who had it
 * @w: the walk; mmap_lock is held for writing
 *
 * A VMA has the flag since it was made, grown, or merged. As long as it has,
 * mprotect() makes its entries writable without a fault, so that a write
 * followed by PROT_READ leaves no trace: everything in it counts as dirty once.
 * When there is no memory to remember them, everything in the mm does.
 */
void lm_walk_fresh(struct lm_walk *w)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, w->mm, 0);

	for_each_vma(vmi, vma) {
		if (!(vma->vm_flags & VM_SOFTDIRTY))
			continue;
		lm_vma_clear_flags(vma, VM_SOFTDIRTY);
		/* A shared mapping that is tracked must not be writable from the
		 * start. Not pgprot_modify(): it needs an unexported symbol.
		 */
		if ((vma->vm_flags & (VM_SHARED | VM_WRITE | VM_HUGETLB)) ==
		    (VM_SHARED | VM_WRITE) &&
		    (w->flags & LIVEMIG_PAGES_F_UNSAFE_SHMEM))
			WRITE_ONCE(vma->vm_page_prot.pgprot,
				   pgprot_val(vma->vm_page_prot) & ~_PAGE_RW);
		if (w->nr_fresh < w->max_fresh)
			w->fresh[w->nr_fresh++] = (struct livemig_range) {
				vma->vm_start, vma->vm_end,
			};
		else
			w->all = true;
	}
}

/* Is @addr in a fresh VMA; @end is cut where that changes. */
static bool fresh_until(struct lm_walk *w, unsigned long addr,
			unsigned long *end)
{
	const struct livemig_range *f;

	while (w->next_fresh < w->nr_fresh && w->fresh[w->next_fresh].end <= addr)
		w->next_fresh++;
	if (w->next_fresh == w->nr_fresh)
		return false;
	f = &w->fresh[w->next_fresh];
	if (addr < f->start) {
		*end = min_t(unsigned long, *end, f->start);
		return false;
	}
	*end = min_t(unsigned long, *end, f->end);
	return true;
}

/* ---- spans ---- */

static void emit(struct lm_walk *w, unsigned long addr, u32 pages, u32 kind)
{
	struct lm_span *s;

	if (!w->spans)
		return;
	if (w->nr_spans) {
		s = &w->spans[w->nr_spans - 1];
		if (s->kind == kind && s->addr + s->pages * PAGE_SIZE == addr &&
		    s->pages <= U32_MAX - pages) {
			s->pages += pages;
			return;
		}
	}
	w->spans[w->nr_spans++] = (struct lm_span) { addr, pages, kind };
}

static void see(struct lm_walk *w, struct lm_chunk *c, unsigned long addr,
		unsigned long pages)
{
	if (c && w->spans)
		bitmap_set(c->seen, (addr >> PAGE_SHIFT) % LM_CHUNK_PAGES, pages);
}

/* ---- entries ---- */

/* What an entry is looked at with. */
struct look {
	struct lm_walk *w;
	struct vm_area_struct *vma;
	struct lm_chunk *chunk;
	struct lm_obj *obj;	/* of a shared mapping, in the unsafe mode */
	bool ring;		/* of an AIO context */
	bool dirty;		/* whatever the entry says */
};

static void found(struct look *l, unsigned long addr, bool dirty)
{
	unsigned long index = addr >> PAGE_SHIFT;

	l->w->st->present++;
	see(l->w, l->chunk, addr, 1);
	if (!dirty && lm_chunk_value(l->chunk, index) > LM_SENT_STALE)
		return;
	l->w->st->dirty++;
	emit(l->w, addr, 1, LIVEMIG_PAGE_DATA);
}

static void found_zero(struct look *l, unsigned long addr)
{
	unsigned long index = addr >> PAGE_SHIFT;

	see(l->w, l->chunk, addr, 1);
	if (l->w->all || lm_chunk_value(l->chunk, index) != LM_SENT_ZERO)
		emit(l->w, addr, 1, LIVEMIG_PAGE_ZERO);
}

/* A page of a shared mapping whose entry is dirty: worth a comparison. */
static void found_shared(struct look *l, unsigned long addr)
{
	unsigned long index = linear_page_index(l->vma, addr);
	struct lm_chunk *c = lm_sent_chunk(&l->obj->sent, index, false);

	if (c)
		__set_bit(index % LM_CHUNK_PAGES, c->seen);
}

static void clear_entry(struct look *l, unsigned long addr, pte_t *pte)
{
	pte_t old = ptep_modify_prot_start(l->vma, addr, pte);

	ptep_modify_prot_commit(l->vma, addr, pte, old,
				pte_clear_soft_dirty(pte_wrprotect(old)));
}

/*
 * Who had just taken a reference to write through (pin_user_pages_fast(), without our
 * locks) found the entry as it was before: the page keeps its mark.
 */
static void take_mark(struct look *l, unsigned long addr, pte_t *pte, struct page *page)
{
	pte_t old;

	clear_entry(l, addr, pte);
	smp_mb();	/* the entry, then the references; they do it the other way round */
	if (!lm_page_in_io(page))
		return;
	old = ptep_modify_prot_start(l->vma, addr, pte);
	ptep_modify_prot_commit(l->vma, addr, pte, old, pte_mksoft_dirty(old));
}

/*
 * A page that was written in two rounds running stays as it is, marked and
 * writable: its next writes take no fault. So it is dirty in the next round, and
 * when its bytes turn out to be the same then (write_page()), it is cold again.
 */
static bool stays_writable(struct look *l, unsigned long addr, bool marked)
{
	unsigned long index = addr >> PAGE_SHIFT;

	if (!(l->w->flags & LIVEMIG_PAGES_F_HOT) || !l->chunk)
		return false;
	if (marked)
		return lm_chunk_heat(l->chunk, index);
	lm_chunk_cool(l->chunk, index);
	return false;
}

static void look_present(struct look *l, unsigned long addr, pte_t *pte, pte_t p)
{
	bool marked = pte_soft_dirty(p) || pte_write(p);
	struct page *page;

	if (pte_special(p)) {	/* the zero page; KSM maps it over files, too */
		if (!l->obj)
			found_zero(l, addr);
		return;
	}
	page = pfn_to_page(pte_pfn(p));
	if (l->obj) {
		if (marked || l->dirty)
			found_shared(l, addr);
		if (marked && l->w->clear)
			clear_entry(l, addr, pte);
		return;
	}
	if (!PageAnon(page))	/* the file's, and not written to */
		return;
	/* A device may write to such a page at any time, and taking the write
	 * bit away would part it from the device: dirty in every round.
	 */
	if (lm_page_in_io(page))
		marked = true;
	else if (l->w->clear && !stays_writable(l, addr, marked) && marked)
		take_mark(l, addr, pte, page);
	found(l, addr, l->dirty || marked);
}

/* Swapped out or under migration: then it keeps its mark, as it may come back writable
 * without one, and one that has none may be writable.
 */
static void look_swapped(struct look *l, unsigned long addr, pte_t *pte, pte_t p)
{
	bool migrates = lm_pte_migration(p), marked = migrates || pte_swp_soft_dirty(p);

	if (l->obj || lm_pte_guard(p))
		return;
	if (marked && !migrates && l->w->clear)
		set_pte_at(l->w->mm, addr, pte, pte_swp_clear_soft_dirty(p));
	found(l, addr, l->dirty || marked);
}

/*
 * mremap() moves whole page tables without a mark in their entries. A table
 * that is not the one that the walk before saw here has other pages, unless it
 * was here in that walk: then nobody cleared its marks elsewhere meanwhile.
 */
static bool table_moved(struct look *l, unsigned long table)
{
	struct lm_chunk *c = l->chunk;
	u32 round = l->w->round;

	if (!c)
		return true;
	if (!l->w->clear)
		return c->table != table || c->table_round != round;
	if (c->table_round != round) {
		c->moved = c->table != table || c->table_round != round - 1;
		c->table = table;
		c->table_round = round;
	}
	return c->moved;
}

static void walk_table(struct look *l, pmd_t *pmd, unsigned long addr,
		       unsigned long end)
{
	bool dirty = l->dirty;
	pte_t *start, *pte, p;
	spinlock_t *ptl;

	start = lm_pte_lock(l->w->mm, pmd, addr, &ptl);
	if (!start)
		return;
	if (!l->obj && table_moved(l, pmd_pfn(*pmd)))
		l->dirty = true;
	for (pte = start; addr < end; addr += PAGE_SIZE, pte++) {
		p = READ_ONCE(*pte);
		if (pte_none(p))
			continue;
		if (pte_present(p))
			look_present(l, addr, pte, p);
		else
			look_swapped(l, addr, pte, p);
	}
	pte_unmap_unlock(start, ptl);
	l->dirty = dirty;
}

static void found_huge(struct look *l, unsigned long addr, unsigned long end,
		       bool dirty)
{
	unsigned long pages = (end - addr) >> PAGE_SHIFT, i;

	l->w->st->present += pages;
	see(l->w, l->chunk, addr, pages);
	for (i = 0; i < pages && !dirty; i++)
		dirty = lm_chunk_value(l->chunk, (addr >> PAGE_SHIFT) + i) <=
			LM_SENT_STALE;
	if (!dirty)
		return;
	l->w->st->dirty += pages;
	emit(l->w, addr, pages, LIVEMIG_PAGE_DATA | LIVEMIG_PAGE_F_HUGE);
}

static void look_huge_present(struct look *l, pmd_t *pmd, unsigned long addr,
			      unsigned long end)
{
	struct page *page = pmd_page(*pmd);
	bool marked = pmd_soft_dirty(*pmd) || pmd_write(*pmd);
	pmd_t old;

	if (!l->obj && !PageAnon(page)) {
		if (vma_is_anonymous(l->vma))	/* the huge zero page */
			for (; addr < end; addr += PAGE_SIZE)
				found_zero(l, addr);
		return;
	}
	if (PageAnon(page) && lm_page_in_io(page)) {
		marked = true;
	} else if (marked && l->w->clear) {
		/* The processor may set the accessed and dirty bits meanwhile. */
		do {
			old = READ_ONCE(*pmd);
		} while (cmpxchg64((u64 *)pmd, pmd_val(old),
				   pmd_val(pmd_clear_soft_dirty(pmd_wrprotect(old)))) !=
			 pmd_val(old));
		smp_mb();	/* as in take_mark() */
		while (PageAnon(page) && lm_page_in_io(page)) {
			old = READ_ONCE(*pmd);
			if (cmpxchg64((u64 *)pmd, pmd_val(old),
				      pmd_val(pmd_mksoft_dirty(old))) == pmd_val(old))
				break;
		}
	}
	if (!l->obj)
		found_huge(l, addr, end, l->dirty || marked);
	else
		for (; (marked || l->dirty) && addr < end; addr += PAGE_SIZE)
			found_shared(l, addr);
}

/*
 * A page of hugetlb. It is in no state that concerns us but there or not; its
 * mark is not looked at, as clearing it takes what is not exported.
 */
static void look_hugetlb(struct look *l, pmd_t *pmd, unsigned long addr,
			 unsigned long end)
{
	spinlock_t *ptl = pmd_lock(l->w->mm, pmd);
	pmd_t val = READ_ONCE(*pmd);

	if (pmd_none(val))
		;
	else if (!pmd_present(val) || PageAnon(pmd_page(val)))
		found_huge(l, addr, end, true);
	/* else the object's, and not written to */
	spin_unlock(ptl);
}

/* The kernel writes to a ring whether it is mapped or not. */
static void look_ring(struct look *l, unsigned long addr, unsigned long end)
{
	for (; addr < end; addr += PAGE_SIZE)
		found(l, addr, true);
}

/* Return: false when there is no huge page here (any more). */
static bool walk_huge(struct look *l, pmd_t *pmd, unsigned long addr,
		      unsigned long end)
{
	spinlock_t *ptl = pmd_lock(l->w->mm, pmd);
	bool huge = true, dirty = l->dirty;

	if (pmd_none(*pmd)) {
		;
	} else if (!pmd_present(*pmd)) {	/* under migration: as in look_swapped() */
		if (!l->obj) {
			table_moved(l, 0);
			found_huge(l, addr, end, true);
		}
	} else if (pmd_leaf(*pmd)) {
		/* mremap() moves tables of such, too. */
		if (!l->obj && table_moved(l, pmd_pfn(*pmd)))
			l->dirty = true;
		look_huge_present(l, pmd, addr, end);
		l->dirty = dirty;
	} else {
		huge = false;
	}
	spin_unlock(ptl);
	return huge;
}

/* ---- tables ---- */

/* The entry for @addr that a table or a huge page hangs on. When there is none,
 * @next is set to where there may be one.
 */
static pmd_t *find_pmd(struct mm_struct *mm, unsigned long addr,
		       unsigned long *next)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	*next = (addr & PGDIR_MASK) + PGDIR_SIZE;
	if (pgd_none(*pgd) || unlikely(pgd_bad(*pgd)))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	*next = (addr & P4D_MASK) + P4D_SIZE;
	if (p4d_none(*p4d) || unlikely(p4d_bad(*p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	*next = (addr & PUD_MASK) + PUD_SIZE;
	if (pud_none(*pud) || pud_leaf(*pud) || unlikely(pud_bad(*pud)))
		return NULL;
	pmd = pmd_offset(pud, addr);
	*next = (addr & PMD_MASK) + PMD_SIZE;
	return pmd_none(READ_ONCE(*pmd)) ? NULL : pmd;
}

/* Is there room for all that one page table can give. */
static bool window_full(const struct lm_walk *w)
{
	return w->spans && w->nr_spans + LM_CHUNK_PAGES > LM_SPANS_MAX;
}

static int walk_vma(struct look *l, unsigned long addr, unsigned long end)
{
	struct lm_walk *w = l->w;
	unsigned long next;
	pmd_t *pmd, val;
	bool fresh;

	for (; addr < end; addr = next) {
		/* Windows end between two tables, so that the pages of a chunk
		 * are seen in one window.
		 */
		if ((addr & PMD_MASK) != (w->pos & PMD_MASK)) {
			w->pos = addr & PMD_MASK;
			if (window_full(w))
				return 1;
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		pmd = find_pmd(w->mm, addr, &next);
		if (!next || next > end)
			next = end;
		if (l->ring)
			next = pmd_addr_end(addr, end);
		else if (!pmd)
			continue;
		fresh = fresh_until(w, addr, &next) ||
			(l->vma->vm_flags & VM_SOFTDIRTY);
		if (w->flags & LIVEMIG_PAGES_F_UNSAFE_NOVMA)
			fresh = false;
		/* KSM replaces entries and their marks go, and no VMA may be one of its own
		 * any more: compare by hash.
		 */
		l->dirty = fresh || w->all || w->ksm || lm_mm_test(w->mm, MMF_VM_MERGEABLE);
		if (w->sent && !l->obj) {
			l->chunk = lm_sent_chunk(w->sent, addr >> PAGE_SHIFT,
						 w->spans);
			if (!l->chunk && w->spans)
				return -ENOMEM;
		}
		if (l->ring) {
			look_ring(l, addr, next);
			continue;
		}
		if (is_vm_hugetlb_page(l->vma)) {
			look_hugetlb(l, pmd, addr, next);
			continue;
		}
		val = READ_ONCE(*pmd);
		if ((pmd_present(val) && !pmd_leaf(val)) ||
		    !walk_huge(l, pmd, addr, next))
			walk_table(l, pmd, addr, next);
	}
	return 0;
}

/* Has @vma pages that are nobody else's. Those of shared mappings are the
 * object's, those of devices and of the vdso come with the kernel.
 */
static bool vma_has_private(struct vm_area_struct *vma)
{
	if (lm_is_ring(vma))
		return true;
	if (vma->vm_flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP))
		return false;
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != VM_MAYWRITE)
		return false;
	if (vma_is_anonymous(vma))
		return true;
	return vma->vm_file && vma->anon_vma;
}

/**
 * lm_walk_window() - look at the next part of the mm
 * @w: the walk; mmap_lock is held for reading. Begin with @pos 0 and @done
 * false; each call fills @spans anew and sets @from, @pos, @done
 *
 * Context: sleeps, killable.
 * Return: 0, -EINTR, -ENOMEM.
 */
int lm_walk_window(struct lm_walk *w)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, w->mm, w->pos);
	unsigned long start = w->pos;
	int err = 0;

	w->from = w->pos;
	w->nr_spans = 0;
	w->next_fresh = 0;
	for_each_vma(vmi, vma) {
		struct look l = { .w = w, .vma = vma, .ring = lm_is_ring(vma) };

		cond_resched();
		if (vma->vm_file && lm_is_shmem_object(vma->vm_file)) {
			struct lm_obj *obj = lm_obj_note(w->objs, vma->vm_file);

			if (!obj)
				return -ENOMEM;
			if ((vma->vm_flags & VM_SHARED) && w->spans && w->clear &&
			    (w->flags & LIVEMIG_PAGES_F_UNSAFE_SHMEM))
				l.obj = obj;
		}
		if (!l.obj && !vma_has_private(vma))
			continue;
		err = walk_vma(&l, max(start, vma->vm_start), vma->vm_end);
		if (err)
			break;
	}
	if (err < 0)
		return err;
	w->done = !err;
	if (w->done)
		w->pos = TASK_SIZE_MAX;
	return 0;
}

/**
 * lm_walk_mapped() - the next page that is present or swapped out
 * @mm: its mmap_lock is held
 * @addr: where to begin
 * @end: where to end
 *
 * Context: takes page-table locks.
 * Return: its address, or @end.
 */
unsigned long lm_walk_mapped(struct mm_struct *mm, unsigned long addr,
			     unsigned long end)
{
	unsigned long next;
	spinlock_t *ptl;
	pte_t *start, *pte;
	pmd_t *pmd;

	for (; addr < end; addr = next) {
		cond_resched();
		pmd = find_pmd(mm, addr, &next);
		if (!next || next > end)
			next = end;
		if (!pmd)
			continue;
		start = lm_pte_lock(mm, pmd, addr, &ptl);
		if (!start) {
			if (pmd_none(READ_ONCE(*pmd)))
				continue;
			return addr;	/* a huge page */
		}
		for (pte = start; addr < next; addr += PAGE_SIZE, pte++)
			if (!pte_none(READ_ONCE(*pte)))
				break;
		pte_unmap_unlock(start, ptl);
		if (addr < next)
			return addr;
	}
	return end;
}

/* As lm_walk_writable(), in one page table. */
static unsigned int grab_entries(const pte_t *pte, unsigned int n,
				 struct page **pages)
{
	unsigned int i;
	pte_t p;

	for (i = 0; i < n; i++, pte++) {
		p = READ_ONCE(*pte);
		if (!pte_present(p) || !pte_write(p) || pte_special(p) ||
		    !PageAnon(pfn_to_page(pte_pfn(p))))
			break;
		pages[i] = pfn_to_page(pte_pfn(p));
		get_page(pages[i]);
	}
	return i;
}

/* ... and in a huge page. */
static unsigned int grab_huge(struct mm_struct *mm, pmd_t *pmd,
			      unsigned long addr, unsigned int n,
			      struct page **pages)
{
	spinlock_t *ptl = pmd_lock(mm, pmd);
	pmd_t val = READ_ONCE(*pmd);
	unsigned int i = 0;
	struct page *page;

	if (pmd_present(val) && pmd_leaf(val) && pmd_write(val) &&
	    PageAnon(pmd_page(val))) {
		page = pmd_page(val) + (addr & ~PMD_MASK) / PAGE_SIZE;
		folio_ref_add(page_folio(page), n);
		for (; i < n; i++)
			pages[i] = page + i;
	}
	spin_unlock(ptl);
	return i;
}

/**
 * lm_walk_writable() - private pages that could be written to without a fault
 * @mm: its mmap_lock is held
 * @addr: of the first one
 * @n: how many, all below one entry of the second lowest table
 * @pages: gets them, with a reference each
 *
 * Context: takes page-table locks.
 * Return: how many there are from @addr on until the first that is not so.
 */
unsigned int lm_walk_writable(struct mm_struct *mm, unsigned long addr,
			      unsigned int n, struct page **pages)
{
	unsigned long next;
	unsigned int got;
	spinlock_t *ptl;
	pmd_t *pmd;
	pte_t *pte;

	pmd = find_pmd(mm, addr, &next);
	if (!pmd)
		return 0;
	pte = lm_pte_lock(mm, pmd, addr, &ptl);
	if (!pte)
		return grab_huge(mm, pmd, addr, n, pages);
	got = grab_entries(pte, n, pages);
	pte_unmap_unlock(pte, ptl);
	return got;
}
