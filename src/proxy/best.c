/* Which of two final responses is better: RFC 3261 section 16.7 step 6. */
#include "proxy/proxy_priv.h"

/* Smaller is better: 6xx, then the lowest class; inside 4xx what tells the
 * caller how to do better, and a flow that failed last; inside 5xx anything but
 * 503. */
static unsigned rank(unsigned status)
{
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

bool best_is_better(unsigned status, unsigned than)
{
	return than == 0 || rank(status) < rank(than);
}
