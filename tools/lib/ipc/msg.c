// SPDX-License-Identifier: LGPL-2.1-or-later
/* Message queues. Messages are copied by MSG_COPY, which leaves them there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>

#include "ipc.h"

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY	13
#endif
#ifndef MSG_COPY
#define MSG_COPY	040000
#endif

struct message {
	long type;
	char bytes[];
};

static int last(void)
{
	struct msginfo info;
	int index = msgctl(0, MSG_INFO, (void *)&info);

	return info.msgpool ? index : -1;	/* of MSG_INFO: how many there are */
}

static bool stat_index(int index, struct lm_ipc *o)
{
	struct msqid_ds ds;
	int id = msgctl(index, MSG_STAT_ANY, &ds);

	if (id < 0)
		return false;
	o->id = id;
	o->perm = (struct lm_ipc_perm){ ds.msg_perm.__key, ds.msg_perm.uid,
		ds.msg_perm.gid, ds.msg_perm.cuid, ds.msg_perm.cgid,
		ds.msg_perm.mode };
	o->size = ds.msg_qbytes;
	o->users[0] = (struct lm_ipc_user){ ds.msg_lspid, ds.msg_stime };
	o->users[1] = (struct lm_ipc_user){ ds.msg_lrpid, ds.msg_rtime };
	return true;
}

static int contents(const struct lm_ipc *o, struct lm_ipc_out *out,
		    struct lm_error *e)
{
	struct message *m;
	struct msqid_ds ds;
	int ret = 0;

	if (msgctl(o->id, IPC_STAT, &ds))
		return lm_fail_errno(e, LM_FAILED, "message queue %u", o->id);
	m = malloc(sizeof(*m) + ds.__msg_cbytes);	/* no message is larger */
	if (!m)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (msgqnum_t i = 0; i < ds.msg_qnum && !ret; i++) {
		ssize_t n = msgrcv(o->id, m, ds.__msg_cbytes, i, IPC_NOWAIT | MSG_COPY);

		ret = n < 0 ? lm_fail_errno(e, LM_REFUSED, "message queue %u: message %lu",
					    o->id, (unsigned long)i) :
			      lm_ipc_put(out, m->type, m->bytes, n, e);
	}
	free(m);
	return ret;
}

static int get(const struct lm_ipc *o)
{
	return msgget(o->perm.key, IPC_CREAT | IPC_EXCL | (o->perm.mode & 0777));
}

static int set_size(const struct lm_ipc *o, uint64_t size)
{
	struct msqid_ds ds = {
		.msg_perm.uid = o->perm.uid,
		.msg_perm.gid = o->perm.gid,
		.msg_perm.mode = o->perm.mode & 0777,
		.msg_qbytes = size,
	};

	return msgctl(o->id, IPC_SET, &ds);
}

static int set(const struct lm_ipc *o)
{
	return set_size(o, o->size);
}

static int send(const struct lm_ipc *o, const struct lm_obj *rec,
		const struct nlattr *a, struct lm_error *e)
{
	uint64_t type;
	size_t len = lm_ipc_message(rec, a, &type, NULL);
	struct message *m = malloc(sizeof(*m) + len);
	int ret = 0;

	if (!m)
		return lm_fail(e, LM_FAILED, "out of memory");
	lm_ipc_message(rec, a, &type, m->bytes);
	m->type = type;
	if (msgsnd(o->id, m, len, IPC_NOWAIT))
		ret = lm_fail_errno(e, LM_REFUSED, "message queue %u: message of %zu bytes",
				    o->id, len);
	free(m);
	return ret;
}

/* It may hold more than would be let in now. */
static int fill(const struct lm_ipc *o, const struct lm_obj *rec, struct lm_error *e)
{
	uint64_t total = 0, type;
	size_t len;

	for (const struct nlattr *a = NULL; (a = lm_next(rec->raw, rec->len, a));) {
		if (lm_type(a) != LM_IPC_BYTES && lm_type(a) != LM_IPC_MORE)
			continue;
		if (!lm_ipc_bytes(a, &type, &len))
			return lm_fail(e, LM_REFUSED, "message queue %u: message without a type",
				       o->id);
		total += len + 1;	/* their number is limited like that, too */
	}
	if (total > o->size && set_size(o, total))
		return lm_fail_errno(e, LM_REFUSED, "message queue %u of %llu bytes", o->id,
				     (unsigned long long)total);
	for (const struct nlattr *a = NULL; (a = lm_next(rec->raw, rec->len, a));)
		if (lm_type(a) == LM_IPC_BYTES && send(o, rec, a, e))
			return -1;
	return 0;
}

static int remove_id(uint32_t id)
{
	return msgctl(id, IPC_RMID, NULL);
}

const struct lm_ipc_kind lm_ipc_msg = {
	.name		= "msg",
	.what		= "message queue",
	.last		= last,
	.stat		= stat_index,
	.contents	= contents,
	.get		= get,
	.fill		= fill,
	.set		= set,
	.remove		= remove_id,
};
