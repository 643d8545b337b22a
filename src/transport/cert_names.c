#include "transport/cert_names.h"

#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "viaduct/sip/uri.h"
#include "viaduct/util/addr.h"
#include "viaduct/util/err.h"
#include "viaduct/util/put.h"

enum { HOST_MAX = 255 };

struct collect {
	struct cert_names *names; /* NULL: only count */
	char *text;               /* where the next one goes */
	size_t n, size;
};

/* What a host name, or an address, may consist of; a wildcard is kept as the
 * name that it is. Certificates may hold any byte, NUL included. */
static bool is_host(struct str s)
{
	static const char more[] = "-._:[]*";

	if (s.len == 0 || s.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

static void collect(struct collect *c, struct str host)
{
	if (!is_host(host) || c->n == CERT_NAMES_MAX)
		return;
	c->size += host.len;
	if (c->names != NULL) {
		memcpy(c->text, host.p, host.len);
		c->names->v[c->n] = (struct str){c->text, host.len};
		c->text += host.len;
		c->names->n = c->n + 1;
	}
	c->n++;
}

static struct str text_of(const ASN1_STRING *s)
{
	return (struct str){(const char *)ASN1_STRING_get0_data(s),
			    (size_t)ASN1_STRING_length(s)};
}

/* "sip" alone, and a domain: with a user it is somebody's own. */
static void collect_uri(struct collect *c, struct str text)
{
	struct sip_uri uri;

	if (memchr(text.p, '@', text.len) == NULL &&
	    sip_uri_parse(text, &uri) == 0 && uri.scheme == SIP_SCHEME_SIP)
		collect(c, uri.host);
}

static void collect_address(struct collect *c, struct str bytes)
{
	char text[ADDR_TEXT_MAX];
	union addr a;

	memset(&a, 0, sizeof(a));
	if (bytes.len == sizeof(a.in4.sin_addr)) {
		a.in4.sin_family = AF_INET;
		memcpy(&a.in4.sin_addr, bytes.p, bytes.len);
	} else if (bytes.len == sizeof(a.in6.sin6_addr)) {
		a.in6.sin6_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, bytes.p, bytes.len);
	} else {
		return;
	}
	collect(c, (struct str){text, addr_print_ip(&a, text)});
}

static void collect_type(struct collect *c, const GENERAL_NAMES *sans, int type)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(sans, i);

		if (g->type != type)
			continue;
		if (type == GEN_URI)
			collect_uri(c, text_of(g->d.ia5));
		else if (type == GEN_DNS)
			collect(c, text_of(g->d.ia5));
		else
			collect_address(c, text_of(g->d.ip));
	}
}

static void collect_cn(struct collect *c, const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (i >= 0)
		collect(c, text_of(X509_NAME_ENTRY_get_data(
				   X509_NAME_get_entry(subject, i))));
}

static void collect_all(struct collect *c, const X509 *cert,
			const GENERAL_NAMES *sans)
{
	if (sans == NULL) {
		collect_cn(c, cert);
		return;
	}
	collect_type(c, sans, GEN_URI);
	if (c->n == 0)
		collect_type(c, sans, GEN_DNS);
	collect_type(c, sans, GEN_IPADD);
}

int cert_names_of(const X509 *cert, struct cert_names **out)
{
	GENERAL_NAMES *sans =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct collect count = {0}, fill = {0};

	collect_all(&count, cert, sans);
	fill.names =
		calloc(1, sizeof(struct cert_names) +
				  count.n * sizeof(struct str) + count.size);
	if (fill.names != NULL) {
		fill.text = (char *)&fill.names->v[count.n];
		collect_all(&fill, cert, sans);
	}
	GENERAL_NAMES_free(sans);
	if (fill.names == NULL)
		return VD_ENOMEM;
	*out = fill.names;
	return 0;
}

void cert_names_free(struct cert_names *names)
{
	free(names);
}

bool cert_names_have(const struct cert_names *names, struct str host)
{
	for (size_t i = 0; i < names->n; i++)
		if (sip_host_eq(names->v[i], host))
			return true;
	return false;
}

struct str cert_names_print(const struct cert_names *names, char *out,
			    size_t size)
{
	struct put p = put_into(out, size);

	for (size_t i = 0; i < names->n && !p.is_cut; i++) {
		if (i > 0)
			put_str(&p, STR(", "));
		put_str(&p, names->v[i]);
	}
	return names->n == 0 ? STR("nobody") : put_done(&p);
}
