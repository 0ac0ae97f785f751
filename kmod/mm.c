// SPDX-License-Identifier: GPL-2.0
/*
 * The address space: MM and VMAS objects, and the FILE and SHMEM objects that
 * its mappings name.
 *
 * Locking: mmap_lock for reading, a batch of mappings at a time; the files of
 * the batch are referenced, and looked at after the lock is dropped. Mappings
 * of a running process may so be missed or seen twice; those of a frozen one
 * are exact.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <uapi/linux/membarrier.h>
#include "arch.h"
#include "shmem.h"
#include "state.h"
#include "vma_kind.h"
#include "wrapper/file_state.h"
#include "wrapper/numa.h"
#include "wrapper/task_state.h"
#include "wrapper/vma_state.h"

#define LM_VMA_BATCH	128

/* One mapping, taken down under mmap_lock. */
struct vma_note {
	struct livemig_vma vma;
	const struct lm_vma_kind *kind;
	struct file *file;	/* referenced; NULL: none */
	const char *refused;	/* why it cannot be moved, or NULL */
	bool has_policy;
	struct livemig_mempolicy policy;
	char name[LIVEMIG_VMA_NAME_MAX];	/* "": none */
	bool transient;
};

static u32 flags_of(const struct vm_area_struct *vma)
{
	static const struct {
		unsigned long vm;
		u32 flag;
	} map[] = {
		{ VM_READ, LIVEMIG_VMA_F_READ },
		{ VM_WRITE, LIVEMIG_VMA_F_WRITE },
		{ VM_EXEC, LIVEMIG_VMA_F_EXEC },
		{ VM_GROWSDOWN, LIVEMIG_VMA_F_GROWSDOWN },
		{ VM_NORESERVE, LIVEMIG_VMA_F_NORESERVE },
		{ VM_LOCKED, LIVEMIG_VMA_F_LOCKED },
		{ VM_DONTCOPY, LIVEMIG_VMA_F_DONTFORK },
		{ VM_WIPEONFORK, LIVEMIG_VMA_F_WIPEONFORK },
		{ VM_DONTDUMP, LIVEMIG_VMA_F_DONTDUMP },
		{ VM_HUGEPAGE, LIVEMIG_VMA_F_HUGEPAGE },
		{ VM_NOHUGEPAGE, LIVEMIG_VMA_F_NOHUGEPAGE },
		{ VM_MERGEABLE, LIVEMIG_VMA_F_MERGEABLE },
		{ VM_SEQ_READ, LIVEMIG_VMA_F_SEQ_READ },
		{ VM_RAND_READ, LIVEMIG_VMA_F_RAND_READ },
		{ VM_MAYWRITE, LIVEMIG_VMA_F_MAYWRITE },
		{ VM_LOCKONFAULT, LIVEMIG_VMA_F_LOCKONFAULT },
		{ LM_VM_SEALED, LIVEMIG_VMA_F_SEALED },
		{ LM_VM_DROPPABLE, LIVEMIG_VMA_F_DROPPABLE },
		{ VM_ACCOUNT, LIVEMIG_VMA_F_ACCOUNT },
	};
	const struct mm_struct *mm = vma->vm_mm;
	u32 flags = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (vma->vm_flags & map[i].vm)
			flags |= map[i].flag;
	if (vma->vm_start <= mm->start_stack && mm->start_stack <= vma->vm_end)
		flags |= LIVEMIG_VMA_F_STACK;
	if (lm_vma_guarded(vma))
		flags |= LIVEMIG_VMA_F_GUARD;
	return flags;
}

static void note_extras(struct vm_area_struct *vma, struct vma_note *note)
{
	const char *name = lm_vma_anon_name(vma);
	int ret = lm_vma_mempolicy(vma, &note->policy);

	if (name)
		strscpy(note->name, name, sizeof(note->name));
	note->has_policy = ret > 0;
	if (ret < 0 && !note->refused) {
		note->refused = "NUMA policy for a node above 63";
		note->transient = false;
	}
}

static void note_vma(struct vm_area_struct *vma, struct vma_note *note)
{
	const struct lm_vma_kind *kind = lm_vma_kind(vma);

	*note = (struct vma_note){
		.vma = {
			.start = vma->vm_start,
			.end = vma->vm_end,
			.flags = flags_of(vma),
			.pkey = lm_vma_pkey(vma),
			.kind = kind->kind,
		},
		.kind = kind,
	};
	note->refused = lm_vma_refusal(kind, vma, &note->transient);
	note_extras(vma, note);
	if (note->refused || !kind->object)
		return;
	note->file = get_file(vma->vm_file);
	note->vma.offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
}

/* The next mappings from @addr on. Return: their number, or -EINTR. */
static int collect(struct mm_struct *mm, unsigned long addr,
		   struct vma_note *notes)
{
	VMA_ITERATOR(vmi, mm, addr);
	struct vm_area_struct *vma;
	int n = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for_each_vma(vmi, vma) {
		note_vma(vma, &notes[n]);
		if (++n == LM_VMA_BATCH)
			break;
	}
	mmap_read_unlock(mm);
	return n;
}

/* Finds the mapping's object, and says no to those that cannot move. */
static int settle(struct lm_dump *d, struct task_struct *t,
		  struct vma_note *note)
{
	if (note->refused)
		return lm_unsupported(d, t, -1, note->transient, NULL, "%s at 0x%llx",
				      note->refused, note->vma.start);
	if (!note->file)
		return 0;
	return note->kind->object(d, t, note->file, &note->vma.object);
}

static int put_policies(struct sk_buff *obj, const struct vma_note *notes, int n)
{
	struct livemig_mempolicy *list;
	struct nlattr *nla;
	int i, k = 0;

	for (i = 0; i < n; i++)
		k += notes[i].has_policy;
	if (!k)
		return 0;
	nla = nla_reserve(obj, LIVEMIG_VMAS_POLICIES, k * sizeof(*list));
	if (!nla)
		return -EMSGSIZE;
	list = nla_data(nla);
	for (i = 0; i < n; i++)
		if (notes[i].has_policy)
			*list++ = notes[i].policy;
	return 0;
}

static int put_names(struct sk_buff *obj, const struct vma_note *notes, int n)
{
	struct livemig_range *range;
	struct nlattr *nla;
	size_t len;
	int i;

	for (i = 0; i < n; i++) {
		if (!*notes[i].name)
			continue;
		len = strlen(notes[i].name) + 1;
		nla = nla_reserve(obj, LIVEMIG_VMAS_NAME, sizeof(*range) + len);
		if (!nla)
			return -EMSGSIZE;
		range = nla_data(nla);
		range->start = notes[i].vma.start;
		range->end = notes[i].vma.end;
		memcpy(range + 1, notes[i].name, len);
	}
	return 0;
}

static int put_batch(struct lm_dump *d, u32 mm_id, const struct vma_note *notes,
		     int n)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_VMAS);
	struct livemig_vma *list;
	struct nlattr *nla;
	int i;

	BUILD_BUG_ON(LM_VMA_BATCH * (sizeof(*list) + sizeof(struct livemig_mempolicy) +
				     nla_total_size(sizeof(struct livemig_range) +
						    LIVEMIG_VMA_NAME_MAX)) + 1024 >
		     LM_OBJ_MAX);
	if (!obj)
		return -ENOMEM;
	if (nla_put_u32(obj, LIVEMIG_VMAS_MM_ID, mm_id))
		goto err;
	nla = nla_reserve(obj, LIVEMIG_VMAS_LIST, n * sizeof(*list));
	if (!nla)
		goto err;
	list = nla_data(nla);
	for (i = 0; i < n; i++)
		list[i] = notes[i].vma;
	if (put_policies(obj, notes, n) || put_names(obj, notes, n))
		goto err;
	lm_obj_end(d, obj);
	return 0;
err:
	kfree_skb(obj);
	return -EMSGSIZE;
}

static int dump_vmas(struct lm_dump *d, struct task_struct *t,
		     struct mm_struct *mm, u32 mm_id)
{
	struct vma_note *notes;
	unsigned long addr = 0;
	int i, n, err = 0;

	notes = kvmalloc_array(LM_VMA_BATCH, sizeof(*notes), GFP_KERNEL);
	if (!notes)
		return -ENOMEM;
	do {
		n = collect(mm, addr, notes);
		if (n <= 0) {
			err = n;
			break;
		}
		addr = notes[n - 1].vma.end;
		for (i = 0; i < n && !err; i++)
			err = settle(d, t, &notes[i]);
		if (!err)
			err = put_batch(d, mm_id, notes, n);
		for (i = 0; i < n; i++)
			if (notes[i].file)
				fput(notes[i].file);
	} while (!err && n == LM_VMA_BATCH);
	kvfree(notes);
	return err;
}

static int put_layout(struct mm_struct *mm, struct sk_buff *obj)
{
	struct livemig_mm_layout l = {};

	spin_lock(&mm->arg_lock);
	l.start_code = mm->start_code;
	l.end_code = mm->end_code;
	l.start_data = mm->start_data;
	l.end_data = mm->end_data;
	l.start_brk = mm->start_brk;
	l.brk = mm->brk;
	l.start_stack = mm->start_stack;
	l.arg_start = mm->arg_start;
	l.arg_end = mm->arg_end;
	l.env_start = mm->env_start;
	l.env_end = mm->env_end;
	spin_unlock(&mm->arg_lock);
	l.mmap_base = mm->mmap_base;
	return nla_put(obj, LIVEMIG_MM_LAYOUT, sizeof(l), &l);
}

static int put_auxv(struct mm_struct *mm, struct sk_buff *obj)
{
	int n = 0;

	/* Pairs up to and with AT_NULL. */
	while (n < AT_VECTOR_SIZE - 2 && mm->saved_auxv[n] != AT_NULL)
		n += 2;
	return nla_put(obj, LIVEMIG_MM_AUXV, (n + 2) * sizeof(u64),
		       mm->saved_auxv);
}

static int put_exe(struct lm_dump *d, struct task_struct *t,
		   struct mm_struct *mm, struct sk_buff *obj)
{
	struct file *f = lm_mm_exe_file(mm);
	int err;
	u32 id;

	if (!f)
		return lm_unsupported(d, t, -1, false, NULL,
				      "process without an executable file");
	if (lm_is_shmem_object(f))
		err = lm_unsupported(d, t, -1, false, NULL,
				     "executable in a memfd");
	else
		err = lm_mapped_file(d, t, f, &id) ?:
		      nla_put_u32(obj, LIVEMIG_MM_EXE_FILE, id) ?:
		      lm_put_path(obj, LIVEMIG_MM_EXE, lm_file_path(f));
	fput(f);
	return err;
}

/* From the first page of data to the end of the code; they are neighbours. */
static int put_vdso(struct mm_struct *mm, struct sk_buff *obj)
{
	VMA_ITERATOR(vmi, mm, 0);
	struct livemig_range r = {};
	struct vm_area_struct *vma;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for_each_vma(vmi, vma) {
		if (!lm_vma_is_vdso(vma))
			continue;
		if (!r.start)
			r.start = vma->vm_start;
		r.end = vma->vm_end;
	}
	mmap_read_unlock(mm);
	if (!r.start)
		return 0;
	return nla_put(obj, LIVEMIG_MM_VDSO, sizeof(r), &r) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_MM_VDSO_ID, lm_vdso_id(mm),
				 LIVEMIG_MM_PAD);
}

/* What mappings of the future are like. */
static int put_mlockall(struct mm_struct *mm, struct sk_buff *obj)
{
	unsigned long def = READ_ONCE(mm->def_flags);

	if (!(def & VM_LOCKED))
		return 0;
	return nla_put_u32(obj, LIVEMIG_MM_MLOCKALL, MCL_FUTURE |
			   (def & VM_LOCKONFAULT ? MCL_ONFAULT : 0));
}

static int put_flags(struct mm_struct *mm, struct sk_buff *obj)
{
	u32 flags = lm_mm_flags(mm);

	return flags ? nla_put_u32(obj, LIVEMIG_MM_FLAGS, flags) : 0;
}

static int put_pkeys(struct mm_struct *mm, struct sk_buff *obj)
{
	struct livemig_pkeys keys;

	if (!lm_arch_pkeys(mm, &keys))
		return 0;
	return nla_put(obj, LIVEMIG_MM_PKEYS, sizeof(keys), &keys);
}

/* That of who made the exec(): the host's, or the one that it is in. */
static int put_owner(struct lm_dump *d, struct task_struct *t, struct mm_struct *mm,
		     struct sk_buff *obj)
{
	u32 nr = lm_exec_user_ns(t, mm), own;

	if (!nr)
		return 0;
	rcu_read_lock();
	own = __task_cred(t)->user_ns->ns.inum;
	rcu_read_unlock();
	if (nr != own)
		return lm_unsupported(d, t, -1, false, NULL,
				      "program that was started in a user namespace above its own");
	return nla_put_u32(obj, LIVEMIG_MM_USER_NS, nr);
}

/* What membarrier() was told by PRIVATE_EXPEDITED and the like is refused until
 * it was registered: the program has to find its registrations again.
 */
static u32 membarrier_commands(struct mm_struct *mm)
{
	static const struct {
		int state;
		u32 command;
	} known[] = {
		{ MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY,
		  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED },
		{ MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY,
		  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED },
		{ MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY,
		  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE },
		{ MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ_READY,
		  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ },
	};
	u32 commands = 0;
#ifdef CONFIG_MEMBARRIER
	int i, state = atomic_read(&mm->membarrier_state);

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (state & known[i].state)
			commands |= known[i].command;
#endif
	return commands;
}

static int dump_space(struct lm_dump *d, struct task_struct *t,
		   struct mm_struct *mm)
{
	struct sk_buff *obj;
	bool first;
	int err;
	u32 id;

	id = lm_dump_id(d, LM_ID_MM, mm, &first);
	if (!id)
		return -ENOMEM;
	/* Its parent waits in vfork(): that was told, and is over a moment later. */
	if (!first && READ_ONCE(t->vfork_done))
		return 0;
	if (!first)
		return lm_unsupported(d, t, -1, false, NULL,
				      "memory shared with another process (CLONE_VM)");
	if (lm_mm_has_uprobes(mm)) {
		err = lm_unsupported(d, t, -1, false, "remove the probes",
				     "breakpoints of uprobes");
		if (err)
			return err;
	}
	obj = lm_obj_begin(d, LIVEMIG_OBJ_MM);
	if (!obj)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_MM_ID, id) ?:
	      put_layout(mm, obj) ?:
	      put_auxv(mm, obj) ?:
	      put_mlockall(mm, obj) ?:
	      put_flags(mm, obj) ?:
	      put_pkeys(mm, obj) ?:
	      put_owner(d, t, mm, obj) ?:
	      put_vdso(mm, obj) ?:
	      nla_put_u32(obj, LIVEMIG_MM_MEMBARRIER,
			  membarrier_commands(mm)) ?:
	      nla_put_u32(obj, LIVEMIG_MM_COREDUMP,
			  lm_mm_coredump_filter(mm)) ?:
	      put_exe(d, t, mm, obj);
	if (err) {
		kfree_skb(obj);
		return err;
	}
	lm_obj_end(d, obj);
	return dump_vmas(d, t, mm, id);
}

/**
 * lm_dump_mm - queue the address space of a process
 * @d: the dump
 * @threads: the threads of the process, leader first
 * @n: their number
 *
 * Sleeps, killable; takes mmap_lock for reading.
 * Return: 0, -ESRCH when the process is exiting, -EINTR, -ENOMEM, -EMSGSIZE.
 */
int lm_dump_mm(struct lm_dump *d, struct task_struct **threads, int n)
{
	struct mm_struct *mm = get_task_mm(threads[0]);
	int err;

	if (!mm)
		return -ESRCH;
	err = dump_space(d, threads[0], mm);
	mmput(mm);
	return err;
}
