// SPDX-License-Identifier: GPL-2.0-or-later
/* Vector and mask registers of a thread that computes: nothing of it is in memory. */
#include <asm/prctl.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tasks.h"

static struct regs {
	uint8_t vec[32][64];
	uint64_t mask[8];
} before, after;

static volatile int loaded, go;

/*
 * hold_*(in, out, loaded, go): fills the registers from @in, sets *@loaded, and stores
 * them to @out once *@go is not 0. All of them are the caller's to save.
 */
void hold_avx(const struct regs *in, struct regs *out, volatile int *is_loaded,
	      volatile int *may_go);
void hold_avx512(const struct regs *in, struct regs *out, volatile int *is_loaded,
		 volatile int *may_go);

#define ALL_16	"0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"
#define ALL_32	ALL_16 ", 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"
#define MASKS	"0, 1, 2, 3, 4, 5, 6, 7"
#define WAIT	"movl $1, (%rdx)\n" \
		"1:	pause\n" \
		"	cmpl $0, (%rcx)\n" \
		"	je 1b\n"

__asm__(".text\n"
	"hold_avx:\n"
	".irp n, " ALL_16 "\n"
	"	vmovdqu \\n * 64(%rdi), %ymm\\n\n"
	".endr\n"
	WAIT
	".irp n, " ALL_16 "\n"
	"	vmovdqu %ymm\\n, \\n * 64(%rsi)\n"
	".endr\n"
	"	vzeroupper\n"
	"	ret\n"
	"hold_avx512:\n"
	".irp n, " ALL_32 "\n"
	"	vmovdqu64 \\n * 64(%rdi), %zmm\\n\n"
	".endr\n"
	".irp n, " MASKS "\n"
	"	kmovq 2048 + \\n * 8(%rdi), %k\\n\n"
	".endr\n"
	WAIT
	".irp n, " ALL_32 "\n"
	"	vmovdqu64 %zmm\\n, \\n * 64(%rsi)\n"
	".endr\n"
	".irp n, " MASKS "\n"
	"	kmovq %k\\n, 2048 + \\n * 8(%rsi)\n"
	".endr\n"
	"	vzeroupper\n"
	"	ret\n");

static pthread_t thread;

static void *avx(void *arg)
{
	hold_avx(&before, &after, &loaded, &go);
	return arg;
}

static void *avx512(void *arg)
{
	hold_avx512(&before, &after, &loaded, &go);
	return arg;
}

/* Each byte of each register is another one. */
static void start(void *(*hold)(void *))
{
	for (size_t i = 0; i < sizeof(before); i++)
		((uint8_t *)&before)[i] = 1 + i * 31 + i / 251;
	check(!pthread_create(&thread, NULL, hold, NULL));
	while (!loaded)
		;
}

static void end(void)
{
	go = 1;
	check(!pthread_join(thread, NULL));
}

static void set_avx(void)
{
	start(avx);
}

static void get_avx(void)
{
	end();
	for (int i = 0; i < 16; i++)
		check(!memcmp(before.vec[i], after.vec[i], 32));
}

static const char *no_avx(void)
{
	return __builtin_cpu_supports("avx") ? NULL : "this CPU has no AVX";
}

static void set_avx512(void)
{
	start(avx512);
}

static void get_avx512(void)
{
	end();
	for (int i = 0; i < 32; i++)
		check(!memcmp(before.vec[i], after.vec[i], 64));
	check(!memcmp(before.mask, after.mask, sizeof(before.mask)));
}

/* (the masks are 64 bits wide with BW only) */
static const char *no_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ?
	       NULL : "this CPU has no AVX-512";
}

/* ---- AMX: tiles, which a process has to ask for ---- */

#define XTILEDATA	18

static uint8_t config[64] __attribute__((aligned(64)));
static uint8_t tile[16 * 64];

static const char *no_amx(void)
{
	uint64_t supported = 0;

	syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &supported);
	return supported >> XTILEDATA & 1 ? NULL : "this CPU has no AMX";
}

static bool may_use_tiles(void)
{
	uint64_t perm = 0;

	return !syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &perm) &&
	       perm >> XTILEDATA & 1;
}

/* Tile 0, of 16 rows of 64 bytes, gets @fill everywhere. */
__attribute__((target("amx-tile")))
static void use_tile(int fill)
{
	config[0] = 1;		/* the only layout */
	config[16] = 64;	/* bytes in a row */
	config[48] = 16;	/* rows */
	memset(tile, fill, sizeof(tile));
	_tile_loadconfig(config);
	_tile_loadd(0, tile, 64);
}

__attribute__((target("amx-tile")))
static void store_tile(void)
{
	_tile_stored(0, tile, 64);
	_tile_release();
}

static bool tile_is(int fill)
{
	memset(tile, 0, sizeof(tile));
	store_tile();
	for (size_t i = 0; i < sizeof(tile); i++)
		if (tile[i] != fill)
			return false;
	return true;
}

static void set_amx(void)
{
	check(!may_use_tiles());
	check(!syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA));
	use_tile(7);
	check(tile_is(7) && may_use_tiles());
}

/* (without the permission it is SIGILL) */
static void get_amx(void)
{
	check(may_use_tiles());
	use_tile(9);
	check(tile_is(9));
}

/* Another thread waits; this one computes in the tiles and never gives them back. */
static void *tiles(void *arg)
{
	use_tile(5);
	loaded = 1;
	while (!go)
		;
	if (!tile_is(5))
		go = 2;
	return arg;
}

static void set_tiles(void)
{
	check(!syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA));
	start(tiles);
}

static void get_tiles(void)
{
	end();
	check(go == 1);
}

const struct test vector_tests[] = {
	{ "avx", set_avx, get_avx, no_avx },
	{ "avx512", set_avx512, get_avx512, no_avx512 },
	{ "amx", set_amx, get_amx, no_amx },
	{ "tiles", set_tiles, get_tiles, no_amx },
	{ }
};
