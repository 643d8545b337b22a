#include "viaduct/transport/conf.h"

static const char *const scheme_names[] = {"udp", "tcp", "tls",
					   "ws",  "wss", NULL};

enum { TLS_NAMES_MAX = 64 };

struct listener_map {
	struct str url, advertise;
	struct conf_array tls, origins;
};

/* clang-format off */
static const struct conf_option listener_options[] = {
	{ .name = "url", .type = CONF_TEXT, .offset = offsetof(struct listener_map, url),
	  .help = "udp://, tcp://, tls://, ws:// or wss:// with ADDRESS:PORT; the port defaults to 5060, for TLS to 5061, for WebSocket to 80 and 443." },
	{ .name = "tls", .type = CONF_LIST_OF, .offset = offsetof(struct listener_map, tls), .def = "",
	  .help = "tls:// and wss://: the entry of `tls` to use, or several: the first whose certificate is for the name that a client asks for (SNI), else the first." },
	{ .name = "advertise", .type = CONF_TEXT, .offset = offsetof(struct listener_map, advertise), .def = "",
	  .help = "HOST or HOST:PORT for Via and Record-Route instead of the socket's address." },
	{ .name = "origins", .type = CONF_LIST_OF, .offset = offsetof(struct listener_map, origins), .def = "",
	  .help = "ws:// and wss://: web pages whose scripts may connect, as browsers name them: https://phone.example.com, with a port unless it is the scheme's own. Empty: all. A client that is no browser sends no Origin and may always connect." },
	{ 0 },
};
/* clang-format on */

static enum sip_transport
parse_scheme(struct conf_run *run, const struct conf_node *n, struct str scheme)
{
	for (size_t i = 0; scheme_names[i] != NULL; i++)
		if (str_eq(scheme, str_from(scheme_names[i])))
			return sip_transport_parse(scheme);
	conf_run_error(
		run, n, "no transport \"%.*s\"; udp, tcp, tls, ws or wss%s",
		STR_FMT(scheme), conf_run_suggest(run, scheme, scheme_names));
	return SIP_UDP;
}

static void parse_url(struct conf_run *run, const struct conf_node *n,
		      struct str url, struct listener_conf *out)
{
	size_t colon = str_find(url, ':');
	struct str scheme = {url.p, colon};
	struct str rest = str_skip(url, colon);

	out->url = url;
	if (!str_starts(rest, STR("://"))) {
		conf_run_error(run, n,
			       "\"%.*s\" is no URL; such as "
			       "udp://192.0.2.4:5060",
			       STR_FMT(url));
		return;
	}
	out->transport = parse_scheme(run, n, scheme);
	if (addr_parse_hostport(str_skip(rest, 3),
				sip_transport_port(out->transport),
				&out->addr) != 0)
		conf_run_error(run, n,
			       "\"%.*s\" is no address with a port; such as "
			       "192.0.2.4:5060 or [2001:db8::4]:5060",
			       STR_FMT(str_skip(rest, 3)));
}

static void parse_tls(struct conf_run *run, const struct conf_node *n,
		      const struct conf_array *names, struct listener_conf *out)
{
	bool is_tls = sip_transport_is_tls(out->transport);

	out->tls = *names;
	if (out->addr.sa.sa_family == AF_UNSPEC)
		return; /* the URL is wrong */
	if (is_tls && (names->n == 0 || names->n > TLS_NAMES_MAX))
		conf_run_error(run, n,
			       "%.*s needs `tls`, the name of an entry of "
			       "`tls`, or up to %d of them",
			       STR_FMT(out->url), TLS_NAMES_MAX);
	else if (!is_tls && names->n > 0)
		conf_run_error(run, n, "%.*s is not TLS, and has `tls`",
			       STR_FMT(out->url));
}

/* SCHEME://HOST[:PORT] or null, as a browser writes it (RFC 6454 section 6.1):
 * anything else would never match. */
static bool is_origin(struct str s)
{
	size_t colon = str_find(s, ':');
	struct str host = str_skip(s, colon);

	if (str_eq(s, STR("null")))
		return true;
	if (colon == 0 || !str_starts(host, STR("://")) || host.len == 3)
		return false;
	host = str_skip(host, 3);
	for (size_t i = 0; i < host.len; i++)
		if (host.p[i] <= ' ' || strchr("/*?#@", host.p[i]) != NULL)
			return false;
	return true;
}

static void parse_origins(struct conf_run *run, const struct conf_node *n,
			  const struct conf_array *origins,
			  struct listener_conf *out)
{
	const struct str *all = origins->v;

	out->origins = *origins;
	if (out->addr.sa.sa_family == AF_UNSPEC)
		return; /* the URL is wrong */
	if (origins->n > 0 && !sip_transport_is_websocket(out->transport))
		conf_run_error(run, n,
			       "%.*s is no WebSocket, and has `origins`",
			       STR_FMT(out->url));
	for (size_t i = 0; i < origins->n; i++)
		if (!is_origin(all[i]))
			conf_run_error(
				run, n,
				"origins: \"%.*s\" is no origin; such as "
				"https://phone.example.com",
				STR_FMT(all[i]));
}

/* A host with or without a port; an IPv6 address keeps its brackets. */
static void parse_advertise(struct conf_run *run, const struct conf_node *n,
			    struct str text, struct listener_conf *out)
{
	size_t bracket =
		text.len > 0 && text.p[0] == '[' ? str_find(text, ']') : 0;
	struct str tail = str_skip(text, bracket);
	size_t colon = bracket + str_find(tail, ':');
	bool has_port = colon < text.len;
	uint32_t port = 0;

	out->advertise_host = (struct str){text.p, colon};
	if (has_port &&
	    str_to_u32(str_skip(text, colon + 1), 65535, &port) != 0)
		port = 0;
	out->advertise_port = (uint16_t)port;
	if (!sip_is_host(out->advertise_host) || has_port != (port > 0))
		conf_run_error(run, n,
			       "advertise: \"%.*s\" is no HOST or HOST:PORT",
			       STR_FMT(text));
}

static void parse_listener(struct conf_run *run, const struct conf_node *n,
			   struct listener_conf *out)
{
	struct listener_map m = {0};

	if (n->kind == CONF_MAP)
		conf_run_fill(run, listener_options, n, &m);
	else if (!conf_run_text(run, n, &m.url))
		return;
	if (m.url.p != NULL)
		parse_url(run, n, m.url, out);
	parse_tls(run, n, &m.tls, out);
	parse_origins(run, n, &m.origins, out);
	if (m.advertise.len != 0)
		parse_advertise(run, n, m.advertise, out);
}

static void check_twice(struct conf_run *run, const struct conf_node *n,
			const struct listener_conf *all, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (all[j].transport == all[i].transport &&
		    all[i].addr.sa.sa_family != AF_UNSPEC &&
		    addr_eq(&all[j].addr, &all[i].addr))
			conf_run_error(run, n, "%.*s is there already",
				       STR_FMT(all[i].url));
}

void listeners_parse(struct conf_run *run, const struct conf_node *n,
		     void *field)
{
	struct conf_array *out = field;
	size_t count = n->kind == CONF_LIST ? n->n : 1;
	struct listener_conf *all;

	all = arena_zalloc(conf_run_arena(run), (count + 1) * sizeof(*all));
	if (all == NULL) {
		conf_run_no_memory(run);
		return;
	}
	if (count == 0 || count > 64)
		conf_run_error(run, n, "%zu listeners; 1 to 64", count);
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item =
			n->kind == CONF_LIST ? n->items[i] : n;

		conf_run_enter_index(run, i);
		parse_listener(run, item, &all[i]);
		check_twice(run, item, all, i);
		conf_run_leave(run);
	}
	out->v = all;
	out->n = count;
}

static void print_list(FILE *to, const char *key, const struct conf_array *list)
{
	const struct str *all = list->v;

	for (size_t i = 0; i < list->n; i++) {
		if (i == 0)
			fprintf(to, ", %s: [ ", key);
		else
			fputs(", ", to);
		conf_print_str(to, all[i]);
	}
	fputs(list->n > 0 ? " ]" : "", to);
}

void listeners_print(FILE *to, const void *field)
{
	const struct conf_array *a = field;
	const struct listener_conf *all = a->v;

	fputc('[', to);
	for (size_t i = 0; i < a->n; i++) {
		const struct listener_conf *l = &all[i];

		fprintf(to, "%s{ url: \"%.*s\"", i == 0 ? " " : ", ",
			STR_FMT(l->url));
		if (l->advertise_host.len != 0) {
			fprintf(to, ", advertise: \"%.*s",
				STR_FMT(l->advertise_host));
			if (l->advertise_port != 0)
				fprintf(to, ":%u", l->advertise_port);
			fputc('"', to);
		}
		print_list(to, "tls", &l->tls);
		print_list(to, "origins", &l->origins);
		fputs(" }", to);
	}
	fputs(a->n == 0 ? "]" : " ]", to);
}
