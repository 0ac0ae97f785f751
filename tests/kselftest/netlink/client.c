// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An independent client: freezes, dumps and thaws a container and listens to
 * events, with libnl and the YAML spec alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "box.h"
#include "ktap.h"
#include "fam.h"

struct info {
	bool complete, kernel, protocol, vdso;
	uint32_t xstate, sessions;
	bool first_feature;
};

static void take_info(struct fam *nl, struct nlattr **a, void *arg)
{
	struct info *i = arg;
	struct utsname u;

	uname(&u);
	i->complete = a[LIVEMIG_A_VERSION] && a[LIVEMIG_A_PROTOCOL] &&
		      a[LIVEMIG_A_KERNEL] && a[LIVEMIG_A_XSTATE_SIZE] &&
		      a[LIVEMIG_A_XFEATURES] && a[LIVEMIG_A_VDSO_ID] &&
		      a[LIVEMIG_A_FEATURES] && a[LIVEMIG_A_SESSIONS];
	if (!i->complete)
		return;
	i->kernel = !strcmp(nla_get_string(a[LIVEMIG_A_KERNEL]), u.release);
	i->protocol = nla_get_u32(a[LIVEMIG_A_PROTOCOL]) == LIVEMIG_PROTOCOL;
	i->vdso = nla_get_u64(a[LIVEMIG_A_VDSO_ID]);
	i->xstate = nla_get_u32(a[LIVEMIG_A_XSTATE_SIZE]);
	i->sessions = nla_get_u32(a[LIVEMIG_A_SESSIONS]);
}

static int get_info(struct fam *nl, struct info *i)
{
	memset(i, 0, sizeof(*i));
	return fam_call(nl, fam_request(nl, LIVEMIG_CMD_GET_INFO, 0), take_info, i);
}

struct session {
	uint32_t id, state, tasks, flags;
	uint64_t cgroup;
	char name[64], tracker[32];
	unsigned int n;			/* how many were told */
};

static void take_session(struct fam *nl, struct nlattr **a, void *arg)
{
	struct session *s = arg;

	s->n++;
	if (!a[LIVEMIG_A_SESSION] || !a[LIVEMIG_A_STATE] ||
	    !a[LIVEMIG_A_CGROUP_ID] || !a[LIVEMIG_A_TASKS] ||
	    !a[LIVEMIG_A_ROUND] || !a[LIVEMIG_A_TRACKER] ||
	    !a[LIVEMIG_A_SESSION_FLAGS])
		return;
	s->id = nla_get_u32(a[LIVEMIG_A_SESSION]);
	s->state = nla_get_u32(a[LIVEMIG_A_STATE]);
	s->tasks = nla_get_u32(a[LIVEMIG_A_TASKS]);
	s->flags = nla_get_u32(a[LIVEMIG_A_SESSION_FLAGS]);
	s->cgroup = nla_get_u64(a[LIVEMIG_A_CGROUP_ID]);
	if (a[LIVEMIG_A_NAME])
		nla_strlcpy(s->name, a[LIVEMIG_A_NAME], sizeof(s->name));
	nla_strlcpy(s->tracker, a[LIVEMIG_A_TRACKER], sizeof(s->tracker));
}

static bool has_pids(const struct dump *d, const struct box *b)
{
	unsigned int i;
	int k;

	for (k = 0; k < b->n; k++) {
		for (i = 0; i < d->npids && d->pids[i] != (uint32_t)b->pid[k]; i++)
			;
		if (i == d->npids)
			return false;
	}
	return (int)d->npids == b->n;
}

static void lifetime(struct fam *nl, struct fam *events)
{
	static struct dump d;
	struct session s = {};
	struct nl_msg *msg;
	struct stat st;
	struct info info;
	struct box b;
	uint32_t id;

	box_open(&b, "lm-client", 2);
	msg = fam_request(nl, LIVEMIG_CMD_SESSION_NEW, 0);
	nla_put_s32(msg, LIVEMIG_A_CGROUP_FD, b.fd);
	nla_put_string(msg, LIVEMIG_A_NAME, "client:1.test_x-");
	need(!fam_call(nl, msg, take_session, &s) && s.id, "SESSION_NEW makes a session");
	id = s.id;
	fstat(b.fd, &st);
	check(s.n == 1 && s.state == LIVEMIG_STATE_RUNNING && s.tasks == 2 &&
	      s.cgroup == st.st_ino && !strcmp(s.name, "client:1.test_x-") &&
	      !strcmp(s.tracker, "none") && !s.flags, "and describes it");
	check(fam_event(events, id) == LIVEMIG_EVENT_SESSION_NEW, "with an event");
	get_info(nl, &info);
	check(info.sessions == 1, "GET_INFO counts it");

	memset(&s, 0, sizeof(s));
	fam_call(nl, fam_request(nl, LIVEMIG_CMD_SESSION_GET, NLM_F_DUMP),
		take_session, &s);
	check(!nl->err && s.n == 1 && s.id == id, "a dump of SESSION_GET lists it");

	need(!fam_session(nl, LIVEMIG_CMD_FREEZE, id), "FREEZE succeeds");
	check(box_frozen(&b) && box_stands(&b), "the container stands");
	check(fam_state(nl, id) == LIVEMIG_STATE_FROZEN, "SESSION_GET says so");
	check(fam_event(events, id) == LIVEMIG_EVENT_FROZEN, "an event says so");

	check(!fam_dump(nl, id, &d) && !d.broken,
	      "TASK_GET of a frozen container: one cookie, no gap");
	check(has_pids(&d, &b), "it has each process once");
	check(fam_event(events, id) == LIVEMIG_EVENT_DUMPED, "an event says dumped");
	check(box_frozen(&b), "the container stands after it");

	need(!fam_session(nl, LIVEMIG_CMD_THAW, id), "THAW succeeds");
	check(!box_frozen(&b) && box_moves(&b), "the container runs");
	check(fam_event(events, id) == LIVEMIG_EVENT_THAWED, "an event says so");

	check(!fam_dump(nl, id, &d) && !d.broken && has_pids(&d, &b),
	      "TASK_GET of a running container");
	check(!fam_session(nl, LIVEMIG_CMD_SESSION_DEL, id), "SESSION_DEL succeeds");
	check(fam_event(events, id) == LIVEMIG_EVENT_SESSION_GONE,
	      "the next event says that the session is gone");
	check(fam_state(nl, id) == -ENOENT, "and so it is");
	box_close(&b);
}

static void many_sessions(struct fam *nl)
{
	static struct box b[200];
	struct session s = {};
	bool ok = true;
	char name[32];
	int i;

	/* So many that their list needs several messages. */
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "lm-many-%d", i);
		box_open(&b[i], name, 0);
		ok = ok && fam_session_new(nl, b[i].fd, name, 0) > 0;
	}
	fam_call(nl, fam_request(nl, LIVEMIG_CMD_SESSION_GET, NLM_F_DUMP),
		take_session, &s);
	check(ok && !nl->err && s.n == 200, "200 sessions are listed, each once");
	for (i = 0; i < 200; i++)
		box_close(&b[i]);
}

static void many_processes(struct fam *nl)
{
	static struct dump d;
	struct box b;
	int id;

	box_open(&b, "lm-procs", 300);
	id = fam_session_new(nl, b.fd, NULL, 0);
	need(id > 0 && !fam_session_u32(nl, LIVEMIG_CMD_FREEZE, id,
					LIVEMIG_A_TIMEOUT_MS, 60000),
	     "300 processes freeze");
	check(!fam_dump(nl, id, &d) && !d.broken && has_pids(&d, &b),
	      "and are dumped, over several messages, each once");
	fam_session(nl, LIVEMIG_CMD_SESSION_DEL, id);
	check(box_moves(&b), "SESSION_DEL lets a frozen container run");
	box_close(&b);
}

int main(void)
{
	struct fam nl, events;
	struct info info;

	ktap_begin();
	need(!fam_open(&nl), "the family has the name in the spec");
	check(!get_info(&nl, &info) && info.complete, "GET_INFO is complete");
	check(info.kernel && info.protocol && info.vdso && info.xstate >= 576 &&
	      info.sessions == 0, "and right");
	need(!fam_events_open(&events), "the group has the name in the spec");

	lifetime(&nl, &events);
	many_processes(&nl);
	many_sessions(&nl);
	fam_close(&nl);
	fam_close(&events);
	return ktap_end();
}
