// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * addr32 FILE - a 32-bit program without a library, for the test of that name: it makes
 * FILEready, waits for SIGUSR1 and makes FILEwrong. Where the compiler cannot build
 * it, it is a program that says so by status 2.
 */
#ifdef __i386__
static long call(long nr, long a, long b, long c, long d)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret) : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d) :
		     "memory");
	return ret;
}

enum { EXIT = 1, OPEN = 5, CLOSE = 6, RT_SIGTIMEDWAIT = 177 };

static char path[512];

static void name(char *to, const char *base, const char *suffix)
{
	while (*base)
		*to++ = *base++;
	while ((*to++ = *suffix++))
		;
}

static void make(const char *base, const char *suffix)
{
	name(path, base, suffix);
	call(CLOSE, call(OPEN, (long)path, 01 | 0100, 0600, 0), 0, 0, 0);
}

__attribute__((used)) static void start(long *stack)
{
	static const unsigned long usr1[2] = { 1 << (10 - 1) };		/* it is blocked */

	make((const char *)stack[2], "ready");
	while (call(RT_SIGTIMEDWAIT, (long)usr1, 0, 0, sizeof(usr1)) < 0)
		;
	make((const char *)stack[2], "wrong");
	call(EXIT, 0, 0, 0, 0);
}

/* The number of arguments is at the top of the stack, and they follow. */
asm(".globl _start\n_start:\n\tmov %esp, %eax\n\tpush %eax\n\tcall start\n");
#else
int main(void)
{
	return 2;
}
#endif
