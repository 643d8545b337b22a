/* The configuration as a whole: defaults, what a single
 * option cannot see, what becomes of it. */
#include "config_test.h"

#define assert_str(s, z)                                                       \
	do {                                                                   \
		assert_int_equal((s).len, strlen(z));                          \
		assert_memory_equal((s).p, (z), (s).len);                      \
	} while (0)

static void defaults_are_those_of_the_manual(void **state)
{
	struct config *c = config_good(LISTEN);
	const struct settings *s = &c->settings;
	const struct proxy_limits *l = &s->limits;

	(void)state;
	assert_str(s->server.name, "");
	assert_int_equal(s->server.workers, 0); /* auto */
	assert_str(s->server.user, "");
	assert_str(s->server.state, VIADUCT_STATEDIR);
	assert_str(s->server.secret, "");
	assert_int_equal(s->server.drain, 30000);
	assert_true(s->server.record_route);
	assert_str(s->server.header, "");

	assert_int_equal(s->resolver.servers.n, 0);
	assert_str(s->resolver.hosts_file, "");
	assert_int_equal(s->resolver.timeout, 2000);
	assert_int_equal(s->resolver.search_timeout, 5000);
	assert_int_equal(s->resolver.in_flight, 10000);
	assert_int_equal(s->resolver.cache, 10000);
	assert_int_equal(s->domains.n, 0);
	assert_int_equal(s->trust.nets.n, 0);
	assert_int_equal(s->routes.n, 4); /* built in */

	assert_int_equal(s->timers.t1, 500);
	assert_int_equal(s->timers.t2, 4000);
	assert_int_equal(s->timers.t4, 5000);
	assert_int_equal(s->timers.b, 0); /* 64*t1: 32 s */
	assert_int_equal(s->timers.c, 185000);

	assert_int_equal(l->transactions, 100000);
	assert_int_equal(l->connections, 50000);
	assert_int_equal(l->connections_per_source, 1000);
	assert_int_equal(l->requests_per_second_per_source, 0);
	assert_int_equal(l->message_size, 64 << 10);
	assert_int_equal(l->headers, 256);
	assert_int_equal(l->vias, 70);
	assert_int_equal(l->uri_size, 2 << 10);
	assert_int_equal(l->max_branches, 20);
	assert_int_equal(l->max_breadth, 60);
	assert_int_equal(l->idle_timeout, 600000);
	assert_int_equal(l->message_timeout, 10000);
	assert_int_equal(l->output_queue, 256 << 10);
	assert_int_equal(l->memory, 0);

	assert_int_equal(s->log.level, LOG_INFO);
	assert_int_equal(s->log.format, LOG_FORMAT_TEXT);
	assert_str(s->log.to, "stderr");
	assert_int_equal(s->trace.level, TRACE_OFF);
	config_unref(c);
}

static void ipv6_is_preferred_by_default(void **state)
{
	struct config *c = config_good(LISTEN);
	struct resolver_conf r;

	(void)state;
	resolver_conf_from(&c->settings.resolver, 1, &r);
	assert_int_equal(r.families[0], AF_INET6);
	assert_int_equal(r.families[1], AF_INET);
	config_unref(c);
}

static void a_name_is_a_host_with_or_without_a_port(void **state)
{
	static const struct {
		const char *name, *host;
		uint16_t port;
	} rows[] = {
		{"", "", 0},
		{"sip.biloxi.com", "sip.biloxi.com", 0},
		{"sip.biloxi.com:5070", "sip.biloxi.com", 5070},
		{"biloxi", "biloxi", 0},
		{"192.0.2.4", "192.0.2.4", 0},
		{"192.0.2.4:65535", "192.0.2.4", 65535},
		{"[2001:db8::4]", "[2001:db8::4]", 0},
		{"[2001:db8::4]:5070", "[2001:db8::4]", 5070},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c;
		char yaml[256];

		snprintf(yaml, sizeof(yaml), LISTEN "server: { name: \"%s\" }",
			 rows[i].name);
		c = config_good(yaml);
		assert_str(c->snapshot.proxy.name_host, rows[i].host);
		assert_int_equal(c->snapshot.proxy.name_port, rows[i].port);
		config_unref(c);
	}
}

/* It goes into every Via: nothing else may. */
static void any_other_name_is_a_mistake(void **state)
{
	static const char *const names[] = {
		":5060",        "h:",      "h:0",       "h:65536",
		"h:x",          "h:5060x", "h:5060:1",  "2001:db8::4",
		"[2001:db8::4", "[h]",     "[]",        "[2001:db8::4]x",
		"a b",          "a;b",     "a>b",       "a,b",
		"sip:h",        "u@h",     "h?x=y",     "a\\r\\nb",
		"a\\0b",        "h/x",     "h:5060;lr", " h",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct config *c;
		char yaml[256];

		snprintf(yaml, sizeof(yaml), LISTEN "server: { name: \"%s\" }",
			 names[i]);
		if (config_read(yaml, &c) != VD_EINVAL)
			fail_msg("accepted: %s", names[i]);
		if (strstr(config_said, ":2:17: server.name: ") == NULL)
			fail_msg("%s: %s", names[i], config_said);
	}
}

/* clang-format off */
static const struct {
	const char *yaml, *said; /* after the file's name; LISTEN is line 1 */
} mistakes[] = {
	{ LISTEN "timers: { t1: 5s, t2: 4s }", ":2:23: timers.t2: smaller than t1\n" },
	{ LISTEN "timers: { t1: 5s }", ":2:9: timers.t2: smaller than t1\n" },
	{ LISTEN "log: { to: \"\" }", ":2:12: log.to: is empty; stderr, syslog or a path\n" },
	{ LISTEN "log: { to: [ a, b ] }", ":2:12: log.to: is a list; stderr, syslog or a path\n" },
	{ LISTEN "log: { to: \"${NO_SUCH_VARIABLE}\" }", ":2:12: log.to: ${NO_SUCH_VARIABLE} is not set; " },
	{ LISTEN "timers: { t1: 1s, t2: 5 }", ":2:23: timers.t2: 5 has no unit; " },
	{ LISTEN "registrar: { max_expires: 5 }", ":2:27: registrar.max_expires: 5 has no unit; " },
	{ LISTEN "server: { state: \"\" }", ":2:18: server.state: is empty; a path\n" },
	{ LISTEN "server: { user: no-such-user }", ":2:17: server.user: there is no user \"no-such-user\"\n" },
	{ LISTEN "server: { header: \"a\\r\\nb\" }", ":2:19: server.header: holds a control character\n" },
	{ LISTEN "domains: { a.test: {} }", ":2:12: domains.a.test: nobody could register; name a users_file, or write `authenticate: none` or `registrar: false`\n" },
	{ LISTEN "domains:\n  a.test: { registrar: false, service_route: [ \"sip:a.test;lr\", \"sip:a.test\" ] }", ":3:65: domains.a.test.service_route: \"sip:a.test\" is no sip URI with ;lr; such as sip:edge.example.com;lr\n" },
	{ LISTEN "domains:\n  a.test: { registrar: false, service_route: \"sip:a;lr?x=>\" }", ":3:46: domains.a.test.service_route: " },
	{ LISTEN "domains: { a.test: { authenticate: none } }\nroutes: [ { auth: required, forward: request-uri } ]", ":3:9: routes: auth: required, and no domain has a users_file and authenticates\n" },
	{ LISTEN "domains: { \"a test\": { authenticate: none } }", ":2:12: domains.a test: \"a test\" is no host; a name such as biloxi.com, without a port\n" },
	{ LISTEN "domains: { a.test: { authenticate: none, aliases: [ b.test, \"c.test:5060\" ] } }", ":2:61: domains.a.test.aliases: \"c.test:5060\" is no host; " },
	{ LISTEN "domains: { a.test: { registrar: false, realm: \"a\\\"b\" } }", ":2:47: domains.a.test.realm: holds a quote, a backslash or a control character; text without them\n" },
	{ LISTEN "domains: { a.test: { users_file: /nonexistent/users.yaml } }", ":2:34: domains.a.test.users_file: /nonexistent/users.yaml: No such file or directory\n" },
	{ LISTEN "domains: { a.test: { users_file: / } }", ":2:34: domains.a.test.users_file: /: is a directory; a file is needed\n" },
	{ LISTEN "registrar: { min_expires: 2h, max_expires: 1h }", "registrar" },
	{ LISTEN "domains:\n  a.test: { registrar: false, authenticate: none, aliases: [ b.test ] }\n  B.test: { registrar: false, authenticate: none }\n", ":4:3: domains.B.test: B.test is a name of a.test already\n" },
	{ LISTEN "domains:\n  a.test: { registrar: false, authenticate: none }\n  b.test: { registrar: false, authenticate: none, aliases: A.TEST }\n", ":4:60: domains.b.test.aliases: A.TEST is a name of a.test already\n" },
	{ LISTEN "server: { workers: 65 }", ":2:20: server.workers: " },
	{ LISTEN "server: { workers: many }", ":2:20: server.workers: " },
	{ LISTEN "trust: [ 10.0.0.1/8 ]", ":2:10: trust[0]: \"10.0.0.1/8\" is no address or network and no tls:NAME; such as 192.0.2.4 or 192.0.2.0/24\n" },
	{ LISTEN "trust: [ \"tls:\" ]", ":2:10: trust[0]: \"tls:\" names no host; such as tls:proxy.atlanta.com\n" },
	{ LISTEN "trust: [ \"tls:*.a.test\" ]", ":2:10: trust[0]: \"tls:*.a.test\" names no host; such as tls:proxy.atlanta.com\n" },
	{ LISTEN "resolver: { hosts_file: /nonexistent/hosts }", ":2:25: resolver.hosts_file: /nonexistent/hosts: No such file or directory\n" },
	{ "server: {}", "listen: " },
	{ "listen: [ { url: \"udp://127.0.0.1\", advertise: \"a b\" } ]", ":1:11: listen[0]: advertise: \"a b\" is no HOST or HOST:PORT\n" },
	{ "listen: [ { url: \"udp://127.0.0.1\", advertise: \"a:0\" } ]", "is no HOST or HOST:PORT\n" },
	{ "listen: [ { url: \"udp://127.0.0.1\", advertise: \"a:\" } ]", "is no HOST or HOST:PORT\n" },
	{ "listen: [ { url: \"udp://127.0.0.1\", advertise: \":5060\" } ]", "is no HOST or HOST:PORT\n" },
	{ "listen: [ { url: \"udp://127.0.0.1\", advertise: \"2001:db8::4\" } ]", "is no HOST or HOST:PORT\n" },
	{ "listen: [ { url: \"udp://127.0.0.1\", advertise: \"a>b\\r\\nc\" } ]", "is no HOST or HOST:PORT\n" },
	{ "listen: [ \"wws://127.0.0.1\" ]", ":1:11: listen[0]: no transport \"wws\"; udp, tcp, tls, ws or wss (did you mean \"ws\")\n" },
	{ "listen: [ \"ws://127.0.0.1/path\" ]", ":1:11: listen[0]: \"127.0.0.1/path\" is no address with a port; " },
	{ "listen: [ \"wss://127.0.0.1\" ]", ":1:11: listen[0]: wss://127.0.0.1 needs `tls`, " },
	{ "listen: [ { url: \"tcp://127.0.0.1\", origins: \"https://a.test\" } ]", ":1:11: listen[0]: tcp://127.0.0.1 is no WebSocket, and has `origins`\n" },
	{ "listen: [ { url: \"ws://127.0.0.1\", origins: [ \"https://a.test:8443\", \"a.test\" ] } ]", ":1:11: listen[0]: origins: \"a.test\" is no origin; such as https://phone.example.com\n" },
	{ "listen: [ { url: \"ws://127.0.0.1\", origins: \"https://a.test/\" } ]", "is no origin" },
	{ "listen: [ { url: \"ws://127.0.0.1\", origins: \"https://*.test\" } ]", "is no origin" },
	{ "listen: [ { url: \"ws://127.0.0.1\", origins: \"https://\" } ]", "is no origin" },
	{ "listen: [ { url: \"ws://127.0.0.1\", origins: \"://a.test\" } ]", "is no origin" },
	{ LISTEN "srever: {}", ":2:1: srever: unknown key; server, listen, tls, resolver, domains, trust, auth, registrar, store, routes, timers, limits, log, trace or admin (did you mean \"server\")\n" },
};
/* clang-format on */

static void mistakes_across_options_name_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		struct config *c = (struct config *)&mistakes;

		if (config_read(mistakes[i].yaml, &c) != VD_EINVAL)
			fail_msg("accepted: %s", mistakes[i].yaml);
		if (strstr(config_said, mistakes[i].said) == NULL)
			fail_msg("not \"%s\" but: %s", mistakes[i].said,
				 config_said);
		assert_int_equal(strchr(config_said, '\n')[1], 0);
		assert_ptr_equal(c, &mistakes); /* left alone */
	}
}

static void all_mistakes_are_told_in_one_run(void **state)
{
	struct config *c;
	int n = 0;

	(void)state;
	assert_int_equal(config_read("timers: { t1: 5s, t2: 4s, t4: 5 }\n"
				     "server: { name: \"a b\" }\n"
				     "routes: [ { reject: 1 } ]\n"
				     "trust: x\n"
				     "resolver: { hosts_file: /nonexistent }\n"
				     "domains: { a.test: { users_file: /none } "
				     "}\n",
				     &c),
			 VD_EINVAL);
	for (const char *p = config_said; *p != '\0'; p++)
		n += *p == '\n';
	assert_int_equal(n, 8); /* and listen is missing */
}

static void what_is_no_listener_is_not_there_twice(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(
		config_read("listen: [ \"udp://a\", \"udp://b\" ]\n", &c),
		VD_EINVAL);
	assert_null(strstr(config_said, "already"));
	assert_non_null(strstr(config_said, ":1:22: listen[1]: \"b\" is no "));
}

static void a_domain_may_be_an_address(void **state)
{
	struct config *c = config_good(
		LISTEN "domains: { 192.0.2.4: { registrar: false, aliases: [ "
		       "\"2001:db8::4\", \"[2001:db8::5]\", a_b.test. ] } }\n"
		       "trust: [ \"tls:2001:db8::4\" ]\n"
		       "routes: [ { drop: true, match: { to.domain: "
		       "[ \"2001:db8::4\", 192.0.2.4, \"*.a.test\" ] } } ]");

	(void)state;
	config_unref(c);
}

/* Next to the file that names it, wherever the daemon was started. */
static void a_log_file_is_relative_to_the_configuration(void **state)
{
	struct config *c = config_good(LISTEN "log: { to: log/v.log }");

	(void)state;
	assert_str(c->settings.log.to, "/tmp/log/v.log");
	config_unref(c);
}

static void what_is_no_yaml_and_what_is_not_there_is_told(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(config_read("listen: [", &c), VD_EINVAL);
	assert_string_not_equal(config_said, "");
	log_begin();
	assert_int_equal(config_load("/nonexistent/v.yaml", true, &c),
			 VD_EINVAL);
	log_end();
	assert_non_null(strstr(log_text, "/nonexistent/v.yaml"));
}

static void the_settings_reach_those_who_use_them(void **state)
{
	struct config *c = config_good(
		LISTEN
		"server: { workers: 3, header: H, record_route: false }\n"
		"domains: { a.test: { authenticate: none, "
		"registrar: false } }\n"
		"trust: [ 192.0.2.0/24, \"2001:db8::/32\" ]\n"
		"timers: { t1: 100ms, b: 7s }\n"
		"limits: { connections: 5, connections_per_source: 4, "
		"message_size: 8KiB, output_queue: 16KiB, "
		"idle_timeout: 3m, message_timeout: 2s, "
		"headers: 20, vias: 9, uri_size: 100 }\n"
		"log: { level: debug, format: json, to: syslog }\n"
		"trace: { level: headers }\n");
	const struct proxy_conf *p = &c->snapshot.proxy;
	struct transport_limits l;
	struct log_conf log;

	(void)state;
	assert_int_equal(config_n_workers(c), 3);
	assert_int_equal(p->domains.n, 1);
	assert_int_equal(p->trust.n, 2);
	assert_str(p->server_header, "H");
	assert_false(p->record_route);
	assert_int_equal(p->timers.t1, 100);
	assert_int_equal(p->timers.b, 7000);
	assert_int_equal(p->limits.headers, 20);
	assert_ptr_equal(p->rules, &c->settings.routes);
	assert_int_equal(p->n_steps, 10);

	config_transport_limits(c, &l);
	assert_int_equal(l.connections, 5);
	assert_int_equal(l.connections_per_source, 4);
	assert_int_equal(l.message_size, 8 << 10);
	assert_int_equal(l.output_queue, 16 << 10);
	assert_int_equal(l.idle_timeout_ms, 180000);
	assert_int_equal(l.message_timeout_ms, 2000);

	config_log(c, &log);
	assert_int_equal(log.level, LOG_DEBUG);
	assert_int_equal(log.format, LOG_FORMAT_JSON);
	assert_string_equal(log.to, "syslog");
	assert_int_equal(log.trace, TRACE_HEADERS);
	config_unref(c);
}

static void workers_auto_is_the_number_of_processors(void **state)
{
	struct config *c = config_good(LISTEN "server: { workers: auto }");
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	(void)state;
	assert_int_equal(config_n_workers(c), n > 64 ? 64 : n);
	config_unref(c);
}

/* RFC 3261 section 16.6 step 11: "more than 3 minutes". */
static void a_short_timer_c_is_a_warning(void **state)
{
	static const struct {
		const char *yaml;
		bool is_warned;
	} rows[] = {
		{LISTEN "timers: { c: 3m }", true},
		{LISTEN "timers: { c: 1s }", true},
		{LISTEN "timers: { c: 180001ms }", false},
		{LISTEN, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c = config_good(rows[i].yaml);

		log_begin();
		config_warn(c, "v.yaml");
		log_end();
		config_unref(c);
		assert_int_equal(strstr(log_text, "option=timers.c") != NULL,
				 rows[i].is_warned);
	}
}

static void a_reload_says_what_needs_a_restart(void **state)
{
	static const char *const options[] = {
		"server.name",  "server.workers", "server.user",
		"server.state", "server.secret",  "listen",
	};
	struct config *a = config_good(LISTEN "server: { workers: 1 }");
	struct config *b = config_good(
		"listen: \"udp://127.0.0.1:5070\"\n"
		"server: { workers: 2, user: nobody, state: /x, secret: y, "
		"drain: 1s, name: z, header: h, record_route: false }\n"
		"timers: { t1: 100ms }\n");

	(void)state;
	log_begin();
	config_log_restarts(a, b);
	log_end();
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		char text[64];

		snprintf(text, sizeof(text), "option=%s\n", options[i]);
		assert_non_null(strstr(log_text, text));
	}
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		*strstr(log_text, "restart_needed") = 'x';
	assert_null(strstr(log_text, "restart_needed"));
	config_unref(a);
	config_unref(b);
}

static void mistakes_of_a_reload_go_to_the_log(void **state)
{
	struct config *c;

	(void)state;
	config_write("listen: x\n");
	log_begin();
	assert_int_equal(config_load(config_path, true, &c), VD_EINVAL);
	log_end();
	unlink(config_path);
	assert_non_null(strstr(log_text, "error conf.error what="));
	assert_non_null(strstr(log_text, ":1:9: listen[0]: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(ipv6_is_preferred_by_default),
		cmocka_unit_test(a_name_is_a_host_with_or_without_a_port),
		cmocka_unit_test(any_other_name_is_a_mistake),
		cmocka_unit_test(mistakes_across_options_name_their_place),
		cmocka_unit_test(all_mistakes_are_told_in_one_run),
		cmocka_unit_test(what_is_no_listener_is_not_there_twice),
		cmocka_unit_test(a_domain_may_be_an_address),
		cmocka_unit_test(a_log_file_is_relative_to_the_configuration),
		cmocka_unit_test(what_is_no_yaml_and_what_is_not_there_is_told),
		cmocka_unit_test(the_settings_reach_those_who_use_them),
		cmocka_unit_test(workers_auto_is_the_number_of_processors),
		cmocka_unit_test(a_short_timer_c_is_a_warning),
		cmocka_unit_test(a_reload_says_what_needs_a_restart),
		cmocka_unit_test(mistakes_of_a_reload_go_to_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
