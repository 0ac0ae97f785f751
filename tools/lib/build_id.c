// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading the build-id. Nothing in the file is trusted: every offset is checked
 * by the read that follows it.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build_id.h"

/* The linker puts the note near the start of a segment of a few of them. */
#define NOTES_MAX	4096
#define HEADERS_MAX	64

static bool get(int fd, uint64_t at, void *buf, size_t len)
{
	return at <= INT64_MAX && pread(fd, buf, len, at) == (ssize_t)len;
}

/* Notes are padded to 4 bytes, which the lengths do not tell. */
static size_t padded(uint32_t len)
{
	return ((size_t)len + 3) & ~(size_t)3;
}

static size_t in_notes(const uint8_t *p, size_t len, uint8_t *id)
{
	Elf64_Nhdr n;

	while (len >= sizeof(n)) {
		const uint8_t *name = p + sizeof(n), *desc;
		size_t size;

		memcpy(&n, p, sizeof(n));
		size = sizeof(n) + padded(n.n_namesz) + padded(n.n_descsz);
		if (size > len)
			return 0;
		desc = name + padded(n.n_namesz);
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof("GNU") &&
		    !memcmp(name, "GNU", sizeof("GNU")) &&
		    n.n_descsz <= LM_BUILD_ID_MAX) {
			memcpy(id, desc, n.n_descsz);
			return n.n_descsz;
		}
		p += size;
		len -= size;
	}
	return 0;
}

size_t lm_build_id(int fd, uint8_t id[LM_BUILD_ID_MAX])
{
	uint8_t notes[NOTES_MAX];
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	if (!get(fd, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(ph))
		return 0;
	for (int i = 0; i < h.e_phnum && i < HEADERS_MAX; i++) {
		size_t len;

		if (!get(fd, h.e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			return 0;
		if (ph.p_type != PT_NOTE)
			continue;
		len = ph.p_filesz < NOTES_MAX ? ph.p_filesz : NOTES_MAX;
		if (!get(fd, ph.p_offset, notes, len))
			return 0;
		len = in_notes(notes, len, id);
		if (len)
			return len;
	}
	return 0;
}

const char *lm_build_id_text(const uint8_t *id, size_t len,
			     char text[LM_BUILD_ID_TEXT])
{
	strcpy(text, "none");
	for (size_t i = 0; i < len && i < LM_BUILD_ID_MAX; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
	return text;
}
