// SPDX-License-Identifier: GPL-2.0-or-later
/* Mappings, and their flags. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

/* Of a line of smaps with a mapping. */
static int has_lost(const char *line)
{
	char range[64], file[128], name[4096] = "";

	if (sscanf(line, "%63s %*s %*s %*s %*s %4095[^\n]", range, name) < 2)
		return 0;
	snprintf(file, sizeof(file), "map_files/%s", range);
	return was_lost(range) || (strncmp(name, "/SYSV", 5) && is_lost(file, name));
}

/* One mapping, and what smaps tells about it. */
struct mapping {
	unsigned long start, end;
	int plain;		/* private, of nothing, without a name but [heap] */
	int heap;		/* ... which is not in its text: a part may be it */
	char *text;
	size_t len;
	FILE *out;		/* ... as long as it is written */
};

static void begin_mapping(struct mapping *m, const char *line)
{
	char name[16] = "", inode[24] = "";

	sscanf(line, "%lx-%lx", &m->start, &m->end);
	m->plain = sscanf(line, "%*s %*4[rwxps-] 00000000 00:00 %23s %15s", inode, name) > 0 &&
		   (!*name || !strcmp(name, "[heap]"));
	m->heap = m->plain && *name;
	m->out = open_memstream(&m->text, &m->len);
}

/* Neighbours that are alike may be one, or several: a fork, and what it has changed in
 * between, tells them apart in the kernel.
 */
static void end_mapping(struct mapping *before, struct mapping *m)
{
	if (m->out)
		fclose(m->out);
	m->out = NULL;
	if (before->text && m->text && before->plain && m->plain && before->end == m->start &&
	    !strcmp(before->text, m->text)) {
		before->end = m->end;
		before->heap |= m->heap;
		free(m->text);
		return;
	}
	if (before->text)
		printf("%lx-%lx%s%s", before->start, before->end, before->heap ? " [heap]" : "",
		       before->text);
	free(before->text);
	*before = *m;
}

/* Of smaps, which has thousands of lines of which few are looked at. */
void mappings(void)
{
	static char buf[1 << 16];
	struct mapping m = { 0 }, before = { 0 };
	char line[8192], *w, *save;
	FILE *f = fopen("smaps", "r");

	if (f)
		setvbuf(f, buf, _IOFBF, sizeof(buf));
	while (f && fgets(line, sizeof(line), f)) {
		int mapping = !isupper(*line), numbered, lost;

		if (!mapping && strncmp(line, "VmFlags", 7) &&
		    strncmp(line, "ProtectionKey", 13))
			continue;
		if (mapping) {
			if (m.out)
				end_mapping(&before, &m);
			begin_mapping(&m, line);
		}
		numbered = mapping && (strstr(line, "(deleted)") || strstr(line, " 00:"));
		lost = mapping && has_lost(line);
		w = strtok_r(line, " \n", &save);
		for (int i = 0; w; w = strtok_r(NULL, " \n", &save), i++)
			if (mapping && !i)
				fputc(' ', m.out);
			else if (mapping && i == 5 && m.heap)
				;
			else if (lost && i > 4)
				fputs(i == 5 ? LOST : "", m.out);
			else if (mapping && !strncmp(w, "/SYSV", 5))
				fputs("/SYSV ", m.out);
			else if (mapping ? !(numbered && (i == 3 || i == 4)) :
			    !is_known("VmFlags", w))
				fprintf(m.out, "%s ", w);
		fputc('\n', m.out);
	}
	if (m.out)
		end_mapping(&before, &m);
	end_mapping(&before, &(struct mapping){ 0 });
	if (f)
		fclose(f);
}
