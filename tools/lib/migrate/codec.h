/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compression of a stream in batches: what can be chosen, and the choice that
 * makes it arrive soonest.
 */
#ifndef LM_CODEC_H
#define LM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../error.h"

enum lm_codec_id {
	LM_CODEC_STORED,
	LM_CODEC_LZ4,
	LM_CODEC_ZSTD,
};

/* What was asked for. */
struct lm_compress {
	enum {
		LM_COMPRESS_NONE,
		LM_COMPRESS_AUTO,	/* by measuring */
		LM_COMPRESS_FIXED,
	} how;
	enum lm_codec_id codec;
	int level;			/* zstd: -7..19 */
};

#define LM_BATCH_MAX	(256 << 10)	/* bytes that are compressed at a time */

/* "auto", "none", "lz4", "zstd", "zstd:LEVEL". */
int lm_compress_parse(const char *text, struct lm_compress *c, struct lm_error *e);
const char *lm_codec_name(enum lm_codec_id codec);

/* Room that a batch of LM_BATCH_MAX may need. */
size_t lm_codec_bound(void);
/* Both return the length of what is in @to, or 0: no room, or not decodable. */
size_t lm_encode(enum lm_codec_id codec, int level, const void *from, size_t len,
		 void *to, size_t room);
size_t lm_decode(enum lm_codec_id codec, const void *from, size_t len, void *to,
		 size_t room);

/* Bytes a second that the cheapest codec takes on this machine. */
double lm_codec_rate(void);

/* ---- the choice ---- */

#define LM_CHOICES	5

struct lm_choice {
	enum lm_codec_id codec;
	int level;
	double ns;		/* of work, for each byte */
	double ratio;		/* bytes out for each in */
	bool known;
};

struct lm_chooser {
	struct lm_choice choice[LM_CHOICES];	/* from cheap to small */
	double link_ns;		/* for each byte on the wire; 0: not known yet */
	unsigned int turn;
};

void lm_choose_init(struct lm_chooser *c);
/* For the next batch. */
struct lm_choice *lm_choose(struct lm_chooser *c);
/* What it was. */
void lm_chosen(struct lm_choice *choice, size_t in, size_t out, uint64_t ns);

#endif
