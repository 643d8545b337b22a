#include "viaduct/resolver/conf.h"

enum { DEAD_MS = 30000 };

static const char *const family_names[] = {"ipv6", "ipv4", NULL};

static void parse_servers(struct conf_run *run, const struct conf_node *n,
			  void *field)
{
	struct conf_array *out = field;
	size_t count = n->kind == CONF_LIST ? n->n : 1;
	union addr *all;

	all = arena_zalloc(conf_run_arena(run), (count + 1) * sizeof(*all));
	if (all == NULL) {
		conf_run_no_memory(run);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item =
			n->kind == CONF_LIST ? n->items[i] : n;
		struct str text;

		conf_run_enter_index(run, i);
		if (conf_run_text(run, item, &text) &&
		    addr_parse_hostport(text, 53, &all[i]) != 0)
			conf_run_error(run, item,
				       "\"%.*s\" is no address; such as "
				       "127.0.0.1:5353",
				       STR_FMT(text));
		conf_run_leave(run);
	}
	out->v = all;
	out->n = count;
}

static void print_servers(FILE *to, const void *field)
{
	const struct conf_array *a = field;
	const union addr *all = a->v;
	char text[ADDR_TEXT_MAX];

	fputc('[', to);
	for (size_t i = 0; i < a->n; i++) {
		addr_print(&all[i], text);
		fprintf(to, "%s\"%s\"", i == 0 ? " " : ", ", text);
	}
	fputs(a->n == 0 ? "]" : " ]", to);
}

static int family_of(struct str name)
{
	if (str_eq(name, STR("ipv6")))
		return AF_INET6;
	return str_eq(name, STR("ipv4")) ? AF_INET : AF_UNSPEC;
}

static void parse_families(struct conf_run *run, const struct conf_node *n,
			   void *field)
{
	int *out = field;
	size_t count = n->kind == CONF_LIST ? n->n : 1;

	if (count == 0 || count > 2) {
		conf_run_error(run, n, "one or two of ipv6, ipv4");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item =
			n->kind == CONF_LIST ? n->items[i] : n;
		struct str text;

		if (!conf_run_text(run, item, &text))
			continue;
		out[i] = family_of(text);
		if (out[i] == AF_UNSPEC)
			conf_run_error(
				run, item,
				"\"%.*s\" is no family; "
				"ipv6 or ipv4%s",
				STR_FMT(text),
				conf_run_suggest(run, text, family_names));
	}
	if (count == 2 && out[0] == out[1])
		conf_run_error(run, n, "one family twice");
}

static void print_families(FILE *to, const void *field)
{
	const int *families = field;

	fputs("[ ", to);
	for (size_t i = 0; i < 2 && families[i] != AF_UNSPEC; i++)
		fprintf(to, "%s%s", i == 0 ? "" : ", ",
			families[i] == AF_INET6 ? "ipv6" : "ipv4");
	fputs(" ]", to);
}

#define FIELD(f) offsetof(struct resolver_section, f)

/* clang-format off */
const struct conf_option resolver_options[] = {
	{ .name = "servers", .type = CONF_CUSTOM, .offset = FIELD(servers), .def = "[]", .parse = parse_servers, .print = print_servers, .needs_restart = true,
	  .help = "Name servers, ADDRESS or ADDRESS:PORT; none: the system's (/etc/resolv.conf)." },
	{ .name = "hosts_file", .type = CONF_PATH, .offset = FIELD(hosts_file), .def = "", .needs_restart = true,
	  .help = "Extra names in hosts(5) format; they answer before DNS." },
	{ .name = "timeout", .type = CONF_DURATION, .offset = FIELD(timeout), .def = "2s", .min = 50, .max = 60000, .needs_restart = true,
	  .help = "One query to one server." },
	{ .name = "search_timeout", .type = CONF_DURATION, .offset = FIELD(search_timeout), .def = "5s", .min = 100, .max = 60000, .needs_restart = true,
	  .help = "All queries for one next hop." },
	{ .name = "in_flight", .type = CONF_UINT, .offset = FIELD(in_flight), .def = "10000", .min = 1, .max = 1000000, .needs_restart = true,
	  .help = "Searches at once; above, 503." },
	{ .name = "families", .type = CONF_CUSTOM, .offset = FIELD(families), .def = "[ ipv6, ipv4 ]", .parse = parse_families, .print = print_families, .needs_restart = true,
	  .help = "Address families in order of preference; only those with a listener are used." },
	{ .name = "cache", .type = CONF_UINT, .offset = FIELD(cache), .def = "10000", .min = 16, .max = 10000000, .needs_restart = true,
	  .help = "Names kept. Failures are kept at most 10s, at most 20 targets and 8 CNAMEs a name." },
	{ 0 },
};
/* clang-format on */

/* Searches and cache are divided among the workers, each has its own. */
static uint32_t share(uint32_t total, unsigned n_workers)
{
	return (total + n_workers - 1) / n_workers;
}

void resolver_conf_from(const struct resolver_section *s, unsigned n_workers,
			struct resolver_conf *out)
{
	*out = (struct resolver_conf){
		.servers = s->servers.v,
		.n_servers = s->servers.n,
		.hosts_file = s->hosts_file.len != 0 ? s->hosts_file.p : NULL,
		.timeout_ms = s->timeout,
		.search_timeout_ms = s->search_timeout,
		.in_flight = share(s->in_flight, n_workers),
		.cache = share(s->cache, n_workers),
		.families = {s->families[0], s->families[1]},
		.dead_ms = DEAD_MS,
	};
}
