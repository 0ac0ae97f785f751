/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The migration protocol: what source and agent say to each other besides the
 * image's own records, which flow from the source between ACCEPT and READY.
 *
 *	source				agent
 *	HELLO ------------------------>
 *	      <------------------------ HELLO, or ABORT
 *	OFFER ------------------------>
 *	      <------------------------ ACCEPT, or ABORT
 *	HEADER, round 0 -------------->		skeleton built, pages applied
 *	      <------------------------ ROUND_OK
 *	... rounds ...
 *	final round, END ------------->		all put in place, nothing runs
 *	      <------------------------ READY
 *	(journal: committed)
 *	COMMIT ----------------------->		(journal: committing)
 *	      <------------------------ RUNNING	(journal: running)
 *	(kills its copy)
 *
 * Post-copy: when an OFFER had POSTCOPY and the last round names pages without
 * their bytes, the agent asks for them by WANT, which is answered by a PAGES record:
 * after END for those that must be there before anything runs, and then
 *
 *	      <------------------------ RUNNING	(source's journal: serving)
 *	      <------------------------ WANT, somebody waits for it
 *	PAGES ------------------------>
 *	      <------------------------ WANT, WANT, ...
 *	PAGES, PAGES, ... ------------>
 *	      <------------------------ ARRIVED	(agent's journal: running)
 *	(kills its copy)
 *
 * What somebody waits for is answered first. A WANT without pages only says that the
 * agent is there. Until ARRIVED an ABORT of either side, or the end of the connection,
 * is the end of the container.
 *
 * Instead of OFFER the source may send QUERY with a migration's id; the agent
 * answers with STATE. That is how a source that lost the connection after
 * COMMIT learns what became of the container.
 *
 * Either side may send ABORT with a reason until COMMIT; a closed connection
 * means the same. Unknown optional attributes are ignored; what both sides can
 * do beyond this is the intersection of the feature names in the two HELLOs:
 *
 *	patches		PATCHES records in rounds
 *	packets		PACKETs, which came for the container while it was stopped,
 *			before COMMIT and after RUNNING
 *	frames		after FRAMES, which comes before the HEADER, all that the
 *			source sends is in frames (pump.h), compressed by lz4 or
 *			zstd; before it, between the HELLOs and OFFER, ECHO with
 *			any bytes as its head is answered by an empty ECHO, by which
 *			the source measures the connection
 *	vdso		what comes from another kernel is led to the vdso of this one
 *	postcopy	as above
 */
#ifndef LM_WIRE_H
#define LM_WIRE_H

#include "../record.h"
#include "pump.h"

#define LM_DEFAULT_PORT		"7447"
#define LM_WIRE_PROTOCOL	1

enum lm_hello_attr {
	LM_HELLO_UNSPEC,
	LM_HELLO_PROTOCOL,	/* u32, LM_WIRE_PROTOCOL */
	LM_HELLO_VERSION,	/* string: version of the tool */
	LM_HELLO_SECURITY,	/* string: "insecure" is all there is so far */
	LM_HELLO_HOST,		/* string: host name */
	LM_HELLO_KERNEL,	/* string: uname -r */
	LM_HELLO_ARCH,		/* string */
	LM_HELLO_XFEATURES,	/* u64 */
	LM_HELLO_XSTATE_SIZE,	/* u32 */
	LM_HELLO_VDSO_ID,	/* u64 */
	LM_HELLO_FEATURES,	/* string: names separated by spaces */
	LM_HELLO_HOST_ID,	/* u64: which host it is (a hash of its machine-id), */
	LM_HELLO_BOOT,		/* u64: and since when it is up (of its boot_id) */
	LM_HELLO_MAX = LM_HELLO_BOOT
};

/* OFFER, ACCEPT, READY, COMMIT, RUNNING, QUERY, STATE, ROUND_OK, ABORT */
enum lm_wire_attr {
	LM_WIRE_UNSPEC,
	LM_WIRE_ID,		/* 16 bytes: this migration */
	LM_WIRE_NAME,		/* string: the container */
	LM_WIRE_BYTES,		/* u64: memory to come, an estimate */
	LM_WIRE_ROUND,		/* u32 */
	LM_WIRE_PID,		/* u32 */
	LM_WIRE_STATE,		/* string, see journal.h */
	LM_WIRE_CODE,		/* u32, enum lm_code */
	LM_WIRE_REASON,		/* string */
	LM_WIRE_NS,		/* u64: time the agent spent */
	LM_WIRE_POSTCOPY,	/* flag, OFFER: memory may come after RUNNING */
	LM_WIRE_MAX = LM_WIRE_POSTCOPY
};

/* Neither MM nor RANGES: nothing is wanted. */
enum lm_want_attr {
	LM_WANT_UNSPEC,
	LM_WANT_MM,		/* u32 */
	LM_WANT_RANGES,		/* struct livemig_range[1..64], of up to 64 pages in all */
	LM_WANT_NOW,		/* flag: somebody waits */
	LM_WANT_MAX = LM_WANT_NOW
};

enum lm_packet_attr {
	LM_PACKET_UNSPEC,
	LM_PACKET_DEV,		/* string: the container's device */
	LM_PACKET_BYTES,	/* struct virtio_net_hdr and the packet, up to 60000 */
	LM_PACKET_MAX = LM_PACKET_BYTES
};

/* One connection, seen from either side. */
struct lm_peer {
	int fd;
	struct lm_out out;
	struct lm_in in;
	char host[65];		/* what the other side calls itself */
	uint64_t host_id, boot;	/* see LM_HELLO_HOST_ID; 0: not told */
	bool aborted;		/* it sent ABORT */
	bool other_vdso;	/* its kernel has another one */
	char features[256];	/* what it can do; see lm_peer_has() */
	struct lm_pump *pump_out, *pump_in; /* NULL: none */
	const struct nlattr *tb[LM_WIRE_MAX + 1]; /* of the last message taken */
};

struct lm_nl;

void lm_peer_init(struct lm_peer *p, int fd);
void lm_peer_close(struct lm_peer *p);
/* Address and port of "HOST[:PORT]" or "[V6]:PORT", connected. */
int lm_peer_connect(struct lm_peer *p, const char *host_port, int timeout_ms,
		    struct lm_error *e);
/* Say and take HELLO; refuses another protocol, architecture or security. */
int lm_peer_hello(struct lm_peer *p, struct lm_nl *nl, bool agent,
		  struct lm_error *e);
/* Is @name among @names, which are separated by spaces? */
bool lm_names_have(const char *names, const char *name);
/* Do both sides have @feature? After the HELLOs. */
bool lm_peer_has(const struct lm_peer *p, const char *feature);
/* A message without attributes but @id (may be NULL). */
int lm_peer_say(struct lm_peer *p, uint16_t type, const uint8_t *id,
		struct lm_error *e);
/* The next record, whatever it is; ABORT becomes the error that it carries. */
int lm_peer_take(struct lm_peer *p, struct lm_record *r, int timeout_ms,
		 struct lm_error *e);
/* The next message, which must be @type; its attributes are in p->tb until the
 * next one is taken.
 */
int lm_peer_expect(struct lm_peer *p, uint16_t type, int timeout_ms,
		   struct lm_error *e);
/* Send a PACKET; for lm_packets_each(). @arg: the struct lm_peer. Failures to do
 * so do not matter.
 */
int lm_peer_packet(const char *dev, const void *packet, size_t len, void *arg);
/* Bytes a second that the connection takes now, about; 0: too many to tell. */
int lm_peer_rate(struct lm_peer *p, double *rate, struct lm_error *e);
/* Answer an ECHO. */
int lm_peer_echo(struct lm_peer *p, struct lm_error *e);
/* From now on frames: source (which says so) and agent (which was told). */
int lm_peer_compress(struct lm_peer *p, const struct lm_compress *c,
		     struct lm_error *e);
int lm_peer_decompress(struct lm_peer *p, struct lm_error *e);
/* Parse @r, already taken, into p->tb. */
int lm_peer_parse(struct lm_peer *p, const struct lm_record *r,
		  struct lm_error *e);
/* LM_WIRE_ID of the last message; @id is 16 bytes. */
int lm_peer_id(struct lm_peer *p, uint8_t *id, struct lm_error *e);
/* Tell the other side why; failures to do so do not matter. */
void lm_peer_abort(struct lm_peer *p, const struct lm_error *why);
/* Split "HOST", "HOST:PORT", "[V6]" or "[V6]:PORT"; *@port may be the default. */
int lm_host_port(const char *s, char *host, size_t len, const char **port,
		 struct lm_error *e);

#endif
