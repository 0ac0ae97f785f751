// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in a processor, or is known of one, while a program stands still. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <asm/prctl.h>
#include <unistd.h>

#include "tasks.h"

/* ---- control registers and segments ---- */

#define MXCSR_TO_ZERO	0x7f80
#define X87_24_BITS	0x007f

static unsigned long behind_gs[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };

static void set_modes(void)
{
	unsigned int mxcsr = MXCSR_TO_ZERO;
	unsigned short x87 = X87_24_BITS;

	check(!syscall(SYS_arch_prctl, ARCH_SET_GS, behind_gs));
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87));
}

static void get_modes(void)
{
	unsigned int mxcsr = 0;
	unsigned short x87 = 0;
	unsigned long gs = 0, value = 0;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
	check((mxcsr & ~0x3f) == (MXCSR_TO_ZERO & ~0x3f) && x87 == X87_24_BITS);
	check(!syscall(SYS_arch_prctl, ARCH_GET_GS, &gs) &&
	      gs == (unsigned long)behind_gs);
	__asm__ volatile("movq %%gs:8, %0" : "=r"(value));
	check(value == behind_gs[1]);
}

/* ---- a handler in a handler, on another stack ---- */

static char other_stack[256 << 10];
static int told[2];
static pid_t child;
static volatile int depth;

static void inner(int sig)
{
	volatile double half = depth + 0.5;
	stack_t ss;
	sigset_t now;

	depth++;
	if (sigaltstack(NULL, &ss) || !(ss.ss_flags & SS_ONSTACK) ||
	    write(told[1], "", 1) != 1)
		_exit(1);
	wait_usr1();	/* here it is moved */
	if (sigaltstack(NULL, &ss) || ss.ss_flags != SS_ONSTACK ||
	    ss.ss_sp != other_stack || ss.ss_size != sizeof(other_stack))
		_exit(2);
	if (sigprocmask(SIG_BLOCK, NULL, &now) || !sigismember(&now, SIGUSR2) ||
	    !sigismember(&now, SIGRTMIN) || sigismember(&now, SIGTERM))
		_exit(3);
	if (half != 1.5 || depth != 2)
		_exit(4);
	depth++;
}

static void outer(int sig)
{
	volatile long local[64];

	depth++;
	for (long i = 0; i < 64; i++)
		local[i] = i * i;
	raise(SIGRTMIN);
	for (long i = 0; i < 64; i++)
		if (local[i] != i * i)
			_exit(5);
	depth++;
}

static void nest(void)
{
	struct sigaction a = { .sa_handler = outer, .sa_flags = SA_ONSTACK };
	stack_t ss = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };
	sigset_t now;

	if (sigaltstack(&ss, NULL) || sigaction(SIGUSR2, &a, NULL))
		_exit(6);
	a.sa_handler = inner;
	if (sigaction(SIGRTMIN, &a, NULL))
		_exit(7);
	raise(SIGUSR2);
	if (depth != 4 || sigaltstack(NULL, &ss) || ss.ss_flags)
		_exit(8);
	if (sigprocmask(SIG_BLOCK, NULL, &now) || sigismember(&now, SIGUSR2) ||
	    sigismember(&now, SIGRTMIN))
		_exit(9);
	_exit(0);
}

static void set_nested(void)
{
	char c;

	check(!pipe(told));
	child = fork();
	if (!child)
		nest();
	check(read(told[0], &c, 1) == 1);
	check(wait_state(child, "S"));
}

static void get_nested(void)
{
	int status;

	kill(child, SIGUSR1);
	status = status_of(child);
	if (status && !*wrong)
		snprintf(wrong, sizeof(wrong), "the handlers end with %#x", status);
}

/* ---- a restartable sequence ---- */

#define RSEQ_SIG_TEXT	"0x53053053"

static volatile char *mark;	/* changes while nobody runs */
static pthread_t spinner;

/*
 * Reads *@m over and over in a sequence that begins anew whenever the thread is
 * interrupted. Return: 0 when it saw the change after a new beginning; 1 when it
 * saw it within a sequence, which so went on although it had been interrupted.
 */
static long spin(volatile char *m)
{
	struct rseq *rs = (void *)((char *)__builtin_thread_pointer() +
				   __rseq_offset);
	long seen;

	__asm__ volatile(
		".pushsection __rseq_cs, \"aw\"\n"
		".balign 32\n"
		"3:	.long 0, 0\n"
		"	.quad 1f, 2f - 1f, 4f\n"
		".popsection\n"
		"5:	cmpb $0, (%[mark])\n"
		"	mov $0, %[seen]\n"
		"	jne 7f\n"
		"	leaq 3b(%%rip), %%rax\n"
		"	movq %%rax, %[cs]\n"
		"1:	movb (%[mark]), %%cl\n"
		"6:	cmpb %%cl, (%[mark])\n"
		"	je 6b\n"
		"2:	mov $1, %[seen]\n"
		"	jmp 7f\n"
		"	.byte 0x0f, 0xb9, 0x3d\n"
		"	.long " RSEQ_SIG_TEXT "\n"
		"4:	jmp 5b\n"
		"7:\n"
		: [seen] "=&r"(seen), [cs] "=m"(rs->rseq_cs)
		: [mark] "r"(m)
		: "rax", "rcx", "cc", "memory");
	return seen;
}

static void *spin_thread(void *arg)
{
	return (void *)spin(mark);
}

static void set_rseq(void)
{
	int fd = open(mark_file, O_RDWR | O_CREAT, 0600);

	check(fd >= 0 && __rseq_size && !ftruncate(fd, 4096));
	mark = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	check(mark != MAP_FAILED && !close(fd));
	if (!*wrong)
		check(!pthread_create(&spinner, NULL, spin_thread, NULL));
	/* It need not have begun: before, there is nothing to go wrong. */
}

static void get_rseq(void)
{
	void *seen = NULL;

	check(*mark);
	check(!pthread_join(spinner, &seen) && !seen);
}

/* ---- breakpoints of a debugger that has gone ---- */

static void set_breakpoint(void)
{
	pid_t us = getpid(), pid = fork();

	if (!pid) {
		size_t dr = offsetof(struct user, u_debugreg);

		if (ptrace(PTRACE_ATTACH, us, 0, 0) || waitpid(us, NULL, 0) != us ||
		    ptrace(PTRACE_POKEUSER, us, dr, behind_gs) ||
		    ptrace(PTRACE_POKEUSER, us, dr + 7 * sizeof(long), 0xd0001) ||
		    ptrace(PTRACE_DETACH, us, 0, 0))
			_exit(1);
		_exit(0);
	}
	check(!status_of(pid));
}

static void nothing(void)
{
}

const struct test cpu_tests[] = {
	{ "modes", set_modes, get_modes },
	{ "nested", set_nested, get_nested },
	{ "rseq", set_rseq, get_rseq },
	{ "breakpoint", set_breakpoint, nothing },
	{ 0 }
};
