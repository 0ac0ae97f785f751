/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One direction of a connection in frames, which may be compressed. A thread
 * stands between the connection and a socket that records are written to, or
 * read from, as if it were the connection: by the module, too.
 *
 * A frame:  raw   u32  bytes when decoded, 1..LM_BATCH_MAX
 *           len   u32  bytes that follow, 1..raw
 *           codec u8   enum lm_codec_id; LM_CODEC_STORED: len = raw
 *           resv  3 bytes, 0
 * little endian. What is in it is checked by those who read it: records have
 * their checksums, pages their hashes.
 */
#ifndef LM_PUMP_H
#define LM_PUMP_H

#include "codec.h"

struct lm_pump;

/* @conn stays the caller's and must outlive the pump. *@fd is for him to use,
 * and to close: that ends it.
 */
int lm_pump_out(int conn, const struct lm_compress *c, struct lm_pump **p, int *fd,
		struct lm_error *e);
int lm_pump_in(int conn, struct lm_pump **p, int *fd, struct lm_error *e);
/* Waits for its end; NULL is fine. */
void lm_pump_end(struct lm_pump *p);
/* Name of the codec that most bytes went through. */
const char *lm_pump_codec(const struct lm_pump *p);

#endif
