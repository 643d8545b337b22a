/* What the daemon goes through in every run, step by step. */
#ifndef VIADUCT_TESTS_SCENARIO_H
#define VIADUCT_TESTS_SCENARIO_H

#include "fault/peer.h"

struct stage {
	char dir[64], conf[80]; /* a directory of our own, a file in it */
	char net[16];           /* "127.90.7.": its first three numbers */
	struct sockaddr_in proxy;
	struct peer alice, bob, bill, tom, names;
	unsigned serial;     /* makes Call-IDs and branches unique */
	unsigned n_headers;  /* makes each reload another configuration */
	struct peer *teller; /* who repeats what he told last */
	char told[TEXT_MAX];
	long told_ms;
};

void stage_open(struct stage *s);
void stage_close(struct stage *s);

struct step {
	const char *name;
	bool (*run)(struct stage *s);
};

/* After the start and before the stop; the first shows that it has come up. The
 * last one has no name. */
extern const struct step steps[];

#endif
