// SPDX-License-Identifier: GPL-2.0
/*
 * DATA objects, mostly out of socket buffers. A stream is cut anywhere; a message that
 * is longer than a piece goes on in objects with the same OFFSET.
 *
 * Locking: the caller keeps the buffers where they are (lock_sock(), or
 * references). Allocates, so it may sleep.
 */
#include <linux/skbuff.h>
#include "sock.h"

#define LM_DATA_MAX	16384	/* as the uapi header promises */

static int put_head(struct sk_buff *obj, const struct lm_data_head *h)
{
	int err = 0;

	if (h->name)
		err = nla_put(obj, LIVEMIG_DATA_NAME, h->name_len, h->name);
	if (!err && h->dest)
		err = nla_put(obj, LIVEMIG_DATA_DEST, h->name_len, h->dest);
	if (!err && h->nr_fds)
		err = nla_put(obj, LIVEMIG_DATA_FDS, h->nr_fds * sizeof(*h->fds),
			      h->fds);
	return err;
}

/**
 * lm_data_begin - start an object
 * @w: the writer, with no object under construction
 * @head: what is said besides the bytes, NULL: nothing
 *
 * lm_data_add() starts objects by itself; this is for messages, which may be
 * empty.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_data_begin(struct lm_data *w, const struct lm_data_head *head)
{
	struct sk_buff *obj = lm_obj_begin(w->d, LIVEMIG_OBJ_DATA);
	int err;

	if (!obj)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_DATA_FILE, w->file_id) ?:
	      nla_put_u32(obj, LIVEMIG_DATA_QUEUE, w->queue) ?:
	      nla_put_u64_64bit(obj, LIVEMIG_DATA_OFFSET, w->offset,
				LIVEMIG_DATA_PAD);
	if (!err && w->cred)
		err = nla_put(obj, LIVEMIG_DATA_CRED, sizeof(*w->cred), w->cred);
	if (!err && head)
		err = put_head(obj, head);
	if (err)
		goto err;
	err = -EMSGSIZE;
	w->bytes = nla_reserve(obj, LIVEMIG_DATA_BYTES, LM_DATA_MAX);
	if (!w->bytes)
		goto err;
	w->used = 0;
	w->obj = obj;
	return 0;
err:
	kfree_skb(obj);
	return err;
}

/**
 * lm_data_end - queue the object under construction, if there is one
 * @w: the writer
 */
void lm_data_end(struct lm_data *w)
{
	u8 *start, *end;

	if (!w->obj)
		return;
	/* Give back what was reserved too much. */
	w->bytes->nla_len = nla_attr_size(w->used);
	start = nla_data(w->bytes);
	end = start + w->used;
	memset(end, 0, nla_padlen(w->used));
	end += nla_padlen(w->used);
	skb_trim(w->obj, end - w->obj->data);
	lm_obj_end(w->d, w->obj);
	w->obj = NULL;
	if (w->stream)
		w->offset += w->used;
}

/**
 * lm_data_abort - forget the object under construction, if there is one
 * @w: the writer
 */
void lm_data_abort(struct lm_data *w)
{
	kfree_skb(w->obj);
	w->obj = NULL;
}

/* Where the next bytes go, in the object under construction or a new one; @len is cut
 * to what fits there.
 */
static void *data_room(struct lm_data *w, int *len)
{
	int err;

	if (w->obj && w->used == LM_DATA_MAX)
		lm_data_end(w);
	if (!w->obj) {
		err = lm_data_begin(w, NULL);
		if (err)
			return ERR_PTR(err);
	}
	*len = min_t(int, *len, LM_DATA_MAX - w->used);
	return nla_data(w->bytes) + w->used;
}

/**
 * lm_data_add_bytes - append bytes
 * @w: the writer
 * @from: the bytes
 * @len: how many
 *
 * Return: 0, -ENOMEM, -EMSGSIZE.
 */
int lm_data_add_bytes(struct lm_data *w, const u8 *from, size_t len)
{
	void *to;
	int n;

	for (; len; len -= n, from += n, w->used += n) {
		n = min_t(size_t, len, LM_DATA_MAX);
		to = data_room(w, &n);
		if (IS_ERR(to))
			return PTR_ERR(to);
		memcpy(to, from, n);
	}
	return 0;
}

/**
 * lm_data_add - append bytes of a socket buffer
 * @w: the writer
 * @skb: the buffer
 * @off: where in it
 * @len: how many
 *
 * Return: 0, -ENOMEM, -EMSGSIZE, -EFAULT (the buffer is shorter, or not
 * readable).
 */
int lm_data_add(struct lm_data *w, const struct sk_buff *skb, int off, int len)
{
	void *to;
	int err, n;

	for (; len; len -= n, off += n, w->used += n) {
		n = len;
		to = data_room(w, &n);
		if (IS_ERR(to))
			return PTR_ERR(to);
		err = skb_copy_bits(skb, off, to, n);
		if (err)
			return err;
	}
	return 0;
}
