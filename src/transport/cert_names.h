/* Whom a certificate names (RFC 5922 section 7.1). */
#ifndef VIADUCT_TRANSPORT_CERT_NAMES_H
#define VIADUCT_TRANSPORT_CERT_NAMES_H

#include <openssl/x509.h>

#include "viaduct/util/str.h"

enum {
	CERT_NAMES_MAX = 128, /* further ones do not count */
};

/* Immutable; may be read by any thread. */
struct cert_names {
	size_t n;
	struct str v[];
};

/*
 * The identities of a certificate whose chain and dates were found good: the
 * hosts of its "sip" URIs; if it has none, its DNS names; if it has no
 * subjectAltName at all, its common name. An address (iPAddress) names a host
 * that is written as an address and nothing else: RFC 5922 speaks of domains
 * only.
 *
 * *out is freed by cert_names_free(); it may hold no name. Returns 0 or
 * VD_ENOMEM.
 */
int cert_names_of(const X509 *cert, struct cert_names **out);
void cert_names_free(struct cert_names *names); /* NULL allowed */

/* RFC 5922 section 7.2: the whole name, letter case apart; no wildcards. */
bool cert_names_have(const struct cert_names *names, struct str host);

/* "biloxi.com, sip.biloxi.com", for a log line; cut where `size` ends. */
struct str cert_names_print(const struct cert_names *names, char *out,
			    size_t size);

#endif
