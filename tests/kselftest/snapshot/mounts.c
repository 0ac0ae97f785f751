// SPDX-License-Identifier: GPL-2.0-or-later
/* Mounts. */
#include <string.h>

#include "snapshot.h"

/* "net:[4026532158]" is "net:". */
static void unnumbered(const char *word)
{
	const char *end = strstr(word, ":[");

	printf(" %.*s", end ? (int)(end + 1 - word) : (int)strlen(word), word);
}

/* Groups of mounts that propagate to each other are numbered anew: the how manieth. */
static int group_of(int id)
{
	static int ids[256], n;
	int i;

	for (i = 0; i < n && ids[i] != id; i++)
		;
	if (i == n && n < 256)
		ids[n++] = id;
	return i + 1;
}

/* Of the first process that shows them; the others are told to be the same. */
void mounts(void)
{
	static char first[65536], buf[65536];
	char *l, *w, *save, *words;
	int number;

	text("mountinfo", buf, sizeof(buf));
	if (!strcmp(first, buf)) {
		printf("mounts: the same\n");
		return;
	}
	strcpy(first, buf);
	for (l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int cgroups = !!strstr(l, " - cgroup2 ");

		printf("mount:");
		w = strtok_r(l, " ", &words);
		for (int i = 0; w; w = strtok_r(NULL, " ", &words), i++)
			if (i > 5 && (sscanf(w, "shared:%d", &number) == 1 ||
				      sscanf(w, "master:%d", &number) == 1 ||
				      sscanf(w, "propagate_from:%d", &number) == 1))
				printf(" %.*s:%d", (int)strcspn(w, ":"), w,
				       group_of(number));
			else if (i > 2 && !(i == 3 && cgroups))
				unnumbered(w);
		putchar('\n');
	}
}
