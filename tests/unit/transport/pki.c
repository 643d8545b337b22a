#include "pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *cert_new(struct pki *p, const char *cn, int days)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++p->serial);
	X509_time_adj_ex(X509_getm_notBefore(cert), -10, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL);
	X509_set_pubkey(cert, p->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				   MBSTRING_UTF8, (const unsigned char *)cn, -1,
				   -1, 0);
	return cert;
}

void pki_init(struct pki *p)
{
	p->serial = 0;
	p->key = EVP_EC_gen("P-256");
	assert_non_null(p->key);
	p->ca = cert_new(p, "Test CA", 30);
	X509_set_issuer_name(p->ca, X509_get_subject_name(p->ca));
	extend(p->ca, p->ca, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(p->ca, p->key, EVP_sha256()) > 0);
}

void pki_fini(struct pki *p)
{
	X509_free(p->ca);
	EVP_PKEY_free(p->key);
}

X509 *pki_issue(struct pki *p, const char *sans, const char *cn, int days)
{
	X509 *cert = cert_new(p, cn, days);

	X509_set_issuer_name(cert, X509_get_subject_name(p->ca));
	extend(cert, p->ca, NID_basic_constraints, "CA:FALSE");
	if (sans != NULL)
		extend(cert, p->ca, NID_subject_alt_name, sans);
	assert_true(X509_sign(cert, p->key, EVP_sha256()) > 0);
	return cert;
}

void pki_write_cert(const char *path, X509 *cert)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
}

void pki_write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}
