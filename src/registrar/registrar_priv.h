/* What the sources of the registrar share. */
#ifndef VIADUCT_REGISTRAR_REGISTRAR_PRIV_H
#define VIADUCT_REGISTRAR_REGISTRAR_PRIV_H

#include "viaduct/proxy/proxy.h"
#include "viaduct/registrar/registrar.h"

enum { /* bytes, of one binding */
       AOR_MAX = 512,
       CONTACT_MAX = 1024, /* its URI, and again its parameters */
       PATH_MAX_LEN = 2048,
       CALL_ID_MAX = 256,
};

enum { Q_ONE = 1000 };

static inline const struct registrar_use *registrar_of(const struct request *r)
{
	return r->conf->registrar;
}

static inline uint64_t registrar_now_ms(const struct request *r)
{
	return loop_now_ms(request_env(r)->loop);
}

/* registrar.c -------------------------------------------------------------- */

/*
 * The address of record that a URI names, "user@domain" (10.3 step 5): without
 * parameters, password and port, unescaped as 19.1.4 compares; the domain by
 * its own name in lower case, the user by his own where it was an alias.
 *
 * aor: in the arena. domain: whose it is, or would be.
 * Returns 0, VD_EINVAL (no sip URI), VD_ENOENT (no user of ours) or VD_ENOMEM.
 */
int registrar_aor(struct request *r, const struct sip_uri *uri,
		  const struct domain **domain, struct str *aor);

/* contacts.c --------------------------------------------------------------- */

/* One Contact value of a REGISTER. */
struct asked {
	struct binding binding; /* expires_ms 0: to be removed */
	struct sip_uri uri;
};

/* All of them. */
struct asking {
	struct asked *v;
	size_t n;
	bool is_all;      /* "*" */
	bool is_outbound; /* one is bound by instance and reg-id */
};

/* An answer that refuses. */
struct refusal {
	unsigned status;
	struct str reason; /* empty: the standard phrase */
	const char *why;
	bool is_too_brief; /* Min-Expires belongs into it */
};

/* Read the Contact and Path values of a REGISTER for `aor`. Returns NULL, or
 * why it is refused. */
const struct refusal *contacts_read(struct request *r, struct str aor,
				    struct asking *out);

/* outbound.c --------------------------------------------------------------- */

/* The instance-id among contact parameters, without quotes and brackets; empty:
 * none, or no URN. */
struct str instance_of(struct str params);
/* Two that are the same one; an empty one is not. */
bool instance_eq(struct str a, struct str b);

/* Does Supported have this tag? */
bool registrar_supports(const struct request *r, struct str tag);
/* Did it come straight from the phone? */
bool registrar_is_first_hop(const struct request *r);

enum outbound {
	OUTBOUND_NONE,    /* reg-id is ignored */
	OUTBOUND_APPLIES, /* bindings are by instance and reg-id */
	OUTBOUND_LACKING, /* the phone's proxy cannot do it: 439 */
};
enum outbound outbound_of(const struct request *r);

/* The reg-id of an instance; 0: none that counts. */
uint32_t reg_id_of(struct str params);

/* way.c -------------------------------------------------------------------- */

/* Decide whether the contact is reached by the flow of this REGISTER. False: no
 * memory. */
bool registrar_set_flow(struct request *r, struct asked *a);

/* update.c ----------------------------------------------------------------- */

/* What location_change() is given: steps 6 and 7 of 10.3. */
struct update {
	const struct registrar_conf *conf;
	struct arena *arena;
	struct asking asking;
	struct str call_id;
	uint32_t cseq;
	uint64_t now_ms;
	const struct refusal *refusal; /* set when it returns VD_EINVAL */
};
location_change_fn update_bindings;

#endif
