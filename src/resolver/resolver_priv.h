/*
 * Inside the resolver. From the bottom up: answers as they are kept (answer.c),
 * the hosts file, the cache, queries through c-ares (query.c), RFC 2782
 * (srv.c), RFC 3263's table of services (service.c), health of hops, and the
 * search.
 */
#ifndef VIADUCT_RESOLVER_PRIV_H
#define VIADUCT_RESOLVER_PRIV_H

#include "viaduct/resolver/resolver.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/list.h"

enum {
	DNS_NAME_MAX = 256,    /* a name as text, with its NUL */
	DNS_TTL_MAX_S = 86400, /* longer is taken for a mistake */
	DNS_RECORDS_MAX = 256, /* looked at in a section of an answer */
	DNS_FAILURE_TTL_S = 5, /* no answer, or SERVFAIL */
	HEALTH_MAX = 4096,     /* failed hops remembered */
};

/* --- answer.c: what the DNS said about one name and type --- */

struct dns_record {
	union {
		union addr addr; /* A, AAAA; port 0 */
		struct {
			uint16_t priority, weight, port;
		} srv;
		struct {
			uint16_t order, preference;
			enum sip_transport transport;
			bool is_sips;
		} naptr;
	};
	uint16_t name_at, name_len; /* dns_answer_name() */
};

/* Counted: by the cache, the hosts file, each lookup that got it and each
 * search that walks it. Never changed once it is shared. */
struct dns_answer {
	struct mem *mem; /* borrowed */
	size_t size;
	uint32_t refs;
	int err; /* 0: there are records. VD_ENOENT, VD_ETIMEOUT, VD_ESERVFAIL
		  * or VD_ENOMEM */
	uint32_t ttl_s;
	uint32_t n;
	struct dns_record records[]; /* then their names */
};

/* One reference, no records filled in. NULL when there is no memory. */
struct dns_answer *dns_answer_new(struct mem *mem, size_t n, size_t text_len);
struct dns_answer *dns_answer_ref(struct dns_answer *a);
void dns_answer_unref(struct dns_answer *a); /* NULL allowed */

/* SRV: target, NAPTR: replacement. Empty: the root, "no such service". */
struct str dns_answer_name(const struct dns_answer *a,
			   const struct dns_record *rec);

/* A host or service name that may be asked for: letters, digits, "-", "_" in
 * labels of 1 to 63, no dot at the end. */
bool dns_name_is_ok(struct str name);

/* How far a question has come along its CNAMEs. */
struct dns_chain {
	char name[DNS_NAME_MAX]; /* the name that records are wanted of */
	unsigned n_cnames;
	uint32_t ttl_s; /* smallest so far */
};

void dns_chain_init(struct dns_chain *c, struct str name);

/*
 * Read a whole DNS message. type: ns_t_a, ns_t_aaaa, ns_t_srv or ns_t_naptr.
 * NAPTR records that are not about SIP are left out.
 *
 * Returns 0 with *out (a->err may be VD_ENOENT: no name or no such records),
 * VD_EAGAIN (it ends with an alias: ask for chain->name), VD_EINVAL
 * (malformed), VD_ELOOP (too many aliases), VD_ESERVFAIL or VD_ENOMEM.
 */
int dns_answer_parse(struct mem *mem, const uint8_t *p, size_t len, int type,
		     struct dns_chain *chain, struct dns_answer **out);

/* --- key.c: a question: name and type --- */

struct dns_key {
	uint64_t hash;
	uint16_t type;
	uint16_t len;
	char name[DNS_NAME_MAX]; /* lower case, no dot at the end */
};

/* Returns 0 or VD_EINVAL (not a name). */
int dns_key_init(struct dns_key *k, struct str name, int type);

static inline bool dns_key_eq(const struct dns_key *k, int type,
			      const char *name, size_t len)
{
	return k->type == type && k->len == len &&
	       memcmp(k->name, name, len) == 0;
}

/* --- hosts.c --- */

struct hosts {
	struct mem *mem; /* borrowed */
	struct hash_table names;
	struct list entries;
};

/* path NULL: empty. Returns 0, VD_ENOMEM, VD_ESYS or VD_EINVAL with `why`. */
int hosts_init(struct hosts *h, struct mem *mem, const char *path,
	       char why[256]);
void hosts_fini(struct hosts *h);

/* NULL: the name is not in the file. Otherwise what the file says about A or
 * AAAA (borrowed); with no address of this family, a->err is VD_ENOENT. */
struct dns_answer *hosts_find(const struct hosts *h, struct str name, int type);

/* --- cache.c --- */

struct cache {
	struct mem *mem; /* borrowed */
	struct hash_table table;
	struct list used; /* the latest first */
	size_t max;
};

int cache_init(struct cache *c, struct mem *mem, size_t max);
void cache_fini(struct cache *c);

/* Borrowed; NULL: not there, or its time is over. */
struct dns_answer *cache_find(struct cache *c, const struct dns_key *key,
			      uint64_t now_ms);

/* Keep it until its TTL is over. Silently not when there is no memory. */
void cache_put(struct cache *c, const struct dns_key *key,
	       struct dns_answer *answer, uint64_t now_ms);

/* --- query.c: questions to name servers --- */

struct ares_channeldata;

struct dns {
	struct ares_channeldata *channel;
	struct list sockets;
	struct hash_table queries; /* in flight, by key */
	bool is_blind;             /* a socket could not be watched */
	size_t n_queries;
	struct timer tick;            /* armed while there are queries */
	struct dns_answer *no_memory; /* what is said when there is none */
};

int dns_init(struct resolver *r);
void dns_fini(struct resolver *r);

/* One question of one search. In its owner's storage; all zero: not asked. */
struct lookup;
typedef void lookup_fn(struct lookup *lk);

struct lookup {
	struct list link; /* in its query, while it waits */
	lookup_fn *done;
	struct dns_answer *answer; /* NULL: waits */
	bool is_asked;
};

/*
 * Ask the hosts file, the cache, then a name server; identical questions share
 * one query.
 *
 * may_wait  false: nothing is sent.
 * Returns 0 with lk->answer (counted; its err may be set), VD_EAGAIN (`done`
 * runs later, outside of this call, with lk->answer set), VD_ETIMEOUT (it would
 * have to wait), VD_ENOENT (no name that DNS could know), VD_ENOMEM or
 * VD_ELIMIT (too many queries in flight). On error it was not asked.
 */
int lookup_start(struct resolver *r, struct lookup *lk, struct str name,
		 int type, bool may_wait, lookup_fn *done);
void lookup_drop(struct lookup *lk); /* gives the answer back; not asked: ok */

/* --- srv.c: RFC 2782 --- */

/* A number from 0 to max, both included. */
typedef uint32_t srv_random_fn(void *arg, uint32_t max);

/* Fill order[0..n) with indexes into records, in the order to try them. */
void srv_order(const struct dns_record *records, size_t n,
	       srv_random_fn *random, void *arg, uint8_t *order);

/* --- service.c: which service stands for which transport --- */

struct service {
	uint8_t transport; /* enum sip_transport */
	int8_t record;     /* index into the NAPTR answer, -1: not from one */
};

/* "SIP+D2U". False: not a service of SIP. Unknown transports of SIP are
 * SIP_TRANSPORT_OTHER. */
bool service_parse(struct str text, enum sip_transport *transport,
		   bool *is_sips);

/* "_sip._udp.<host>". Returns its length, 0 when there is none. */
size_t service_name(enum sip_transport transport, struct str host,
		    char name[DNS_NAME_MAX]);

static inline bool target_has(const struct locate_target *t,
			      enum sip_transport transport)
{
	return (t->transports & (1u << transport)) != 0;
}

/* The transport that the URI demands, or NONE. Returns 0 or VD_EUNSUP. */
int service_demanded(const struct locate_target *t, enum sip_transport *out);

/* The transport when neither URI nor DNS say: UDP, TLS for sips. */
enum sip_transport service_default(const struct locate_target *t);

/* The services to ask for, best first: by NAPTR, and without. Return their
 * number. *has_other: there are services, over transports that we lack. */
size_t services_of_naptr(const struct locate_target *t,
			 const struct dns_answer *naptr,
			 struct service out[RESOLVER_TARGETS_MAX],
			 bool *has_other);
size_t services_without_naptr(const struct locate_target *t,
			      struct service out[RESOLVER_TARGETS_MAX]);

/* --- health.c: hops that failed lately --- */

struct health {
	struct mem *mem; /* borrowed */
	struct hash_table table;
	struct list by_age; /* the oldest first */
};

int health_init(struct health *h, struct mem *mem);
void health_fini(struct health *h);
void health_failed(struct health *h, const struct locate_hop *hop,
		   uint64_t until_ms);
/* The same, whatever else the hop answers until then. */
void health_rests(struct health *h, const struct locate_hop *hop,
		  uint64_t until_ms);
void health_ok(struct health *h, const struct locate_hop *hop);
bool health_is_suspect(struct health *h, const struct locate_hop *hop,
		       uint64_t now_ms);

/* --- resolver.c --- */

struct resolver {
	struct loop *loop;         /* borrowed */
	struct mem *mem;           /* borrowed */
	struct stats *stats;       /* borrowed */
	struct resolver_conf conf; /* servers and hosts_file: unset */
	struct hosts hosts;
	struct cache cache;
	struct dns dns;
	struct health health;
	struct list searches; /* all that are open */
	struct list ready;    /* those whose callback is due */
	size_t n_waiting;
	uint64_t random; /* state of the generator for RFC 2782 */
};

/* --- search.c: the steps of RFC 3263 --- */

enum {
	SEARCH_GO_ON = 1, /* a step led to another */
};

enum search_state {
	ASK_NAPTR,
	ASK_SRV,
	NEXT_TARGET,
	NEXT_ADDRESS,
	NUMERIC,
	NEXT_SUSPECT,
	END,
	ENDED,
};

struct suspect {
	struct list link;
	struct locate_hop hop;
};

struct locate {
	struct resolver *r; /* borrowed; NULL: it is gone */
	struct mem *mem;    /* borrowed */
	struct list link;   /* in r->searches */
	struct list ready_link;
	locate_ready_fn *ready;
	void *arg;
	struct timer deadline; /* armed while one hop is waited for */
	enum search_state state;
	int error; /* the most telling so far */
	bool is_waiting;
	bool is_late; /* the deadline is over: what is known must do */
	bool has_hop; /* one was given */
	bool has_srv; /* SRV records were found */
	bool has_failed_srv;
	bool has_other; /* services over transports that we lack */
	struct locate_target target;
	union addr numeric;

	struct lookup question; /* NAPTR, then SRV by SRV */
	struct dns_answer *naptr;
	struct service services[RESOLVER_TARGETS_MAX];
	size_t n_services, service;
	enum sip_transport fallback; /* when there is no SRV record */

	struct dns_answer *srv; /* of services[service] */
	uint8_t order[RESOLVER_TARGETS_MAX];
	size_t next_target;

	enum sip_transport transport; /* of the addresses at hand */
	uint16_t port;
	struct str name; /* whose; in `srv` or `host` */
	int families[2];
	size_t n_families, family, next_address;
	struct lookup addresses[2]; /* by family */

	struct list suspects;
	size_t n_suspects;
	size_t host_len;
	char host[];
};

/* Choose where the search starts. Nothing is asked yet. */
void search_begin(struct locate *l);

/* One step. Returns 0 with *out, SEARCH_GO_ON (call again), VD_EAGAIN
 * (locate_wake() tells) or how it ended. */
int search_step(struct locate *l, struct locate_hop *out);

/* The DNS gives no more hops, because of `err`. */
int search_give_up(struct locate *l, int err);

/* Whatever the search holds goes back; it is ended. */
void search_release(struct locate *l);

/* --- locate.c: searches as others see them, and how they wait --- */

/* Its lookup is answered: the search that waits for it may go on. */
void locate_wake(struct locate *l);

/* Tell the searches that can go on. Called where no c-ares call is on the
 * stack. */
void locate_run_ready(struct resolver *r);

/* The resolver goes away: the search gives no more hops. */
void locate_abandon_all(struct resolver *r);

#endif
