#include "proxy/proxy_priv.h"

#include <stdarg.h>

#include "viaduct/util/err.h"

static const char *const authenticate_names[] = {"all", "register", "none",
						 NULL};

#define DOMAIN(field) offsetof(struct domain, field)
#define TIMER(field) offsetof(struct proxy_timers, field)
#define LIMIT(field) offsetof(struct proxy_limits, field)

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };

/* clang-format off */
const struct conf_option proxy_domain_options[] = {
	{ .name = "aliases", .type = CONF_LIST_OF, .offset = DOMAIN(aliases), .size = sizeof(struct str), .def = "",
	  .help = "Other names of this domain. The listeners' own addresses are aliases of the first domain." },
	{ .name = "users_file", .type = CONF_PATH, .offset = DOMAIN(users_file), .def = "",
	  .help = "Who may register and call out: { users: { NAME: { password } } }." },
	{ .name = "authenticate", .type = CONF_ENUM, .offset = DOMAIN(authenticate), .def = "all", .names = authenticate_names,
	  .help = "all: digest for REGISTER and for every request outside a dialog whose From domain is ours; register: for REGISTER alone; none: nobody is asked." },
	{ .name = "realm", .type = CONF_TEXT, .offset = DOMAIN(realm), .def = "",
	  .help = "The realm of challenges; default: the domain's name." },
	{ .name = "service_route", .type = CONF_LIST_OF, .offset = DOMAIN(service_route), .size = sizeof(struct str), .def = "",
	  .help = "URIs, such as sip:edge.example.com;lr, that the answer to a REGISTER tells the phone as the route of its requests (RFC 3608)." },
	{ .name = "registrar", .type = CONF_BOOL, .offset = DOMAIN(registrar), .def = "true",
	  .help = "Whether users register here; with it, users_file or `authenticate: none` must be written. false: REGISTER is answered 403 and the domain's users 404." },
	{ 0 },
};

const struct conf_option proxy_timer_options[] = {
	{ .name = "t1", .type = CONF_DURATION, .offset = TIMER(t1), .def = "500ms", .min = 10, .max = 10000,
	  .help = "Round-trip time estimate: the first retransmission, and 64 times it the end of most waits (RFC 3261 17)." },
	{ .name = "t2", .type = CONF_DURATION, .offset = TIMER(t2), .def = "4s", .min = 10, .max = 60000,
	  .help = "The longest interval between retransmissions of non-INVITE requests and INVITE responses." },
	{ .name = "t4", .type = CONF_DURATION, .offset = TIMER(t4), .def = "5s", .min = 10, .max = 60000,
	  .help = "How long a message stays in the network." },
	{ .name = "b", .type = CONF_DURATION, .offset = TIMER(b), .def = "0ms", .min = 0, .max = 10 * MINUTE_MS,
	  .help = "Timers B and F: how long one next hop may stay silent. 0ms: 64 times t1." },
	{ .name = "c", .type = CONF_DURATION, .offset = TIMER(c), .def = "185s", .min = 1000, .max = 24 * (double)HOUR_MS,
	  .help = "Timer C: how long a call may ring without news. RFC 3261 wants more than 3m." },
	{ 0 },
};

static const struct conf_option auth_failure_options[] = {
	{ .name = "count", .type = CONF_UINT, .offset = offsetof(struct auth_failure_limits, count), .def = "20", .min = 1, .max = 1000000,
	  .help = "Failed logins of one address." },
	{ .name = "within", .type = CONF_DURATION, .offset = offsetof(struct auth_failure_limits, within), .def = "1m", .min = 1000, .max = 24 * (double)HOUR_MS,
	  .help = "In this time." },
	{ .name = "ban", .type = CONF_DURATION, .offset = offsetof(struct auth_failure_limits, ban), .def = "10m", .min = 1000, .max = 24 * (double)HOUR_MS,
	  .help = "And for this long its logins are refused without work." },
	{ 0 },
};

const struct conf_option proxy_limit_options[] = {
	{ .name = "transactions", .type = CONF_UINT, .offset = LIMIT(transactions), .def = "100000", .min = 1, .max = 10000000,
	  .help = "Transactions open at once; above, new requests get 503 with Retry-After." },
	{ .name = "connections", .type = CONF_UINT, .offset = LIMIT(connections), .def = "50000", .min = 1, .max = 1000000,
	  .help = "Connections open at once, accepted and made; above, new ones are refused." },
	{ .name = "connections_per_source", .type = CONF_UINT, .offset = LIMIT(connections_per_source), .def = "1000", .min = 1, .max = 1000000,
	  .help = "Connections accepted from one address; above, new ones are refused." },
	{ .name = "requests_per_second_per_source", .type = CONF_UINT, .offset = LIMIT(requests_per_second_per_source), .def = "0", .min = 0, .max = 10000000,
	  .help = "New requests a second from one address (IPv6: one /64); above, 503 with Retry-After. 0: no limit. Senders in `trust` are not counted." },
	{ .name = "message_size", .type = CONF_SIZE, .offset = LIMIT(message_size), .def = "64KiB", .min = 1024, .max = 16 << 20,
	  .help = "The largest message; above, 513. On a connection the declared size decides, and the connection is closed." },
	{ .name = "headers", .type = CONF_UINT, .offset = LIMIT(headers), .def = "256", .min = 16, .max = 4096,
	  .help = "Header fields in a message; above, 513." },
	{ .name = "vias", .type = CONF_UINT, .offset = LIMIT(vias), .def = "70", .min = 2, .max = 1000,
	  .help = "Via values in a message; above, 483." },
	{ .name = "uri_size", .type = CONF_SIZE, .offset = LIMIT(uri_size), .def = "2KiB", .min = 64, .max = 65536,
	  .help = "The longest Request-URI; above, 414." },
	{ .name = "max_branches", .type = CONF_UINT, .offset = LIMIT(max_branches), .def = "20", .min = 1, .max = 1000,
	  .help = "Branches that one request may fork into; above, 500." },
	{ .name = "max_breadth", .type = CONF_UINT, .offset = LIMIT(max_breadth), .def = "60", .min = 1, .max = 1000,
	  .help = "The largest Max-Breadth taken over from a request, and what is inserted where there is none (RFC 5393)." },
	{ .name = "idle_timeout", .type = CONF_DURATION, .offset = LIMIT(idle_timeout), .def = "10m", .min = 1000, .max = 24 * (double)HOUR_MS,
	  .help = "A connection without traffic, without an open transaction and without a live binding is closed after this. A WebSocket with one is sent a ping, and closed when nothing has come by the next time." },
	{ .name = "handshake_timeout", .type = CONF_DURATION, .offset = LIMIT(handshake_timeout), .def = "10s", .min = 100, .max = HOUR_MS,
	  .help = "TLS and WebSocket: from accept to the end of the handshake." },
	{ .name = "message_timeout", .type = CONF_DURATION, .offset = LIMIT(message_timeout), .def = "10s", .min = 100, .max = HOUR_MS,
	  .help = "One message on a connection, from its first byte to its last." },
	{ .name = "output_queue", .type = CONF_SIZE, .offset = LIMIT(output_queue), .def = "256KiB", .min = 4096, .max = 1 << 30,
	  .help = "What may wait to be written to one connection; above, it is closed." },
	{ .name = "memory", .type = CONF_SIZE, .offset = LIMIT(memory), .def = "0", .min = 0, .max = 1099511627776.0,
	  .help = "Ceiling for messages, transactions and connections together, divided evenly among the workers; above, 503. 0: none." },
	{ .name = "registrations", .type = CONF_UINT, .offset = LIMIT(registrations), .def = "1000000", .min = 1, .max = 100000000,
	  .help = "Addresses of record with contacts, each of which may have registrar.max_contacts; above, a REGISTER for one that has none gets 503 with Retry-After. Refreshes go on." },
	{ .name = "auth_failures", .type = CONF_SECTION, .offset = LIMIT(auth_failures), .def = "", .section = auth_failure_options,
	  .help = "Guessing passwords." },
	{ 0 },
};
/* clang-format on */

static bool parse_network(struct conf_run *run, const struct conf_node *n,
			  struct str text, const char *or_else,
			  struct addr_net *out)
{
	if (addr_net_parse(text, out) == 0)
		return true;
	conf_run_error(run, n,
		       "\"%.*s\" is no address or network%s; such as "
		       "192.0.2.4 or 192.0.2.0/24",
		       STR_FMT(text), or_else);
	return false;
}

/* A host as sip_host_eq() compares it: an IPv6 address may lack brackets. */
static bool is_host(struct str s)
{
	union addr a;

	return sip_is_host(s) || addr_parse(s, 0, &a) == 0;
}

static void parse_peer(struct conf_run *run, const struct conf_node *n,
		       struct str text, struct proxy_trust *out)
{
	struct addr_net *nets = out->nets.v;
	struct str *names = out->names.v;

	if (!str_starts(text, STR("tls:"))) {
		if (parse_network(run, n, text, " and no tls:NAME",
				  &nets[out->nets.n]))
			out->nets.n++;
		return;
	}
	text = str_skip(text, 4);
	if (!is_host(text))
		conf_run_error(run, n,
			       "\"tls:%.*s\" names no host; such as "
			       "tls:proxy.atlanta.com",
			       STR_FMT(text));
	else
		names[out->names.n++] = text;
}

static size_t n_items(const struct conf_node *n)
{
	return n->kind == CONF_LIST ? n->n : 1;
}

void conf_parse_trust(struct conf_run *run, const struct conf_node *n,
		      void *field)
{
	struct proxy_trust *out = field;
	size_t count = n_items(n);

	out->nets.v = arena_zalloc(conf_run_arena(run),
				   (count + 1) * sizeof(struct addr_net));
	out->names.v = arena_zalloc(conf_run_arena(run),
				    (count + 1) * sizeof(struct str));
	if (out->nets.v == NULL || out->names.v == NULL) {
		conf_run_no_memory(run);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item =
			n->kind == CONF_LIST ? n->items[i] : n;
		struct str text;

		conf_run_enter_index(run, i);
		if (conf_run_text(run, item, &text))
			parse_peer(run, item, text, out);
		conf_run_leave(run);
	}
}

void conf_parse_networks(struct conf_run *run, const struct conf_node *n,
			 void *field)
{
	struct conf_array *out = field;
	size_t count = n_items(n);
	struct addr_net *nets;

	nets = arena_zalloc(conf_run_arena(run), (count + 1) * sizeof(*nets));
	if (nets == NULL) {
		conf_run_no_memory(run);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item =
			n->kind == CONF_LIST ? n->items[i] : n;
		struct str text;

		conf_run_enter_index(run, i);
		if (conf_run_text(run, item, &text) &&
		    parse_network(run, item, text, "", &nets[out->n]))
			out->n++;
		conf_run_leave(run);
	}
	out->v = nets;
}

static void print_network(FILE *to, const struct addr_net *net)
{
	char text[ADDR_TEXT_MAX];
	size_t len = addr_print_ip(&net->base, text);
	bool is_bracketed = text[0] == '[';

	fprintf(to, "\"%.*s/%u\"", (int)(len - 2 * is_bracketed),
		text + is_bracketed, net->bits);
}

void conf_print_trust(FILE *to, const void *field)
{
	const struct proxy_trust *t = field;
	const struct addr_net *nets = t->nets.v;
	const struct str *names = t->names.v;
	size_t n = t->nets.n + t->names.n;

	fputc('[', to);
	for (size_t i = 0; i < n; i++) {
		fputs(i == 0 ? " " : ", ", to);
		if (i < t->nets.n)
			print_network(to, &nets[i]);
		else
			fprintf(to, "\"tls:%.*s\"",
				STR_FMT(names[i - t->nets.n]));
	}
	fputs(n == 0 ? "]" : " ]", to);
}

void conf_print_networks(FILE *to, const void *field)
{
	const struct conf_array *a = field;
	const struct addr_net *nets = a->v;

	fputc('[', to);
	for (size_t i = 0; i < a->n; i++) {
		fputs(i == 0 ? " " : ", ", to);
		print_network(to, &nets[i]);
	}
	fputs(a->n == 0 ? "]" : " ]", to);
}

static bool domain_has_name(const struct domain *d, struct str name)
{
	const struct str *aliases = d->aliases.v;

	if (sip_host_eq(d->name, name))
		return true;
	for (size_t i = 0; i < d->aliases.n; i++)
		if (sip_host_eq(aliases[i], name))
			return true;
	return false;
}

/* One domain among all. */
struct domain_check {
	const struct domain *all, *d;
	const struct conf_node *key, *value; /* of the map `domains` */
	struct conf_errors *errors;
};

/* A mistake in a value of the domain, in one of a list, or (name NULL) in the
 * domain as a whole. */
static void __attribute__((format(printf, 4, 5)))
domain_error(const struct domain_check *c, const char *name, size_t i,
	     const char *fmt, ...)
{
	const struct conf_node *n =
		name != NULL ? conf_get(c->value, name) : NULL;
	char path[320], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n != NULL && n->kind == CONF_LIST)
		n = n->items[i];
	snprintf(path, sizeof(path), "domains.%.*s%s%s", STR_FMT(c->d->name),
		 name != NULL ? "." : "", name != NULL ? name : "");
	conf_error(c->errors, n != NULL ? &n->place : &c->key->place, path,
		   "%s", text);
}

/* It goes into a header field, between angle brackets. */
static bool is_loose_route(struct str text)
{
	struct sip_uri uri;

	return sip_uri_parse(text, &uri) == 0 && uri.is_lr &&
	       memchr(text.p, '>', text.len) == NULL;
}

/* The realm goes into quotes as it is. */
static bool is_quotable(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ||
		    s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

static void check_values(const struct domain_check *c)
{
	const struct domain *d = c->d;
	const struct str *routes = d->service_route.v;

	if (d->registrar && d->users_file.len == 0 &&
	    d->authenticate != AUTHENTICATE_NONE)
		domain_error(c, NULL, 0,
			     "nobody could register; name a users_file, or "
			     "write `authenticate: none` or `registrar: "
			     "false`");
	if (!is_quotable(d->realm))
		domain_error(c, "realm", 0,
			     "holds a quote, a backslash or a control "
			     "character; text without them");
	for (size_t i = 0; i < d->service_route.n; i++)
		if (!is_loose_route(routes[i]))
			domain_error(c, "service_route", i,
				     "\"%.*s\" is no sip URI with ;lr; such as "
				     "sip:edge.example.com;lr",
				     STR_FMT(routes[i]));
}

/* Its own name (key NULL) or an alias. */
static void check_name(const struct domain_check *c, struct str name,
		       const char *key, size_t i)
{
	if (!is_host(name))
		domain_error(c, key, i,
			     "\"%.*s\" is no host; a name such as biloxi.com, "
			     "without a port",
			     STR_FMT(name));
	for (const struct domain *other = c->all; other < c->d; other++)
		if (domain_has_name(other, name))
			domain_error(c, key, i,
				     "%.*s is a name of %.*s already",
				     STR_FMT(name), STR_FMT(other->name));
}

static void check_names(const struct domain_check *c)
{
	const struct str *aliases = c->d->aliases.v;

	check_name(c, c->d->name, NULL, 0);
	for (size_t i = 0; i < c->d->aliases.n; i++)
		check_name(c, aliases[i], "aliases", i);
}

void proxy_conf_check(const struct proxy_conf *conf,
		      const struct conf_node *domains,
		      struct conf_errors *errors)
{
	struct domain_check c = {.all = conf->domains.v, .errors = errors};

	for (size_t i = 0; i < conf->domains.n; i++) {
		c.d = &c.all[i];
		c.key = domains->keys[i];
		c.value = domains->items[i];
		check_values(&c);
		check_names(&c);
	}
}

struct sip_limits proxy_sip_limits(const struct proxy_conf *c)
{
	return (struct sip_limits){
		.headers = c->limits.headers,
		.uri_size = (unsigned)c->limits.uri_size,
		.vias = c->limits.vias,
	};
}

struct txn_timers proxy_txn_timers(const struct proxy_conf *c)
{
	return (struct txn_timers){
		.t1 = c->timers.t1,
		.t2 = c->timers.t2,
		.t4 = c->timers.t4,
		.b = c->timers.b != 0 ? c->timers.b : 64 * c->timers.t1,
	};
}
