/*
 * How a contact will be reached, decided when it registers and only for a
 * REGISTER that comes straight from the phone: over the flow of that REGISTER,
 * or where the Contact says.
 */
#include "registrar_priv.h"

enum way { BY_CONTACT, BY_FLOW_FIRST, BY_FLOW_ONLY };

static bool is_source(const struct request *r, struct str host)
{
	union addr a;

	return addr_parse(host, 0, &a) == 0 && addr_ip_eq(&a, &r->flow.remote);
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
	enum sip_transport t = r->flow.transport;

	if (a->binding.reg_id != 0 || request_needs_flow(r, &a->uri))
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

	if (request_is_first_hop(r) && b->path.len == 0)
		way = way_to(r, a);
	if (way == BY_CONTACT)
		return true;
	flow = arena_zalloc(&r->arena, sizeof(*flow));
	if (flow == NULL)
		return false;
	*flow = hop_back(&r->flow);
	flow->only_conn = sip_transport_is_stream(r->flow.transport);
	b->flow = flow;
	b->flow_only = way == BY_FLOW_ONLY;
	return true;
}
