#ifndef VIADUCT_ROUTING_ROUTING_PRIV_H
#define VIADUCT_ROUTING_ROUTING_PRIV_H

#include "viaduct/routing/routing.h"

/* One condition: the names that stand in a route's `match`, in the order in
 * which they are tried (cheap ones first). */
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
	int auth; /* 1: required */
	struct verdict verdict;
};

/* NULL when the rule matches, else the name of the first key that does not. */
const char *rule_differs(const struct rule *rule, struct request *r);

/* compile.c: zeroed, from the arena of the run; NULL: no memory, reported. */
void *rule_alloc(struct conf_run *run, size_t size);
/* A parse function that only remembers the node, for what comes after. */
void rule_keep_node(struct conf_run *run, const struct conf_node *n,
		    void *field);

/* match_parse.c: `match` into a rule's array of match_values. */
void rule_parse_match(struct conf_run *run, const struct conf_node *n,
		      void *field);

/* plan_parse.c: the word that stands for the Request-URI as it is. */
bool rule_is_request_uri(const struct conf_node *n);
/* A URI or (nested) list of URIs; is_hop: they are next hops. */
void rule_parse_plan(struct conf_run *run, const struct conf_node *n,
		     bool is_parallel, bool is_hop, struct plan *out);
/* { to, next_hop, fork, timeout, recurse }. */
void rule_parse_forward_map(struct conf_run *run, const struct conf_node *n,
			    struct plan *out);

#endif
