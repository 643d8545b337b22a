/* URIs: RFC 3261 sections 19.1 and 25.1, RFC 5954. */
#include "sip_test.h"

static void a_sip_uri_falls_into_its_parts(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_int_equal(
		sip_uri_parse(
			STR("sips:a%20b;c:pw&@[2001:db8::1]:5071;lr;"
			    "transport=TCP;maddr=192.0.2.1;x=[y]?to=b&c="),
			&u),
		0);
	assert_int_equal(u.scheme, SIP_SCHEME_SIPS);
	assert_str(u.user, "a%20b;c");
	assert_str(u.password, "pw&");
	assert_str(u.host, "[2001:db8::1]");
	assert_int_equal(u.port, 5071);
	assert_str(u.params, "lr;transport=TCP;maddr=192.0.2.1;x=[y]");
	assert_str(u.headers, "to=b&c=");
	assert_int_equal(u.transport, SIP_TCP);
	assert_str(u.maddr, "192.0.2.1");
	assert_true(u.has_user && u.is_lr && u.is_host_ip);
}

static void what_is_not_there_is_empty(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_int_equal(sip_uri_parse(STR("SIP:example.com"), &u), 0);
	assert_false(u.has_user || u.is_lr || u.is_host_ip);
	assert_null(u.password.p);
	assert_null(u.maddr.p);
	assert_null(u.headers.p);
	assert_int_equal(u.port, 0);
	assert_int_equal(u.params.len, 0);
	assert_int_equal(u.transport, SIP_TRANSPORT_NONE);
}

static void other_schemes_are_carried(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_int_equal(sip_uri_parse(STR("tel:+1-201;phone-context=x"), &u),
			 0);
	assert_int_equal(u.scheme, SIP_SCHEME_TEL);
	assert_str(u.opaque, "+1-201;phone-context=x");
	assert_int_equal(sip_uri_parse(STR("soap.beep://192.0.2.103:3002"), &u),
			 0);
	assert_int_equal(u.scheme, SIP_SCHEME_OTHER);
	assert_str(u.scheme_name, "soap.beep");
	assert_str(u.opaque, "//192.0.2.103:3002");
}

static const struct str good[] = {
	STR("sip:biloxi.com"),
	STR("sip:biloxi.com."),
	STR("sip:192.0.2.4:5060"),
	STR("sip:a@1.2.example"),
	STR("sip:+1-212-555-1212:1234@gateway.com;user=phone"),
	STR("sip:a?b/c;d,e@h"),
	STR("sip:a:@h"),
	STR("sip:%00@h"),
	STR("sip:h:00005060"),
	STR("sip:my_host-1.3com"),
	STR("sip:[::ffff:192.0.2.1]"),
	STR("sip:u@[2001:db8:::192.0.2.1]"),
	STR("sip:h;a;b=c"),
	STR("sip:h?a="),
	STR("mailto:x@y?subject=%20"),
};

static void good_uris_parse(void **state)
{
	struct sip_uri u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (sip_uri_parse(good[i], &u) != 0)
			fail_msg("refused %s", good[i].p);
}

static const struct str bad[] = {
	STR(""),
	STR("sip:"),
	STR("sip"),
	STR("sip\032h"),
	STR(":h"),
	STR("1sip:h"),
	STR("sip:@h"),
	STR("sip:a@"),
	STR("sip:a@b@c"),
	STR("sip:a b@c"),
	STR("sip:a%4@c"),
	STR("sip:a%zz@c"),
	STR("sip:a@b c"),
	STR("<sip:a@b>"),
	STR("sip:a@b>"),
	STR("sip:h:"),
	STR("sip:h:0"),
	STR("sip:h:65536"),
	STR("sip:h:4294972356"),
	STR("sip:h:5060x"),
	STR("sip:.h"),
	STR("sip:a..b"),
	STR("sip:256.0.0.1"),
	STR("sip:1.2.3"),
	STR("sip:1.2.3.4.5"),
	STR("sip:[2001:db8::1"),
	STR("sip:[2001:db8:::1:::2]"),
	STR("sip:[1.2.3.4]"),
	STR("sip:[fe80::1%25eth0]"),
	STR("sip:2001:db8::10"),
	STR("sip:h;"),
	STR("sip:h;;lr"),
	STR("sip:h;a="),
	STR("sip:h;transport=tcp;transport=udp"),
	STR("sip:h;maddr=a;maddr=b"),
	STR("sip:h;maddr=[x]"),
	STR("sip:h?"),
	STR("sip:h?a"),
	STR("sip:h?a=b&"),
	STR("sip:h?a=<"),
	STR("sip:h\"x"),
	STR("tel:"),
	STR("tel:+1 2"),
	STR("http://a/\"b"),
};

static void malformed_uris_are_refused(void **state)
{
	struct sip_uri u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (sip_uri_parse(bad[i], &u) != VD_EINVAL)
			fail_msg("accepted %s", bad[i].p);
}

struct pair {
	struct str a, b;
};

static bool equal(const struct pair *p)
{
	struct sip_uri a, b;

	if (sip_uri_parse(p->a, &a) != 0 || sip_uri_parse(p->b, &b) != 0)
		fail_msg("does not parse: %s or %s", p->a.p, p->b.p);
	assert_int_equal(sip_uri_eq(&a, &b), sip_uri_eq(&b, &a));
	return sip_uri_eq(&a, &b);
}

/* The first list of RFC 3261 section 19.1.4, and what follows from it. */
static const struct pair same[] = {
	{STR("sip:%61lice@atlanta.com;transport=TCP"),
	 STR("sip:alice@AtLanTa.CoM;Transport=tcp")},
	{STR("sip:carol@chicago.com"), STR("sip:carol@chicago.com;newparam=5")},
	{STR("sip:carol@chicago.com"),
	 STR("sip:carol@chicago.com;security=on")},
	{STR("sip:carol@chicago.com;newparam=5"),
	 STR("sip:carol@chicago.com;security=on")},
	{STR("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi."
	     "com"),
	 STR("sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi."
	     "com")},
	{STR("sip:alice@atlanta.com?subject=project%20x&priority=urgent"),
	 STR("sip:alice@atlanta.com?priority=urgent&subject=project%20x")},
	{STR("sip:carol@chicago.com"),
	 STR("sip:carol@chicago.com;security=off")},
	{STR("SIP:a@h;LR"), STR("sip:a@h;lr")},
	{STR("sip:a%3b@h"), STR("sip:a%3B@h")},
	{STR("sip:[2001:db8::1]"), STR("sip:[2001:0DB8:0:0::0001]")},
	{STR("sip:a@h."), STR("sip:a@h")},
	{STR("tel:+1"), STR("tel:+1")},
};

static void equivalent_uris_are_equal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (!equal(&same[i]))
			fail_msg("%s and %s", same[i].a.p, same[i].b.p);
}

/* The second list. */
static const struct pair different[] = {
	{STR("SIP:ALICE@AtLanTa.CoM;Transport=udp"),
	 STR("sip:alice@AtLanTa.CoM;Transport=UDP")},
	{STR("sip:bob@biloxi.com"), STR("sip:bob@biloxi.com:5060")},
	{STR("sip:bob@biloxi.com"), STR("sip:bob@biloxi.com;transport=udp")},
	{STR("sip:bob@biloxi.com"),
	 STR("sip:bob@biloxi.com:6000;transport=tcp")},
	{STR("sip:carol@chicago.com"),
	 STR("sip:carol@chicago.com?Subject=next%20meeting")},
	{STR("sip:bob@phone21.boxesbybob.com"), STR("sip:bob@192.0.2.4")},
	{STR("sip:carol@chicago.com;security=on"),
	 STR("sip:carol@chicago.com;security=off")},
	{STR("sip:a@h"), STR("sips:a@h")},
	{STR("sip:a@h"), STR("sip:h")},
	{STR("sip:a@h"), STR("sip:a:@h")},
	{STR("sip:a:b@h"), STR("sip:a:B@h")},
	{STR("sip:a;b@h"), STR("sip:a%3Bb@h")},
	{STR("sip:a@h"), STR("sip:a@h;user=phone")},
	{STR("sip:a@h"), STR("sip:a@h;ttl=1")},
	{STR("sip:a@h"), STR("sip:a@h;method=INVITE")},
	{STR("sip:a@h"), STR("sip:a@h;maddr=192.0.2.1")},
	{STR("sip:a@h?x=1"), STR("sip:a@h?x=2")},
	{STR("sip:null-%00@h"), STR("sip:null-@h")},
	{STR("sip:[2001:db8::1]"), STR("sip:[2001:db8::2]")},
	{STR("tel:+1"), STR("tel:+2")},
};

static void different_uris_are_not_equal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(different); i++)
		if (equal(&different[i]))
			fail_msg("%s and %s", different[i].a.p,
				 different[i].b.p);
}

/* The work must not grow with the square of what somebody sends. */
static void very_many_parameters_are_compared_as_octets(void **state)
{
	static const char pair[] = ";a=b";
	char text[16 + 40 * 4] = "sip:h", other[sizeof(text)];
	struct sip_uri a, b;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(text, pair);
	strcpy(other, text);
	assert_int_equal(sip_uri_parse(str_from(text), &a), 0);
	assert_int_equal(sip_uri_parse(str_from(other), &b), 0);
	assert_true(sip_uri_eq(&a, &b));
	other[strlen(other) - 1] = 'B';
	assert_int_equal(sip_uri_parse(str_from(other), &b), 0);
	assert_false(sip_uri_eq(&a, &b));
}

static void a_canonical_user_has_only_the_escapes_that_matter(void **state)
{
	char out[32];
	size_t n;

	(void)state;
	n = sip_user_canonical(STR("%61%2e%3b%2F%00b%20"), out);
	assert_str(((struct str){out, n}), "a.%3B%2F%00b%20");
	n = sip_user_canonical(STR("%c3%BC@a b%6"), out);
	assert_str(((struct str){out, n}), "%C3%BC%40a%20b%256");
	n = sip_user_canonical(STR("\xc3\xbc"), out);
	assert_str(((struct str){out, n}), "%C3%BC");
	assert_int_equal(sip_user_canonical(STR_NONE, out), 0);
}

static void hosts_are_equal_by_value(void **state)
{
	(void)state;
	assert_true(sip_host_eq(STR("A.b"), STR("a.B.")));
	assert_true(sip_host_eq(STR("[::1]"), STR("0:0:0:0:0:0:0:1")));
	assert_false(sip_host_eq(STR("a.b"), STR("a.c")));
	assert_false(sip_host_eq(STR_NONE, STR("a.c")));
	assert_false(sip_host_eq(STR("a.c"), STR_NONE));
	assert_false(sip_host_eq(STR("[::1]"), STR("[::2]")));
	assert_false(sip_host_eq(STR("[::x]"), STR("[::1]")));
	assert_false(sip_host_eq(STR(""), STR("a")));
}

static void parameters_are_found_in_any_case(void **state)
{
	struct str rest = STR("a;B = \"x;y\" ;c=1"), name, value;

	(void)state;
	assert_true(sip_param_find(rest, STR("b"), &value));
	assert_str(value, "\"x;y\"");
	assert_true(sip_param_find(rest, STR("A"), &value));
	assert_int_equal(value.len, 0);
	assert_true(sip_param_find(rest, STR("c"), NULL));
	assert_false(sip_param_find(rest, STR("x"), NULL));
	assert_false(sip_param_find(STR_NONE, STR("x"), NULL));

	assert_true(sip_param_next(&rest, &name, &value));
	assert_str(name, "a");
	assert_true(sip_param_next(&rest, &name, &value));
	assert_str(name, "B");
	assert_true(sip_param_next(&rest, &name, &value));
	assert_str(value, "1");
	assert_false(sip_param_next(&rest, &name, &value));
}

static void credentials_are_pairs_with_commas_between(void **state)
{
	struct str rest = STR(" , a=\"x,\\\"y;\" ,b = 1;2, c=\"open, d=3,");
	struct str name, value;

	(void)state;
	assert_true(sip_auth_param_next(&rest, &name, &value));
	assert_str(name, "a");
	assert_str(value, "\"x,\\\"y;\"");
	/* a semicolon separates nothing here; it is passed over with its pair
	 */
	assert_true(sip_auth_param_next(&rest, &name, &value));
	assert_int_equal(name.len, 0);
	assert_true(sip_auth_param_next(&rest, &name, &value));
	assert_int_equal(name.len, 0);
	assert_false(sip_auth_param_next(&rest, &name, &value));

	rest = STR("d=3,, e");
	assert_true(sip_auth_param_next(&rest, &name, &value));
	assert_str(name, "d");
	assert_str(value, "3");
	assert_true(sip_auth_param_next(&rest, &name, &value));
	assert_str(name, "e");
	assert_int_equal(value.len, 0);
	assert_false(sip_auth_param_next(&rest, &name, &value));
}

static void transports_have_names_and_ports(void **state)
{
	static const struct {
		struct str name;
		enum sip_transport t;
		const char *token;
		unsigned port;
		bool is_stream;
	} rows[] = {
		{STR("UDP"), SIP_UDP, "UDP", 5060, false},
		{STR("tcp"), SIP_TCP, "TCP", 5060, true},
		{STR("Tls"), SIP_TLS, "TLS", 5061, true},
		{STR("sctp"), SIP_SCTP, "SCTP", 5060, true},
		{STR("ws"), SIP_WS, "WS", 80, true},
		{STR("WSS"), SIP_WSS, "WSS", 443, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum sip_transport t = sip_transport_parse(rows[i].name);

		assert_int_equal(t, rows[i].t);
		assert_string_equal(sip_transport_token(t), rows[i].token);
		assert_int_equal(sip_transport_port(t), rows[i].port);
		assert_int_equal(sip_transport_is_stream(t), rows[i].is_stream);
		assert_int_equal(
			sip_transport_parse(str_from(sip_transport_name(t))),
			t);
	}
	assert_int_equal(sip_transport_parse(STR("UNKNOWN")),
			 SIP_TRANSPORT_OTHER);
}

static void assert_for_request(const char *text, const char *wanted)
{
	struct mem *mem;
	struct arena arena;
	struct sip_uri u;

	assert_int_equal(mem_new(0, &mem), 0);
	arena_init(&arena, mem);
	assert_int_equal(sip_uri_parse(str_from(text), &u), 0);
	assert_str(sip_uri_for_request(&arena, &u), wanted);
	arena_fini(&arena);
	mem_free_all(mem);
}

/* RFC 3261 sections 16.6 step 2 and 19.1.1. */
static void what_no_request_uri_may_have_goes(void **state)
{
	(void)state;
	assert_for_request("sip:a@b;c;d=e", "sip:a@b;c;d=e");
	assert_for_request("sip:a@b?x=y", "sip:a@b");
	assert_for_request("sip:a@b;c;method=BYE?x=y", "sip:a@b;c");
	assert_for_request("sip:a@b:5070;METHOD=x;c;d=%41;method=y",
			   "sip:a@b:5070;c;d=%41");
	assert_for_request("sip:method@b;methods=1", "sip:method@b;methods=1");
	assert_for_request("tel:+1;method=x", "tel:+1;method=x");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sip_uri_falls_into_its_parts),
		cmocka_unit_test(what_is_not_there_is_empty),
		cmocka_unit_test(other_schemes_are_carried),
		cmocka_unit_test(good_uris_parse),
		cmocka_unit_test(malformed_uris_are_refused),
		cmocka_unit_test(equivalent_uris_are_equal),
		cmocka_unit_test(different_uris_are_not_equal),
		cmocka_unit_test(very_many_parameters_are_compared_as_octets),
		cmocka_unit_test(
			a_canonical_user_has_only_the_escapes_that_matter),
		cmocka_unit_test(hosts_are_equal_by_value),
		cmocka_unit_test(what_no_request_uri_may_have_goes),
		cmocka_unit_test(parameters_are_found_in_any_case),
		cmocka_unit_test(credentials_are_pairs_with_commas_between),
		cmocka_unit_test(transports_have_names_and_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
