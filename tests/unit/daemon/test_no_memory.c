/* A configuration is read whole or not at all, whichever allocation fails. */
#include "config_test.h"
#include "util/fail_alloc.h"

/* Pools take their memory from the system at once: they fail here. */
void *__real_mem_alloc(struct mem *m, size_t size);
void *__real_mem_zalloc(struct mem *m, size_t size);
void *__wrap_mem_alloc(struct mem *m, size_t size);
void *__wrap_mem_zalloc(struct mem *m, size_t size);

void *__wrap_mem_alloc(struct mem *m, size_t size)
{
	return fail_now() ? NULL : __real_mem_alloc(m, size);
}

void *__wrap_mem_zalloc(struct mem *m, size_t size)
{
	return fail_now() ? NULL : __real_mem_zalloc(m, size);
}

static const char start[] =
	"listen: [ \"udp://127.0.0.1:5060\", { url: \"tcp://[::1]:5060\", "
	"advertise: a.test } ]\n"
	"server: { name: \"b.test:5070\", header: H }\n"
	"resolver: { servers: \"127.0.0.1:53\" }\n"
	"domains: { a.test: { authenticate: none, registrar: false, "
	"aliases: [ b.test ] } }\n"
	"trust: 192.0.2.0/24\n"
	"routes:\n"
	"- { match: { request.user: [ a, b ], source: 10.0.0.0/8, "
	"request.uri: \"sip:a@b\" }, forward: { to: [ sip:a, [ sip:b, sip:c ] "
	"], next_hop: sip:d } }\n"
	"- { redirect: [ sip:a, sip:b ] }\n"
	"- { name: x, reject: 403 No way }\n";

static char yaml[1 << 15]; /* several chunks of an arena */

static void write_yaml(void)
{
	size_t len = (size_t)sprintf(yaml, "%s", start);

	for (int i = 0; i < 200; i++)
		len += (size_t)sprintf(yaml + len,
				       "- { match: { to.user: u%d }, forward: "
				       "[ sip:u%d@a, sip:u%d@b ] }\n",
				       i, i, i);
}

static void any_allocation_of_a_reload_may_fail(void **state)
{
	unsigned n = 0, n_failed = 0;
	bool was_reached;

	(void)state;
	write_yaml();
	config_unref(config_good(yaml));
	config_write(yaml);
	log_begin();
	do {
		struct config *c = NULL;
		int err;

		fail_countdown = ++n;
		err = config_load(config_path, true, &c);
		was_reached = fail_countdown == 0;
		fail_countdown = 0;
		n_failed += err != 0;
		if (err == 0)
			config_unref(c);
		else
			assert_null(c);
	} while (was_reached && n < 5000);
	log_end();
	unlink(config_path);
	assert_in_range(n, 20, 4999);
	assert_in_range(n_failed, n / 2, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_allocation_of_a_reload_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
