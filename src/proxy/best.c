/* Which of two final responses is better: RFC 3261 section 16.7 step 6. */
#include "proxy/proxy_priv.h"

/* Smaller is better: 6xx, then the lowest class; inside 4xx what tells the
 * caller how to do better, and a flow that failed last; inside 5xx anything but
 * 503. A 408 to a non-INVITE is as good as none (RFC 4320 section 4.2). */
static unsigned rank(enum sip_method method, unsigned status)
{
	if (status == 408 && method != SIP_INVITE)
		return 600;
	switch (status) {
	case 401:
	case 407:
		return 400;
	case 415:
	case 420:
	case 484:
		return 401;
	case 430: /* of one way to a phone (RFC 5626 section 11.5) */
		return 403;
	case 503:
		return 501;
	default:
		break;
	}
	if (status >= 600)
		return 0;
	if (status >= 400 && status < 500)
		return 402;
	return status / 100 * 100;
}

bool best_is_better(enum sip_method method, unsigned status, unsigned than)
{
	return than == 0 || rank(method, status) < rank(method, than);
}
