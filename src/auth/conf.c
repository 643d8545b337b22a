#include "viaduct/auth/conf.h"

const char *const auth_algorithm_names[] = {"SHA-256", "MD5", NULL};

static bool has(const struct auth_algorithms *a, enum auth_algorithm one)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i] == one)
			return true;
	return false;
}

static void parse_one(struct conf_run *run, const struct conf_node *n,
		      struct auth_algorithms *out)
{
	int one;

	if (!conf_run_enum(run, n, auth_algorithm_names, &one))
		return;
	if (has(out, (enum auth_algorithm)one))
		conf_run_error(run, n, "%s stands there twice",
			       auth_algorithm_names[one]);
	else
		out->v[out->n++] = (enum auth_algorithm)one;
}

static void parse_algorithms(struct conf_run *run, const struct conf_node *n,
			     void *field)
{
	struct auth_algorithms *out = field;

	if (n->kind != CONF_LIST) {
		parse_one(run, n, out);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		conf_run_enter_index(run, i);
		parse_one(run, n->items[i], out);
		conf_run_leave(run);
	}
	if (n->n == 0)
		conf_run_error(run, n,
			       "is empty; at least one of SHA-256, "
			       "MD5");
}

static void print_algorithms(FILE *to, const void *field)
{
	const struct auth_algorithms *a = field;

	for (size_t i = 0; i < a->n; i++)
		fprintf(to, "%s%s", i == 0 ? "[ " : ", ",
			auth_algorithm_names[a->v[i]]);
	fputs(" ]", to);
}

#define AUTH(f) offsetof(struct auth_section, f)

/* clang-format off */
const struct conf_option auth_options[] = {
	{ .name = "algorithms", .type = CONF_CUSTOM, .offset = AUTH(algorithms), .def = "[ SHA-256, MD5 ]", .parse = parse_algorithms, .print = print_algorithms,
	  .help = "What challenges offer, best first: SHA-256, MD5. Where some users of a domain have an HA1 for one of them alone, the others are not offered there to anyone." },
	{ .name = "nonce_lifetime", .type = CONF_DURATION, .offset = AUTH(nonce_lifetime), .def = "5m", .min = 1000, .max = 86400000,
	  .help = "How long a client may go on with the nonce of one challenge." },
	{ 0 },
};
/* clang-format on */

void auth_conf_from(const struct auth_section *s, struct auth_conf *out)
{
	for (size_t i = 0; i < s->algorithms.n; i++)
		out->algorithms[i] = s->algorithms.v[i];
	out->n_algorithms = s->algorithms.n;
	out->nonce_lifetime = s->nonce_lifetime;
}
