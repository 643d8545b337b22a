/* The resolver as a whole: its parts, put together and taken apart. */
#include <ares.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"
#include "viaduct/util/mac.h"

static void library_init(void)
{
	ares_library_init(ARES_LIB_INIT_ALL);
}

static int parts_init(struct resolver *r, char why[256])
{
	int err = hosts_init(&r->hosts, r->mem, r->conf.hosts_file, why);

	if (err == 0)
		err = cache_init(&r->cache, r->mem, r->conf.cache);
	if (err == 0)
		err = health_init(&r->health, r->mem);
	if (err == 0)
		err = dns_init(r);
	if (err != 0 && why[0] == '\0')
		snprintf(why, 256, "the resolver cannot start: %s",
			 vd_strerror(err));
	return err;
}

int resolver_new(struct loop *loop, struct mem *mem, struct stats *stats,
		 const struct resolver_conf *conf, struct resolver **out,
		 char why[256])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct resolver *r = mem_zalloc(mem, sizeof(*r));
	int err;

	why[0] = '\0';
	if (r == NULL) {
		snprintf(why, 256, "%s", vd_strerror(VD_ENOMEM));
		return VD_ENOMEM;
	}
	pthread_once(&once, library_init);
	r->loop = loop;
	r->mem = mem;
	r->stats = stats;
	r->conf = *conf;
	list_init(&r->searches);
	list_init(&r->ready);
	random_bytes(&r->random, sizeof(r->random));
	err = parts_init(r, why);
	if (err != 0) {
		resolver_free(r);
		return err;
	}
	r->conf.servers = NULL; /* they were the caller's */
	r->conf.hosts_file = NULL;
	*out = r;
	return 0;
}

void resolver_gauge(const struct resolver *r)
{
	stats_set(&r->stats->gauges[GAUGE_dns_queries_in_flight],
		  r->dns.n_queries);
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	locate_abandon_all(r);
	dns_fini(r);
	health_fini(&r->health);
	cache_fini(&r->cache);
	hosts_fini(&r->hosts);
	mem_free(r->mem, r, sizeof(*r));
}

void resolver_hop_failed(struct resolver *r, const struct locate_hop *hop)
{
	stats_add(r->stats, STAT_hops_failed, 1);
	health_failed(&r->health, hop, loop_now_ms(r->loop) + r->conf.dead_ms);
}

void resolver_hop_rests(struct resolver *r, const struct locate_hop *hop,
			uint32_t rest_ms)
{
	stats_add(r->stats, STAT_hops_failed, 1);
	health_rests(&r->health, hop, loop_now_ms(r->loop) + rest_ms);
}

void resolver_hop_ok(struct resolver *r, const struct locate_hop *hop)
{
	health_ok(&r->health, hop);
}

bool resolver_hop_is_suspect(struct resolver *r, const struct locate_hop *hop)
{
	return health_is_suspect(&r->health, hop, loop_now_ms(r->loop));
}
