/* The section `auth` of the configuration. */
#ifndef VIADUCT_AUTH_CONF_H
#define VIADUCT_AUTH_CONF_H

#include "viaduct/auth/auth.h"

struct auth_algorithms {
	enum auth_algorithm v[AUTH_ALGORITHM_COUNT];
	size_t n;
};

struct auth_section {
	struct auth_algorithms algorithms;
	uint32_t nonce_lifetime; /* milliseconds */
};

extern const struct conf_option auth_options[];

/* Sets algorithms and nonce_lifetime; the limits of failures are the
 * caller's. */
void auth_conf_from(const struct auth_section *s, struct auth_conf *out);

/* "SHA-256", "MD5". */
extern const char *const auth_algorithm_names[];

#endif
