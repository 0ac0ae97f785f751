// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What waits in unix sockets, put back by sending it once more: with the files
 * and the credentials that came along, from a socket with the sender's name.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unix.h"

#define FDS_MAX	253	/* SCM_MAX_FD of the kernel */

/* One message, or a piece of a stream; long messages come in several records. */
struct message {
	char *bytes;
	size_t len;
	const struct nlattr *from, *fds, *cred;
};

/* The message that begins with record *@i of @f; *@i is then the next one's. */
static int take(const struct lm_file *f, size_t *i, struct message *msg, struct lm_error *e)
{
	const struct lm_data *first = f->data[*i];
	char *more;

	*msg = (struct message){
		.from = first->obj.tb[LIVEMIG_DATA_NAME],
		.fds = first->obj.tb[LIVEMIG_DATA_FDS],
		.cred = first->obj.tb[LIVEMIG_DATA_CRED],
	};
	do {
		const struct lm_data *d = f->data[*i];

		more = realloc(msg->bytes, msg->len + d->len + 1);
		if (!more) {
			free(msg->bytes);
			return lm_fail(e, LM_FAILED, "no memory");
		}
		msg->bytes = more;
		memcpy(more + msg->len, d->bytes, d->len);
		msg->len += d->len;
	} while (++*i < f->nr_data && lm_unix_type(f) != SOCK_STREAM &&
		 f->data[*i]->offset == first->offset && f->data[*i]->queue == first->queue);
	return 0;
}

/* Append a control message. */
static void *add_control(struct msghdr *msg, int type, size_t len)
{
	struct cmsghdr *c = (void *)((char *)msg->msg_control + msg->msg_controllen);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	msg->msg_controllen += CMSG_SPACE(len);
	return CMSG_DATA(c);
}

static int add_files(const struct lm_model *model, const struct message *m,
		     struct msghdr *msg, struct lm_error *e)
{
	const uint32_t *ids;
	int *fds;
	size_t nr;

	ids = lm_array(m->fds, sizeof(*ids), &nr);
	if (!nr)
		return 0;
	if (nr > FDS_MAX)
		return lm_fail(e, LM_REFUSED, "the record of a unix message is malformed");
	fds = add_control(msg, SCM_RIGHTS, nr * sizeof(int));
	for (size_t i = 0; i < nr; i++) {
		const struct lm_file *f = lm_model_file(model, ids[i]);

		if (!f || f->fd < 0)
			return lm_fail(e, LM_REFUSED,
				       "a unix message carries a file that is not in the image");
		memcpy(fds + i, &f->fd, sizeof(int));
	}
	return 0;
}

/* From @via, which is connected (@to NULL) or sends to @to. */
static int send_message(struct lm_restorer *r, const struct message *m, int via,
			const struct lm_file *to, struct lm_error *e)
{
	char control[CMSG_SPACE(FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))] = { 0 };
	struct iovec iov = { m->bytes, m->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct ucred cred = { 0 };
	bool borrowed = false;
	ssize_t n;

	if (add_files(lm_restorer_model(r), m, &msg, e) < 0)
		return -1;
	if (lm_len(m->cred) >= sizeof(cred))
		memcpy(&cred, lm_data(m->cred), sizeof(cred));
	cred.pid = lm_restorer_host(r, cred.pid);
	if (cred.pid) {
		memcpy(add_control(&msg, SCM_CREDENTIALS, sizeof(cred)), &cred, sizeof(cred));
		borrowed = lm_unix_stand_in(cred.pid);
	}
	if (!msg.msg_controllen)
		msg.msg_control = NULL;
	n = to ? lm_unix_send_to(r, to, via, &msg, e) :
		 sendmsg(via, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n != (ssize_t)m->len && !to)
		lm_fail_errno(e, LM_FAILED, "cannot put a message back into a unix socket");
	if (borrowed)
		lm_unix_stand_down(cred.pid);
	return n == (ssize_t)m->len ? 0 : -1;
}

/* To a socket that is not one of a pair: from who sent it, if he is still there, or
 * else from one with his name.
 */
static int deliver(struct lm_restorer *r, struct lm_file *f, const struct message *msg,
		   struct lm_error *e)
{
	size_t len = lm_len(msg->from);
	struct lm_file *sender = NULL;
	union lm_sockaddr a = { 0 };
	int via, ret;

	if (len > offsetof(struct sockaddr_un, sun_path) && len <= sizeof(a.un)) {
		memcpy(&a, lm_data(msg->from), len);
		sender = lm_unix_bound_to(lm_restorer_model(r), &a, false);
	}
	if (sender && lm_unix_type(sender) == lm_unix_type(f))
		return send_message(r, msg, sender->fd, f, e);
	via = lm_unix_named_socket(r, lm_unix_type(f), msg->from, e);
	if (via < 0)
		return -1;
	ret = send_message(r, msg, via, f, e);
	close(via);
	return ret;
}

int lm_unix_fill(struct lm_restorer *r, struct lm_file *f, int from, struct lm_error *e)
{
	struct message msg;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < f->nr_data;) {
		if (f->data[i]->queue != LIVEMIG_QUEUE_RECV) {
			i++;
			continue;
		}
		ret = take(f, &i, &msg, e);
		if (ret < 0)
			break;
		ret = from < 0 ? deliver(r, f, &msg, e) : send_message(r, &msg, from, NULL, e);
		free(msg.bytes);
	}
	return ret;
}
