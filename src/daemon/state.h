/* The state directory: made 0700, locked against a second daemon, holds the
 * secret. */
#ifndef VIADUCT_DAEMON_STATE_H
#define VIADUCT_DAEMON_STATE_H

#include "viaduct/util/mac.h"

struct state {
	int lock_fd;
	uint8_t secret[MAC_KEY_LEN];
};

/*
 * dir: NUL-terminated. secret: server.secret; empty: the one kept in dir, made
 * at the first start.
 *
 * Returns 0, or a negative error with one sentence in `why` that names the
 * file.
 */
int state_open(const char *dir, struct str secret, struct state *out,
	       char why[512]);

/* Give the directory and its files to a user, before dropping to him. 0 or
 * VD_ESYS. */
int state_chown(const char *dir, unsigned uid, unsigned gid);

void state_close(struct state *s);

#endif
