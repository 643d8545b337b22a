/* Every allocation of a search fails once: the first, the second, ... */
#include "bench.h"

#include <arpa/nameser.h>

static size_t n_allocations, fail_at;

void *__real_mem_alloc(struct mem *m, size_t size);
void *__real_mem_zalloc(struct mem *m, size_t size);
void *__wrap_mem_alloc(struct mem *m, size_t size);
void *__wrap_mem_zalloc(struct mem *m, size_t size);

void *__wrap_mem_alloc(struct mem *m, size_t size)
{
	return ++n_allocations == fail_at ? NULL : __real_mem_alloc(m, size);
}

void *__wrap_mem_zalloc(struct mem *m, size_t size)
{
	return ++n_allocations == fail_at ? NULL : __real_mem_zalloc(m, size);
}

static int restart(struct bench *b)
{
	char why[256];

	locate_end(b->locate);
	b->locate = NULL;
	resolver_free(b->resolver);
	b->resolver = NULL;
	n_allocations = 0;
	return resolver_new(b->loop, b->mem, &b->stats, &b->conf, &b->resolver,
			    why);
}

/* Resolver, search, suspect, NAPTR, SRV, alias, addresses. Returns how many
 * hops came out; *err is what ended it. */
static int search(struct bench *b, int *err)
{
	struct locate_target t = bench_target("example.com");
	struct locate_hop bad = bench_hop(SIP_UDP, "192.0.2.1:5060");
	struct locate_hop hop;
	int n = 0;

	t.has_inet6 = true;
	*err = restart(b);
	if (*err != 0)
		return 0;
	resolver_hop_failed(b->resolver, &bad);
	*err = bench_try_start(b, &t);
	if (*err != 0)
		return 0;
	while ((*err = bench_next(b, &hop)) == 0)
		n++;
	return n;
}

static void any_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	size_t n_failed = 0;
	int err, n_hops;

	name_server_add(&b->server, "example.com 300 NAPTR 1 1 s SIP+D2U "
				    "_sip._udp.example.com");
	name_server_add(&b->server, "_sip._udp.example.com 300 SRV 1 0 5060 "
				    "alias.example.com");
	name_server_add(&b->server,
			"alias.example.com 300 CNAME a.example.com");
	name_server_add(&b->server, "a.example.com 300 A 192.0.2.1");
	name_server_add(&b->server, "a.example.com 300 A 192.0.2.2");
	/* an unwatched socket looks like a name server that is silent */
	b->conf.search_timeout_ms = 50;
	for (fail_at = 1;; fail_at++) {
		b->server.n_queries = 0;
		n_hops = search(b, &err);
		if (n_allocations < fail_at)
			break;
		n_failed += n_hops == 0;
		if (n_hops == 0)
			assert_true(err == VD_ENOMEM || err == VD_ETIMEOUT);
		else
			assert_int_equal(err, VD_ENOENT);
	}
	assert_int_equal(n_hops, 2);
	assert_true(n_failed >= 8);
	assert_true(fail_at >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_allocation_may_fail,
						bench_setup, bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
