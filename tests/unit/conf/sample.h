/* A made-up file with every kind of option, for the tests and the fuzzer. */
#ifndef TESTS_UNIT_CONF_SAMPLE_H
#define TESTS_UNIT_CONF_SAMPLE_H

#include "viaduct/conf/option.h"

struct sample_listen {
	struct str url, tls;
	struct conf_array origins; /* of struct str */
};

struct sample_member {
	struct str uri;
	uint32_t priority, weight;
};

struct sample_probe {
	uint32_t interval_ms;
	bool is_on;
};

struct sample_group {
	struct str name;
	int policy;
	struct conf_array members; /* of struct sample_member */
	struct sample_probe probe;
};

struct sample_user {
	struct str name, password;
	bool is_disabled;
};

struct sample_server {
	struct str name, state, secret;
	uint32_t workers, drain_ms;
	bool record_route;
	int level;
};

struct sample_limits {
	uint32_t t1_ms, b_ms, vias;
	uint64_t message_size, memory;
};

struct sample {
	struct sample_server server;
	struct sample_limits limits;
	struct conf_array listen;   /* of struct sample_listen */
	struct conf_array families; /* of struct str */
	struct conf_array groups;   /* of struct sample_group */
	struct conf_array users;    /* of struct sample_user */
	struct conf_array headers;  /* of struct str[2] */
};

static const char *const sample_levels[] = {"off", "summary", "headers", "full",
					    NULL};
static const char *const sample_policies[] = {"priority", "round_robin", "hash",
					      NULL};

/* auto, or how many. */
static void sample_workers_parse(struct conf_run *run,
				 const struct conf_node *n, void *field)
{
	if (n->kind == CONF_SCALAR && str_eq(n->text, STR("auto")))
		*(uint32_t *)field = 0;
	else
		conf_run_uint(run, n, 1, 64, field);
}

static void sample_workers_print(FILE *to, const void *field)
{
	uint32_t n = *(const uint32_t *)field;

	if (n == 0)
		fputs("auto", to);
	else
		fprintf(to, "%u", n);
}

/* clang-format off */
#define SAMPLE_AT(s, field) .offset = offsetof(struct s, field)

static const struct conf_option sample_listen_options[] = {
	{"url", CONF_TEXT, SAMPLE_AT(sample_listen, url), .help = "Where."},
	{"tls", CONF_TEXT, SAMPLE_AT(sample_listen, tls), .def = "", .help = "A name."},
	{"origins", CONF_LIST_OF, SAMPLE_AT(sample_listen, origins), .def = "",
		.help = "Who may connect."},
	{0},
};
/* clang-format on */

static void sample_listen_parse(struct conf_run *run, const struct conf_node *n,
				void *field)
{
	struct sample_listen *l = field;

	if (n->kind == CONF_SCALAR) {
		l->tls = STR("");
		conf_run_text(run, n, &l->url);
	} else {
		conf_run_fill(run, sample_listen_options, n, l);
	}
}

static void sample_listen_print(FILE *to, const void *field)
{
	const struct sample_listen *l = field;
	const struct str *origin = l->origins.v;

	fputs("{ url: ", to);
	conf_print_str(to, l->url);
	fputs(", tls: ", to);
	conf_print_str(to, l->tls);
	fputs(", origins: [", to);
	for (size_t i = 0; i < l->origins.n; i++) {
		fputs(i > 0 ? ", " : "", to);
		conf_print_str(to, origin[i]);
	}
	fputs("] }", to);
}

/* clang-format off */
static const struct conf_option sample_server_options[] = {
	{"name", CONF_TEXT, SAMPLE_AT(sample_server, name), .def = "",
		.help = "The name that we have in Via; empty: the address."},
	{"workers", CONF_CUSTOM, SAMPLE_AT(sample_server, workers), .def = "auto",
		.parse = sample_workers_parse, .print = sample_workers_print,
		.needs_restart = true, .help = "Threads; auto: one per CPU."},
	{"state", CONF_PATH, SAMPLE_AT(sample_server, state), .def = "/var/lib/viaduct",
		.needs_restart = true, .help = "Where the store lies."},
	{"secret", CONF_SECRET, SAMPLE_AT(sample_server, secret), .def = "",
		.help = "The key of nonces."},
	{"drain", CONF_DURATION, SAMPLE_AT(sample_server, drain_ms), .def = "30s",
		.max = 3600000, .help = "How long to wait for transactions at the end."},
	{"record_route", CONF_BOOL, SAMPLE_AT(sample_server, record_route), .def = "true",
		.help = "Stay in the dialog | or not."},
	{"level", CONF_ENUM, SAMPLE_AT(sample_server, level), .def = "off",
		.names = sample_levels, .help = "How much."},
	{0},
};

static const struct conf_option sample_limits_options[] = {
	{"t1", CONF_DURATION, SAMPLE_AT(sample_limits, t1_ms), .def = "500ms",
		.min = 100, .max = 60000, .help = "RFC 3261's T1."},
	{"b", CONF_DURATION, SAMPLE_AT(sample_limits, b_ms), .def = "", .min = 1,
		.help = "Timer B; default: 64 times t1."},
	{"vias", CONF_UINT, SAMPLE_AT(sample_limits, vias), .def = "70", .min = 1,
		.max = 1000, .help = "Via values of a message."},
	{"message_size", CONF_SIZE, SAMPLE_AT(sample_limits, message_size),
		.def = "64KiB", .min = 1024, .max = 1 << 30, .help = "Bytes of a message."},
	{"memory", CONF_SIZE, SAMPLE_AT(sample_limits, memory), .def = "0",
		.help = "Ceiling in bytes; 0: none."},
	{0},
};

static const struct conf_option sample_member_options[] = {
	{"uri", CONF_TEXT, SAMPLE_AT(sample_member, uri), .help = "Where it is."},
	{"priority", CONF_UINT, SAMPLE_AT(sample_member, priority), .def = "1",
		.help = "Lower comes first."},
	{"weight", CONF_UINT, SAMPLE_AT(sample_member, weight), .def = "1",
		.help = "Its share."},
	{0},
};

static const struct conf_option sample_probe_options[] = {
	{"interval", CONF_DURATION, SAMPLE_AT(sample_probe, interval_ms), .def = "10s", .min = 1,
		.help = "How often."},
	{"on", CONF_BOOL, SAMPLE_AT(sample_probe, is_on), .def = "false",
		.needs_restart = true, .help = "At all?"},
	{0},
};

static const struct conf_option sample_group_options[] = {
	{"policy", CONF_ENUM, SAMPLE_AT(sample_group, policy), .def = "priority",
		.names = sample_policies, .help = "Who is next."},
	{"members", CONF_LIST_OF, SAMPLE_AT(sample_group, members), .def = "",
		.size = sizeof(struct sample_member), .section = sample_member_options,
		.help = "Its gateways."},
	{"probe", CONF_SECTION, SAMPLE_AT(sample_group, probe), .def = "",
		.section = sample_probe_options, .help = "How they are tried."},
	{0},
};

static const struct conf_option sample_user_options[] = {
	{"password", CONF_SECRET, SAMPLE_AT(sample_user, password),
		.help = "In clear."},
	{"disabled", CONF_BOOL, SAMPLE_AT(sample_user, is_disabled), .def = "false",
		.help = "Not now."},
	{0},
};

static const struct conf_option sample_options[] = {
	{"server", CONF_SECTION, SAMPLE_AT(sample, server), .def = "", .section = sample_server_options,
		.help = "The daemon."},
	{"limits", CONF_SECTION, SAMPLE_AT(sample, limits), .def = "", .section = sample_limits_options,
		.help = "Bounds."},
	{"listen", CONF_LIST_OF, SAMPLE_AT(sample, listen), .def = "udp://127.0.0.1:5060",
		.size = sizeof(struct sample_listen), .section = sample_listen_options,
		.parse = sample_listen_parse, .print = sample_listen_print,
		.needs_restart = true, .help = "Where we listen."},
	{"families", CONF_LIST_OF, SAMPLE_AT(sample, families), .def = "[ ipv6, ipv4 ]",
		.help = "Best first."},
	{"groups", CONF_MAP_OF, SAMPLE_AT(sample, groups), .def = "",
		.size = sizeof(struct sample_group), .section = sample_group_options,
		.help = "Gateways by name."},
	{"users", CONF_MAP_OF, SAMPLE_AT(sample, users), .def = "",
		.size = sizeof(struct sample_user), .section = sample_user_options,
		.help = "Who may call."},
	{"headers", CONF_MAP_OF, SAMPLE_AT(sample, headers), .def = "",
		.help = "Header fields to add."},
	{0},
};
/* clang-format on */

#endif
