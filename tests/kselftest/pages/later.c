// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that the last round only names, and that are written when they are asked
 * for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/livemig.h>
#include "box.h"
#include "ktap.h"
#include "round.h"

#define MM	LIVEMIG_PAGES_SPACE_MM
#define SHMEM	LIVEMIG_PAGES_SPACE_SHMEM
#define ADDR	0x100000000UL
#define PAGES	256
#define TAG	0x7461670000000001ULL
#define SHTAG	0x7461670000000002ULL

static struct fam nl;
static struct box box;
static int session;
static volatile uint64_t *go;

/* When told so it writes to every second of the first 64 pages, makes the third
 * zero, and hides the fifth.
 */
static void process(void *arg)
{
	volatile uint64_t *count = arg, *sh;
	uint64_t *p = mmap((void *)ADDR, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int i;

	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	sh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < PAGES; i++)
		p[i * 512] = TAG + i;
	sh[0] = SHTAG;
	for (;; usleep(1000)) {
		if (*go == 1) {
			for (i = 0; i < 64; i += 2)
				p[i * 512 + 1] = i + 1;
			memset(p + 2 * 512, 0, PAGE);
			mprotect(p + 4 * 512, PAGE, PROT_NONE);
			sh[1] = 1;
			*go = 2;
		}
		++*count;
	}
}

static bool refused(int ret, int err)
{
	if (ret != err || !nl.text[0])
		printf("# %d instead of %d: %s\n", ret, err, nl.text);
	return ret == err && nl.text[0];
}

static uint64_t word(struct shadow *s, uint32_t id, int page, int i)
{
	const char *p = shadow_page(s, MM, id, ADDR / PAGE + page);

	return p ? ((uint64_t *)p)[i] : ~0ULL;
}

/* Asks for @n ranges, which are few, and applies what comes. */
static int ask(uint32_t mm, const struct livemig_range *v, size_t n, struct shadow *s,
	       struct stats *st)
{
	struct records rec;
	int fd[2], err, size = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -errno;
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	err = round_ranges(&nl, session, fd[1], mm, v, n * sizeof(*v), st);
	close(fd[1]);
	records_read(fd[0], s, &rec);
	close(fd[0]);
	if (!err && (rec.error[0] || rec.data != st->v[LIVEMIG_STATS_DATA] ||
		     rec.zero != st->v[LIVEMIG_STATS_ZERO] || rec.later || rec.hole)) {
		printf("# %s\n", rec.error);
		err = -EPROTO;
	}
	return err;
}

#define AT(from, to)	{ ADDR + (from) * PAGE, ADDR + (to) * PAGE }

static void refusals(int fd, uint32_t mm)
{
	const struct livemig_range one = AT(0, 1), none = AT(1, 1), odd = { ADDR + 1, ADDR + PAGE },
		far = { ADDR, 1ULL << 62 }, many = AT(0, LIVEMIG_RANGE_PAGES_MAX + 1),
		absent = { 0x4000000000UL, 0x4000001000UL };
	struct livemig_range too_many[LIVEMIG_RANGES_MAX + 1];
	struct nl_msg *msg;

	for (size_t i = 0; i <= LIVEMIG_RANGES_MAX; i++)
		too_many[i] = one;
	check(refused(round_ranges(&nl, session, fd, mm, &none, sizeof(none), NULL), -EINVAL) &&
	      refused(round_ranges(&nl, session, fd, mm, &odd, sizeof(odd), NULL), -EINVAL) &&
	      refused(round_ranges(&nl, session, fd, mm, &far, sizeof(far), NULL), -EINVAL),
	      "ranges that are none");
	check(refused(round_ranges(&nl, session, fd, mm, &many, sizeof(many), NULL), -EINVAL) &&
	      round_ranges(&nl, session, fd, mm, too_many, sizeof(too_many), NULL) < 0,
	      "too many pages, too many ranges");
	check(refused(round_ranges(&nl, session, fd, mm, &one, sizeof(one) - 1, NULL), -EINVAL) &&
	      refused(round_ranges(&nl, session, fd, mm, &one, 0, NULL), -EINVAL),
	      "no array of ranges");
	check(refused(round_ranges(&nl, session, fd, 0, &one, sizeof(one), NULL), -EINVAL) &&
	      refused(round_ranges(&nl, session, fd, mm, NULL, 0, NULL), -EINVAL) &&
	      refused(round_ranges(&nl, session, -1, mm, &one, sizeof(one), NULL), -EINVAL),
	      "without MM, RANGES, FD");
	check(refused(round_ranges(&nl, session, fd, 77777, &one, sizeof(one), NULL), -ENOENT),
	      "an MM that is not there");
	check(refused(round_ranges(&nl, session, fd, mm, &absent, sizeof(absent), NULL), -EFAULT),
	      "where no memory is");
	msg = fam_request(&nl, LIVEMIG_CMD_PAGES, 0);
	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	nla_put_s32(msg, LIVEMIG_A_FD, fd);
	nla_put_u32(msg, LIVEMIG_A_MM, mm);
	nla_put(msg, LIVEMIG_A_RANGES, sizeof(one), &one);
	nla_put_u32(msg, LIVEMIG_A_PAGES_FLAGS, LIVEMIG_PAGES_F_FINAL);
	check(refused(fam_call(&nl, msg, NULL, NULL), -EINVAL), "with PAGES_FLAGS");
}

int main(void)
{
	const struct livemig_range v[] = { AT(0, 8), AT(62, 64) }, one = AT(0, 1);
	uint32_t mm, sh, round;
	struct shadow *s;
	struct stats st;
	int fd;

	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	go = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	box_open(&box, "later", 0);
	box_add(&box, process, (void *)&box.count[0]);
	box_moves(&box);
	session = fam_session_new(&nl, box.fd, NULL, 0);
	need(session > 0 && !fam_session(&nl, LIVEMIG_CMD_TRACK_START, session), "a session");
	s = shadow_new();
	check(!round_apply(&nl, session, 0, s, NULL), "a round");
	mm = shadow_find(s, MM, ADDR / PAGE, TAG);
	sh = shadow_find(s, SHMEM, 0, SHTAG);
	need(mm && sh, "with its memory");
	*go = 1;
	while (*go != 2)
		usleep(1000);
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	check(refused(round_call(&nl, session, fd, LIVEMIG_PAGES_F_LATER, NULL), -EINVAL),
	      "LATER without FINAL");
	check(refused(round_ranges(&nl, session, fd, mm, &one, sizeof(one), NULL), -EBUSY),
	      "ranges of what runs");
	need(!fam_session(&nl, LIVEMIG_CMD_FREEZE, session), "frozen");
	check(refused(round_call(&nl, session, fd, LIVEMIG_PAGES_F_FINAL | LIVEMIG_PAGES_F_LATER,
				 NULL), -EINVAL), "LATER into a file");

	check(!round_apply(&nl, session, LIVEMIG_PAGES_F_FINAL | LIVEMIG_PAGES_F_LATER, s, &st) &&
	      st.v[LIVEMIG_STATS_LATER] >= 32 && st.v[LIVEMIG_STATS_LATER] < PAGES,
	      "what is dirty is named");
	round = st.round;
	check(word(s, mm, 0, 1) == 0 && word(s, mm, 0, 0) == TAG, "and not written");
	check(((uint64_t *)shadow_page(s, SHMEM, sh, 0))[1] == 1, "but shared memory is");
	check(!ask(mm, v, 2, s, &st), "ranges are asked for");
	check(st.v[LIVEMIG_STATS_DATA] == 9 && st.v[LIVEMIG_STATS_ZERO] == 1 && st.round == round + 1,
	      "each page once, in no round");
	check(word(s, mm, 0, 1) == 1 && word(s, mm, 0, 0) == TAG && word(s, mm, 62, 1) == 63,
	      "with their bytes");
	check(word(s, mm, 2, 0) == 0, "or zeros");
	check(word(s, mm, 4, 1) == 5, "hidden ones, too");
	check(word(s, mm, 8, 1) == 0, "nothing else");
	refusals(fd, mm);
	check(!round_apply(&nl, session, LIVEMIG_PAGES_F_FINAL, s, &st) && word(s, mm, 8, 1) == 9,
	      "a last round without LATER has all of it");
	close(fd);
	check(!fam_session(&nl, LIVEMIG_CMD_THAW, session) && box_moves(&box), "it runs on");
	shadow_free(s);
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
	box_close(&box);
	return ktap_end();
}
