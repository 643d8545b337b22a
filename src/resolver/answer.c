/*
 * Answers of name servers: from the bytes of a message to the few records that
 * a search wants. The walk over the message is the C library's (ns_initparse,
 * ns_parserr, dn_expand: they check every bound and every pointer); the lengths
 * inside RDATA are checked here.
 */
#include <arpa/nameser.h>
#include <limits.h>
#include <resolv.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

struct dns_answer *dns_answer_new(struct mem *mem, size_t n, size_t text_len)
{
	size_t size = sizeof(struct dns_answer) +
		      n * sizeof(struct dns_record) + text_len;
	struct dns_answer *a = mem_zalloc(mem, size);

	if (a == NULL)
		return NULL;
	a->mem = mem;
	a->size = size;
	a->refs = 1;
	a->n = (uint32_t)n;
	return a;
}

struct dns_answer *dns_answer_ref(struct dns_answer *a)
{
	a->refs++;
	return a;
}

void dns_answer_unref(struct dns_answer *a)
{
	if (a != NULL && --a->refs == 0)
		mem_free(a->mem, a, a->size);
}

struct str dns_answer_name(const struct dns_answer *a,
			   const struct dns_record *rec)
{
	const char *text = (const char *)&a->records[a->n];

	return (struct str){text + rec->name_at, rec->name_len};
}

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool dns_name_is_ok(struct str name)
{
	size_t label_len = 0;

	if (name.len == 0 || name.len > NS_MAXCDNAME - 2)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.p[i] == '.') {
			if (label_len == 0)
				return false;
			label_len = 0;
		} else if (!is_name_char(name.p[i]) ||
			   ++label_len > NS_MAXLABEL) {
			return false;
		}
	}
	return label_len != 0;
}

void dns_chain_init(struct dns_chain *c, struct str name)
{
	memcpy(c->name, name.p, name.len);
	c->name[name.len] = '\0';
	c->n_cnames = 0;
	c->ttl_s = DNS_TTL_MAX_S;
}

/* What is collected of one message, before its size is known. */
struct draft {
	ns_msg msg;
	int type;
	size_t n_seen; /* records of this name and type, usable or not */
	size_t n;
	struct dns_record records[RESOLVER_TARGETS_MAX + 1]; /* one too many */
	uint32_t ttl_s;
	char names[RESOLVER_TARGETS_MAX + 1][DNS_NAME_MAX];
};

/* Each alias means another walk, so a message of 64 KiB must not make it long.
 */
static int n_records(const ns_msg *msg, ns_sect section)
{
	int n = ns_msg_count(*msg, section);

	return n < DNS_RECORDS_MAX ? n : DNS_RECORDS_MAX;
}

/* RFC 2181 section 8: with the top bit set it counts as 0. */
static uint32_t shorter_ttl(uint32_t a, uint32_t b)
{
	if (b > INT32_MAX)
		b = 0;
	return a < b ? a : b;
}

static bool is_about(const ns_rr *rr, const char *name, int type)
{
	return (int)ns_rr_type(*rr) == type && ns_rr_class(*rr) == ns_c_in &&
	       str_ieq(str_from(ns_rr_name(*rr)), str_from(name));
}

/* Expand the name that fills the rest of the RDATA from `at` on. Returns 0,
 * VD_EINVAL, or VD_ENOENT: a name that no host can have. */
static int rdata_name(const ns_msg *msg, const ns_rr *rr, size_t at,
		      char name[DNS_NAME_MAX])
{
	char text[NS_MAXDNAME];
	struct str s;
	int len;

	if (at >= ns_rr_rdlen(*rr))
		return VD_EINVAL;
	len = dn_expand(ns_msg_base(*msg), ns_msg_end(*msg),
			ns_rr_rdata(*rr) + at, text, sizeof(text));
	if (len < 0 || at + (size_t)len != ns_rr_rdlen(*rr))
		return VD_EINVAL;
	s = str_from(text);
	if (s.len != 0 && !dns_name_is_ok(s))
		return VD_ENOENT;
	memcpy(name, text, s.len + 1);
	return 0;
}

/* The alias of `name`, if the message has one. Returns 0, VD_ENOENT (none) or
 * VD_EINVAL. */
static int find_cname(ns_msg *msg, const char *name, char target[DNS_NAME_MAX],
		      uint32_t *ttl_s)
{
	ns_rr rr;

	for (int i = 0; i < n_records(msg, ns_s_an); i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) != 0)
			return VD_EINVAL;
		if (!is_about(&rr, name, ns_t_cname))
			continue;
		if (rdata_name(msg, &rr, 0, target) != 0 || target[0] == '\0')
			return VD_EINVAL;
		*ttl_s = shorter_ttl(*ttl_s, ns_rr_ttl(rr));
		return 0;
	}
	return VD_ENOENT;
}

/* Go along the aliases as far as this message knows them, in whatever order
 * they are listed. A circle ends at the limit. */
static int follow_cnames(ns_msg *msg, struct dns_chain *chain)
{
	char target[DNS_NAME_MAX];
	int err;

	for (;;) {
		err = find_cname(msg, chain->name, target, &chain->ttl_s);
		if (err != 0)
			return err == VD_ENOENT ? 0 : err;
		if (++chain->n_cnames > RESOLVER_CNAMES_MAX)
			return VD_ELOOP;
		memcpy(chain->name, target, sizeof(target));
	}
}

static int keep_name(struct draft *d, const ns_rr *rr, size_t at,
		     struct dns_record *rec)
{
	int err = rdata_name(&d->msg, rr, at, d->names[d->n]);

	if (err == 0)
		rec->name_len = (uint16_t)strlen(d->names[d->n]);
	return err;
}

/* Addresses that no server can have, but that reach ourselves or many. */
static int keep_address(const ns_rr *rr, struct dns_record *rec)
{
	const uint8_t *p = ns_rr_rdata(*rr);
	bool is_inet = ns_rr_type(*rr) == ns_t_a;

	if (ns_rr_rdlen(*rr) != (is_inet ? NS_INADDRSZ : NS_IN6ADDRSZ))
		return VD_EINVAL;
	if (is_inet) {
		rec->addr.in4.sin_family = AF_INET;
		memcpy(&rec->addr.in4.sin_addr, p, NS_INADDRSZ);
	} else {
		rec->addr.in6.sin6_family = AF_INET6;
		memcpy(&rec->addr.in6.sin6_addr, p, NS_IN6ADDRSZ);
	}
	if (addr_is_any(&rec->addr) || addr_is_multicast(&rec->addr))
		return VD_ENOENT;
	return 0;
}

static int keep_srv(struct draft *d, const ns_rr *rr, struct dns_record *rec)
{
	const uint8_t *p = ns_rr_rdata(*rr);

	if (ns_rr_rdlen(*rr) < 3 * NS_INT16SZ)
		return VD_EINVAL;
	rec->srv.priority = (uint16_t)ns_get16(p);
	rec->srv.weight = (uint16_t)ns_get16(p + 2);
	rec->srv.port = (uint16_t)ns_get16(p + 4);
	return keep_name(d, rr, 3 * NS_INT16SZ, rec);
}

/* One <character-string> (RFC 1035 section 3.3) at *at. */
static int rdata_string(const ns_rr *rr, size_t *at, struct str *out)
{
	const uint8_t *p = ns_rr_rdata(*rr);
	size_t left = ns_rr_rdlen(*rr) - *at;

	if (left == 0 || p[*at] >= left)
		return VD_EINVAL;
	*out = (struct str){(const char *)p + *at + 1, p[*at]};
	*at += 1 + out->len;
	return 0;
}

/* RFC 3403 section 4.1. Of use are only those that lead from a name to the SRV
 * records of a SIP service (RFC 3263 section 4.1): flag "s", no regexp. */
static int keep_naptr(struct draft *d, const ns_rr *rr, struct dns_record *rec)
{
	const uint8_t *p = ns_rr_rdata(*rr);
	struct str flags, service, regexp;
	size_t at = 2 * NS_INT16SZ;

	if (ns_rr_rdlen(*rr) < at || rdata_string(rr, &at, &flags) != 0 ||
	    rdata_string(rr, &at, &service) != 0 ||
	    rdata_string(rr, &at, &regexp) != 0)
		return VD_EINVAL;
	if (!str_ieq(flags, STR("s")) || regexp.len != 0 ||
	    !service_parse(service, &rec->naptr.transport, &rec->naptr.is_sips))
		return VD_ENOENT;
	rec->naptr.order = (uint16_t)ns_get16(p);
	rec->naptr.preference = (uint16_t)ns_get16(p + 2);
	return keep_name(d, rr, at, rec);
}

/* Returns 0, VD_ENOENT (of no use) or VD_EINVAL. */
static int keep_record(struct draft *d, const ns_rr *rr, struct dns_record *rec)
{
	switch (d->type) {
	case ns_t_srv:
		return keep_srv(d, rr, rec);
	case ns_t_naptr:
		return keep_naptr(d, rr, rec);
	default:
		return keep_address(rr, rec);
	}
}

/* The lower the better (RFC 2782, RFC 3403 section 4.1). */
static uint32_t rank(const struct draft *d, size_t i)
{
	const struct dns_record *rec = &d->records[i];

	switch (d->type) {
	case ns_t_srv:
		return rec->srv.priority;
	case ns_t_naptr:
		return (uint32_t)rec->naptr.order << 16 | rec->naptr.preference;
	default:
		return 0;
	}
}

/* Of the one too many and the others, the last of the worst goes. */
static void drop_worst(struct draft *d)
{
	size_t last = --d->n, worst = last;

	for (size_t i = last; i-- > 0;)
		if (rank(d, i) > rank(d, worst))
			worst = i;
	d->records[worst] = d->records[last];
	memcpy(d->names[worst], d->names[last], DNS_NAME_MAX);
}

static int collect(struct draft *d, const char *name)
{
	ns_rr rr;
	int err;

	for (int i = 0; i < n_records(&d->msg, ns_s_an); i++) {
		if (ns_parserr(&d->msg, ns_s_an, i, &rr) != 0)
			return VD_EINVAL;
		if (!is_about(&rr, name, d->type))
			continue;
		d->n_seen++;
		d->ttl_s = shorter_ttl(d->ttl_s, ns_rr_ttl(rr));
		memset(&d->records[d->n], 0, sizeof(d->records[0]));
		err = keep_record(d, &rr, &d->records[d->n]);
		if (err != 0 && err != VD_ENOENT)
			return err;
		if (err == 0 && ++d->n > RESOLVER_TARGETS_MAX)
			drop_worst(d);
	}
	return 0;
}

/* RFC 2308 section 5: the smaller of the SOA record's TTL and its last field.
 * Returns 0, VD_ENOENT (no SOA) or VD_EINVAL. */
static int negative_ttl(ns_msg *msg, uint32_t *ttl_s)
{
	const uint8_t *end;
	ns_rr rr;

	for (int i = 0; i < n_records(msg, ns_s_ns); i++) {
		if (ns_parserr(msg, ns_s_ns, i, &rr) != 0)
			return VD_EINVAL;
		if (ns_rr_type(rr) != ns_t_soa)
			continue;
		if (ns_rr_rdlen(rr) < 2 + 5 * NS_INT32SZ)
			return VD_EINVAL;
		end = ns_rr_rdata(rr) + ns_rr_rdlen(rr);
		*ttl_s = shorter_ttl(DNS_TTL_MAX_S, ns_rr_ttl(rr));
		*ttl_s = shorter_ttl(*ttl_s,
				     (uint32_t)ns_get32(end - NS_INT32SZ));
		return 0;
	}
	return VD_ENOENT;
}

static size_t names_len(const struct draft *d)
{
	size_t len = 0;

	for (size_t i = 0; i < d->n; i++)
		len += d->records[i].name_len;
	return len;
}

/* One after the other, behind the records. */
static void put_names(const struct draft *d, struct dns_answer *a)
{
	char *text = (char *)&a->records[a->n];
	size_t at = 0;

	for (size_t i = 0; i < a->n; i++) {
		struct dns_record *rec = &a->records[i];

		rec->name_at = (uint16_t)at;
		memcpy(text + at, d->names[i], rec->name_len);
		at += rec->name_len;
	}
}

static int finish(const struct draft *d, struct mem *mem,
		  struct dns_answer **out)
{
	struct dns_answer *a = dns_answer_new(mem, d->n, names_len(d));

	if (a == NULL)
		return VD_ENOMEM;
	memcpy(a->records, d->records, d->n * sizeof(d->records[0]));
	put_names(d, a);
	a->err = d->n > 0 ? 0 : VD_ENOENT;
	a->ttl_s = d->ttl_s;
	if (d->n == 0)
		a->ttl_s = shorter_ttl(RESOLVER_NEGATIVE_MAX_S, a->ttl_s);
	*out = a;
	return 0;
}

/* No record of this kind. Either there is none, or the server does not know the
 * zone that the alias leads to (then it names no SOA: RFC 2308 section 2.2). */
static int finish_empty(struct draft *d, struct mem *mem, bool is_alias,
			struct dns_answer **out)
{
	uint32_t ttl_s = 0;
	int err = negative_ttl(&d->msg, &ttl_s);

	if (err == VD_EINVAL)
		return err;
	if (err == VD_ENOENT && is_alias)
		return VD_EAGAIN;
	d->ttl_s = shorter_ttl(d->ttl_s, ttl_s);
	return finish(d, mem, out);
}

int dns_answer_parse(struct mem *mem, const uint8_t *p, size_t len, int type,
		     struct dns_chain *chain, struct dns_answer **out)
{
	unsigned n_cnames = chain->n_cnames;
	struct draft d;
	int rcode, err;

	d.type = type;
	d.n = d.n_seen = 0;
	if (len > NS_MAXMSG || ns_initparse(p, (int)len, &d.msg) != 0 ||
	    !ns_msg_getflag(d.msg, ns_f_qr))
		return VD_EINVAL;
	rcode = ns_msg_getflag(d.msg, ns_f_rcode);
	if (rcode != ns_r_noerror && rcode != ns_r_nxdomain)
		return VD_ESERVFAIL;
	err = follow_cnames(&d.msg, chain);
	if (err != 0)
		return err;
	d.ttl_s = chain->ttl_s;
	if (rcode == ns_r_nxdomain)
		return finish_empty(&d, mem, false, out);
	err = collect(&d, chain->name);
	if (err != 0)
		return err;
	if (d.n_seen == 0)
		return finish_empty(&d, mem, chain->n_cnames > n_cnames, out);
	return finish(&d, mem, out);
}
