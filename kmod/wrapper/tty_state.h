/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has arrived at a terminal and was not read yet is in a private struct of
 * drivers/tty/n_tty.c, whose beginning has looked like this from 4.x to 7.2. That it
 * does is seen by what must hold between its members and the terminal's modes; user
 * space compares with FIONREAD besides. Nothing is written.
 */
#ifndef _LIVEMIG_WRAPPER_TTY_STATE_H
#define _LIVEMIG_WRAPPER_TTY_STATE_H

#include <linux/bitmap.h>
#include <linux/tty.h>

#define LM_TTY_BUF	4096	/* N_TTY_BUF_SIZE */

struct lm_n_tty {
	size_t read_head, commit_head, canon_head;
	size_t echo_head, echo_commit, echo_mark;
	DECLARE_BITMAP(char_map, 256);
	unsigned long overrun_time;
	int num_overrun;
	bool no_room;
	unsigned char lnext:1, erasing:1, raw:1, real_raw:1, icanon:1, push:1;
	u8 read_buf[LM_TTY_BUF];
	DECLARE_BITMAP(read_flags, LM_TTY_BUF);	/* ends of lines */
	u8 echo_buf[LM_TTY_BUF];
	size_t read_tail;
};

/* NULL: not known. Callers hold termios_rwsem and a reference on the line discipline,
 * which is N_TTY.
 */
static inline const struct lm_n_tty *lm_n_tty(struct tty_struct *tty)
{
#ifdef CONFIG_RANDSTRUCT
	return NULL;
#else
	const struct lm_n_tty *n = tty->disc_data;

	if (!n || n->icanon != !!L_ICANON(tty) ||
	    READ_ONCE(n->read_head) - READ_ONCE(n->read_tail) > LM_TTY_BUF ||
	    (n->icanon && n->read_head - n->canon_head > LM_TTY_BUF))
		return NULL;
	return n;
#endif
}

/* Bytes that are on their way to the line discipline. Callers hold the lock of the
 * buffers.
 */
static inline bool lm_tty_underway(const struct tty_struct *tty)
{
	const struct tty_buffer *b = tty->port->buf.head;

	return READ_ONCE(b->next) || READ_ONCE(b->commit) != b->read;
}

#endif
