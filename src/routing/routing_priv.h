#ifndef VIADUCT_ROUTING_ROUTING_PRIV_H
#define VIADUCT_ROUTING_ROUTING_PRIV_H

#include "viaduct/routing/routing.h"

/* One condition: the names of CONFIG, in the order in which they are tried
 * (cheap ones first). */
enum match_key {
	MATCH_METHOD,
	MATCH_CALLER,
	MATCH_SOURCE,
	MATCH_REQUEST_DOMAIN,
	MATCH_REQUEST_USER,
	MATCH_REQUEST_URI,
	MATCH_FROM_DOMAIN,
	MATCH_FROM_USER,
	MATCH_TO_DOMAIN,
	MATCH_TO_USER,
	MATCH_KEY_COUNT,
};

extern const char *const match_key_names[]; /* NULL-terminated */

/* What a key may be: any of these. n == 0: the key was not given. */
struct match_values {
	const struct str *texts; /* as written */
	size_t n;
	const void *parsed; /* struct addr_net for source, struct sip_uri for
			     * request.uri, unescaped struct str for users */
	unsigned callers;   /* bit (1 << enum caller) */
};

enum rule_action {
	RULE_VERDICT,    /* rule->verdict as it is */
	RULE_REGISTER,   /* default-register */
	RULE_REGISTERED, /* default-local */
};

struct rule {
	struct str name;
	struct match_values match[MATCH_KEY_COUNT];
	unsigned n_actions; /* written in the file: must be one */
	enum rule_action action;
	bool is_built_in;
	struct verdict verdict;
};

/* NULL when the rule matches, else the name of the first key that does not. */
const char *rule_differs(const struct rule *rule, struct request *r);

#endif
