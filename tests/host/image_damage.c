// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_damage IMAGE: damages a good image at every place, in memory, and reads
 * it again each time: the reader has to refuse it and to name the record.
 * Built with the sanitizers, so that a wrong access ends it. KTAP subtests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image.h"

#define MAX_RECORDS	1000

static struct {
	uint64_t start;
	uint16_t type;
} recs[MAX_RECORDS];
static unsigned int nr_recs, tests, failed;
static unsigned char *good;
static size_t size;
static int fd;

static int note(const struct lm_in *in, const struct lm_record *r, void *arg)
{
	(void)arg;
	recs[nr_recs].start = in->start;
	recs[nr_recs++].type = r->type;
	return nr_recs == MAX_RECORDS;
}

static int read_image(struct lm_error *e, int (*record)(const struct lm_in *,
							const struct lm_record *, void *))
{
	struct lm_image_opts o = { .record = record };
	struct lm_image img;
	int ret;

	memset(e, 0, sizeof(*e));
	lseek(fd, 0, SEEK_SET);
	ret = lm_image_read(&img, fd, &o, e);
	lm_image_free(&img);
	return ret;
}

/* Is it refused, with the place of record @n in the message? */
static int refused(unsigned int n, const char *what, size_t pos)
{
	struct lm_error e;
	char place[64];
	int ret = read_image(&e, NULL);

	snprintf(place, sizeof(place), "record %u at offset %llu: ", n,
		 (unsigned long long)recs[n].start);
	if (ret && e.code == LM_REFUSED && !strncmp(e.msg, place, strlen(place)))
		return 1;
	printf("    # %s at byte %zu of record %u: %s\n", what, pos, n,
	       ret ? e.msg : "accepted");
	return 0;
}

static void result(int ok, const char *what, unsigned int n)
{
	printf("    %s %u %s record %u (type %u)\n", ok ? "ok" : "not ok", ++tests, what, n,
	       recs[n].type);
	failed += !ok;
}

static size_t end_of(unsigned int n)
{
	return n + 1 < nr_recs ? recs[n + 1].start : size;
}

static void put(size_t pos, unsigned char c)
{
	if (pwrite(fd, &c, 1, pos) != 1)
		abort();
}

/* The next place to damage: every byte, in long payloads one of 13. */
static size_t step(size_t in)
{
	return in < 2560 ? 1 : 13;
}

/* Every bit of the header, one bit of the bytes that follow. */
static void flip(unsigned int n)
{
	int ok = 1;

	for (size_t pos = recs[n].start; pos < end_of(n) && ok; pos += step(pos - recs[n].start)) {
		size_t in = pos - recs[n].start;

		for (int bit = 0; bit < 8; bit++) {
			if (in >= 32 && bit != (int)(in % 8))
				continue;
			put(pos, good[pos] ^ 1 << bit);
			ok &= refused(n, "flipped bit", in);
		}
		put(pos, good[pos]);
	}
	result(ok, "flipped bits in", n);
}

/* Cut at its border and at every byte inside. */
static void cut(unsigned int n)
{
	struct lm_error e;
	int ok = 1;

	if (ftruncate(fd, recs[n].start))
		abort();
	if (!read_image(&e, NULL) || e.code != LM_REFUSED ||
	    !strstr(e.msg, n ? "incomplete" : "empty")) {
		printf("    # cut before record %u: %s\n", n, e.code ? e.msg : "accepted");
		ok = 0;
	}
	for (size_t in = 1; recs[n].start + in < end_of(n) && ok; in += step(in)) {
		if (pwrite(fd, good + recs[n].start, in, recs[n].start) != (ssize_t)in)
			abort();
		ok &= refused(n, "cut", in);
	}
	if (pwrite(fd, good, end_of(n), 0) != (ssize_t)end_of(n))
		abort();
	result(ok, "cut before and in", n);
}

int main(int argc, char **argv)
{
	struct lm_error e;
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;

	if (!f || fseek(f, 0, SEEK_END))
		return 1;
	size = ftell(f);
	rewind(f);
	good = malloc(size);
	fd = memfd_create("image", 0);
	if (fread(good, 1, size, f) != size || write(fd, good, size) != (ssize_t)size)
		return 1;
	fclose(f);
	if (read_image(&e, note)) {
		printf("    # %s\n", e.msg);
		return 1;
	}
	printf("    1..%u\n", 2 * nr_recs);
	for (unsigned int n = 0; n < nr_recs; n++)
		flip(n);
	for (unsigned int n = 0; n < nr_recs; n++)
		cut(n);
	if (read_image(&e, NULL)) {
		printf("    # the image is not what it was: %s\n", e.msg);
		failed++;
	}
	free(good);
	return failed != 0;
}
