/*
 * The registrar (RFC 3261 section 10) as two steps: one answers a REGISTER,
 * the other turns a request for one of our users into the contacts that he has
 * registered. They come after the rules, whose verdict tells them what to do.
 */
#ifndef VIADUCT_REGISTRAR_REGISTRAR_H
#define VIADUCT_REGISTRAR_REGISTRAR_H

#include "viaduct/proxy/request.h"
#include "viaduct/registrar/conf.h"
#include "viaduct/registrar/location.h"

/* What proxy_conf.registrar points to; NULL there: no registrar. */
struct registrar_use {
	struct location *location; /* borrowed */
	struct registrar_conf conf;
	const uint8_t *gruu_key; /* borrowed: MAC_KEY_LEN bytes */
	/*
	 * Is `user` (as sip_user_canonical() writes it) a user of a domain that
	 * has d->users? *name becomes his own name, which differs from `user`
	 * where that is an alias; it lives as long as the configuration.
	 * NULL: users are not looked at.
	 */
	bool (*knows_user)(const struct domain *d, struct str user,
			   struct str *name);
};

/*
 * VERDICT_REGISTER: section 10.3, steps 1 to 8; steps 3 and 4 were those of
 * authentication, but for this: From and To must name the same user, unless the
 * sender is trusted. The answer comes when the change is committed. Any other
 * verdict passes.
 *
 * What the RFC leaves open:
 * 403  a domain without registrar; somebody else's To; more contacts than
 *      max_contacts; a contact that is the address of record itself or a GRUU
 *      of it; one that is larger than we store
 * 404  To is no user of the Request-URI's domain
 * 439  RFC 5626: the phone's proxy lacks Outbound
 * 405  the rules sent something else than a REGISTER here
 * 500  with Retry-After: the change could not be stored. Without: CSeq is not
 *      above that of the binding, nothing was changed
 * 503  with Retry-After: a limit of ours, or memory
 */
enum step_result step_register(struct request *r);

/*
 * VERDICT_REGISTERED becomes VERDICT_FORWARD to the contacts of the
 * Request-URI: the highest q first, equal ones in parallel; a contact without q
 * counts as 1. Without any: 404 for who is no user of the domain (or the domain
 * has no registrar), else 480.
 */
enum step_result step_lookup(struct request *r);

#endif
