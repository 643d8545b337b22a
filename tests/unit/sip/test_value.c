/* Values of header fields: lists, Via, addresses, CSeq. */
#include "sip_test.h"

static void a_list_is_split_at_its_own_commas(void **state)
{
	struct str rest = STR("\"a,\\\",b\" <sip:x,y@z>;p=\"q,r\" , c,, d"), v;

	(void)state;
	assert_true(sip_value_split(&rest, &v));
	assert_str(v, "\"a,\\\",b\" <sip:x,y@z>;p=\"q,r\"");
	assert_true(sip_value_split(&rest, &v));
	assert_str(v, "c");
	assert_true(sip_value_split(&rest, &v));
	assert_str(v, "");
	assert_true(sip_value_split(&rest, &v));
	assert_str(v, "d");
	assert_false(sip_value_split(&rest, &v));
	assert_false(sip_value_split(&rest, &v));
}

static void an_empty_field_has_no_values(void **state)
{
	struct str empty = STR(""), none = STR_NONE, v;

	(void)state;
	assert_false(sip_value_split(&empty, &v));
	assert_false(sip_value_split(&none, &v));
}

static void values_of_all_fields_come_in_order(void **state)
{
	static const char *const want[] = {"<sip:a>", "<sip:b>", "<sip:c>",
					   "<sip:d>"};
	struct parsed *x = parse(
		REQUEST_LINE VIA
		"Route: <sip:a> ,\r\n <sip:b>\r\n" FROM
		"Route:\r\nROUTE: <sip:c>,<sip:d>\r\n" TO CALL_ID CSEQ END);
	struct sip_values it;
	unsigned n = 0;

	(void)state;
	for (sip_values_start(&it, &x->msg, SIP_HDR_ROUTE);
	     sip_values_next(&it); n++) {
		assert_true(n < ARRAY_LEN(want));
		assert_str(it.value, want[n]);
		assert_int_equal(it.is_first_in_hdr, n % 2 == 0);
		assert_int_equal(it.is_last_in_hdr, n % 2 == 1);
	}
	assert_int_equal(n, ARRAY_LEN(want));
	parsed_free(x);
}

static void a_via_falls_into_its_parts(void **state)
{
	struct sip_via v;

	(void)state;
	assert_int_equal(
		sip_via_parse(STR("SIP / 2.0 /\ttls first.example.com : 4000 ;"
				  "ttl=16 ; MADDR=224.2.0.1;Branch = z9hG4bKa7"
				  ";received=192.0.2.7;rport"),
			      &v),
		0);
	assert_int_equal(v.transport, SIP_TLS);
	assert_str(v.transport_name, "tls");
	assert_str(v.host, "first.example.com");
	assert_int_equal(v.port, 4000);
	assert_str(v.maddr, "224.2.0.1");
	assert_str(v.branch, "z9hG4bKa7");
	assert_str(v.received, "192.0.2.7");
	assert_non_null(v.rport.p);
	assert_int_equal(v.rport.len, 0);
	assert_false(v.has_empty_params);
}

static void a_bare_via_has_no_parameters(void **state)
{
	struct sip_via v;

	(void)state;
	assert_int_equal(sip_via_parse(STR("SIP/2.0/UNKNOWN h"), &v), 0);
	assert_int_equal(v.transport, SIP_TRANSPORT_OTHER);
	assert_int_equal(v.port, 0);
	assert_null(v.branch.p);
	assert_null(v.received.p);
	assert_null(v.rport.p);
	assert_null(v.maddr.p);
}

static const struct str bad_vias[] = {
	STR(""),
	STR("SIP/2.0/UDP"),
	STR("SIP/2.0/UDP "),
	STR("SIP/2.0/ h"),
	STR("SIP/2.0 h"),
	STR("UDP h"),
	STR("SIP/2.0/UDP h:"),
	STR("SIP/2.0/UDP h:0"),
	STR("SIP/2.0/UDP h:70000"),
	STR("SIP/2.0/UDP h x"),
	STR("SIP/2.0/UDP [::1"),
	STR("SIP/2.0/UDP h;branch="),
	STR("SIP/2.0/UDP h;branch"),
	STR("SIP/2.0/UDP h;branch=\"a\""),
	STR("SIP/2.0/UDP h;branch=a;branch=b"),
	STR("SIP/2.0/UDP h;rport=x"),
	STR("SIP/2.0/UDP h;rport=99999"),
	STR("SIP/2.0/UDP h;rport;rport"),
	STR("SIP/2.0/UDP h;received"),
	STR("SIP/2.0/UDP h;received=1.2.3"),
	STR("SIP/2.0/UDP h;received=[::1]x"),
	STR("SIP/2.0/UDP h;maddr="),
	STR("SIP/2.0/UDP h;x=\"open"),
	STR("SIP/2.0/UDP h;x=a b"),
	STR("SIP/2.0/UDP h;x=a,b"),
	STR("SIP/2.0/UDP h;x=<a>"),
};

static void malformed_vias_are_refused(void **state)
{
	struct sip_via v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_vias); i++)
		if (sip_via_parse(bad_vias[i], &v) != VD_EINVAL)
			fail_msg("accepted %s", bad_vias[i].p);
}

static const struct {
	struct str text;
	const char *display, *uri, *params, *tag;
} addrs[] = {
	/* clang-format off */
	{ STR("sip:+12125551212@server.phone2net.com;tag=887s"),
	  "", "sip:+12125551212@server.phone2net.com", "tag=887s", "887s" },
	{ STR("\"A. G. Bell\" <sip:agb@bell-telephone.com;x=1> ;tag=a48s"),
	  "\"A. G. Bell\"", "sip:agb@bell-telephone.com;x=1", "tag=a48s",
	  "a48s" },
	{ STR("<sip:a@b?c=d>"), "", "sip:a@b?c=d", "", NULL },
	{ STR("caller<sip:a@b>;TAG=1"), "caller", "sip:a@b", "TAG=1", "1" },
	{ STR("Bob  B. <tel:+1>; q = 0.5"), "Bob  B.", "tel:+1", " q = 0.5",
	  NULL },
	{ STR("J\xc3\xbcrgen <sip:j@b>"), "J\xc3\xbcrgen", "sip:j@b", "",
	  NULL },
	{ STR("\"\\\"<,>\" <sip:a@b>;x=\"tag=1;\""), "\"\\\"<,>\"", "sip:a@b",
	  "x=\"tag=1;\"", NULL },
	/* clang-format on */
};

static void an_address_falls_into_its_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		struct sip_addr a;

		if (sip_addr_parse(addrs[i].text, &a) != 0)
			fail_msg("refused %s", addrs[i].text.p);
		assert_str(a.display, addrs[i].display);
		assert_str(a.uri, addrs[i].uri);
		assert_str(a.params, addrs[i].params);
		assert_int_equal(a.tag.p != NULL, addrs[i].tag != NULL);
		if (addrs[i].tag != NULL)
			assert_str(a.tag, addrs[i].tag);
	}
}

static const struct str bad_addrs[] = {
	STR(""),
	STR("bob"),
	STR("bob@biloxi.com"),
	STR("<sip:a@b"),
	STR("<>"),
	STR("< sip:a@b>"),
	STR("<sip:a@b >"),
	STR("<sip:a@b> x"),
	STR("<sip:a@b>;"),
	STR("<sip:a@b>;;tag=1"),
	STR("<sip:a@b>;tag"),
	STR("<sip:a@b>;tag="),
	STR("<sip:a@b>;tag=\"1\""),
	STR("<sip:a@b>;tag=1;tag=2"),
	STR("\"open <sip:a@b>"),
	STR("\"a\" sip:a@b"),
	STR("Bell, Alexander <sip:a@b>"),
	STR("sip:a@b?c=d"),
	STR("sip:a,b@c"),
	STR("sip:a@b <c>"),
	STR("<sip:a\"b@c>"),
	STR("<sip:a%@c>"),
};

static void malformed_addresses_are_refused(void **state)
{
	struct sip_addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_addrs); i++)
		if (sip_addr_parse(bad_addrs[i], &a) != VD_EINVAL)
			fail_msg("accepted %s", bad_addrs[i].p);
}

/* RFC 3261 section 8.1.1.5. */
static void cseq_is_a_number_below_2_to_31_and_a_method(void **state)
{
	static const struct str bad[] = {
		STR(""),
		STR("1"),
		STR("1 "),
		STR("INVITE"),
		STR("1INVITE"),
		STR("-1 INVITE"),
		STR("1 INV ITE"),
		STR("1 INVITE,"),
		STR("2147483648 INVITE"),
		STR("4294967297 INVITE"),
	};
	struct sip_cseq c;

	(void)state;
	assert_int_equal(sip_cseq_parse(STR("0002147483647\r\n\tX-y"), &c), 0);
	assert_int_equal(c.number, 2147483647);
	assert_str(c.method, "X-y");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(sip_cseq_parse(bad[i], &c), VD_EINVAL);
}

static void an_unknown_status_has_no_phrase(void **state)
{
	(void)state;
	assert_string_equal(sip_reason_phrase(481),
			    "Call/Transaction Does Not Exist");
	assert_string_equal(sip_reason_phrase(499), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_split_at_its_own_commas),
		cmocka_unit_test(an_empty_field_has_no_values),
		cmocka_unit_test(values_of_all_fields_come_in_order),
		cmocka_unit_test(a_via_falls_into_its_parts),
		cmocka_unit_test(a_bare_via_has_no_parameters),
		cmocka_unit_test(malformed_vias_are_refused),
		cmocka_unit_test(an_address_falls_into_its_parts),
		cmocka_unit_test(malformed_addresses_are_refused),
		cmocka_unit_test(cseq_is_a_number_below_2_to_31_and_a_method),
		cmocka_unit_test(an_unknown_status_has_no_phrase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
