/* Certificates made in memory: an authority and what it issues. */
#ifndef VIADUCT_TESTS_TRANSPORT_PKI_H
#define VIADUCT_TESTS_TRANSPORT_PKI_H

#include <openssl/x509.h>

struct pki {
	EVP_PKEY *key; /* of the authority, and of every certificate */
	X509 *ca;
	long serial;
};

void pki_init(struct pki *p);
void pki_fini(struct pki *p);

/* sans: "DNS:a.test,URI:sip:b.test", NULL: no subjectAltName. days: until it
 * expires, may be negative. The caller's. */
X509 *pki_issue(struct pki *p, const char *sans, const char *cn, int days);

/* Write a certificate and its key, each to a path. */
void pki_write_cert(const char *path, X509 *cert);
void pki_write_key(const char *path, EVP_PKEY *key);

#endif
