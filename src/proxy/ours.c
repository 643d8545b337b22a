/* What is ours: addresses, names, domains. */
#include "proxy/proxy_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/put.h"

static bool domain_matches(const struct domain *d, struct str host)
{
	const struct str *aliases = d->aliases.v;

	if (sip_host_eq(d->name, host))
		return true;
	for (size_t i = 0; i < d->aliases.n; i++)
		if (sip_host_eq(aliases[i], host))
			return true;
	return false;
}

static const struct domain *find_domain(const struct proxy_conf *c,
					struct str host)
{
	const struct domain *d = c->domains.v;

	for (size_t i = 0; i < c->domains.n; i++)
		if (domain_matches(&d[i], host))
			return &d[i];
	return NULL;
}

bool ours_is_domain(const struct proxy_conf *c, struct str host)
{
	return find_domain(c, host) != NULL;
}

const struct domain *request_domain(const struct request *r, struct str host)
{
	const struct domain *d = find_domain(r->conf, host);

	if (d == NULL && r->conf->domains.n > 0)
		d = r->conf->domains.v; /* a listener's own address */
	return d;
}

static uint16_t port_of(const struct listener_conf *l)
{
	return addr_port(&l->addr);
}

/* Some listener has this port (0: the default of its transport). */
static bool is_a_port(struct transport_set *s, uint16_t port)
{
	for (unsigned i = 0; i < transport_n_listeners(s); i++) {
		const struct listener_conf *l = transport_listener(s, i);

		if (port_of(l) == port)
			return true;
	}
	return false;
}

bool ours_has_tls(struct transport_set *s)
{
	for (unsigned i = 0; i < transport_n_listeners(s); i++)
		if (sip_transport_is_tls(transport_listener(s, i)->transport))
			return true;
	return false;
}

static bool is_advertised(struct transport_set *s, struct str host,
			  uint16_t port)
{
	for (unsigned i = 0; i < transport_n_listeners(s); i++) {
		const struct listener_conf *l = transport_listener(s, i);
		uint16_t want = l->advertise_port != 0
					? l->advertise_port
					: sip_transport_port(l->transport);

		if (l->advertise_host.len != 0 &&
		    sip_host_eq(l->advertise_host, host) &&
		    (port == want ||
		     (port == 0 && want == sip_transport_port(l->transport))))
			return true;
	}
	return false;
}

static bool is_our_name(struct transport_set *s, const struct proxy_conf *c,
			struct str host, uint16_t port)
{
	if (c->name_host.len == 0 || !sip_host_eq(c->name_host, host))
		return false;
	return port == 0 || port == c->name_port || is_a_port(s, port);
}

/* Without a port: at the default port of a listener's transport. */
static bool is_our_address(struct transport_set *s, struct str host,
			   uint16_t port)
{
	union addr a;

	if (addr_parse(host, port, &a) != 0)
		return false;
	if (port != 0)
		return transport_is_ours(s, SIP_TRANSPORT_NONE, &a);
	for (unsigned i = 0; i < transport_n_listeners(s); i++) {
		enum sip_transport t = transport_listener(s, i)->transport;

		addr_set_port(&a, sip_transport_port(t));
		if (transport_is_ours(s, t, &a))
			return true;
	}
	return false;
}

/* An address of ours, or what we call ourselves; not a domain that we serve. */
static bool is_self(struct transport_set *s, const struct proxy_conf *c,
		    struct str host, uint16_t port)
{
	return is_our_address(s, host, port) || is_advertised(s, host, port) ||
	       is_our_name(s, c, host, port);
}

bool ours_is_source(struct proxy *p, const union addr *source)
{
	struct transport_set *s = p->env.transports;

	for (unsigned i = 0; i < transport_n_listeners(s); i++) {
		const struct listener_conf *l = transport_listener(s, i);
		union addr a = *source;

		addr_set_port(&a, port_of(l));
		if (transport_is_ours(s, l->transport, &a))
			return true;
		if (l->advertise_host.len != 0 &&
		    addr_parse(l->advertise_host, 0, &a) == 0 &&
		    addr_ip_eq(&a, source))
			return true; /* there and back by a NAT */
	}
	return false;
}

bool request_host_is_local(const struct request *r, struct str host,
			   uint16_t port)
{
	struct transport_set *s = r->proxy->env.transports;

	if (host.len == 0)
		return false; /* a URI of another scheme */
	if (is_self(s, r->conf, host, port))
		return true;
	return ours_is_domain(r->conf, host) &&
	       (port == 0 || is_a_port(s, port));
}

bool ours_is_uri(const struct request *r, const struct sip_uri *uri)
{
	if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
		return false;
	return request_host_is_local(r, uri->host, uri->port);
}

/* A port does not make one of our domains foreign. */
bool ours_is_from(const struct request *r)
{
	struct sip_uri uri;

	return sip_uri_parse(sip_msg_from(r->msg)->uri, &uri) != 0 ||
	       request_host_is_local(r, uri.host, 0) ||
	       (uri.port != 0 && request_host_is_local(r, uri.host, uri.port));
}

static size_t put_hostport(char *out, struct str host, uint16_t port)
{
	struct put p = put_into(out, SENT_BY_MAX);

	put_str(&p, host);
	if (port != 0) {
		put_str(&p, STR(":"));
		put_uint(&p, port);
	}
	return p.is_cut ? 0 : put_done(&p).len;
}

/* The text that does not depend on the hop; 0: the socket's address does. In
 * Record-Route transport=ws stands for WSS, too, and would mean port 80 (RFC
 * 7118 section 5.5), so that there 443 is written. */
static size_t fixed_sent_by(const struct proxy_conf *c,
			    const struct listener_conf *l, char *out)
{
	uint16_t usual = sip_transport_port(l->transport);
	uint16_t advertised = l->advertise_port;

	if (l->transport == SIP_WSS && advertised == 0)
		advertised = usual;
	if (l->transport == SIP_WSS)
		usual = sip_transport_port(SIP_WS);
	if (l->advertise_host.len != 0)
		return put_hostport(out, l->advertise_host, advertised);
	if (c->name_host.len != 0) {
		uint16_t port = c->name_port != 0 ? c->name_port : port_of(l);

		return put_hostport(out, c->name_host,
				    port == usual ? 0 : port);
	}
	return addr_is_any(&l->addr) ? 0 : addr_print(&l->addr, out);
}

int ours_prepare(struct proxy *p, const struct proxy_conf *c,
		 struct conf_use *use)
{
	size_t n = transport_n_listeners(p->env.transports);

	use->sent_by = calloc(n, sizeof(*use->sent_by));
	if (use->sent_by == NULL)
		return VD_ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct sent_by *s = &use->sent_by[i];

		s->len = fixed_sent_by(
			c, transport_listener(p->env.transports, i), s->text);
	}
	return 0;
}

struct str ours_sent_by(const struct request *r, const struct hop *hop,
			char *scratch)
{
	struct proxy *p = r->proxy;
	const struct sent_by *s = &r->use->sent_by[hop->listener];
	union addr a;

	if (s->len != 0)
		return (struct str){s->text, s->len};
	if (transport_source(p->env.transport, hop, &a) != 0)
		return STR_NONE;
	addr_set_port(&a, port_of(transport_listener(p->env.transports,
						     hop->listener)));
	return (struct str){scratch, addr_print(&a, scratch)};
}

/* As we wrote it, which nearly every peer gives back. */
static bool is_as_written(const struct sent_by *s, const struct sip_via *via)
{
	size_t at = (size_t)(via->host.p - via->text.p);
	struct str rest = str_skip(via->text, at);

	return s->len != 0 && str_starts(rest, (struct str){s->text, s->len}) &&
	       (rest.len == s->len || rest.p[s->len] == ';');
}

bool ours_is_sent_by(struct proxy *p, const struct flow *from,
		     const struct sip_via *via)
{
	return is_as_written(&p->use->sent_by[from->listener], via) ||
	       is_self(p->env.transports, &p->use->snapshot->proxy, via->host,
		       via->port);
}
