/*
 * Who is reached only over the flow that his request came by.
 *
 * Without any configuration a phone behind a NAT shows itself by its Via: the
 * address that it believes to have is not the one that its packets come from.
 */
#include "proxy/proxy_priv.h"

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
	if (contact->host.len == 0)
		return false; /* tel: and the like */
	return sip_host_eq(contact->host, via->host) ||
	       is_source(r, contact->host) || is_invalid(contact->host);
}

static bool has_no_listener(enum sip_transport t)
{
	return t == SIP_WS || t == SIP_WSS;
}

bool request_is_first_hop(const struct request *r)
{
	struct sip_values it;

	if (r->msg->count[SIP_HDR_VIA] != 1)
		return false;
	sip_values_start(&it, r->msg, SIP_HDR_VIA);
	return sip_values_next(&it) && it.is_last_in_hdr;
}

bool request_supports(const struct request *r, struct str tag)
{
	struct sip_values it;

	for (sip_values_start(&it, r->msg, SIP_HDR_SUPPORTED);
	     sip_values_next(&it);)
		if (str_ieq(it.value, tag))
			return true;
	return false;
}

bool request_needs_flow(const struct request *r, const struct sip_uri *contact)
{
	const struct sip_via *via = sip_msg_top_via(r->msg);

	return has_no_listener(r->flow.transport) ||
	       (is_behind_nat(r, via) && is_own_contact(r, via, contact));
}

/* RFC 5626 section 5.3.2: "ob" asks for it. */
static bool is_by_flow(const struct request *r, struct str value)
{
	struct sip_addr addr;
	struct sip_uri contact;

	if (sip_addr_parse(value, &addr) != 0 ||
	    sip_uri_parse(addr.uri, &contact) != 0)
		return false;
	return sip_param_find(contact.params, STR("ob"), NULL) ||
	       request_needs_flow(r, &contact);
}

/* Most callers have a Contact that need not be parsed for this. */
bool nat_is_by_flow(const struct request *r)
{
	struct sip_values it;

	if (!request_is_first_hop(r))
		return false;
	if (has_no_listener(r->flow.transport))
		return true;
	sip_values_start(&it, r->msg, SIP_HDR_CONTACT);
	if (!sip_values_next(&it))
		return false;
	if (!is_behind_nat(r, sip_msg_top_via(r->msg)) &&
	    memmem(it.value.p, it.value.len, ";ob", 3) == NULL)
		return false;
	return is_by_flow(r, it.value);
}
