// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * driver [-s SECONDS] [-n INPUTS] [-r SEED] FILE...: runs the target on the
 * files and then on mutations of them, the same ones each time. The input at
 * work is kept in ./crash-PROGRAM until it has been survived.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_SEEDS	512
#define MAX_SIZE	(1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seed {
	uint8_t *data;
	size_t size;
} seeds[MAX_SEEDS];
static int nr_seeds;
static uint64_t state = 1;

static uint32_t rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (state >> 16) % below : 0;
}

static void load(const char *path)
{
	FILE *f = fopen(path, "r");
	struct seed *s = &seeds[nr_seeds];

	if (!f || nr_seeds == MAX_SEEDS)
		exit(1);
	s->data = malloc(MAX_SIZE);
	s->size = fread(s->data, 1, MAX_SIZE, f);
	nr_seeds++;
	fclose(f);
}

/* Numbers at which programs break. */
static uint32_t odd_number(void)
{
	static const uint32_t v[] = { 0, 1, 2, 3, 4, 7, 0x7f, 0x80, 0xff, 0xfff, 0x1000,
		0x7fff, 0xffff, 0x10000, 0x100000, 0x7fffffff, 0x80000000, 0xffffffff };

	return v[rnd(sizeof(v) / sizeof(*v))] + rnd(3) - 1;
}

static size_t mutate(uint8_t *p, size_t size)
{
	const struct seed *other;
	size_t pos = rnd(size), len = 1 + rnd(rnd(8) ? 16 : 4096);
	uint32_t v = odd_number();

	switch (rnd(6)) {
	case 0:
		if (size)
			p[pos] ^= 1 << rnd(8);
		return size;
	case 1:
		len = 1 << rnd(3);
		if (size >= 4 && pos <= size - 4)
			memcpy(p + pos, &v, len);
		return size;
	case 2:		/* remove */
		if (len > size - pos)
			len = size - pos;
		memmove(p + pos, p + pos + len, size - pos - len);
		return size - len;
	case 3:		/* double */
		if (len > size - pos)
			len = size - pos;
		if (size + len > MAX_SIZE)
			return size;
		memmove(p + pos + len, p + pos, size - pos);
		return size + len;
	case 4:		/* a piece of another one */
		other = &seeds[rnd(nr_seeds)];
		for (size_t i = 0, from = rnd(other->size); i < len &&
		     pos + i < size && from + i < other->size; i++)
			p[pos + i] = other->data[from + i];
		return size;
	default:
		return rnd(16) ? size : pos;
	}
}

int main(int argc, char **argv)
{
	unsigned long seconds = 10, inputs = ~0UL, n = 0;
	const char *name = strrchr(argv[0], '/');
	char path[256];
	uint8_t *keep;
	time_t end;
	int opt, fd;

	while ((opt = getopt(argc, argv, "s:n:r:")) > 0) {
		if (opt == 's')
			seconds = strtoul(optarg, NULL, 0);
		else if (opt == 'n')
			inputs = strtoul(optarg, NULL, 0);
		else if (opt == 'r')
			state = strtoul(optarg, NULL, 0) * 2 + 1;
		else
			return 1;
	}
	while (optind < argc)
		load(argv[optind++]);
	if (!nr_seeds)
		return 1;
	/* shared with the file: it is there when the process is gone */
	snprintf(path, sizeof(path), "crash-%s", name ? name + 1 : argv[0]);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || ftruncate(fd, MAX_SIZE + 16))
		return 1;
	keep = mmap(NULL, MAX_SIZE + 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (keep == MAP_FAILED)
		return 1;
	end = time(NULL) + seconds;
	for (n = 0; n < inputs && time(NULL) < end; n++) {
		const struct seed *s = &seeds[n < (unsigned long)nr_seeds ? n : rnd(nr_seeds)];
		size_t size = s->size;

		memcpy(keep, s->data, size);
		if (n >= (unsigned long)nr_seeds)
			for (int i = 1 + rnd(8); i; i--)
				size = mutate(keep, size);
		memcpy(keep + MAX_SIZE, &size, sizeof(size));
		LLVMFuzzerTestOneInput(keep, size);
	}
	unlink(path);
	fprintf(stderr, "%lu inputs\n", n);
	return 0;
}
