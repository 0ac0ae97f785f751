// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo terminals: number and role of an open file. All else (modes, size,
 * foreground group) user space asks the master for. Whether both ends are in the
 * container is for user space, too. Any other terminal is hardware of the host.
 *
 * What was not read yet is told by the master, in hexadecimal:
 *
 *	tty-unread:	68656c6c6f	at the master
 *	tty-typed:	6c730a		at the slave
 *	tty-ends:	2		where the lines end in that (canonical mode)
 *	tty-underway:	1		there is more, on its way into these
 *	tty-hidden:	1		this kernel's structs are others
 *
 * Locking: siglock around ->signal->tty, from which a reference is taken; words of
 * a tty that an open file or that reference keeps; while its input is looked at the
 * line discipline's reference, the lock of its buffers, and in it termios_rwsem for
 * reading: nothing comes in, and modes stay.
 */
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_flip.h>
#include <linux/tty_ldisc.h>
#include "file_kinds.h"
#include "restore.h"
#include "signals.h"
#include "state.h"
#include "wrapper/tty_state.h"

static bool is_tty(struct file *f)
{
	if (!S_ISCHR(file_inode(f)->i_mode))
		return false;
	switch (imajor(file_inode(f))) {
	case TTY_MAJOR:
	case TTYAUX_MAJOR:
	case UNIX98_PTY_MASTER_MAJOR ... UNIX98_PTY_SLAVE_MAJOR +
					 UNIX98_PTY_MAJOR_COUNT - 1:
		return true;
	}
	return false;
}

static struct tty_struct *tty_of(struct file *f)
{
	return ((struct tty_file_private *)f->private_data)->tty;
}

static bool is_pty(const struct tty_struct *tty)
{
	return tty->driver->type == TTY_DRIVER_TYPE_PTY &&
	       tty->driver->flags & TTY_DRIVER_DEVPTS_MEM;
}

static bool is_master(const struct tty_struct *tty)
{
	return tty->driver->subtype == PTY_TYPE_MASTER;
}

static bool is_plain(struct tty_struct *tty)
{
	struct tty_ldisc *ld = tty_ldisc_ref(tty);
	bool plain = ld && ld->ops->num == N_TTY;

	if (ld)
		tty_ldisc_deref(ld);
	return plain;
}

static const char *tty_unsupported(struct lm_dump *d, struct file *f,
				   bool *transient)
{
	struct tty_struct *tty = tty_of(f);

	if (!is_pty(tty))
		return "terminal of the host";
	if (!is_master(tty) && test_bit(TTY_OTHER_CLOSED, &tty->flags))
		return "terminal whose master is closed:";
	return is_plain(tty) ? NULL : "line discipline on the terminal";
}

/* What there is at one moment; it may be read meanwhile. */
struct span {
	size_t from, to;
};

static void show_bytes(struct seq_file *m, const char *name, const struct lm_n_tty *n,
		       const struct span *s)
{
	size_t i;

	seq_printf(m, "%s:\t", name);
	for (i = s->from; i != s->to; i++)
		seq_printf(m, "%02x", n->read_buf[i % LM_TTY_BUF]);
	seq_putc(m, '\n');
}

static void show_ends(struct seq_file *m, const struct lm_n_tty *n, const struct span *s)
{
	size_t canon_head = READ_ONCE(n->canon_head), i;

	seq_puts(m, "tty-ends:\t");
	for (i = s->from; i != s->to && i != canon_head; i++)
		if (test_bit(i % LM_TTY_BUF, n->read_flags))
			seq_printf(m, "%zu ", i - s->from);
	seq_putc(m, '\n');
}

static void show_known(struct seq_file *m, const struct lm_n_tty *n, const char *name)
{
	struct span s = { READ_ONCE(n->read_tail), READ_ONCE(n->read_head) };

	if (s.from == s.to || s.to - s.from > LM_TTY_BUF)
		return;
	show_bytes(m, name, n, &s);
	if (n->icanon)
		show_ends(m, n, &s);
}

static void show_input(struct seq_file *m, struct tty_struct *tty, const char *name)
{
	struct tty_ldisc *ld = tty_ldisc_ref(tty);
	const struct lm_n_tty *n;

	if (!ld) {
		seq_puts(m, "tty-underway:\t1\n");
		return;
	}
	tty_buffer_lock_exclusive(tty->port);
	down_read(&tty->termios_rwsem);
	n = ld->ops->num == N_TTY ? lm_n_tty(tty) : NULL;
	if (!n)
		seq_puts(m, "tty-hidden:\t1\n");
	else if (lm_tty_underway(tty) || n->lnext)
		seq_puts(m, "tty-underway:\t1\n");
	else
		show_known(m, n, name);
	up_read(&tty->termios_rwsem);
	tty_buffer_unlock_exclusive(tty->port);
	tty_ldisc_deref(ld);
}

static void show(struct seq_file *m, struct file *f)
{
	struct tty_struct *tty = tty_of(f);

	seq_printf(m, "tty-index:\t%d\ntty-role:\t%s\n", tty->index,
		   is_master(tty) ? "master" : "slave");
	if (!is_pty(tty) || !is_master(tty))
		return;
	show_input(m, tty, "tty-unread");
	if (tty->link)
		show_input(m, tty->link, "tty-typed");
}

static int dump_tty(struct lm_dump *d, struct task_struct *t, int fd,
		    struct file *f, struct sk_buff *obj)
{
	return lm_put_text(obj, f, show);
}

static int dump_more(struct lm_dump *d, struct task_struct *t, int fd,
		     struct file *f, u32 file_id)
{
	return lm_put_more_text(d, f, file_id, LIVEMIG_FILE_TTY, show);
}

const struct lm_file_kind lm_file_tty = {
	.name = "terminal",
	.type = LIVEMIG_FILE_TTY,
	.match = is_tty,
	.dump = dump_tty,
	.dump_data = dump_more,
	.unsupported = tty_unsupported,
};

static struct tty_struct *get_ctty(struct task_struct *t)
{
	struct sighand_struct *sighand = lm_lock_sighand(t);
	struct tty_struct *tty;

	if (!sighand)
		return NULL;
	tty = tty_kref_get(t->signal->tty);
	lm_unlock_sighand(sighand);
	return tty;
}

/**
 * lm_ctty - the controlling terminal of a process
 * @t: the process
 *
 * Takes siglock.
 * Return: the number of its pty; -1: it has none; -2: it is no pty.
 */
int lm_ctty(struct task_struct *t)
{
	struct tty_struct *tty = get_ctty(t);
	int index;

	if (!tty)
		return -1;
	index = is_pty(tty) && !is_master(tty) ? tty->index : -2;
	tty_kref_put(tty);
	return index;
}

/**
 * lm_take_ctty - current gets the controlling terminal that its session has
 *
 * It was born before the leader of the session got it. Takes siglock.
 * Return: 0, or -ENOTTY when the leader has none.
 */
int lm_take_ctty(void)
{
	struct tty_struct *tty = NULL, *old;
	struct sighand_struct *sighand;
	struct task_struct *leader;

	rcu_read_lock();
	leader = pid_task(task_session(current), PIDTYPE_PID);
	if (leader)
		get_task_struct(leader);
	rcu_read_unlock();
	if (leader) {
		tty = get_ctty(leader);
		put_task_struct(leader);
	}
	if (!tty)
		return -ENOTTY;
	sighand = lm_lock_sighand(current);
	if (WARN_ON_ONCE(!sighand)) {
		tty_kref_put(tty);
		return -ESRCH;
	}
	old = current->signal->tty;
	current->signal->tty = tty;
	lm_unlock_sighand(sighand);
	tty_kref_put(old);
	return 0;
}
