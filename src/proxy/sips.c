/* The scheme sips: RFC 3261 section 26.2.2 as RFC 5630 updates it. Whoever says
 * sips gets TLS on every hop, the last one included. */
#include "proxy/proxy_priv.h"

const char sips_not_allowed[] = "SIPS Not Allowed";
static const char warning[] = "Warning: 380 viaduct \"SIPS Not Allowed\"\r\n";
const struct str sips_warning = {warning, sizeof(warning) - 1};

bool sips_is(struct str uri)
{
	return uri.len > 5 && str_ieq((struct str){uri.p, 5}, STR("sips:"));
}

/*
 * RFC 5630 section 5.3: a request for sips goes on to sips only, one for sip to
 * sip only; a target that wants sips is still reached by TLS.
 */
void sips_apply(struct request *r, struct target *t)
{
	bool is_asked = r->uri->scheme == SIP_SCHEME_SIPS;
	bool is_next = t->next.scheme == SIP_SCHEME_SIPS;
	bool is_target = t->displaced.len == 0 ? sips_is(t->uri) : is_asked;

	t->is_sips_lost = is_asked && !is_target;
	t->is_secure = is_asked || is_target || is_next;
	if (!is_asked && is_target)
		t->uri = arena_printf(&r->arena, "sip%.*s",
				      STR_FMT(str_skip(t->uri, 4)));
	/* 16.6 step 4: Record-Route follows Request-URI and topmost Route */
	t->is_sips = is_asked ||
		     (is_next && (r->route.p != NULL || t->path.len != 0));
}
