// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers that stand for kernel objects, so that no kernel address leaves the
 * kernel and shared objects are seen to be shared.
 *
 * Locking: all functions are called with s->lock held, except lm_ids_free(),
 * which is called when nobody else has the session any more.
 */
#include <linux/slab.h>

#include "session.h"

struct lm_ident {
	struct hlist_node node;
	const void *ptr;
	enum lm_idspace space;
	u32 id;
};

static struct lm_ident *ident_find(struct lm_session *s, enum lm_idspace space,
				   const void *ptr)
{
	struct lm_ident *e;

	hash_for_each_possible(s->ids, e, node, (unsigned long)ptr)
		if (e->ptr == ptr && e->space == space)
			return e;
	return NULL;
}

/**
 * lm_id() - the number of an object
 * @s: the session; s->lock is held
 * @space: what kind of object it is
 * @ptr: the object; never dereferenced
 * @is_new: set to whether the number was given just now; may be NULL
 *
 * Context: may sleep.
 * Return: the number, >= 1, or 0 when there is no memory.
 */
u32 lm_id(struct lm_session *s, enum lm_idspace space, const void *ptr,
	  bool *is_new)
{
	struct lm_ident *e = ident_find(s, space, ptr);

	if (is_new)
		*is_new = !e;
	if (e)
		return e->id;
	e = kmalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return 0;
	e->ptr = ptr;
	e->space = space;
	e->id = ++s->next_id[space];
	hash_add(s->ids, &e->node, (unsigned long)ptr);
	return e->id;
}

/**
 * lm_id_forget() - the object behind a pointer is about to go
 * @s: the session; s->lock is held
 * @space: what kind of object it was
 * @ptr: the object
 *
 * Its number is not given to another object.
 */
void lm_id_forget(struct lm_session *s, enum lm_idspace space, const void *ptr)
{
	struct lm_ident *e = ident_find(s, space, ptr);

	if (e) {
		hash_del(&e->node);
		kfree(e);
	}
}

/**
 * lm_ids_free() - forget all numbers of a session
 * @s: the session, which nobody else has
 */
void lm_ids_free(struct lm_session *s)
{
	struct hlist_node *tmp;
	struct lm_ident *e;
	int bkt;

	hash_for_each_safe(s->ids, bkt, tmp, e, node) {
		hash_del(&e->node);
		kfree(e);
	}
}
