/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helper's machine-dependent part: x86-64. */
#ifndef LM_HELPER_SYSCALL_H
#define LM_HELPER_SYSCALL_H

static inline long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* clone3 for a thread, which starts on its own stack in fn(arg). */
static inline long clone_thread(void *args, unsigned long size, void *arg, void *fn)
{
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[fn]\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(435 /* clone3 */), "D"(args), "S"(size),
			   [arg] "b"(arg), [fn] "r"(fn)
			 : "rcx", "r11", "memory");
	return ret;
}

__asm__(".globl _start\n"
	"_start:\n\t"
	"xor %ebp, %ebp\n\t"
	"mov %rsp, %rdi\n\t"
	"lea helper_stack+32768(%rip), %rsp\n\t"
	"call helper_main\n\t"
	"hlt\n");

#endif
