/* What is ours: addresses and names, with and without a port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/proxy_priv.h"

#define IP "127.85.9.1"

struct stage {
	struct listener_conf listeners[4];
	struct proxy_conf conf;
	struct proxy proxy;
	struct post *post;
};

static void listen_on(struct stage *s, size_t i, enum sip_transport t,
		      const char *hostport, const char *advertise)
{
	struct listener_conf *l = &s->listeners[i];

	l->transport = t;
	l->url = str_from(hostport);
	l->advertise_host = str_from(advertise);
	assert_int_equal(addr_parse_hostport(l->url, 0, &l->addr), 0);
}

static int setup(void **state)
{
	static const struct transport_limits limits = {.connections = 1};
	struct stage *s = calloc(1, sizeof(*s));
	char why[256];

	assert_non_null(s);
	listen_on(s, 0, SIP_TLS, IP ":5061", "");
	listen_on(s, 1, SIP_WSS, IP ":8443", "phone.test");
	listen_on(s, 2, SIP_WSS, IP ":8444", "");
	listen_on(s, 3, SIP_WS, IP ":8080", "phone.test");
	assert_int_equal(post_new(1, 1, &s->post), 0);
	assert_int_equal(transport_set_open(s->listeners, 4, 1, &limits,
					    s->post, &s->proxy.env.transports,
					    why),
			 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	transport_set_close(s->proxy.env.transports);
	post_free(s->post);
	free(s);
	return 0;
}

static bool is_local(struct stage *s, const char *host, uint16_t port)
{
	struct request r = {.proxy = &s->proxy, .conf = &s->conf};

	return request_host_is_local(&r, str_from(host), port);
}

/* Of the transport of a listener there: 5061 here. */
static void an_address_without_a_port_has_the_default_one(void **state)
{
	struct stage *s = *state;

	assert_true(is_local(s, IP, 5061));
	assert_true(is_local(s, IP, 8443));
	assert_true(is_local(s, IP, 0));
	assert_false(is_local(s, IP, 5060));
	s->listeners[0].transport = SIP_TCP; /* whose default is another */
	assert_false(is_local(s, IP, 0));
	assert_false(is_local(s, "127.85.9.2", 0));
}

static void expect_sent_by(struct stage *s, size_t i, const char *text)
{
	struct conf_use use = {0};

	assert_int_equal(ours_prepare(&s->proxy, &s->conf, &use), 0);
	assert_int_equal(use.sent_by[i].len, strlen(text));
	assert_memory_equal(use.sent_by[i].text, text, strlen(text));
	free(use.sent_by);
}

/* RFC 7118 section 5.5: with transport=ws, no port would be 80. */
static void the_port_of_wss_is_always_written(void **state)
{
	struct stage *s = *state;

	expect_sent_by(s, 1, "phone.test:443");
	expect_sent_by(s, 3, "phone.test");
	assert_true(is_local(s, "phone.test", 443));
	assert_true(is_local(s, "phone.test", 0));
	s->conf.name_host = STR("sip.test");
	s->conf.name_port = 443;
	expect_sent_by(s, 2, "sip.test:443");
	s->conf.name_port = 5061;
	expect_sent_by(s, 0, "sip.test");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(an_address_without_a_port_has_the_default_one),
		TEST(the_port_of_wss_is_always_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
