/* SIP text for the load generator: slices, messages in, messages out. */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MAX_MSG = 8192, /* bytes of one message, in or out */
	MAX_VALUES = 8, /* Via or Record-Route values */
	MAX_ECHO = 24,  /* header lines that a response repeats */
};

enum exit_code { EXIT_GOOD, EXIT_BAD_CALLS, EXIT_USAGE, EXIT_SETUP };

/* Prints one line and exits. */
__attribute__((noreturn, format(printf, 2, 3))) void die(enum exit_code code,
							 const char *fmt, ...);

/* Zeroed; dies if there is none. */
void *must_alloc(size_t n, size_t size);

struct str {
	const char *p;
	size_t len;
};

#define STR_INIT(literal)                                                      \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}
#define STR(literal) ((struct str)STR_INIT(literal))

bool str_is(struct str a, struct str b);
bool str_starts(struct str s, struct str with);
struct str str_trim(struct str s);

/* The value of header parameter `;name=`, empty if it is not there. */
struct str str_param(struct str s, struct str name);

unsigned long str_number(struct str s);

/* A message being written into `p`, which has room for MAX_MSG bytes. */
struct text {
	char *p;
	size_t len;
};

void put(struct text *t, struct str s);
void put_z(struct text *t, const char *z);
void put_hex8(struct text *t, uint32_t v);
void put_number(struct text *t, unsigned long v);

#define PUT(t, literal) put(t, STR(literal))

struct msg {
	struct str all;
	struct str method, uri; /* of a request */
	unsigned status;        /* of a response, else 0 */
	struct str via[MAX_VALUES], record_route[MAX_VALUES];
	size_t n_via, n_record_route, n_route;
	struct str max_forwards, call_id, cseq, from, to, contact;
	struct str content_length;
	struct str challenge[MAX_VALUES]; /* WWW-Authenticate */
	size_t n_challenges;
	struct str echo[MAX_ECHO]; /* whole lines that a response repeats */
	size_t n_echo;
	struct str body;
};

/* Indexes the message that starts at `s`: 1 and its length in m->all, 0 if a
 * stream has not brought all of it yet, -1 if it is no SIP message. */
int msg_parse(struct str s, bool stream, struct msg *m);

#endif
