/* The messages of RFC 4475 and RFC 5118, byte for byte. */
#include "sip_test.h"

enum { GOOD, DROPPED }; /* or the status of the refusal */

static const struct {
	const char *name;
	const char *section;
	unsigned expected;
} cases[] = {
	/* clang-format off */
	{ "wsinv",       "RFC 4475 3.1.1.1",  GOOD },
	{ "intmeth",     "RFC 4475 3.1.1.2",  GOOD },
	{ "esc01",       "RFC 4475 3.1.1.3",  GOOD },
	{ "escnull",     "RFC 4475 3.1.1.4",  GOOD },
	{ "esc02",       "RFC 4475 3.1.1.5",  GOOD },
	{ "lwsdisp",     "RFC 4475 3.1.1.6",  GOOD },
	{ "longreq",     "RFC 4475 3.1.1.7",  GOOD },
	{ "dblreq",      "RFC 4475 3.1.1.8",  GOOD },
	{ "semiuri",     "RFC 4475 3.1.1.9",  GOOD },
	{ "transports",  "RFC 4475 3.1.1.10", GOOD },
	{ "mpart01",     "RFC 4475 3.1.1.11", GOOD },
	{ "unreason",    "RFC 4475 3.1.1.12", GOOD },
	{ "noreason",    "RFC 4475 3.1.1.13", GOOD },
	{ "badinv01",    "RFC 4475 3.1.2.1",  400 },
	{ "clerr",       "RFC 4475 3.1.2.2",  400 },
	{ "ncl",         "RFC 4475 3.1.2.3",  400 },
	{ "scalar02",    "RFC 4475 3.1.2.4",  400 },
	{ "scalarlg",    "RFC 4475 3.1.2.5",  DROPPED },
	{ "quotbal",     "RFC 4475 3.1.2.6",  400 },
	{ "ltgtruri",    "RFC 4475 3.1.2.7",  400 },
	{ "lwsruri",     "RFC 4475 3.1.2.8",  400 },
	{ "lwsstart",    "RFC 4475 3.1.2.9",  400 },
	{ "trws",        "RFC 4475 3.1.2.10", 400 },
	{ "escruri",     "RFC 4475 3.1.2.11", 400 },
	{ "baddate",     "RFC 4475 3.1.2.12", GOOD },
	{ "regbadct",    "RFC 4475 3.1.2.13", 400 },
	{ "badaspec",    "RFC 4475 3.1.2.14", 400 },
	{ "baddn",       "RFC 4475 3.1.2.15", 400 },
	{ "badvers",     "RFC 4475 3.1.2.16", 505 },
	{ "mismatch01",  "RFC 4475 3.1.2.17", 400 },
	{ "mismatch02",  "RFC 4475 3.1.2.18", 400 }, /* 501 would do as well */
	{ "bigcode",     "RFC 4475 3.1.2.19", DROPPED },
	{ "badbranch",   "RFC 4475 3.2.1",    400 },
	{ "insuf",       "RFC 4475 3.3.1",    DROPPED }, /* nothing to copy */
	{ "unkscm",      "RFC 4475 3.3.2",    GOOD }, /* the proxy: 416 */
	{ "novelsc",     "RFC 4475 3.3.3",    GOOD }, /* the proxy: 416 */
	{ "unksm2",      "RFC 4475 3.3.4",    GOOD },
	{ "bext01",      "RFC 4475 3.3.5",    GOOD }, /* the proxy: 420 */
	{ "invut",       "RFC 4475 3.3.6",    GOOD },
	{ "regaut01",    "RFC 4475 3.3.7",    GOOD },
	{ "multi01",     "RFC 4475 3.3.8",    400 },
	{ "mcl01",       "RFC 4475 3.3.9",    400 },
	{ "bcast",       "RFC 4475 3.3.10",   GOOD },
	{ "zeromf",      "RFC 4475 3.3.11",   GOOD }, /* the proxy: 483 */
	{ "cparam01",    "RFC 4475 3.3.12",   GOOD },
	{ "cparam02",    "RFC 4475 3.3.13",   GOOD },
	{ "regescrt",    "RFC 4475 3.3.14",   GOOD },
	{ "sdp01",       "RFC 4475 3.3.15",   GOOD },
	{ "inv2543",     "RFC 4475 3.4.1",    GOOD },
	{ "test",        "RFC 4475, archive", DROPPED }, /* no Via, no CSeq */
	{ "v6-ipv6-good",                     "RFC 5118 4.1",  GOOD },
	{ "v6-ipv6-bad",                      "RFC 5118 4.2",  400 },
	{ "v6-port-ambiguous",                "RFC 5118 4.3",  GOOD },
	{ "v6-port-unambiguous",              "RFC 5118 4.4",  GOOD },
	{ "v6-via-received-param-with-delim", "RFC 5118 4.5",  GOOD },
	{ "v6-via-received-param-no-delim",   "RFC 5118 4.5",  GOOD },
	{ "v6-ipv6-in-sdp",                   "RFC 5118 4.6",  GOOD },
	{ "v6-mult-ip-in-header",             "RFC 5118 4.7",  GOOD },
	{ "v6-mult-ip-in-sdp",                "RFC 5118 4.8",  GOOD },
	{ "v6-ipv4-mapped-ipv6",              "RFC 5118 4.9",  GOOD },
	{ "v6-ipv6-bug-abnf-3-colons",        "RFC 5118 4.10", GOOD },
	{ "v6-ipv6-correct-abnf-2-colons",    "RFC 5118 4.10", GOOD },
	/* clang-format on */
};

static struct parsed *load(const char *name)
{
	char path[512], bytes[8192];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), TEST_DATA "/torture/%s.dat", name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("no %s", path);
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_true(len > 0 && len < sizeof(bytes));
	return parse_bytes(bytes, len);
}

static unsigned verdict(struct parsed *x)
{
	if (x->checked == 0)
		return GOOD;
	return sip_msg_can_answer(&x->msg) ? x->msg.bad_status : DROPPED;
}

static void each_message_gets_what_its_section_asks_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed *x = load(cases[i].name);
		unsigned got = verdict(x);

		if (got != cases[i].expected)
			fail_msg("%s (%s): %u, not %u: %s", cases[i].name,
				 cases[i].section, got, cases[i].expected,
				 x->msg.bad != NULL ? x->msg.bad : "good");
		parsed_free(x);
	}
}

static void each_good_message_prints_as_it_came(void **state)
{
	struct mem *mem;

	(void)state;
	assert_int_equal(mem_new(0, &mem), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed *x = load(cases[i].name);
		struct sip_edits none;
		struct buf *b;

		sip_edits_init(&none, NULL);
		b = sip_edits_print(&none, &x->msg, mem);
		assert_non_null(b);
		assert_int_equal(b->len, x->msg.bytes.len);
		assert_memory_equal(b->data, x->bytes, b->len);
		buf_unref(b);
		parsed_free(x);
	}
	mem_free_all(mem);
}

/* Section 3.1.1.1: folded, compact, padded with zeros and white space. */
static void wsinv_is_understood(void **state)
{
	struct parsed *x = load("wsinv");
	const struct sip_via *via = sip_msg_top_via(&x->msg);

	(void)state;
	assert_str(sip_msg_to(&x->msg)->uri,
		   "sip:vivekg@chair-dnrc.example.com");
	assert_str(sip_msg_to(&x->msg)->tag, "1918181833n");
	assert_str(sip_msg_from(&x->msg)->display, "\"J Rosenberg \\\\\\\"\"");
	assert_str(sip_msg_from(&x->msg)->tag, "98asjd8");
	assert_int_equal(sip_msg_max_forwards(&x->msg, 0), 68);
	assert_int_equal(sip_msg_cseq(&x->msg)->number, 9);
	assert_str(via->host, "192.0.2.2");
	assert_int_equal(via->transport, SIP_UDP);
	assert_str(via->branch, "390skdjuw");
	assert_int_equal(x->msg.body.len, 150);
	assert_str(sip_msg_value(&x->msg, SIP_HDR_ROUTE),
		   "<sip:services.example.com;lr;unknownwith=value;"
		   "unknown-no-value>");
	parsed_free(x);
}

/* Section 3.1.1.5: neither a REGISTER nor a Contact. */
static void escapes_in_tokens_mean_nothing(void **state)
{
	struct parsed *x = load("esc02");

	(void)state;
	assert_int_equal(x->msg.method, SIP_METHOD_OTHER);
	assert_int_equal(x->msg.count[SIP_HDR_CONTACT], 2);
	parsed_free(x);
}

/* Section 3.1.1.8: what follows the body is not part of the message. */
static void octets_after_the_body_are_cut_off(void **state)
{
	struct parsed *x = load("dblreq");

	(void)state;
	assert_int_equal(x->msg.method, SIP_REGISTER);
	assert_int_equal(x->msg.body.len, 0);
	assert_int_equal(x->msg.bytes.len, x->msg.head_len);
	parsed_free(x);
}

/* Section 3.1.1.9. */
static void a_semicolon_before_the_at_sign_is_user(void **state)
{
	struct parsed *x = load("semiuri");

	(void)state;
	assert_str(sip_msg_uri(&x->msg)->user, "user;par=u%40example.net");
	assert_str(sip_msg_uri(&x->msg)->host, "example.com");
	parsed_free(x);
}

/* Sections 3.3.12 and 3.3.13. */
static void the_brackets_say_whose_a_parameter_is(void **state)
{
	struct parsed *out = load("cparam01"), *in = load("cparam02");
	struct sip_addr a;

	(void)state;
	assert_int_equal(
		sip_addr_parse(sip_msg_value(&out->msg, SIP_HDR_CONTACT), &a),
		0);
	assert_str(a.params, "unknownparam");
	assert_int_equal(
		sip_addr_parse(sip_msg_value(&in->msg, SIP_HDR_CONTACT), &a),
		0);
	assert_str(a.params, "");
	parsed_free(in);
	parsed_free(out);
}

/* RFC 5118 sections 4.3 and 4.4. */
static void only_brackets_part_a_port_from_an_ipv6_address(void **state)
{
	struct parsed *none = load("v6-port-ambiguous");
	struct parsed *port = load("v6-port-unambiguous");

	(void)state;
	assert_str(sip_msg_uri(&none->msg)->host, "[2001:db8::10:5070]");
	assert_int_equal(sip_msg_uri(&none->msg)->port, 0);
	assert_str(sip_msg_uri(&port->msg)->host, "[2001:db8::10]");
	assert_int_equal(sip_msg_uri(&port->msg)->port, 5070);
	parsed_free(port);
	parsed_free(none);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_gets_what_its_section_asks_for),
		cmocka_unit_test(each_good_message_prints_as_it_came),
		cmocka_unit_test(wsinv_is_understood),
		cmocka_unit_test(escapes_in_tokens_mean_nothing),
		cmocka_unit_test(octets_after_the_body_are_cut_off),
		cmocka_unit_test(a_semicolon_before_the_at_sign_is_user),
		cmocka_unit_test(the_brackets_say_whose_a_parameter_is),
		cmocka_unit_test(
			only_brackets_part_a_port_from_an_ipv6_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
