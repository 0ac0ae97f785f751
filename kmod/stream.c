// SPDX-License-Identifier: GPL-2.0
/*
 * PAGES records: entries and pages are collected until a record is full, which
 * then goes out in one piece, head and payload, without a copy where the
 * receiving end can take pages. Pages that may still change go into a file
 * straight from where they are: payload first, then its hashes are taken from
 * the file's own pages, then the head is written before it.
 *
 * Locking: owned by the round, which has s->lock. No mmap_lock is held while
 * something is written, as it may block for long.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/xxhash.h>
#include <net/sock.h>

#include "extack.h"
#include "patch.h"
#include "stream.h"
#include "wrapper/io.h"

/* Buffer @i. A round of a small or frozen container needs only the head's. */
static struct page *stream_own(struct lm_stream *st, u32 i)
{
	if (!st->own[i])
		st->own[i] = alloc_page(GFP_KERNEL_ACCOUNT);
	return st->own[i];
}

static struct livemig_rec *stream_rec(struct lm_stream *st)
{
	return page_address(st->own[0]);
}

static struct livemig_pages *stream_head(struct lm_stream *st)
{
	return (struct livemig_pages *)(stream_rec(st) + 1);
}

static struct livemig_page_entry *stream_entries(struct lm_stream *st)
{
	return (struct livemig_page_entry *)(stream_head(st) + 1);
}

/**
 * lm_stream_open() - get ready to write the records of a round
 * @st: zeroed; lm_stream_close() it in any case
 * @out: open for writing, a regular file, pipe, or stream socket; NULL: nothing
 * will be written
 * @round: for the heads
 * @extack: gets the reason of a refusal
 *
 * Context: sleeps.
 * Return: 0, -EINVAL (position of a file), -ENOMEM.
 */
int lm_stream_open(struct lm_stream *st, struct file *out, u32 round,
		   struct netlink_ext_ack *extack)
{
	st->out = out;
	st->round = round;
	st->direct = out && S_ISREG(file_inode(out)->i_mode) &&
		     (out->f_mode & FMODE_READ) && !(out->f_flags & O_DIRECT);
	if (out && S_ISREG(file_inode(out)->i_mode)) {
		if (out->f_flags & O_APPEND)
			return lm_err(extack, -EINVAL,
				      "FD is open with O_APPEND: records need a position");
		st->pos = READ_ONCE(out->f_pos);
		if (!IS_ALIGNED(st->pos, LIVEMIG_REC_PAGE))
			return lm_err(extack, -EINVAL,
				      "the position of FD is not a multiple of %d: write a PAD record first",
				      LIVEMIG_REC_PAGE);
	} else if (out) {
		st->sock = sock_from_file(out);
	}
	return stream_own(st, 0) ? 0 : -ENOMEM;
}

/* Drops the pages of the last record and makes the buffers ours again: one that
 * a socket still has to send is left to it.
 */
static int stream_recycle(struct lm_stream *st)
{
	u32 i;

	for (i = 0; i <= st->nr_data; i++) {
		struct page *page = st->bvec[i].bv_page;

		if (i && page != st->own[i]) {
			put_page(page);
			continue;
		}
		if (page_count(st->own[i]) > 1) {
			put_page(st->own[i]);
			st->own[i] = NULL;
		}
	}
	bitmap_zero(st->late, st->nr_entries);
	st->nr_entries = 0;
	st->nr_data = 0;
	return stream_own(st, 0) ? 0 : -ENOMEM;
}

/* Writes @n pages from @first on: 0 is the head, 1 the first DATA. */
static int stream_write(struct lm_stream *st, loff_t *pos, u32 first, u32 n_pages)
{
	struct iov_iter iter;
	ssize_t n;

	iov_iter_bvec(&iter, WRITE, st->bvec + first, n_pages,
		      (size_t)n_pages * LIVEMIG_REC_PAGE);
	while (iov_iter_count(&iter)) {
		n = st->sock ? lm_sock_splice(st->sock, &iter) :
			       lm_iter_write(st->out, &iter, pos);
		if (n == -ERESTARTSYS || fatal_signal_pending(current))
			return -EINTR;
		if (n <= 0)
			return n ?: -EIO;
		st->bytes += n;
	}
	return 0;
}

/**
 * lm_stream_bytes() - write a record that lies elsewhere
 * @st: the stream
 * @buf: its bytes
 * @len: how many
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_bytes(struct lm_stream *st, void *buf, size_t len)
{
	struct kvec kv = { .iov_base = buf, .iov_len = len };
	struct iov_iter iter;
	ssize_t n;

	iov_iter_kvec(&iter, WRITE, &kv, 1, len);
	while (st->out && iov_iter_count(&iter)) {
		n = st->sock ? lm_sock_send(st->sock, &iter) :
			       lm_iter_write(st->out, &iter, &st->pos);
		if (n == -ERESTARTSYS || fatal_signal_pending(current))
			return -EINTR;
		if (n <= 0)
			return n ?: -EIO;
		st->bytes += n;
	}
	return 0;
}

/* The hash of what the file has at @pos. Its own page is there just after a
 * write, as a rule; otherwise it is read into buffer @i.
 */
static int hash_written(struct lm_stream *st, loff_t pos, u32 i, u64 *hash)
{
	struct page *page = find_get_page(st->out->f_mapping, pos >> PAGE_SHIFT);
	ssize_t n;
	void *p;

	if (page && PageUptodate(page)) {
		p = kmap_local_page(page);
		*hash = xxh64(p, PAGE_SIZE, 0);
		kunmap_local(p);
		put_page(page);
		return 0;
	}
	if (page)
		put_page(page);
	if (!stream_own(st, i))
		return -ENOMEM;
	n = kernel_read(st->out, page_address(st->own[i]), PAGE_SIZE, &pos);
	if (n != PAGE_SIZE)
		return n < 0 ? n : -EIO;
	*hash = xxh64(page_address(st->own[i]), PAGE_SIZE, 0);
	return 0;
}

/* Writes the payload, behind where the head is to be, and fills in the hashes. */
static int stream_payload_first(struct lm_stream *st)
{
	loff_t end = st->pos + LIVEMIG_REC_PAGE, pos = end;
	struct livemig_page_entry *e = stream_entries(st);
	u32 i, data = 0;
	u64 hash;
	int err;

	err = stream_write(st, &end, 1, st->nr_data);
	for (i = 0; i < st->nr_entries && !err; i++, e++) {
		if ((le64_to_cpu(e->addr) & LIVEMIG_PAGE_KIND_MASK) !=
		    LIVEMIG_PAGE_DATA)
			continue;
		if (test_bit(i, st->late)) {
			err = hash_written(st, pos, 1 + data, &hash);
			if (err)
				break;
			e->value = cpu_to_le64(hash);
			st->hashed(st->arg, le64_to_cpu(e->addr) & PAGE_MASK, hash);
		}
		pos += LIVEMIG_REC_PAGE;
		data++;
	}
	return err;
}

/**
 * lm_stream_flush() - write the record under way, if there is one
 * @st: the stream
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_flush(struct lm_stream *st)
{
	struct livemig_rec *rec = stream_rec(st);
	bool late = !bitmap_empty(st->late, st->nr_entries);
	size_t used;
	int err = 0, err2;

	if (!st->nr_entries)
		return 0;
	if (late)
		err = stream_payload_first(st);
	used = (u8 *)(stream_entries(st) + st->nr_entries) - (u8 *)rec;
	*rec = (struct livemig_rec) {
		.magic = cpu_to_le32(LIVEMIG_REC_MAGIC),
		.type = cpu_to_le16(LIVEMIG_OBJ_PAGES),
		.version = 1,
		.flags = LIVEMIG_REC_F_REQUIRED,
		.head_len = cpu_to_le32(used - sizeof(*rec)),
		.payload_len = cpu_to_le32(st->nr_data * LIVEMIG_REC_PAGE),
		.seq = cpu_to_le64(~0ULL),
	};
	*stream_head(st) = (struct livemig_pages) {
		.space = cpu_to_le32(st->space),
		.id = cpu_to_le32(st->id),
		.round = cpu_to_le32(st->round),
		.nr_entries = cpu_to_le32(st->nr_entries),
	};
	rec->checksum = cpu_to_le64(xxh64(rec, used, 0));
	memset((u8 *)rec + used, 0, LIVEMIG_REC_PAGE - used);
	st->bvec[0] = (struct bio_vec) {
		.bv_page = st->own[0], .bv_len = LIVEMIG_REC_PAGE,
	};
	if (!err && st->out)
		err = stream_write(st, &st->pos, 0, late ? 1 : 1 + st->nr_data);
	if (!err && late)
		st->pos += st->nr_data * LIVEMIG_REC_PAGE;
	err2 = stream_recycle(st);
	return err ?: err2;
}

/* Room for one more entry in a record of the present space. */
static int stream_room(struct lm_stream *st)
{
	return st->nr_entries == LIVEMIG_PAGES_ENTRIES_MAX ? lm_stream_flush(st) : 0;
}

/**
 * lm_stream_space() - what the following entries belong to
 * @st: the stream
 * @space: enum livemig_pages_space
 * @id: of the mm or shared memory object
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_space(struct lm_stream *st, u32 space, u32 id)
{
	int err = 0;

	if (st->space != space || st->id != id)
		err = lm_stream_flush(st) ?: lm_patches_flush(st);
	st->space = space;
	st->id = id;
	return err;
}

/**
 * lm_stream_slot() - a buffer for the next DATA page
 * @st: the stream
 *
 * The same one again until lm_stream_data() was told about it. Context: sleeps.
 * Return: a page in the direct map, or an ERR_PTR of writing.
 */
struct page *lm_stream_slot(struct lm_stream *st)
{
	int err = stream_room(st);

	if (err)
		return ERR_PTR(err);
	return stream_own(st, 1 + st->nr_data) ?: ERR_PTR(-ENOMEM);
}

/**
 * lm_stream_take() - keep a page that lm_stream_slot() gave
 * @st: the stream
 * @page: it, unless lm_stream_data() was told about it. It may not be the slot
 * any more: what was written in the meantime made another one that.
 *
 * Context: sleeps.
 * Return: @page; NULL: no memory, nothing has changed.
 */
struct page *lm_stream_take(struct lm_stream *st, struct page *page)
{
	struct page *new = alloc_page(GFP_KERNEL_ACCOUNT);
	u32 i = 1 + st->nr_data;

	if (!new)
		return NULL;
	while (st->own[i] != page)
		i = i + 1 < ARRAY_SIZE(st->own) ? i + 1 : 1;
	st->own[i] = new;
	return page;
}

/**
 * lm_stream_data() - write a page
 * @st: the stream
 * @addr: its address, with flags of struct livemig_page_entry
 * @hash: xxh64 of its bytes
 * @page: whose bytes do not change any more, with a reference that passes over
 * in any case; NULL: what is in lm_stream_slot()
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_data(struct lm_stream *st, u64 addr, u64 hash, struct page *page)
{
	int err = stream_room(st);

	if (err) {
		if (page)
			put_page(page);
		return err;
	}
	stream_entries(st)[st->nr_entries++] = (struct livemig_page_entry) {
		.addr = cpu_to_le64(addr | LIVEMIG_PAGE_DATA),
		.value = cpu_to_le64(hash),
	};
	st->nr_data++;
	st->bvec[st->nr_data] = (struct bio_vec) {
		.bv_page = page ?: st->own[st->nr_data],
		.bv_len = LIVEMIG_REC_PAGE,
	};
	return 0;
}

/**
 * lm_stream_live() - write a page of a task that runs
 * @st: the stream, with ->direct
 * @addr: its address, with flags of struct livemig_page_entry
 * @page: with a reference that passes over in any case
 *
 * ->hashed() tells the hash of what was written, once the record goes out.
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_live(struct lm_stream *st, u64 addr, struct page *page)
{
	int err = lm_stream_data(st, addr, 0, page);

	if (!err)
		__set_bit(st->nr_entries - 1, st->late);
	return err;
}

/**
 * lm_stream_range() - write pages that need no bytes
 * @st: the stream
 * @kind: ZERO or HOLE
 * @addr: of the first one
 * @pages: how many
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_range(struct lm_stream *st, enum livemig_page_kind kind, u64 addr,
		    u64 pages)
{
	struct livemig_page_entry *e = stream_entries(st) + st->nr_entries - 1;
	int err;

	if (st->nr_entries && (le64_to_cpu(e->addr) & ~PAGE_MASK) == kind &&
	    (le64_to_cpu(e->addr) & PAGE_MASK) +
	    le64_to_cpu(e->value) * PAGE_SIZE == addr) {
		le64_add_cpu(&e->value, pages);
		return 0;
	}
	err = stream_room(st);
	if (err)
		return err;
	stream_entries(st)[st->nr_entries++] = (struct livemig_page_entry) {
		.addr = cpu_to_le64(addr | kind),
		.value = cpu_to_le64(pages),
	};
	return 0;
}

/**
 * lm_stream_end() - write what is left and move the position of the file
 * @st: the stream
 *
 * A round that fails leaves the position where it was. Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_stream_end(struct lm_stream *st)
{
	int err = lm_stream_flush(st) ?: lm_patches_flush(st);

	if (!err && st->out && S_ISREG(file_inode(st->out)->i_mode))
		st->out->f_pos = st->pos;
	return err;
}

/**
 * lm_stream_close() - free what the stream holds
 * @st: the stream, in any state after lm_stream_open()
 */
void lm_stream_close(struct lm_stream *st)
{
	u32 i;

	for (i = 1; i <= st->nr_data; i++)
		if (st->bvec[i].bv_page != st->own[i])
			put_page(st->bvec[i].bv_page);
	for (i = 0; i < ARRAY_SIZE(st->own); i++)
		if (st->own[i])
			put_page(st->own[i]);
}
