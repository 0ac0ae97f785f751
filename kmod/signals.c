// SPDX-License-Identifier: GPL-2.0
/*
 * Signals of another task: locking its handlers, and its queues of pending
 * signals in the form in which sigqueueinfo takes them.
 *
 * Locking: ->siglock of the task, irqs off, is taken and left in here; callers
 * of lm_lock_sighand() hold it until lm_unlock_sighand() and must not sleep.
 */
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include "signals.h"

/* So many fit into an object beside the rest of a THREAD or PROCESS. */
#define LM_PENDING_MAX	64

/**
 * lm_lock_sighand - lock the signal handlers of a task
 * @t: the task, referenced; it may be exiting
 *
 * Return: with ->siglock held and irqs off; NULL when the task has none any
 * more.
 */
struct sighand_struct *lm_lock_sighand(struct task_struct *t)
{
	struct sighand_struct *sighand;

	rcu_read_lock();
	/* Type-stable memory: lock first, then look whether it is still his. */
	while ((sighand = rcu_dereference(t->sighand))) {
		spin_lock_irq(&sighand->siglock);
		if (likely(sighand == rcu_access_pointer(t->sighand))) {
			__release(&sighand->siglock);	/* for sparse */
			break;
		}
		spin_unlock_irq(&sighand->siglock);
	}
	rcu_read_unlock();
	return sighand;
}

/**
 * lm_unlock_sighand - the end of lm_lock_sighand()
 * @sighand: what that returned, not NULL
 */
void lm_unlock_sighand(struct sighand_struct *sighand)
{
	__acquire(&sighand->siglock);	/* for sparse */
	spin_unlock_irq(&sighand->siglock);
}

/**
 * lm_handled_next - will a handler run before the next user instruction
 * @t: a stopped task
 *
 * A system call that such a task waits in may end with EINTR, where one that is
 * not interrupted would be restarted.
 * Return: of the first handler that will run.
 */
enum lm_handled lm_handled_next(struct task_struct *t)
{
	struct sighand_struct *sighand = lm_lock_sighand(t);
	enum lm_handled ret = LM_HANDLED_NOT;
	sigset_t set;
	int sig;

	if (!sighand)
		return ret;
	sigorsets(&set, &t->pending.signal, &t->signal->shared_pending.signal);
	sigandnsets(&set, &set, &t->blocked);
	for (sig = 1; sig <= _NSIG && !ret; sig++) {
		const struct sigaction *sa = &sighand->action[sig - 1].sa;

		if (!sigismember(&set, sig) || sa->sa_handler == SIG_IGN ||
		    sa->sa_handler == SIG_DFL)
			continue;
		ret = sa->sa_flags & SA_RESTART ? LM_HANDLED_RESTART :
						  LM_HANDLED_INTR;
	}
	lm_unlock_sighand(sighand);
	return ret;
}

/* Copies up to @max entries. Return: how many there are. */
static unsigned int copy_pending(struct sigpending *p, siginfo_t *out,
				 unsigned int max)
{
	sigset_t bare = p->signal;
	unsigned int n = 0;
	struct sigqueue *q;
	int sig;

	list_for_each_entry(q, &p->list, list) {
		sigdelset(&bare, q->info.si_signo);
		/* Of a POSIX timer: timers.c. */
		if (q->flags & SIGQUEUE_PREALLOC)
			continue;
		if (n < max) {
			memset(&out[n], 0, sizeof(out[n]));
			memcpy(&out[n], &q->info, sizeof(q->info));
		}
		n++;
	}
	/* Signals that found no memory for an entry are only in the set. */
	for (sig = 1; sig <= _NSIG; sig++) {
		if (!sigismember(&bare, sig))
			continue;
		if (n < max) {
			memset(&out[n], 0, sizeof(out[n]));
			out[n].si_signo = sig;
			out[n].si_code = SI_USER;
		}
		n++;
	}
	return n;
}

/**
 * lm_put_pending - add the queue of pending signals to an object
 * @d: the dump
 * @t: the task
 * @obj: the object under construction
 * @attr: attribute number for the array of siginfo_t
 * @shared: the queue of the process, not of the thread
 *
 * Adds nothing when the queue is empty. A queue that does not fit becomes an
 * UNSUPPORTED object. May sleep.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_put_pending(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj,
		   int attr, bool shared)
{
	struct sighand_struct *sighand;
	unsigned int n = 0;
	siginfo_t *infos;
	int err = 0;

	infos = kcalloc(LM_PENDING_MAX, sizeof(*infos), GFP_KERNEL);
	if (!infos)
		return -ENOMEM;
	sighand = lm_lock_sighand(t);
	if (sighand) {
		n = copy_pending(shared ? &t->signal->shared_pending : &t->pending,
				 infos, LM_PENDING_MAX);
		lm_unlock_sighand(sighand);
	}
	if (n > LM_PENDING_MAX)
		err = lm_unsupported(d, t, -1, true, "let it handle its signals",
				     "%u pending signals, more than %u", n,
				     LM_PENDING_MAX);
	else if (n)
		err = nla_put(obj, attr, n * sizeof(*infos), infos);
	kfree(infos);
	return err;
}
