// SPDX-License-Identifier: LGPL-2.1-or-later
/* See vdso.h. x86-64. What is read as ELF may come from anywhere. */
#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xxhash.h>

#include "vdso.h"

/* ---- this process's own ---- */

int lm_vdso_own(struct lm_vdso *v, struct lm_error *e)
{
	uint64_t at = getauxval(AT_SYSINFO_EHDR), start, end = 0;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	*v = (struct lm_vdso){ 0 };
	if (!f)
		return lm_fail_errno(e, LM_FAILED, "/proc/self/maps");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && start == at)
			break;
	fclose(f);
	if (!at || start != at || end <= start || end - start > LM_VDSO_MAX)
		return lm_fail(e, LM_FAILED, "this kernel gives no vdso");
	v->bytes = malloc(end - start);
	if (!v->bytes)
		return lm_fail(e, LM_FAILED, "out of memory");
	v->len = end - start;
	memcpy(v->bytes, (const void *)at, v->len);
	return 0;
}

void lm_vdso_free(struct lm_vdso *v)
{
	free(v->bytes);
	*v = (struct lm_vdso){ 0 };
}

uint64_t lm_vdso_id(const struct lm_vdso *v)
{
	return v->bytes ? XXH64(v->bytes, v->len, 0) : 0;
}

/* ---- its functions ---- */

/* [offset, offset + len) of it, or NULL. */
static const void *part(const struct lm_vdso *v, uint64_t offset, uint64_t len)
{
	return offset <= v->len && len <= v->len - offset ? v->bytes + offset : NULL;
}

struct symbols {
	const struct lm_vdso *v;
	const unsigned char *sym;	/* not aligned, perhaps */
	size_t nr;
	const char *names;		/* ends with 0 */
	size_t names_len;
};

static bool section(const struct lm_vdso *v, const Elf64_Ehdr *h, size_t i,
		    Elf64_Shdr *s)
{
	const void *p = i < h->e_shnum ? part(v, h->e_shoff + i * sizeof(*s), sizeof(*s)) : NULL;

	if (p)
		memcpy(s, p, sizeof(*s));
	return p;
}

static bool open_symbols(const struct lm_vdso *v, struct symbols *s)
{
	const void *head = part(v, 0, sizeof(Elf64_Ehdr));
	Elf64_Shdr syms, names;
	Elf64_Ehdr h;

	if (!head)
		return false;
	memcpy(&h, head, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_machine != EM_X86_64 || h.e_shentsize != sizeof(syms) ||
	    h.e_shoff > v->len)
		return false;
	for (size_t i = 0; section(v, &h, i, &syms); i++) {
		if (syms.sh_type != SHT_DYNSYM || !section(v, &h, syms.sh_link, &names))
			continue;
		*s = (struct symbols){
			.v = v,
			.sym = part(v, syms.sh_offset, syms.sh_size),
			.nr = syms.sh_size / sizeof(Elf64_Sym),
			.names = part(v, names.sh_offset, names.sh_size),
			.names_len = names.sh_size,
		};
		return s->sym && s->names && s->names_len &&
		       !s->names[s->names_len - 1];
	}
	return false;
}

/* Function @i, with its name; false: it is none. */
static bool function(const struct symbols *s, size_t i, Elf64_Sym *f, const char **name)
{
	memcpy(f, s->sym + i * sizeof(*f), sizeof(*f));
	if (ELF64_ST_TYPE(f->st_info) != STT_FUNC || f->st_shndx == SHN_UNDEF ||
	    f->st_name >= s->names_len || !part(s->v, f->st_value, f->st_size))
		return false;
	*name = s->names + f->st_name;
	return true;
}

static bool find(const struct symbols *s, const char *want, uint64_t *offset)
{
	const char *name;
	Elf64_Sym f;

	for (size_t i = 0; i < s->nr; i++) {
		if (!function(s, i, &f, &name) || strcmp(name, want))
			continue;
		*offset = f.st_value;
		return true;
	}
	return false;
}

/* ---- what they become ---- */

/* The longest of them, and more. */
#define CODE_MAX	32

/* movabs $target, %r11; jmp *%r11: a register that calls need not keep */
static const unsigned char load[] = { 0x49, 0xbb }, go[] = { 0x41, 0xff, 0xe3 };
#define JUMP_LEN	(sizeof(load) + sizeof(uint64_t) + sizeof(go))

static size_t jump(unsigned char *code, uint64_t target)
{
	memcpy(code, load, sizeof(load));
	memcpy(code + sizeof(load), &target, sizeof(target));
	memcpy(code + sizeof(load) + sizeof(target), go, sizeof(go));
	return JUMP_LEN;
}

static bool is_jump(const unsigned char *code, size_t len)
{
	return len >= JUMP_LEN && !memcmp(code, load, sizeof(load)) &&
	       !memcmp(code + JUMP_LEN - sizeof(go), go, sizeof(go));
}

/* mov $nr, %eax; syscall; ret */
static size_t system_call(unsigned char *code, uint32_t nr)
{
	static const unsigned char call[] = { 0x0f, 0x05, 0xc3 };

	code[0] = 0xb8;
	memcpy(code + 1, &nr, 4);
	memcpy(code + 5, call, 3);
	return 8;
}

/* mov $-ENOSYS, %rax; ret */
static size_t unknown(unsigned char *code)
{
	static const unsigned char fail[] = {
		0x48, 0xc7, 0xc0, 0xda, 0xff, 0xff, 0xff, 0xc3
	};

	memcpy(code, fail, sizeof(fail));
	return sizeof(fail);
}

/* Asked for the size of its state (fifth argument ~0) there is none; otherwise the
 * first three arguments are those of the system call.
 * cmp $-1, %r8; je over the system call
 */
static size_t getrandom_call(unsigned char *code)
{
	static const unsigned char test[] = { 0x49, 0x83, 0xf8, 0xff, 0x74, 0x08 };
	size_t n = sizeof(test);

	memcpy(code, test, n);
	n += system_call(code + n, __NR_getrandom);
	return n + unknown(code + n);
}

static size_t without(unsigned char *code, const char *name)
{
	static const struct {
		const char *name;
		uint32_t nr;
	} calls[] = {
		{ "clock_gettime", __NR_clock_gettime },
		{ "clock_getres", __NR_clock_getres },
		{ "gettimeofday", __NR_gettimeofday },
		{ "time", __NR_time },
		{ "getcpu", __NR_getcpu },
	};

	if (!strncmp(name, "__vdso_", 7))
		name += 7;
	if (!strcmp(name, "getrandom"))
		return getrandom_call(code);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(name, calls[i].name))
			return system_call(code, calls[i].nr);
	return unknown(code);
}

int lm_vdso_redirect(struct lm_vdso *old, const struct lm_vdso *own, uint64_t at,
		     struct lm_error *e)
{
	struct symbols from, to;
	unsigned char code[CODE_MAX];
	const char *name;
	uint64_t offset;
	Elf64_Sym f;
	size_t n;

	if (!open_symbols(old, &from))
		return lm_fail(e, LM_REFUSED, "its vdso cannot be understood; use the same kernel");
	if (!open_symbols(own, &to))
		return lm_fail(e, LM_REFUSED, "the vdso of this kernel cannot be understood");
	for (size_t i = 0; i < from.nr; i++) {
		if (!function(&from, i, &f, &name))
			continue;
		n = find(&to, name, &offset) ? jump(code, at + offset) :
					       without(code, name);
		if (n > f.st_size)
			return lm_fail(e, LM_REFUSED,
				       "its vdso has a function %s of %u bytes: too small for a jump",
				       name, (unsigned int)f.st_size);
		memcpy(old->bytes + f.st_value, code, n);
	}
	return 0;
}

/* ---- and are recognized by ---- */

bool lm_vdso_redirected(const struct lm_vdso *v)
{
	unsigned char code[CODE_MAX];
	struct symbols s;
	const char *name;
	bool any = false;
	Elf64_Sym f;
	size_t n;

	if (!open_symbols(v, &s))
		return false;
	for (size_t i = 0; i < s.nr; i++) {
		if (!function(&s, i, &f, &name))
			continue;
		n = without(code, name);
		if (!is_jump(v->bytes + f.st_value, f.st_size) &&
		    (f.st_size < n || memcmp(v->bytes + f.st_value, code, n)))
			return false;
		any = true;
	}
	return any;
}

bool lm_vdso_is_of(const struct lm_vdso *v, const struct lm_vdso *own)
{
	struct lm_vdso like = { .len = own->len };
	struct symbols s;
	const char *name;
	bool is = false;
	Elf64_Sym f;

	if (v->len != own->len || !open_symbols(own, &s))
		return false;
	like.bytes = malloc(like.len);
	if (!like.bytes)
		return false;
	memcpy(like.bytes, own->bytes, like.len);
	for (size_t i = 0; i < s.nr; i++)
		if (function(&s, i, &f, &name))
			memcpy(like.bytes + f.st_value, v->bytes + f.st_value,
			       f.st_size < CODE_MAX ? f.st_size : CODE_MAX);
	is = !memcmp(like.bytes, v->bytes, v->len);
	lm_vdso_free(&like);
	return is;
}
