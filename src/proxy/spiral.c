/*
 * A request that comes back to us while the one that it was still waits for its
 * answer, with another Request-URI: a spiral (RFC 5393 section 3).
 */
#include "proxy/proxy_priv.h"

/* Whoever has seen a branch of ours can put it into a Via of his own; what he
 * cannot do is to make another request of it. */
static bool is_same(const struct request *a, const struct request *b)
{
	return a->msg->method == b->msg->method &&
	       str_eq(sip_msg_call_id(a->msg), sip_msg_call_id(b->msg)) &&
	       str_eq(sip_msg_value(a->msg, SIP_HDR_CSEQ),
		      sip_msg_value(b->msg, SIP_HDR_CSEQ)) &&
	       str_eq(sip_msg_value(a->msg, SIP_HDR_FROM),
		      sip_msg_value(b->msg, SIP_HDR_FROM));
}

/* It may come back more than once: anonymous but for the first time. */
const struct request *request_before(const struct request *r)
{
	struct sip_values it;
	struct sip_via via;

	for (sip_values_start(&it, r->msg, SIP_HDR_VIA);
	     sip_values_next(&it);) {
		const struct request *before;

		if (sip_via_parse(it.value, &via) != 0 || via.branch.p == NULL)
			continue;
		before = branch_request(r->proxy, via.branch);
		if (before != NULL && before->caller != CALLER_ANONYMOUS &&
		    is_same(before, r))
			return before;
	}
	return NULL;
}
