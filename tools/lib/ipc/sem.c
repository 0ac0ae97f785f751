// SPDX-License-Identifier: LGPL-2.1-or-later
/* Semaphore sets. What they get back at the end of a process is in PROCESS. */
#include <stdlib.h>
#include <sys/sem.h>

#include "ipc.h"

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY	20
#endif

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static int last(void)
{
	struct seminfo info;
	int index = semctl(0, 0, SEM_INFO, (union semun){ .info = &info });

	return info.semusz ? index : -1;	/* of SEM_INFO: how many there are */
}

static bool stat_index(int index, struct lm_ipc *o)
{
	struct semid_ds ds;
	int id = semctl(index, 0, SEM_STAT_ANY, (union semun){ .buf = &ds });

	if (id < 0)
		return false;
	o->id = id;
	o->perm = (struct lm_ipc_perm){ ds.sem_perm.__key, ds.sem_perm.uid,
		ds.sem_perm.gid, ds.sem_perm.cuid, ds.sem_perm.cgid,
		ds.sem_perm.mode };
	o->size = ds.sem_nsems;
	/* Of many, one will do. */
	for (size_t i = 0; i < ds.sem_nsems && !o->users[0].pid; i++)
		o->users[0] = (struct lm_ipc_user){ semctl(id, i, GETPID),
						    ds.sem_otime ?: ds.sem_ctime };
	return true;
}

static int contents(const struct lm_ipc *o, struct lm_ipc_out *out,
		    struct lm_error *e)
{
	unsigned short *values = calloc(o->size + 1, sizeof(*values));
	int ret = 0;

	if (!values)
		return lm_fail(e, LM_FAILED, "out of memory");
	if (semctl(o->id, 0, GETALL, (union semun){ .array = values }))
		ret = lm_fail_errno(e, LM_FAILED, "semaphore set %u", o->id);
	else
		lm_put(&out->b, LM_IPC_VALUES, values, o->size * sizeof(*values));
	free(values);
	return ret;
}

static int get(const struct lm_ipc *o)
{
	return semget(o->perm.key, o->size, IPC_CREAT | IPC_EXCL | (o->perm.mode & 0777));
}

static int fill(const struct lm_ipc *o, const struct lm_obj *rec, struct lm_error *e)
{
	size_t n;
	const unsigned short *values =
		lm_array(rec->tb[LM_IPC_VALUES], sizeof(*values), &n);

	if (n != o->size)
		return lm_fail(e, LM_REFUSED, "semaphore set %u: its values are missing",
			       o->id);
	if (semctl(o->id, 0, SETALL, (union semun){ .array = (void *)values }))
		return lm_fail_errno(e, LM_REFUSED, "semaphore set %u: values", o->id);
	return 0;
}

static int set(const struct lm_ipc *o)
{
	struct semid_ds ds = {
		.sem_perm.uid = o->perm.uid,
		.sem_perm.gid = o->perm.gid,
		.sem_perm.mode = o->perm.mode & 0777,
	};

	return semctl(o->id, 0, IPC_SET, (union semun){ .buf = &ds });
}

static int remove_id(uint32_t id)
{
	return semctl(id, 0, IPC_RMID);
}

const struct lm_ipc_kind lm_ipc_sem = {
	.name		= "sem",
	.what		= "semaphore set",
	.last		= last,
	.stat		= stat_index,
	.contents	= contents,
	.get		= get,
	.fill		= fill,
	.set		= set,
	.remove		= remove_id,
};
