/*
 * How a contact will be reached, decided when it registers and only for a
 * REGISTER that comes straight from the phone: over the flow of that REGISTER,
 * or where the Contact says.
 *
 * Without any configuration a phone behind a NAT shows itself by its Via: the
 * address that it believes to have is not the one that its packets come from.
 */
#include "registrar_priv.h"

enum way { BY_CONTACT, BY_FLOW_FIRST, BY_FLOW_ONLY };

static bool ends_with(struct str host, struct str tail)
{
	return host.len > tail.len &&
	       str_ieq(str_skip(host, host.len - tail.len), tail);
}

/* RFC 2606: no such host; RFC 7118 section 5 has browsers use it. */
static bool is_invalid(struct str host)
{
	return ends_with(host, STR(".invalid"));
}

/* A name that nobody outside could look up. */
static bool is_private_name(struct str host)
{
	static const struct str tails[] = {
		STR(".invalid"), STR(".local"),     STR(".localdomain"),
		STR(".lan"),     STR(".home.arpa"), STR(".internal"),
	};

	for (size_t i = 0; i < ARRAY_LEN(tails); i++)
		if (ends_with(host, tails[i]))
			return true;
	return str_find(host, '.') == host.len;
}

static bool is_source(const struct request *r, struct str host)
{
	union addr a;

	return addr_parse(host, 0, &a) == 0 && addr_ip_eq(&a, &r->flow.remote);
}

/* Does the phone believe to be elsewhere? Another port says so only when the
 * phone asked for it to be noticed (RFC 3581): others send from one port and
 * listen on another. */
static bool is_behind_nat(const struct request *r, const struct sip_via *via)
{
	uint16_t port = via->port != 0 ? via->port : 5060;
	union addr sent_by;

	if (addr_parse(via->host, 0, &sent_by) != 0)
		return is_private_name(via->host);
	if (!addr_ip_eq(&sent_by, &r->flow.remote))
		return true;
	return r->flow.transport == SIP_UDP && via->rport.p != NULL &&
	       port != addr_port(&r->flow.remote);
}

/* The contact is the phone itself; one that points elsewhere is meant so. */
static bool is_own_contact(const struct request *r, const struct sip_via *via,
			   const struct sip_uri *contact)
{
	return sip_host_eq(contact->host, via->host) ||
	       is_source(r, contact->host) || is_invalid(contact->host);
}

static enum sip_transport transport_of(const struct sip_uri *uri)
{
	if (uri->scheme == SIP_SCHEME_SIPS &&
	    (uri->transport == SIP_TRANSPORT_NONE || uri->transport == SIP_TCP))
		return SIP_TLS;
	return uri->transport == SIP_TRANSPORT_NONE ? SIP_UDP : uri->transport;
}

static enum way way_to(struct request *r, const struct asked *a)
{
	const struct sip_via *via = sip_msg_top_via(r->msg);
	enum sip_transport t = r->flow.transport;

	if (t == SIP_WS || t == SIP_WSS || a->binding.reg_id != 0)
		return BY_FLOW_ONLY;
	if (is_behind_nat(r, via) && is_own_contact(r, via, &a->uri))
		return BY_FLOW_ONLY;
	/* it may be reached anew when this connection has ended */
	if (sip_transport_is_stream(t) && transport_of(&a->uri) == t &&
	    is_source(r, a->uri.host))
		return BY_FLOW_FIRST;
	return BY_CONTACT;
}

bool registrar_set_flow(struct request *r, struct asked *a)
{
	struct binding *b = &a->binding;
	enum way way = BY_CONTACT;
	struct hop *flow;

	if (registrar_is_first_hop(r) && b->path.len == 0)
		way = way_to(r, a);
	if (way == BY_CONTACT)
		return true;
	flow = arena_zalloc(&r->arena, sizeof(*flow));
	if (flow == NULL)
		return false;
	*flow = (struct hop){
		.transport = r->flow.transport,
		.listener = r->flow.listener,
		.local = r->flow.local,
		.addr = r->flow.remote,
		.conn = r->flow.conn,
		.only_conn = sip_transport_is_stream(r->flow.transport),
	};
	b->flow = flow;
	b->flow_only = way == BY_FLOW_ONLY;
	return true;
}
