// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets, as ss shows them. */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot.h"

/* A line of ss, without queues (but the backlog of listeners) and inodes; pids are the
 * how manieth of the container.
 * Return: one of the container has it.
 */
static int ss_line(const char *line, FILE *out)
{
	char buf[4096], *w, *save;
	int mine = 0, is_unix = !strncmp(line, "u_", 2), listens = 0, pid;

	snprintf(buf, sizeof(buf), "%s", line);
	w = strtok_r(buf, " \n", &save);
	for (int i = 0; w; w = strtok_r(NULL, " \n", &save), i++) {
		if (i == 1)
			listens = !strcmp(w, "LISTEN");
		if (i == 2 || (i == 3 && !listens) || (is_unix && w[strspn(w, "0123456789")] == 0) ||
		    !strncmp(w, "ino:", 4) || !strncmp(w, "sk:", 3) ||
		    !strncmp(w, "timer:", 6) || !strncmp(w, "cgroup:", 7) ||
		    !strncmp(w, "dev:", 4))
			continue;
		fputc(' ', out);
		for (; *w; w++) {
			if (sscanf(w, "pid=%d", &pid) != 1) {
				fputc(*w, out);
				continue;
			}
			fprintf(out, "process %d", nth(pid));
			mine |= nth(pid);
			w += strcspn(w, ",)") - 1;
		}
	}
	return mine;
}

/* As ss shows them in the network namespace of a process. */
static void ss(const char *pid)
{
	char path[64], line[4096], *lines[4096];
	size_t n = 0, len;
	FILE *f = NULL;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && !setns(fd, CLONE_NEWNET))
		f = popen("ss -Hanptuwx0e", "r");
	while (f && n < 4096 && fgets(line, sizeof(line), f)) {
		FILE *out = open_memstream(&lines[n], &len);
		int mine = ss_line(line, out);

		fclose(out);
		if (mine)
			n++;
		else
			free(lines[n]);
	}
	if (f)
		pclose(f);
	close(fd);
	qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++)
		printf("ss:%s\n", lines[i]);
}

/* In each of the network namespaces that processes with sockets are in. */
void sockets(void)
{
	static ino_t seen[MAX_PIDS];
	char path[64];
	struct stat st;
	int n = 0, j;

	for (int i = 0; i < nr_tasks; i++) {
		snprintf(path, sizeof(path), "/proc/%.15s/ns/net", tasks[i].pid);
		if (!tasks[i].has_sockets || stat(path, &st))
			continue;
		for (j = 0; j < n && seen[j] != st.st_ino; j++)
			;
		if (j < n)
			continue;
		seen[n++] = st.st_ino;
		ss(tasks[i].pid);
	}
}
