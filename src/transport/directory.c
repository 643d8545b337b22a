#include "transport/directory.h"

#include <pthread.h>

#include "viaduct/util/err.h"

enum {
	N_SHARDS = 64,
};

struct shard {
	pthread_mutex_t lock;
	struct hash_table table;
};

struct directory {
	struct mem *mem; /* borrowed */
	size_t n_ready;  /* shards that were set up */
	struct shard shards[N_SHARDS];
};

static const struct conn_ref no_conn;

int directory_new(struct mem *mem, struct directory **out)
{
	struct directory *d = mem_zalloc(mem, sizeof(*d));
	int err;

	if (d == NULL)
		return VD_ENOMEM;
	d->mem = mem;
	for (; d->n_ready < N_SHARDS; d->n_ready++) {
		err = hash_table_init(&d->shards[d->n_ready].table);
		if (err != 0) {
			directory_free(d);
			return err;
		}
		pthread_mutex_init(&d->shards[d->n_ready].lock, NULL);
	}
	*out = d;
	return 0;
}

void directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	while (d->n_ready > 0) {
		d->n_ready--;
		hash_table_fini(&d->shards[d->n_ready].table);
		pthread_mutex_destroy(&d->shards[d->n_ready].lock);
	}
	mem_free(d->mem, d, sizeof(*d));
}

static struct str addr_ip_bytes(const union addr *a)
{
	if (addr_family(a) == AF_INET6)
		return (struct str){(const char *)&a->in6.sin6_addr,
				    sizeof(a->in6.sin6_addr)};
	return (struct str){(const char *)&a->in4.sin_addr,
			    sizeof(a->in4.sin_addr)};
}

static uint64_t key_hash(enum sip_transport t, const union addr *remote)
{
	struct str ip = addr_ip_bytes(remote);
	uint16_t port = addr_port(remote);
	char key[24];

	memcpy(key, ip.p, ip.len);
	memcpy(key + ip.len, &port, sizeof(port));
	key[ip.len + sizeof(port)] = (char)t;
	return hash_bytes(hash_process_key(), key, ip.len + sizeof(port) + 1);
}

/* The table inside a shard picks its bucket from the low bits. */
static struct shard *shard_of(struct directory *d, uint64_t hash)
{
	return &d->shards[hash >> 58];
}

static bool entry_serves(const struct directory_entry *e, uint16_t listener,
			 struct str domain)
{
	union addr a;

	if (e->is_alias)
		return cert_names_have(e->names, domain);
	if (!sip_transport_is_tls(e->transport))
		return true;
	if (e->is_made && e->listener != listener)
		return false;
	if (e->is_for_all || domain.len == 0)
		return true;
	if (e->domain.len != 0 && sip_host_eq(e->domain, domain))
		return true;
	if (e->names != NULL && cert_names_have(e->names, domain))
		return true;
	return addr_parse(domain, 0, &a) == 0 && addr_ip_eq(&a, &e->remote);
}

static struct directory_entry *shard_find(struct shard *s, uint64_t hash,
					  enum sip_transport t,
					  const union addr *remote,
					  uint16_t listener, struct str domain)
{
	struct directory_entry *e;
	struct hash_node *n;

	for (n = hash_table_find(&s->table, hash); n != NULL;
	     n = hash_table_next(n)) {
		e = CONTAINER_OF(n, struct directory_entry, node);
		if (e->transport == t && addr_eq(&e->remote, remote) &&
		    entry_serves(e, listener, domain))
			return e;
	}
	return NULL;
}

void directory_add(struct directory *d, struct directory_entry *e)
{
	uint64_t hash = key_hash(e->transport, &e->remote);
	struct shard *s = shard_of(d, hash);

	pthread_mutex_lock(&s->lock);
	hash_table_insert(&s->table, &e->node, hash);
	e->is_in = true;
	pthread_mutex_unlock(&s->lock);
}

struct conn_ref directory_join(struct directory *d, struct directory_entry *e)
{
	uint64_t hash = key_hash(e->transport, &e->remote);
	struct shard *s = shard_of(d, hash);
	struct directory_entry *there;
	struct conn_ref ref = no_conn;

	pthread_mutex_lock(&s->lock);
	there = shard_find(s, hash, e->transport, &e->remote, e->listener,
			   e->domain);
	if (there != NULL) {
		ref = there->ref;
	} else {
		hash_table_insert(&s->table, &e->node, hash);
		e->is_in = true;
	}
	pthread_mutex_unlock(&s->lock);
	return ref;
}

void directory_remove(struct directory *d, struct directory_entry *e)
{
	struct shard *s = shard_of(d, e->node.hash);

	if (!e->is_in) /* written by the owner alone */
		return;
	pthread_mutex_lock(&s->lock);
	hash_table_remove(&s->table, &e->node);
	e->is_in = false;
	pthread_mutex_unlock(&s->lock);
}

void directory_set_names(struct directory *d, struct directory_entry *e,
			 const struct cert_names *names, bool is_for_all)
{
	struct shard *s = shard_of(d, key_hash(e->transport, &e->remote));

	pthread_mutex_lock(&s->lock);
	e->names = names;
	e->is_for_all = is_for_all;
	pthread_mutex_unlock(&s->lock);
}

struct conn_ref directory_find(struct directory *d, enum sip_transport t,
			       const union addr *remote, uint16_t listener,
			       struct str domain)
{
	uint64_t hash = key_hash(t, remote);
	struct shard *s = shard_of(d, hash);
	struct directory_entry *e;
	struct conn_ref ref = no_conn;

	pthread_mutex_lock(&s->lock);
	e = shard_find(s, hash, t, remote, listener, domain);
	if (e != NULL)
		ref = e->ref;
	pthread_mutex_unlock(&s->lock);
	return ref;
}
