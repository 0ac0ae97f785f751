// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records on a file descriptor. After lm_in_next() it stands exactly at the payload,
 * which the module may read itself: what was read ahead of a file is given back then.
 * Of a connection nothing is read ahead, so that it is readable as long as there is more.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "clock.h"
#include "record.h"

#define REC_VERSION	1
#define ADDR_MAX	(1ULL << 47)	/* end of a process's address space */

static const char zeros[LIVEMIG_REC_PAGE];

/* Bytes between the head and the payload of a record. */
static size_t padding(uint16_t type, size_t head_len)
{
	size_t align = type == LIVEMIG_OBJ_PAGES ? LIVEMIG_REC_PAGE :
						   LIVEMIG_REC_ALIGN;

	return -(sizeof(struct livemig_rec) + head_len) & (align - 1);
}

static uint64_t checksum(const struct livemig_rec *rec, const void *head, size_t len)
{
	struct livemig_rec h = *rec;
	XXH64_state_t st;

	h.checksum = 0;
	XXH64_reset(&st, 0);
	XXH64_update(&st, &h, sizeof(h));
	if (len)
		XXH64_update(&st, head, len);
	return XXH64_digest(&st);
}

static mode_t kind_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_mode & S_IFMT;
}

/* The time limit that @fd has by itself (SO_RCVTIMEO, SO_SNDTIMEO), or -1. */
static int own_timeout(int fd, int option)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);

	if (getsockopt(fd, SOL_SOCKET, option, &tv, &len) ||
	    (!tv.tv_sec && !tv.tv_usec))
		return -1;
	return tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

/* Return: 1 when @fd is ready, 0 after @timeout_ms, -1 with errno. */
static int wait_fd(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n;
}

/* ---- out ---- */

void lm_out_init(struct lm_out *o, int fd)
{
	*o = (struct lm_out){
		.fd = fd,
		.file = kind_of(fd) == S_IFREG,
		.sock = kind_of(fd) == S_IFSOCK,
		.timeout_ms = own_timeout(fd, SO_SNDTIMEO),
	};
}

/* One attempt; sockets never block here and never raise SIGPIPE. */
static ssize_t put_some(struct lm_out *o, struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };

	if (o->sock)
		return sendmsg(o->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return writev(o->fd, iov, n);
}

static int put_all(struct lm_out *o, struct iovec *iov, int n, struct lm_error *e)
{
	while (n) {
		ssize_t done;

		if (!iov->iov_len) {
			iov++;
			n--;
			continue;
		}
		done = put_some(o, iov, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN) {
			int r = wait_fd(o->fd, POLLOUT, o->timeout_ms);

			if (!r)
				return lm_fail(e, LM_FAILED, "the peer took nothing for %d ms",
					       o->timeout_ms);
			if (r > 0)
				continue;
		}
		if (done < 0)
			return lm_fail_errno(e, LM_FAILED, "writing a record");
		for (; n && (size_t)done >= iov->iov_len; iov++, n--)
			done -= iov->iov_len;
		if (n) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= done;
		}
	}
	return 0;
}

/* What is gathered at most. */
#define HELD_MAX	(1 << 20)

static int put_held(struct lm_out *o, struct lm_error *e)
{
	struct iovec iov = { o->held.data, o->held.len };
	int ret = put_all(o, &iov, 1, e);

	lm_buf_free(&o->held);
	return ret;
}

static int hold(struct lm_out *o, const struct iovec *iov, int n, struct lm_error *e)
{
	size_t len = o->held.len;
	void *p;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (len > o->held.cap) {
		p = realloc(o->held.data, 2 * len);
		if (!p)
			return lm_fail(e, LM_FAILED, "out of memory");
		o->held.data = p;
		o->held.cap = 2 * len;
	}
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy((char *)o->held.data + o->held.len, iov[i].iov_base,
			       iov[i].iov_len);
		o->held.len += iov[i].iov_len;
	}
	return len < HELD_MAX ? 0 : put_held(o, e);
}

int lm_out_gather(struct lm_out *o, bool on, struct lm_error *e)
{
	o->gather = on;
	return on ? 0 : put_held(o, e);
}

static int put_rec(struct lm_out *o, uint16_t type, const void *head, size_t len,
		   size_t payload, struct lm_error *e)
{
	struct livemig_rec rec = {
		.magic = htole32(LIVEMIG_REC_MAGIC),
		.type = htole16(type),
		.version = REC_VERSION,
		.flags = type == LM_REC_PAD ? 0 : LIVEMIG_REC_F_REQUIRED,
		.head_len = htole32(len),
		.payload_len = htole32(payload),
		.seq = htole64(o->seq),
	};
	struct iovec iov[] = {
		{ &rec, sizeof(rec) },
		{ (void *)head, len },
		{ (void *)zeros, padding(type, len) },
		{ (void *)zeros, payload },
	};

	if (len > LIVEMIG_REC_HEAD_MAX)
		return lm_fail(e, LM_FAILED, "a record of type %u is too long (%zu bytes)",
			       type, len);
	rec.checksum = htole64(checksum(&rec, head, len));
	if (o->gather ? hold(o, iov, 4, e) : put_all(o, iov, 4, e))
		return -1;
	o->seq++;
	return 0;
}

int lm_out_rec(struct lm_out *o, uint16_t type, const void *attrs, size_t len,
	       struct lm_error *e)
{
	return put_rec(o, type, attrs, len, 0, e);
}

int lm_out_buf(struct lm_out *o, uint16_t type, struct lm_buf *b,
	       struct lm_error *e)
{
	int ret;

	if (b->oom)
		ret = lm_fail(e, LM_FAILED, "out of memory");
	else if (b->too_long)
		ret = lm_fail(e, LM_FAILED,
			      "an attribute of a record of type %u is longer than 64 KiB",
			      type);
	else
		ret = put_rec(o, type, b->data, b->len, 0, e);
	lm_buf_free(b);
	return ret;
}

int lm_out_align(struct lm_out *o, struct lm_error *e)
{
	size_t gap;
	off_t pos;

	if (!o->file)
		return 0;
	pos = lseek(o->fd, 0, SEEK_CUR);
	if (pos < 0)
		return lm_fail_errno(e, LM_FAILED, "position of the image file");
	gap = -pos & (LIVEMIG_REC_PAGE - 1);
	if (!gap)
		return 0;
	if (gap < sizeof(struct livemig_rec))
		return put_rec(o, LM_REC_PAD, NULL, 0,
			       gap + LIVEMIG_REC_PAGE - sizeof(struct livemig_rec), e);
	return put_rec(o, LM_REC_PAD, NULL, 0, gap - sizeof(struct livemig_rec), e);
}

/* ---- in ---- */

void lm_in_init(struct lm_in *in, int fd)
{
	*in = (struct lm_in){
		.fd = fd,
		.sock = kind_of(fd) == S_IFSOCK,
		.file = kind_of(fd) == S_IFREG,
		.timeout_ms = own_timeout(fd, SO_RCVTIMEO),
	};
}

void lm_in_free(struct lm_in *in)
{
	free(in->head);
	free(in->ahead);
	in->head = in->ahead = NULL;
	in->head_cap = in->nr_ahead = in->taken = 0;
}

int lm_in_bad(const struct lm_in *in, struct lm_error *e, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return lm_fail(e, LM_REFUSED, "record %llu at offset %llu: %s",
		       (unsigned long long)in->records,
		       (unsigned long long)in->start, what);
}

/* For all that follows: a peer that sends a byte now and then must end, too. */
static void set_deadline(struct lm_in *in)
{
	if (in->timeout_ms >= 0)
		in->deadline = lm_now_ms() + in->timeout_ms;
}

/* Return: as wait_fd(). */
static int wait_in(const struct lm_in *in)
{
	uint64_t now;

	if (in->timeout_ms < 0)
		return wait_fd(in->fd, POLLIN, -1);
	now = lm_now_ms();
	return wait_fd(in->fd, POLLIN, now < in->deadline ? in->deadline - now : 0);
}

/* (the module may have read some of it, too, which was not counted) */
static int truncated(const struct lm_in *in, struct lm_error *e)
{
	off_t end = lseek(in->fd, 0, SEEK_END);

	return lm_in_bad(in, e, "truncated: the file ends at byte %llu",
			 end < 0 ? (unsigned long long)in->pos : (unsigned long long)end);
}

/* Heads are short, and there may be thousands: one read() brings several. */
#define AHEAD	LIVEMIG_REC_PAGE

/* As read(); from what was read ahead, if there is some. */
static ssize_t take(struct lm_in *in, void *buf, size_t len)
{
	size_t n = in->nr_ahead - in->taken;

	if (!n)
		return read(in->fd, buf, len);
	n = n < len ? n : len;
	memcpy(buf, in->ahead + in->taken, n);
	in->taken += n;
	return n;
}

/* Nothing comes of it where it fails: then take() tells why. */
static void read_ahead(struct lm_in *in)
{
	ssize_t n;

	if (!in->file || in->nr_ahead > in->taken)
		return;
	if (!in->ahead)
		in->ahead = malloc(AHEAD);
	n = in->ahead ? read(in->fd, in->ahead, AHEAD) : 0;
	in->nr_ahead = n > 0 ? n : 0;
	in->taken = 0;
}

static int give_back(struct lm_in *in, struct lm_error *e)
{
	off_t n = in->nr_ahead - in->taken;

	in->nr_ahead = in->taken = 0;
	if (n && lseek(in->fd, -n, SEEK_CUR) < 0)
		return lm_fail_errno(e, LM_FAILED, "position of the image file");
	return 0;
}

/* Exactly @len bytes. Return: 1, 0 at an end of file before the first byte when
 * @eof_ok, -1.
 */
static int get(struct lm_in *in, void *buf, size_t len, bool eof_ok, struct lm_error *e)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n;
		int r = 1;

		if (in->timeout_ms >= 0)
			r = wait_in(in);
		if (!r)
			return lm_fail(e, LM_FAILED, "no whole record came from the peer for %d ms",
				       in->timeout_ms);
		n = r < 0 ? -1 : take(in, (char *)buf + got, len - got);
		if (n > 0) {
			got += n;
			in->pos += n;
		} else if (!n) {
			if (eof_ok && !got)
				return 0;
			if (in->sock)
				return lm_fail(e, LM_FAILED,
					       "the peer closed the connection");
			return truncated(in, e);
		} else if (errno == EAGAIN) {
			wait_in(in);
		} else if (errno != EINTR) {
			return lm_fail_errno(e, LM_FAILED, "reading record %llu",
					     (unsigned long long)in->records);
		}
	}
	return 1;
}

#define PADDING_BAD	"damaged: its padding is not zero"

/* Take @len bytes that have to be zero; with @any, whatever they are. */
static int skip(struct lm_in *in, uint64_t len, bool any, struct lm_error *e)
{
	char buf[LIVEMIG_REC_PAGE];

	while (len) {
		size_t n = len < sizeof(buf) ? len : sizeof(buf);

		if (get(in, buf, n, false, e) < 0)
			return -1;
		if (!any && memcmp(buf, zeros, n))
			return lm_in_bad(in, e, PADDING_BAD);
		len -= n;
	}
	return 0;
}

static bool known(uint16_t type)
{
	return (type > LIVEMIG_OBJ_UNSPEC && type < __LIVEMIG_OBJ_MAX) ||
	       (type >= LM_REC_PAD && type <= LM_REC_NFT) ||
	       (type >= LM_REC_HELLO && type <= LM_REC_ARRIVED);
}

static int get_head(struct lm_in *in, const struct livemig_rec *rec, struct lm_error *e)
{
	size_t len = le32toh(rec->head_len), pad = padding(le16toh(rec->type), len);
	/* (of a damaged head there may be no such padding, and a connection would wait) */
	bool later = pad >= LIVEMIG_REC_ALIGN && !in->file;

	if (len + pad > in->head_cap) {
		void *p = realloc(in->head, len + pad);

		if (!p)
			return lm_fail(e, LM_FAILED, "out of memory");
		in->head = p;
		in->head_cap = len + pad;
	}
	if (get(in, in->head, len + (later ? 0 : pad), false, e) < 0)
		return -1;
	if (checksum(rec, in->head, len) != le64toh(rec->checksum))
		return lm_in_bad(in, e, "damaged: its checksum is wrong");
	if (later)
		return skip(in, pad, false, e);
	if (pad && memcmp((char *)in->head + len, zeros, pad))
		return lm_in_bad(in, e, PADDING_BAD);
	return 0;
}

/* Records are counted one by one, so that a lost or doubled one shows. The
 * module's PAGES and PATCHES records carry ~0.
 */
static int check_seq(struct lm_in *in, const struct livemig_rec *rec, struct lm_error *e)
{
	uint64_t seq = le64toh(rec->seq);

	if (seq == UINT64_MAX && (le16toh(rec->type) == LIVEMIG_OBJ_PAGES ||
				  le16toh(rec->type) == LIVEMIG_OBJ_PATCHES))
		return 0;
	if (seq != in->seq)
		return lm_in_bad(in, e, "its sequence number is %llu, %llu was expected: a record is missing or doubled",
				 (unsigned long long)seq,
				 (unsigned long long)in->seq);
	in->seq++;
	return 0;
}

/* Return: as lm_in_next(), or 2 for a record to be skipped. */
static int next(struct lm_in *in, struct lm_record *r, struct lm_error *e)
{
	struct livemig_rec rec;
	int ret;

	if (skip(in, in->left, true, e))
		return -1;
	in->left = 0;
	in->start = in->pos;
	read_ahead(in);
	ret = get(in, &rec, sizeof(rec), true, e);
	if (ret <= 0)
		return ret;

	if (le32toh(rec.magic) != LIVEMIG_REC_MAGIC)
		return lm_in_bad(in, e, in->records ?
				 "damaged: no record begins here" :
				 "this is not a livemig image or stream");
	if (le32toh(rec.head_len) > LIVEMIG_REC_HEAD_MAX ||
	    le32toh(rec.payload_len) > LIVEMIG_REC_PAYLOAD_MAX)
		return lm_in_bad(in, e, "damaged: impossible length");
	if (get_head(in, &rec, e) || check_seq(in, &rec, e))
		return -1;

	in->left = le32toh(rec.payload_len);
	*r = (struct lm_record){
		.type = le16toh(rec.type),
		.flags = rec.flags,
		.head = in->head,
		.head_len = le32toh(rec.head_len),
		.payload_len = in->left,
	};
	if (!known(r->type) || rec.version != REC_VERSION) {
		if (r->flags & LIVEMIG_REC_F_REQUIRED)
			return lm_in_bad(in, e, "type %u version %u is unknown and required: a newer migctl wrote it",
					 r->type, rec.version);
		in->records++;
		return 2;
	}
	if (r->type == LM_REC_PAD) {
		if (skip(in, in->left, false, e))
			return -1;
		in->left = 0;
	}
	return in->left ? give_back(in, e) ?: 1 : 1;
}

int lm_in_next(struct lm_in *in, struct lm_record *r, struct lm_error *e)
{
	int ret;

	set_deadline(in);
	if (in->start != in->pos)
		in->records++;
	do
		ret = next(in, r, e);
	while (ret == 2);
	return ret;
}

int lm_in_payload(struct lm_in *in, void *buf, size_t len, struct lm_error *e)
{
	if (len > in->left)
		return lm_in_bad(in, e, "%llu bytes of payload are left, %zu are wanted",
				 (unsigned long long)in->left, len);
	set_deadline(in);
	if (len && get(in, buf, len, false, e) < 0)
		return -1;
	in->left -= len;
	return 0;
}

int lm_in_pass(struct lm_in *in, struct lm_error *e)
{
	if (lseek(in->fd, in->left, SEEK_CUR) < 0)
		return lm_fail_errno(e, LM_FAILED, "reading record %llu",
				     (unsigned long long)in->records);
	lm_in_taken(in, in->left);
	return 0;
}

void lm_in_taken(struct lm_in *in, size_t len)
{
	in->left -= len < in->left ? len : in->left;
	in->pos += len;
}

/* One entry of a PAGES record; counts DATA pages in *@data. */
static int check_entry(uint32_t space, const struct livemig_page_entry *p,
		       uint32_t *data, struct lm_error *e)
{
	uint64_t max = space == LIVEMIG_PAGES_SPACE_MM ? ADDR_MAX : 1ULL << 62;
	uint64_t low = le64toh(p->addr) & (LIVEMIG_REC_PAGE - 1);
	uint64_t addr = le64toh(p->addr) - low, pages = 1;

	if (low & ~(LIVEMIG_PAGE_KIND_MASK | LIVEMIG_PAGE_F_HUGE) ||
	    (low & LIVEMIG_PAGE_KIND_MASK) > LIVEMIG_PAGE_LATER ||
	    ((low & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_LATER &&
	     space != LIVEMIG_PAGES_SPACE_MM))
		return lm_fail(e, LM_REFUSED, "unknown kind of page (%#llx)",
			       (unsigned long long)low);
	if ((low & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_DATA)
		++*data;
	else
		pages = le64toh(p->value);
	if (!pages || addr >= max || pages > (max - addr) / LIVEMIG_REC_PAGE)
		return lm_fail(e, LM_REFUSED, "impossible range of pages at %#llx",
			       (unsigned long long)addr);
	return 0;
}

int lm_pages_check(const struct lm_record *r, const struct livemig_pages **p,
		   const struct livemig_page_entry **entries, uint32_t *n,
		   struct lm_error *e)
{
	const struct livemig_pages *head = r->head;
	uint32_t data = 0;

	if (r->type != LIVEMIG_OBJ_PAGES || r->head_len < sizeof(*head))
		return lm_fail(e, LM_REFUSED, "malformed PAGES record");
	*p = head;
	*n = le32toh(head->nr_entries);
	*entries = (const void *)(head + 1);
	if (!*n || *n > LIVEMIG_PAGES_ENTRIES_MAX ||
	    r->head_len != sizeof(*head) + *n * sizeof(**entries))
		return lm_fail(e, LM_REFUSED, "malformed PAGES record: %u entries in %zu bytes",
			       *n, r->head_len);
	if (le32toh(head->space) > LIVEMIG_PAGES_SPACE_SHMEM)
		return lm_fail(e, LM_REFUSED, "PAGES of an unknown space %u",
			       le32toh(head->space));
	for (uint32_t i = 0; i < *n; i++)
		if (check_entry(le32toh(head->space), *entries + i, &data, e))
			return -1;
	if (r->payload_len != data * LIVEMIG_REC_PAGE)
		return lm_fail(e, LM_REFUSED, "PAGES record: %u data pages, but %u bytes",
			       data, r->payload_len);
	return 0;
}
