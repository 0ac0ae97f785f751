// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "codec.h"
#include "../clock.h"

#define ZSTD_LEVEL_MIN	(-7)
#define ZSTD_LEVEL_MAX	19
#define ZSTD_LEVEL	1

static const char *const names[] = {
	[LM_CODEC_STORED] = "none",
	[LM_CODEC_LZ4] = "lz4",
	[LM_CODEC_ZSTD] = "zstd",
};

const char *lm_codec_name(enum lm_codec_id codec)
{
	return names[codec];
}

int lm_compress_parse(const char *text, struct lm_compress *c, struct lm_error *e)
{
	char *end;
	long level = ZSTD_LEVEL;

	*c = (struct lm_compress){ .how = LM_COMPRESS_FIXED };
	if (!strcmp(text, "auto")) {
		c->how = LM_COMPRESS_AUTO;
		return 0;
	}
	if (!strcmp(text, "none")) {
		c->how = LM_COMPRESS_NONE;
		return 0;
	}
	if (!strcmp(text, "lz4")) {
		c->codec = LM_CODEC_LZ4;
		return 0;
	}
	if (!strncmp(text, "zstd:", 5)) {
		level = strtol(text + 5, &end, 10);
		if (!text[5] || *end || level < ZSTD_LEVEL_MIN || level > ZSTD_LEVEL_MAX)
			return lm_fail(e, LM_USAGE, "%s: levels of zstd are %d to %d",
				       text, ZSTD_LEVEL_MIN, ZSTD_LEVEL_MAX);
	} else if (strcmp(text, "zstd")) {
		return lm_fail(e, LM_USAGE,
			       "%s: not one of auto, none, lz4, zstd, zstd:LEVEL", text);
	}
	c->codec = LM_CODEC_ZSTD;
	c->level = level;
	return 0;
}

size_t lm_codec_bound(void)
{
	size_t lz4 = LZ4_compressBound(LM_BATCH_MAX), z = ZSTD_compressBound(LM_BATCH_MAX);

	return lz4 > z ? lz4 : z;
}

size_t lm_encode(enum lm_codec_id codec, int level, const void *from, size_t len,
		 void *to, size_t room)
{
	size_t n;
	int ret;

	switch (codec) {
	case LM_CODEC_LZ4:
		ret = LZ4_compress_default(from, to, len, room);
		return ret > 0 ? ret : 0;
	case LM_CODEC_ZSTD:
		n = ZSTD_compress(to, room, from, len, level);
		return ZSTD_isError(n) ? 0 : n;
	default:
		return 0;
	}
}

size_t lm_decode(enum lm_codec_id codec, const void *from, size_t len, void *to,
		 size_t room)
{
	size_t n;
	int ret;

	switch (codec) {
	case LM_CODEC_LZ4:
		ret = LZ4_decompress_safe(from, to, len, room);
		return ret > 0 ? ret : 0;
	case LM_CODEC_ZSTD:
		n = ZSTD_decompress(to, room, from, len);
		return ZSTD_isError(n) ? 0 : n;
	default:
		return 0;
	}
}

/* This program is as good a sample of memory as any. */
double lm_codec_rate(void)
{
	char *buf = malloc(LM_BATCH_MAX + lm_codec_bound());
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	double rate = 0;
	uint64_t t;
	ssize_t n;

	n = buf && fd >= 0 ? read(fd, buf, LM_BATCH_MAX) : 0;
	/* The first time it is the page faults that are measured. */
	for (int i = 0; i < 2 && n > 0; i++) {
		t = lm_now_ns();
		lm_encode(LM_CODEC_LZ4, 0, buf, n, buf + LM_BATCH_MAX,
			  lm_codec_bound());
		t = lm_now_ns() - t;
		rate = n * 1e9 / (t ? t : 1);
	}
	if (fd >= 0)
		close(fd);
	free(buf);
	return rate;
}

/* ---- the choice ---- */

/* Every so many batches a neighbour of the best one is tried. */
#define TRY	16

void lm_choose_init(struct lm_chooser *c)
{
	static const struct lm_choice all[LM_CHOICES] = {
		{ LM_CODEC_STORED, 0, 0, 1, true },
		{ LM_CODEC_LZ4 },
		{ LM_CODEC_ZSTD, -1 },
		{ LM_CODEC_ZSTD, 1 },
		{ LM_CODEC_ZSTD, 4 },
	};

	memset(c, 0, sizeof(*c));
	memcpy(c->choice, all, sizeof(all));
}

/* Work and wire go on side by side: the slower of them counts. */
static double cost(const struct lm_chooser *c, const struct lm_choice *x)
{
	double wire = x->ratio * c->link_ns;

	return x->ns > wire ? x->ns : wire;
}

struct lm_choice *lm_choose(struct lm_chooser *c)
{
	unsigned int best = 0, turn = c->turn++, next;

	for (unsigned int i = 1; i < LM_CHOICES; i++)
		if (c->choice[i].known && cost(c, &c->choice[i]) < cost(c, &c->choice[best]))
			best = i;
	if (turn % TRY)
		return &c->choice[best];
	next = turn / TRY % 2 && best ? best - 1 : best + 1;
	return &c->choice[next < LM_CHOICES ? next : best];
}

void lm_chosen(struct lm_choice *x, size_t in, size_t out, uint64_t ns)
{
	double weight = x->known ? 0.25 : 1;

	if (x->codec == LM_CODEC_STORED || !in)
		return;
	x->ns += weight * ((double)ns / in - x->ns);
	x->ratio += weight * ((double)out / in - x->ratio);
	x->known = true;
}
