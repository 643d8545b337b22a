/* Services of SIP in the DNS: NAPTR service fields (RFC 3263 section 4.1, RFC
 * 7118 section 5.2.2, RFC 4168) and names of SRV records. */
#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

static const struct row {
	char letter; /* of "SIP+D2U", lower case */
	bool is_sips;
	enum sip_transport transport;
	struct str srv;
	bool is_guessed; /* asked for when there is no NAPTR, in this order */
} rows[] = {
	/* clang-format off */
	{ 'u', false, SIP_UDP,  { "_sip._udp.",  10 }, true  },
	{ 't', false, SIP_TCP,  { "_sip._tcp.",  10 }, true  },
	{ 't', true,  SIP_TLS,  { "_sips._tcp.", 11 }, true  },
	{ 's', false, SIP_SCTP, { "_sip._sctp.", 11 }, false },
	{ 'w', false, SIP_WS,   { "_sip._ws.",    9 }, false },
	{ 'w', true,  SIP_WSS,  { "_sips._ws.",  10 }, false },
	/* clang-format on */
};

bool service_parse(struct str text, enum sip_transport *transport,
		   bool *is_sips)
{
	bool secure = text.len == sizeof("SIPS+D2U") - 1;
	char letter;

	if (!secure && text.len != sizeof("SIP+D2U") - 1)
		return false;
	if (!str_ieq((struct str){text.p, text.len - 1},
		     secure ? STR("SIPS+D2") : STR("SIP+D2")))
		return false;
	letter = ascii_lower(text.p[text.len - 1]);
	*is_sips = secure;
	*transport = SIP_TRANSPORT_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].letter == letter && rows[i].is_sips == secure)
			*transport = rows[i].transport;
	return true;
}

size_t service_name(enum sip_transport transport, struct str host,
		    char name[DNS_NAME_MAX])
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str srv = rows[i].srv;

		if (rows[i].transport != transport)
			continue;
		if (srv.len + host.len >= DNS_NAME_MAX)
			return 0;
		memcpy(name, srv.p, srv.len);
		memcpy(name + srv.len, host.p, host.len);
		return srv.len + host.len;
	}
	return 0;
}

/* RFC 3261 section 26.2.2: sips is TLS, whatever the transport parameter says
 * that TLS can run over. */
static enum sip_transport secured(enum sip_transport transport)
{
	switch (transport) {
	case SIP_TRANSPORT_NONE:
		return SIP_TRANSPORT_NONE;
	case SIP_TCP:
	case SIP_TLS:
		return SIP_TLS;
	case SIP_WS:
	case SIP_WSS:
		return SIP_WSS;
	default:
		return SIP_TRANSPORT_OTHER;
	}
}

int service_demanded(const struct locate_target *t, enum sip_transport *out)
{
	enum sip_transport wanted = t->transport;

	if (t->is_sips)
		wanted = secured(wanted);
	if (wanted != SIP_TRANSPORT_NONE &&
	    (wanted == SIP_TRANSPORT_OTHER || !target_has(t, wanted)))
		return VD_EUNSUP;
	*out = wanted;
	return 0;
}

enum sip_transport service_default(const struct locate_target *t)
{
	return t->is_sips ? SIP_TLS : SIP_UDP;
}

/* By order, then preference; equals stay as they came. */
static bool is_better(const struct dns_record *a, const struct dns_record *b)
{
	if (a->naptr.order != b->naptr.order)
		return a->naptr.order < b->naptr.order;
	return a->naptr.preference < b->naptr.preference;
}

static void insert(struct service *out, size_t n, const struct dns_answer *a,
		   size_t record)
{
	const struct dns_record *rec = &a->records[record];

	while (n > 0 && is_better(rec, &a->records[out[n - 1].record])) {
		out[n] = out[n - 1];
		n--;
	}
	out[n].transport = (uint8_t)rec->naptr.transport;
	out[n].record = (int8_t)record;
}

size_t services_of_naptr(const struct locate_target *t,
			 const struct dns_answer *naptr,
			 struct service out[RESOLVER_TARGETS_MAX],
			 bool *has_other)
{
	size_t n = 0;

	for (size_t i = 0; i < naptr->n; i++) {
		const struct dns_record *rec = &naptr->records[i];

		if (t->is_sips && !rec->naptr.is_sips)
			continue;
		if (rec->naptr.transport == SIP_TRANSPORT_OTHER ||
		    !target_has(t, rec->naptr.transport))
			*has_other = true;
		else
			insert(out, n++, naptr, i);
	}
	return n;
}

size_t services_without_naptr(const struct locate_target *t,
			      struct service out[RESOLVER_TARGETS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!rows[i].is_guessed || !target_has(t, rows[i].transport) ||
		    (t->is_sips && !rows[i].is_sips))
			continue;
		out[n].transport = (uint8_t)rows[i].transport;
		out[n++].record = -1;
	}
	return n;
}
