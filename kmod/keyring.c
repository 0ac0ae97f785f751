// SPDX-License-Identifier: GPL-2.0
/*
 * Keyrings. They stay behind: what is in them was often given by somebody outside, and
 * much of it nobody may read. That there are keys is told, so that it is no surprise.
 *
 * Locking: a reference on the credentials, which hold their keyrings; RCU for what is in
 * these.
 */
#include <linux/assoc_array.h>
#include <linux/assoc_array_priv.h>
#include <linux/cred.h>
#include <linux/key.h>
#include <net/netlink.h>
#include "state.h"

#define LM_KEYRING_NAME	256	/* bytes of a name, with NUL */

#ifdef CONFIG_KEYS
/* The bit by which keyrings mark those among what they have; as in keyring.c. */
#define KEYRING_MARK	2UL

/* Keyrings in the first node of the tree: in an ordinary session that of the user is
 * all that there is.
 */
static unsigned long rings_in(const struct assoc_array *keys)
{
	const struct assoc_array_node *node;
	struct assoc_array_ptr *p;
	unsigned long n = 0;
	int i;

	p = READ_ONCE(keys->root);
	if (!p || !assoc_array_ptr_is_node(p))
		return 0;
	node = assoc_array_ptr_to_node(p);
	for (i = 0; i < ASSOC_ARRAY_FAN_OUT; i++) {
		p = READ_ONCE(node->slots[i]);
		if (p && assoc_array_ptr_is_leaf(p) &&
		    (unsigned long)assoc_array_ptr_to_leaf(p) & KEYRING_MARK)
			n++;
	}
	return n;
}

static int put_one(struct sk_buff *obj, u32 kind, struct key *ring)
{
	struct livemig_keyring k = { .kind = kind };
	unsigned long keys, rings;
	struct nlattr *nla;
	char *name;
	size_t len;

	if (!ring)
		return 0;
	rcu_read_lock();
	keys = READ_ONCE(ring->keys.nr_leaves_on_tree);
	rings = rings_in(&ring->keys);
	rcu_read_unlock();
	if (keys <= rings)
		return 0;
	k.serial = ring->serial;
	k.keys = min_t(unsigned long, keys - rings, U32_MAX);
	len = min_t(size_t, strlen(ring->description), LM_KEYRING_NAME - 1);
	nla = nla_reserve(obj, LIVEMIG_THREAD_KEYRING, sizeof(k) + len + 1);
	if (!nla)
		return -EMSGSIZE;
	memcpy(nla_data(nla), &k, sizeof(k));
	name = nla_data(nla) + sizeof(k);
	memcpy(name, ring->description, len);
	name[len] = 0;
	return 0;
}
#endif

/**
 * lm_put_keyrings - add those keyrings of a thread that have keys to its object
 * @obj: the object under construction
 * @cred: its credentials; referenced
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_put_keyrings(struct sk_buff *obj, const struct cred *cred)
{
#ifdef CONFIG_KEYS
	return put_one(obj, LIVEMIG_KEYRING_THREAD, cred->thread_keyring) ?:
	       put_one(obj, LIVEMIG_KEYRING_PROCESS, cred->process_keyring) ?:
	       put_one(obj, LIVEMIG_KEYRING_SESSION, cred->session_keyring);
#else
	return 0;
#endif
}
