/* What the sources of the registrar share. */
#ifndef VIADUCT_REGISTRAR_REGISTRAR_PRIV_H
#define VIADUCT_REGISTRAR_REGISTRAR_PRIV_H

#include "viaduct/proxy/proxy.h"
#include "viaduct/registrar/registrar.h"
#include "viaduct/util/put.h"

/* Bytes, of one binding. */
enum {
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
	bool has_flow;    /* and not only removed */
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

enum outbound {
	OUTBOUND_NONE,    /* reg-id is ignored */
	OUTBOUND_APPLIES, /* bindings are by instance and reg-id */
	OUTBOUND_LACKING, /* the phone's proxy cannot do it: 439 */
};
enum outbound outbound_of(const struct request *r);

/* The reg-id of an instance; 0: none that counts. */
uint32_t reg_id_of(struct str params);

/* gruu.c ------------------------------------------------------------------- */

enum {
	GRUU_NONCE_LEN = 8,
	GRUU_USER_MAX = 736, /* user part of a temporary one */
};

/* What writes the GRUUs of one answer: all of an instance's are the same. */
struct gruu_writer {
	const uint8_t *key; /* NULL: none are written */
	struct str aor;
	uint8_t nonce[GRUU_NONCE_LEN];
};
void gruu_new_nonce(uint8_t nonce[GRUU_NONCE_LEN]);

/* The parameters pub-gruu and temp-gruu of a contact that has an instance
 * (RFC 5627 section 5.2). False: no memory. */
bool gruu_put(struct put *p, const struct gruu_writer *w,
	      const struct binding *b);
size_t gruu_room(struct str aor, const struct binding *b); /* bytes, at most */

/* Whom a GRUU means. */
struct gruu {
	const struct domain *domain;
	struct str aor;
	struct str instance; /* of a public one */
	uint32_t epoch;      /* of a temporary one; 0: it is public */
};

/* Has it the parameter that makes a URI a GRUU? */
bool gruu_is(const struct sip_uri *uri);
/* 0, VD_ENOENT (none that we made, or of nobody of ours), VD_EINVAL (no sip
 * URI) or VD_ENOMEM. */
int gruu_read(struct request *r, const struct sip_uri *uri, struct gruu *g);
bool gruu_names(const struct gruu *g, const struct binding *b);

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
