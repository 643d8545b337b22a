#include "daemon/settings.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "viaduct/transport/conf.h"
#include "viaduct/util/err.h"

enum { WORKERS_MAX = 64, TIMER_C_MIN_MS = 180000 };

static const char *const level_names[] = {"error", "warning", "info", "debug",
					  NULL};
static const char *const format_names[] = {"text", "json", NULL};
static const char *const trace_names[] = {"off", "summary", "headers", "full",
					  NULL};
static const char *const place_names[] = {"stderr", "syslog", NULL};
static const char *const sink_names[] = {"log", NULL};
static const char *const store_names[] = {"sqlite", "memory", NULL};

static void parse_workers(struct conf_run *run, const struct conf_node *n,
			  void *field)
{
	uint32_t *out = field;

	if (n->kind == CONF_SCALAR && str_eq(n->text, STR("auto")))
		*out = 0;
	else
		conf_run_uint(run, n, 1, WORKERS_MAX, out);
}

static void print_workers(FILE *to, const void *field)
{
	const uint32_t *n = field;

	if (*n == 0)
		fputs("auto", to);
	else
		fprintf(to, "%u", *n);
}

#define SERVER(f) offsetof(struct server_section, f)
#define LOG(f) offsetof(struct log_section, f)
#define TRACE(f) offsetof(struct trace_section, f)
#define TOP(f) offsetof(struct settings, f)

/* clang-format off */
static const struct conf_option server_options[] = {
	{ .name = "name", .type = CONF_TEXT, .offset = SERVER(name), .def = "", .needs_restart = true,
	  .help = "HOST or HOST:PORT for Via and Record-Route; default: the address of the socket used." },
	{ .name = "workers", .type = CONF_CUSTOM, .offset = SERVER(workers), .def = "auto", .parse = parse_workers, .print = print_workers, .needs_restart = true,
	  .help = "Threads that handle calls, 1 to 64; auto: one per online CPU." },
	{ .name = "user", .type = CONF_TEXT, .offset = SERVER(user), .def = "", .needs_restart = true,
	  .help = "Drop to this user after binding; default: stay." },
	{ .name = "state", .type = CONF_PATH, .offset = SERVER(state), .def = VIADUCT_STATEDIR, .min = 1, .needs_restart = true,
	  .help = "Directory for viaduct.db (`store`) and the secret; made 0700 (its parent must be there), locked against a second daemon." },
	{ .name = "secret", .type = CONF_SECRET, .offset = SERVER(secret), .def = "", .needs_restart = true,
	  .help = "Key of tokens, the same on all nodes of a domain; default: made once and kept in `state`." },
	{ .name = "drain", .type = CONF_DURATION, .offset = SERVER(drain), .def = "30s", .min = 0, .max = 3600000,
	  .help = "On SIGTERM or SIGINT, finish open transactions for at most this long." },
	{ .name = "record_route", .type = CONF_BOOL, .offset = SERVER(record_route), .def = "true",
	  .help = "Stay on the path of dialogs: INVITE, SUBSCRIBE, REFER, NOTIFY." },
	{ .name = "header", .type = CONF_TEXT, .offset = SERVER(header), .def = "",
	  .help = "Server header of our own answers; default: none." },
	{ 0 },
};

static const struct conf_option log_options[] = {
	{ .name = "level", .type = CONF_ENUM, .offset = LOG(level), .def = "info", .names = level_names,
	  .help = "error needs a person, warning is degraded service, info a milestone, debug a step." },
	{ .name = "format", .type = CONF_ENUM, .offset = LOG(format), .def = "text", .names = format_names,
	  .help = "key=value pairs, or one JSON object a line." },
	{ .name = "to", .type = CONF_PATH, .offset = LOG(to), .def = "stderr", .names = place_names, .min = 1,
	  .help = "stderr, syslog, or a file's path (SIGUSR1 opens it again)." },
	{ 0 },
};

static const struct conf_option trace_options[] = {
	{ .name = "level", .type = CONF_ENUM, .offset = TRACE(level), .def = "off", .names = trace_names,
	  .help = "Every message and every decision: first lines, heads, or whole messages." },
	{ .name = "to", .type = CONF_ENUM, .offset = TRACE(to), .def = "log", .names = sink_names,
	  .help = "Where the trace goes." },
	{ 0 },
};

const struct conf_option config_options[] = {
	{ .name = "server", .type = CONF_SECTION, .offset = TOP(server), .def = "", .section = server_options,
	  .help = "The process." },
	{ .name = "listen", .type = CONF_CUSTOM, .offset = TOP(listen), .parse = listeners_parse, .print = listeners_print, .needs_restart = true,
	  .help = "1 to 64 of udp://, tcp://, tls://, ws:// and wss:// (WebSocket) with ADDRESS:PORT; without a port 5060, for TLS 5061, for ws 80, for wss 443; 0.0.0.0 or [::] for every address of the machine. Or maps { url: ..., tls: NAME, advertise: HOST:PORT, origins: [ ... ] }: an entry of `tls` (or several, for SNI), the name to write into Via and Record-Route instead of the address, and the web pages whose scripts may connect to a WebSocket (https://phone.example.com; default: any)." },
	{ .name = "tls", .type = CONF_MAP_OF, .offset = TOP(tls), .size = sizeof(struct tls_entry), .def = "", .section = tls_options,
	  .help = "Certificates and what is asked of peers, by the name that `listen` uses. Files that change are noticed and loaded; a bad pair leaves the old one in use." },
	{ .name = "resolver", .type = CONF_SECTION, .offset = TOP(resolver), .def = "", .section = resolver_options,
	  .help = "Name resolution (RFC 3263)." },
	{ .name = "domains", .type = CONF_MAP_OF, .offset = TOP(domains), .size = sizeof(struct domain), .def = "", .section = proxy_domain_options,
	  .help = "The domains that this proxy serves." },
	{ .name = "trust", .type = CONF_CUSTOM, .offset = TOP(trust), .def = "[]", .parse = conf_parse_trust, .print = conf_print_trust,
	  .help = "Peers that may call out to anywhere; their `caller` is trusted: addresses, networks (192.0.2.4, 192.0.2.0/24), and tls:NAME for whoever shows a certificate for that name on a listener that asks for it (`verify_client`)." },
	{ .name = "auth", .type = CONF_SECTION, .offset = TOP(auth), .def = "", .section = auth_options,
	  .help = "Digest authentication." },
	{ .name = "registrar", .type = CONF_SECTION, .offset = TOP(registrar), .def = "", .section = registrar_options,
	  .help = "Registrations (RFC 3261 section 10)." },
	{ .name = "store", .type = CONF_ENUM, .offset = TOP(store), .def = "sqlite", .names = store_names, .needs_restart = true,
	  .help = "Where registrations are kept: sqlite is viaduct.db in server.state; memory forgets them at the end." },
	{ .name = "routes", .type = CONF_CUSTOM, .offset = TOP(routes), .def = "[]", .parse = rules_parse, .print = rules_print,
	  .help = "Rules in order; the first that matches decides: maps { name, match, ACTION } whose action is one of forward, redirect, reject, drop. The configuration guide has them in full." },
	{ .name = "timers", .type = CONF_SECTION, .offset = TOP(timers), .def = "", .section = proxy_timer_options,
	  .help = "Timers of RFC 3261." },
	{ .name = "limits", .type = CONF_SECTION, .offset = TOP(limits), .def = "", .section = proxy_limit_options,
	  .help = "Ceilings." },
	{ .name = "log", .type = CONF_SECTION, .offset = TOP(log), .def = "", .section = log_options,
	  .help = "The log." },
	{ .name = "trace", .type = CONF_SECTION, .offset = TOP(trace), .def = "", .section = trace_options,
	  .help = "What happened to each message, and why." },
	{ .name = "admin", .type = CONF_SECTION, .offset = TOP(admin), .def = "", .section = admin_options,
	  .help = "Metrics and health, over HTTP." },
	{ 0 },
};
/* clang-format on */

/* Checks that span options ------------------------------------------------- */

/* HOST or HOST:PORT into two: what a SIP URI has after "sip:", and no more. */
static bool split_name(struct arena *arena, struct str name,
		       struct proxy_conf *out)
{
	struct str text = arena_printf(arena, "sip:%.*s", STR_FMT(name));
	struct sip_uri uri;

	if (name.len == 0)
		return true;
	if (text.p == NULL || sip_uri_parse(text, &uri) != 0)
		return false;
	out->name_host = uri.host;
	out->name_port = uri.port;
	return !uri.has_user && uri.params.len == 0 && uri.headers.len == 0;
}

/* The value of an option, or the section that leaves it out. */
static const struct conf_place *place_of(const struct conf_node *root,
					 const char *section, const char *key)
{
	const struct conf_node *n = conf_get(root, section);
	const struct conf_node *value = conf_get(n, key);

	if (value != NULL)
		return &value->place;
	return n != NULL ? &n->place : NULL;
}

/* What goes into a header must stay in its line. */
static bool is_one_line(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool has_users(const struct conf_array *domains)
{
	const struct domain *d = domains->v;

	for (size_t i = 0; i < domains->n; i++)
		if (d[i].users_file.len != 0 &&
		    d[i].authenticate != AUTHENTICATE_NONE)
			return true;
	return false;
}

static void check(struct config *c, const struct conf_node *root,
		  struct conf_errors *errors)
{
	const struct settings *s = &c->settings;
	struct proxy_conf *p = &c->snapshot.proxy;

	if (!split_name(&c->arena, s->server.name, p))
		conf_error(errors, place_of(root, "server", "name"),
			   "server.name", "\"%.*s\" is no HOST or HOST:PORT",
			   STR_FMT(s->server.name));
	if (s->server.user.len != 0 && getpwnam(s->server.user.p) == NULL)
		conf_error(errors, place_of(root, "server", "user"),
			   "server.user", "there is no user \"%.*s\"",
			   STR_FMT(s->server.user));
	if (!is_one_line(s->server.header))
		conf_error(errors, place_of(root, "server", "header"),
			   "server.header", "holds a control character");
	if (s->timers.t2 < s->timers.t1)
		conf_error(errors, place_of(root, "timers", "t2"), "timers.t2",
			   "smaller than t1");
	if (rules_need_users(&s->routes) && !has_users(&s->domains))
		conf_error(errors, place_of(root, "routes", NULL), "routes",
			   "auth: required, and no domain has a users_file "
			   "and authenticates");
	c->is_socket_asked =
		conf_get(conf_get(root, "admin"), "socket") != NULL;
	admin_conf_check(&s->admin, conf_get(root, "admin"), errors);
	registrar_conf_check(&s->registrar, place_of(root, "registrar", NULL),
			     errors);
	proxy_conf_check(p, conf_get(root, "domains"), errors);
	tls_check_listeners(&s->listen, &s->tls, conf_get(root, "listen"),
			    errors);
}

static void warn_expired(const struct config *c, const char *path)
{
	const struct tls_entry *e = c->settings.tls.v;

	for (size_t i = 0; i < c->settings.tls.n; i++)
		if (tls_context_is_expired(e[i].context))
			log_warning(STR_NONE, "conf.warning",
				    KV_TEXT("file", path),
				    KV_STR("certificate", e[i].certificate),
				    KV_TEXT("why", "it has expired"));
}

/* Where some users lack what others have, all are offered less. */
static void warn_users(const struct domain *d, const struct auth_section *auth,
		       const char *path)
{
	for (size_t i = 0; d->users != NULL && i < auth->algorithms.n; i++) {
		enum auth_algorithm a = auth->algorithms.v[i];
		size_t n = users_without(d->users, a);

		if (n != 0)
			log_warning(
				STR_NONE, "conf.warning", KV_TEXT("file", path),
				KV_TEXT("users_file", d->users_file.p),
				KV_TEXT("algorithm", auth_algorithm_names[a]),
				KV_UINT("users_without", n),
				KV_TEXT("why", "what some users lack is "
					       "offered to none"));
	}
}

void config_warn(const struct config *c, const char *path)
{
	const struct domain *d = c->settings.domains.v;

	for (size_t i = 0; i < c->settings.domains.n; i++)
		warn_users(&d[i], &c->settings.auth, path);
	warn_expired(c, path);
	if (c->settings.timers.c <= TIMER_C_MIN_MS)
		log_warning(STR_NONE, "conf.warning", KV_TEXT("file", path),
			    KV_TEXT("option", "timers.c"),
			    KV_TEXT("why", "3m or less: RFC 3261 16.6 step 11 "
					   "wants more"));
	if (admin_conf_is_exposed(&c->settings.admin))
		log_warning(STR_NONE, "conf.warning", KV_TEXT("file", path),
			    KV_TEXT("option", "admin.http"),
			    KV_TEXT("why", "not an address of this machine "
					   "alone: whoever reaches it may "
					   "read"));
}

/* Making one --------------------------------------------------------------- */

static void config_free(struct snapshot *s)
{
	struct config *c = CONTAINER_OF(s, struct config, snapshot);

	tls_unload_all(&c->settings.tls);
	arena_fini(&c->arena);
	mem_free_all(c->mem);
	free(c);
}

static int config_new(struct config **out)
{
	struct config *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return VD_ENOMEM;
	if (mem_new(0, &c->mem) != 0) {
		free(c);
		return VD_ENOMEM;
	}
	arena_init(&c->arena, c->mem);
	atomic_init(&c->snapshot.refs, 1);
	c->snapshot.free = config_free;
	*out = c;
	return 0;
}

/* Up to `require` they run before there is a transaction: a challenge costs no
 * memory. */
enum { STEPS_STATELESS = 6 };

/* The steps of a request, in order; each is in the directory that owns it. */
static const struct proxy_step steps[] = {
	{"validate", step_validate}, {"preprocess", step_preprocess},
	{"self", step_self},         {"authenticate", step_authenticate},
	{"rules", step_rules},       {"require", step_require},
	{"register", step_register}, {"lookup", step_lookup},
	{"targets", step_targets},   {"forward", step_forward},
};

static void set_proxy_conf(struct config *c)
{
	struct proxy_conf *p = &c->snapshot.proxy;
	const struct settings *s = &c->settings;

	p->domains = s->domains;
	p->trust = s->trust.nets;
	p->trust_names = s->trust.names;
	p->timers = s->timers;
	p->limits = s->limits;
	p->record_route = s->server.record_route;
	p->server_header = s->server.header;
	p->steps = steps;
	p->n_steps = ARRAY_LEN(steps);
	p->n_stateless = STEPS_STATELESS;
	p->rules = &s->routes;
}

static int load_users_of(struct config *c, struct domain *d,
			 const struct conf_node *node,
			 struct conf_errors *errors)
{
	struct str key = arena_printf(&c->arena, "domains.%.*s.users_file",
				      STR_FMT(d->name));
	struct users_file file = {
		.path = d->users_file.p,
		.realm = d->realm,
		.named_by = conf_get(node, "users_file"),
		.key = key.p,
	};
	struct users *users = NULL;

	if (key.p == NULL ||
	    users_load(&file, &c->arena, errors, &users) == VD_ENOMEM)
		return VD_ENOMEM;
	d->users = users;
	return 0;
}

/* Their mistakes are among those of the run. */
static int load_users(struct config *c, const struct conf_node *domains,
		      struct conf_errors *errors)
{
	struct domain *d = c->settings.domains.v;
	int err = 0;

	for (size_t i = 0; i < c->settings.domains.n && err == 0; i++) {
		if (d[i].realm.len == 0)
			d[i].realm = d[i].name;
		if (d[i].users_file.len != 0)
			err = load_users_of(c, &d[i], domains->items[i],
					    errors);
	}
	return err;
}

/* What only opening shows: the hosts file. */
static void try_resolver(const struct config *c, const struct conf_node *root,
			 struct conf_errors *errors)
{
	struct resolver_conf conf;
	struct resolver *r = NULL;
	struct loop *loop = NULL;
	static struct stats stats;
	char why[256];
	int err;

	if (loop_new(&loop) != 0)
		return;
	resolver_conf_from(&c->settings.resolver, 1, &conf);
	err = resolver_new(loop, c->mem, &stats, &conf, &r, why);
	if (err != 0)
		conf_error(errors, place_of(root, "resolver", "hosts_file"),
			   conf.hosts_file != NULL ? "resolver.hosts_file"
						   : "resolver",
			   "%s", why);
	else
		resolver_free(r);
	loop_free(loop);
}

static int fill(struct config *c, const struct conf_tree *tree,
		struct conf_errors *errors)
{
	const struct conf_node *root = conf_tree_root(tree);
	struct settings *s = &c->settings;
	int err;

	err = conf_fill(config_options, root, "", &c->arena, errors, s);
	if (err == VD_ENOMEM)
		return err;
	if (s->routes.n == 0)
		err = rules_default(&c->arena, &s->routes);
	if (err == VD_ENOMEM)
		return err;
	err = load_users(c, conf_get(root, "domains"), errors);
	if (err == 0)
		err = tls_load_all(&s->tls, conf_get(root, "tls"), errors);
	if (err == VD_ENOMEM)
		return err;
	set_proxy_conf(c);
	check(c, root, errors);
	try_resolver(c, root, errors);
	return conf_errors_count(errors) == 0 ? 0 : VD_EINVAL;
}

static void report_no_memory(const char *path, bool to_log)
{
	if (to_log)
		log_error(STR_NONE, "conf.error", KV_TEXT("file", path),
			  KV_TEXT("what", "no memory"));
	else
		fprintf(stderr, "viaductd: %s: no memory\n", path);
}

static void report(const struct conf_errors *errors, bool to_log)
{
	for (size_t i = 0; i < conf_errors_count(errors); i++) {
		if (to_log)
			log_error(STR_NONE, "conf.error",
				  KV_TEXT("what", conf_errors_text(errors, i)));
		else
			fprintf(stderr, "%s\n", conf_errors_text(errors, i));
	}
}

int config_load(const char *path, bool to_log, struct config **out)
{
	struct conf_errors *errors = NULL;
	struct conf_tree *tree = NULL;
	struct config *c = NULL;
	int err;

	err = config_new(&c);
	if (err == 0)
		err = conf_errors_new(&errors);
	if (err == 0)
		err = conf_tree_load(path, errors, &tree);
	if (err == 0)
		err = fill(c, tree, errors);
	if (errors != NULL)
		report(errors, to_log);
	if (err == VD_ENOMEM)
		report_no_memory(path, to_log);
	conf_tree_free(tree);
	conf_errors_free(errors);
	if (err != 0) {
		if (c != NULL)
			snapshot_unref(&c->snapshot);
		return err;
	}
	*out = c;
	return 0;
}

static bool knows_user(const struct domain *d, struct str user,
		       struct str *name)
{
	const struct user *u = users_find(d->users, user);

	if (u != NULL)
		*name = u->name;
	return u != NULL;
}

void config_attach(struct config *c, struct auth *auth,
		   struct location *location, const uint8_t *gruu_key)
{
	const struct auth_failure_limits *f = &c->settings.limits.auth_failures;

	c->auth.auth = auth;
	auth_conf_from(&c->settings.auth, &c->auth.conf);
	c->auth.conf.failures = f->count;
	c->auth.conf.within = f->within;
	c->auth.conf.ban = f->ban;
	c->auth.conf.third_party = c->settings.registrar.third_party;
	location_limit(location, c->settings.limits.registrations);
	c->registrar.location = location;
	c->registrar.gruu_key = gruu_key;
	c->registrar.conf = c->settings.registrar;
	c->registrar.knows_user = knows_user;
	c->snapshot.proxy.auth = &c->auth;
	c->snapshot.proxy.registrar = &c->registrar;
}

void config_store(const struct config *c, struct store_conf *out)
{
	*out = (struct store_conf){
		.kind = (enum store_kind)c->settings.store,
		.dir = c->settings.server.state.p,
		.is_full = c->settings.registrar.synchronous == 1,
	};
}

/* Reading one -------------------------------------------------------------- */

unsigned config_n_workers(const struct config *c)
{
	long n = c->settings.server.workers;

	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	return n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

void config_transport_limits(const struct config *c,
			     struct transport_limits *out)
{
	const struct proxy_limits *l = &c->settings.limits;

	*out = (struct transport_limits){
		.connections = l->connections,
		.connections_per_source = l->connections_per_source,
		.message_size = l->message_size,
		.output_queue = l->output_queue,
		.idle_timeout_ms = l->idle_timeout,
		.message_timeout_ms = l->message_timeout,
		.handshake_timeout_ms = l->handshake_timeout,
	};
}

void config_log(const struct config *c, struct log_conf *out)
{
	*out = (struct log_conf){
		.level = (enum log_level)c->settings.log.level,
		.format = (enum log_format)c->settings.log.format,
		.to = c->settings.log.to.p,
		.trace = (enum trace_level)c->settings.trace.level,
	};
}

static void log_restart(void *arg, const char *path)
{
	(void)arg;
	log_warning(STR_NONE, "reload.restart_needed", KV_TEXT("option", path));
}

void config_keep_name(struct config *next, const struct config *running)
{
	struct proxy_conf *p = &next->snapshot.proxy;

	p->name_host = running->snapshot.proxy.name_host;
	p->name_port = running->snapshot.proxy.name_port;
}

void config_log_restarts(const struct config *running,
			 const struct config *next)
{
	conf_diff_restart(config_options, &running->settings, &next->settings,
			  log_restart, NULL);
}
