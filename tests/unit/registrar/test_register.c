/* RFC 3261 section 10.3, sentence by sentence; RFC 3327 section 5.3. */
#define NET "127.91.1."
#include "registrar/registrar_test.h"
#include "viaduct/util/date.h"

const char *const bench_net = NET;

#define X "sip:bob@" NET "21"
#define Y "sip:bob@" NET "22"
#define Z "sip:bob@" NET "23"
#define CONTACT(uri) "Contact: <" uri ">\r\n"

/* Adding, refreshing, removing, asking ------------------------------------- */

static void the_200_lists_the_new_binding(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) "Expires: 200\r\n");
	assert_in_range(expires_of(b, X), 199, 200);
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, X), 195, 200);
}

static void the_200_has_date_and_no_record_route(void **state)
{
	struct bench *b = *state;
	const char *date;

	REG(b, 200, .fields = CONTACT(X) "Record-Route: <sip:p.test;lr>\r\n");
	assert_false(peer_has(b->caller, "Record-Route"));
	assert_has(b, "\r\nSupported: path\r\n");
	date = strstr(b->caller->text, "\r\nDate: ");
	assert_non_null(date);
	assert_int_equal(strcspn(date + 8, "\r"), DATE_LEN);
	assert_memory_equal(date + 8 + DATE_LEN - 4, " GMT", 4);
}

static void a_query_changes_nothing(void **state)
{
	struct bench *b = *state;

	assert_int_equal(n_contacts(b), 0);
	REG(b, 200, .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
	assert_int_equal(n_contacts(b), 1);
}

static void a_second_register_refreshes(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) "Expires: 100\r\n");
	REG(b, 200, .fields = CONTACT(X) "Expires: 500\r\n");
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, X), 495, 500);
}

static void expires_0_removes_that_binding(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) CONTACT(Y));
	REG(b, 200, .fields = CONTACT(X) "Expires: 0\r\n");
	assert_int_equal(expires_of(b, X), -1);
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, Y), 3500, 3600);
	REG(b, 200, .fields = "Contact: <" Y ">;expires=0\r\n");
	assert_int_equal(n_contacts(b), 0);
}

static void removing_what_is_not_there_succeeds(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) "Expires: 0\r\n");
	REG(b, 200, .fields = "Contact: *\r\nExpires: 0\r\n");
	assert_int_equal(n_contacts(b), 0);
}

static void one_request_refreshes_removes_and_adds(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) CONTACT(Y));
	REG(b, 200,
	    .fields = "Contact: <" X ">;expires=0, <" Y ">;expires=400\r\n"
		      "m: " Z "\r\nExpires: 70\r\n");
	assert_int_equal(n_contacts(b), 2);
	assert_in_range(expires_of(b, Y), 395, 400);
	assert_in_range(expires_of(b, Z), 65, 70);
}

static void of_equal_contacts_in_one_request_the_later_counts(void **state)
{
	struct bench *b = *state;

	REG(b, 200,
	    .fields = "Contact: <" X ">;expires=100, <" X ">;expires=200\r\n");
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, X), 195, 200);
}

static void a_binding_goes_when_its_time_is_over(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) "Expires: 60\r\n");
	REG(b, 200, .fields = CONTACT(Y) "Expires: 100\r\n");
	ahead_ms += 61000;
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, Y), 30, 40);
	/* nor does its CSeq count any more */
	REG(b, 200, .cseq = 1, .fields = CONTACT(X));
}

static void each_user_has_bindings_of_his_own(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X));
	REG(b, 200, .to = "sip:carol@biloxi.test",
	    .from = "sip:carol@biloxi.test");
	assert_int_equal(count_of(b->caller->text, "\r\nContact: "), 0);
}

/* "*" (step 6) ------------------------------------------------------------- */

static void a_star_removes_all(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) CONTACT(Y));
	REG(b, 200, .fields = "Contact: *\r\nExpires: 0\r\n");
	assert_int_equal(n_contacts(b), 0);
}

static void a_star_is_alone_and_expires_at_once(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X));
	REG(b, 400, .fields = "Contact: *, <" Y ">\r\nExpires: 0\r\n");
	REG(b, 400, .fields = CONTACT(Y) "Contact: *\r\nExpires: 0\r\n");
	REG(b, 400, .fields = "Contact: *\r\nContact: *\r\nExpires: 0\r\n");
	REG(b, 400, .fields = "Contact: *\r\n");
	REG(b, 400, .fields = "Contact: *\r\nExpires: 100\r\n");
	REG(b, 400, .fields = "Contact: *\r\nExpires: x\r\n");
	assert_int_equal(n_contacts(b), 1);
}

static void a_star_heeds_call_id_and_cseq(void **state)
{
	struct bench *b = *state;
	static const char star[] = "Contact: *\r\nExpires: 0\r\n";

	REG(b, 200, .call_id = "a", .cseq = 10, .fields = CONTACT(X));
	REG(b, 200, .call_id = "b", .cseq = 20, .fields = CONTACT(Y));
	REG(b, 500, .call_id = "b", .cseq = 20, .fields = star);
	assert_int_equal(n_contacts(b), 2);
	REG(b, 200, .call_id = "b", .cseq = 21, .fields = star);
	assert_int_equal(n_contacts(b), 0);
}

/* How long (step 7) -------------------------------------------------------- */

static void the_parameter_goes_before_the_field(void **state)
{
	struct bench *b = *state;

	REG(b, 200,
	    .fields = "Contact: <" X ">;expires=300, " Y "\r\n"
		      "Expires: 100\r\n");
	assert_in_range(expires_of(b, X), 299, 300);
	assert_in_range(expires_of(b, Y), 99, 100);
}

static void without_either_the_default_counts(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X));
	assert_in_range(expires_of(b, X), 3599, 3600);
}

/* 10.2: of the parameter; of the field it is as if it were not there. */
static void a_malformed_expiration_is_an_hour(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.default_expires = 600 * 1000;
	REG(b, 200,
	    .fields = "Contact: <" X ">;expires=soon, <" Y ">\r\n"
		      "Expires: -1\r\n");
	assert_in_range(expires_of(b, X), 3599, 3600);
	assert_in_range(expires_of(b, Y), 599, 600);
}

static void more_than_the_maximum_is_shortened(void **state)
{
	struct bench *b = *state;

	REG(b, 200,
	    .fields = "Contact: <" X ">;expires=86401, "
		      "<" Y ">;expires=99999999999999999999\r\n");
	assert_in_range(expires_of(b, X), 86399, 86400);
	assert_in_range(expires_of(b, Y), 86399, 86400);
}

static void less_than_the_minimum_is_423_with_min_expires(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.min_expires = 60500;
	REG(b, 423, .fields = CONTACT(Y) "Contact: <" X ">;expires=60\r\n");
	assert_has(b, "\r\nMin-Expires: 61\r\n");
	assert_int_equal(n_contacts(b), 0);
	REG(b, 200, .fields = "Contact: <" X ">;expires=61\r\n");
}

/* Order -------------------------------------------------------------------- */

static void the_same_call_id_needs_a_higher_cseq(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .cseq = 10, .fields = CONTACT(X) "Expires: 500\r\n");
	REG(b, 500, .cseq = 9, .fields = CONTACT(X) "Expires: 0\r\n");
	assert_false(peer_has(b->caller, "Retry-After"));
	REG(b, 500, .cseq = 10, .fields = CONTACT(X) "Expires: 100\r\n");
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, X), 495, 500);
	REG(b, 200, .cseq = 11, .fields = CONTACT(X) "Expires: 0\r\n");
	assert_int_equal(n_contacts(b), 0);
}

static void another_call_id_may_have_a_lower_cseq(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .call_id = "a", .cseq = 10, .fields = CONTACT(X));
	REG(b, 200, .call_id = "b", .cseq = 2,
	    .fields = CONTACT(X) "Expires: 100\r\n");
	assert_in_range(expires_of(b, X), 99, 100);
	REG(b, 500, .call_id = "b", .cseq = 2, .fields = CONTACT(X));
	REG(b, 200, .call_id = "c", .cseq = 1,
	    .fields = CONTACT(X) "Expires: 0\r\n");
	assert_int_equal(n_contacts(b), 0);
}

/* "either processed completely or not at all" */
static void one_contact_out_of_order_spoils_all(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .cseq = 10, .fields = CONTACT(X) "Expires: 500\r\n");
	REG(b, 500, .cseq = 9, .fields = CONTACT(Y) CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, X), 495, 500);
}

static void a_retransmission_counts_once(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .cseq = 7, .fields = CONTACT(X));
	test_of(b)->n_sent--;
	REG(b, 200, .cseq = 7, .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
}

/* Which binding ------------------------------------------------------------ */

static void equal_uris_are_one_binding(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT("sip:x@Host.test:5060;transport=udp;lr"));
	REG(b, 200,
	    .fields = CONTACT("sip:%78@hOST.test:5060;LR;transport=UDP"));
	assert_int_equal(n_contacts(b), 1);
}

static void different_uris_are_different_bindings(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.max_contacts = 5;
	REG(b, 200,
	    .fields = CONTACT("sip:x@h.test") CONTACT("sip:X@h.test") CONTACT(
		    "sip:x@h.test:5060") CONTACT("sip:x@h.test;transport=tcp"));
	assert_int_equal(n_contacts(b), 4);
}

/* RFC 5630 section 5.2; removing one is always allowed. */
static void a_sips_contact_wants_a_sips_request(void **state)
{
	struct bench *b = *state;

	REG(b, 400, .fields = CONTACT("sips:x@h.test"));
	REG(b, 200,
	    .fields = CONTACT(X) "Contact: <sips:x@h.test>;expires=0\r\n");
	assert_int_equal(n_contacts(b), 1);
}

/* What is kept ------------------------------------------------------------- */

static void q_and_parameters_come_back(void **state)
{
	struct bench *b = *state;

	REG(b, 200,
	    .fields =
		    "Contact: \"B, o\" <" X "?a=b>;+sip.instance=\"<urn:x;y>\""
		    ";Q=0.35;expires=100;audio;x-ext=1, <" Y ">;q=1.000, <" Z
		    ">;q=0\r\n");
	assert_has(b, "<" X "?a=b>;expires=100;q=0.350;"
		      "+sip.instance=\"<urn:x;y>\";audio;x-ext=1\r\n");
	assert_has(b, "<" Y ">;expires=3600;q=1\r\n");
	assert_has(b, "<" Z ">;expires=3600;q=0\r\n");
}

static void a_malformed_q_counts_as_none(void **state)
{
	static const char *const bad[] = {"1.1", "2",   "0.1234", ".5",
					  "-1",  "0.x", "1.001",  "0:5"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		REG(b, 200,
		    .fields =
			    bench_format("Contact: <" X ">;q=%s;z\r\n", bad[i])
				    .p);
		assert_has(b, "<" X ">;expires=3600;z\r\n");
	}
}

/* 10.2.1 */
static void a_contact_may_be_of_any_scheme(void **state)
{
	struct bench *b = *state;

	REG(b, 200,
	    .fields = CONTACT("tel:+1555") "Contact: <mailto:bob@biloxi.test>"
					   ";q=0.2;expires=70\r\n");
	assert_has(b, "\r\nContact: <tel:+1555>;expires=3600\r\n");
	assert_has(b, "<mailto:bob@biloxi.test>;expires=70;q=0.200\r\n");
	REG(b, 200, .fields = "Contact: <tel:+1555>;expires=0\r\n");
	assert_int_equal(n_contacts(b), 1);
}

static void a_contact_is_a_uri(void **state)
{
	struct bench *b = *state;

	REG(b, 400, .fields = CONTACT(X) "Contact: <sip:bob@>\r\n");
	assert_int_equal(n_contacts(b), 0);
}

static void what_is_too_large_is_refused(void **state)
{
	static char uri[CONTACT_MAX + 64], id[CALL_ID_MAX + 2];
	struct bench *b = *state;

	memset(uri, 'u', CONTACT_MAX);
	memset(id, 'i', CALL_ID_MAX + 1);
	REG(b, 403,
	    .fields = bench_format("Contact: <sip:%s@h.test>\r\n", uri).p);
	REG(b, 403,
	    .fields = bench_format("Contact: <sip:h.test>;p=%s\r\n", uri).p);
	REG(b, 403, .call_id = id, .fields = CONTACT(X));
	REG(b, 403,
	    .fields = bench_format(CONTACT(X) "Path: <sip:%s@p.test;lr>, "
					      "<sip:%s@p.test;lr>\r\n",
				   uri, uri)
			      .p);
	assert_int_equal(n_contacts(b), 0);
}

/* How many ----------------------------------------------------------------- */

static void contacts_above_the_limit_are_refused(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) CONTACT(Y) CONTACT(Z));
	REG(b, 403, .fields = CONTACT("sip:n@h.test"));
	assert_has(b, "SIP/2.0 403 Too Many Contacts\r\n");
	assert_int_equal(n_contacts(b), 3);
	REG(b, 200, .fields = CONTACT(X) CONTACT(Y) CONTACT(Z));
	REG(b, 200,
	    .fields = CONTACT("sip:n@h.test") "Contact: <" X ">;expires=0\r\n");
	assert_int_equal(n_contacts(b), 3);
	assert_int_equal(expires_of(b, X), -1);
}

static void a_lowered_limit_spares_refreshes(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X) CONTACT(Y));
	test_of(b)->use.conf.max_contacts = 1;
	REG(b, 200, .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 2);
	REG(b, 403, .fields = CONTACT(X) CONTACT(Z));
}

static void too_many_values_are_not_even_compared(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.max_contacts = 1;
	REG(b, 403, .fields = CONTACT(X) CONTACT(X) CONTACT(X));
	REG(b, 200, .fields = CONTACT(X) CONTACT(X));
}

static void replace_drops_the_one_refreshed_longest_ago(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.when_full = WHEN_FULL_REPLACE;
	REG(b, 200, .fields = CONTACT(X));
	REG(b, 200, .fields = CONTACT(Y) CONTACT(Z));
	REG(b, 200, .fields = CONTACT(X));
	REG(b, 200, .fields = CONTACT("sip:n@h.test"));
	assert_int_equal(n_contacts(b), 3);
	assert_int_equal(expires_of(b, Y), -1);
	REG(b, 403,
	    .fields = CONTACT("sip:1@h.test") CONTACT("sip:2@h.test")
		    CONTACT("sip:3@h.test") CONTACT("sip:4@h.test"));
	assert_int_equal(n_contacts(b), 3);
}

/* Whose (steps 1, 4, 5) ---------------------------------------------------- */

static void a_domain_without_registrar_is_403(void **state)
{
	struct bench *b = *state;

	test_of(b)->domains[0].registrar = false;
	REG(b, 403, .fields = CONTACT(X));
	assert_has(b, "SIP/2.0 403 No Registrar Here\r\n");
	REG(b, 403, .uri = "sip:elsewhere.test", .fields = CONTACT(X));
	b->conf.snapshot.proxy.registrar = NULL;
	REG(b, 403, .uri = "sip:other.test", .fields = CONTACT(X));
}

static void only_register_is_accepted(void **state)
{
	struct bench *b = *state;

	REG(b, 405, .method = "MESSAGE", .fields = "X-Register: 1\r\n");
	assert_has(b, "\r\nAllow: REGISTER\r\n");
}

static void to_is_a_user_of_the_domain_in_the_request_uri(void **state)
{
	static const char *const others[] = {
		"<sip:bob@elsewhere.test>", "<sip:bob@other.test>",
		"<sip:biloxi.test>", "<sip:bob@biloxi.test:5999>"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		REG(b, 404, .to = others[i], .from = others[i],
		    .fields = CONTACT(X));
	REG(b, 200, .uri = "sip:other.test", .to = "<sip:bob@other.test>",
	    .from = "<sip:bob@other.test>", .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 0);
}

static void to_is_a_sip_uri(void **state)
{
	struct bench *b = *state;

	REG(b, 400, .to = "<tel:+1555>", .fields = CONTACT(X));
}

static void the_domain_has_one_name_whatever_it_is_called(void **state)
{
	static const char *const names[] = {
		"<sip:bob@BILOXI.test>", "<sip:bob@alias.test>",
		"<sips:bob@biloxi.test>", "<sip:bob@biloxi.test:5060>",
		"<sip:bob@" NET "1>"};
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		REG(b, 200, .uri = "sip:alias.test", .to = names[i],
		    .call_id = "q");
		assert_int_equal(count_of(b->caller->text, "\r\nContact: "), 1);
	}
}

static void parameters_and_escapes_of_to_do_not_count(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .to = "<sip:%62ob:secret@biloxi.test;user=phone;x=y>",
	    .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
	REG(b, 200, .to = "<sip:Bob@biloxi.test>",
	    .from = "<sip:Bob@biloxi.test>", .call_id = "q");
	assert_int_equal(count_of(b->caller->text, "\r\nContact: "), 0);
}

static void an_unknown_user_is_404(void **state)
{
	struct bench *b = *state;

	test_with_users(b);
	REG(b, 404, .to = "<sip:dave@biloxi.test>",
	    .from = "<sip:dave@biloxi.test>", .fields = CONTACT(X));
	REG(b, 200, .fields = CONTACT(X));
}

static void an_alias_is_its_user(void **state)
{
	struct bench *b = *state;

	test_with_users(b);
	REG(b, 200, .to = "<sip:+1555@biloxi.test>", .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
}

static void nobody_registers_for_somebody_else(void **state)
{
	struct bench *b = *state;

	REG(b, 403, .from = "<sip:carol@biloxi.test>", .fields = CONTACT(X));
	REG(b, 403, .from = "<sip:bob@elsewhere.test>", .fields = CONTACT(X));
	REG(b, 403, .from = "<tel:+1555>");
	assert_int_equal(n_contacts(b), 0);
}

static void with_third_party_he_does(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.third_party = true;
	test_with_users(b);
	REG(b, 200, .from = "<sip:carol@biloxi.test>", .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
	REG(b, 404, .from = "<sip:bob@biloxi.test>",
	    .to = "<sip:nobody@biloxi.test>", .fields = CONTACT(X));
}

/* RFC 3608 section 6.3: in the order of the operator. */
static void the_200_tells_the_service_route(void **state)
{
	static struct str routes[] = {STR("sip:edge.test;lr"),
				      STR("sip:orig@core.test;lr")};
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X));
	assert_false(peer_has(b->caller, "Service-Route"));
	test_of(b)->domains[0].service_route = (struct conf_array){routes, 2};
	REG(b, 200, .fields = CONTACT(X));
	assert_has(b, "\r\nService-Route: <sip:edge.test;lr>\r\n"
		      "Service-Route: <sip:orig@core.test;lr>\r\n");
	REG(b, 200, .to = "<sip:x@other.test>", .from = "<sip:x@other.test>",
	    .uri = "sip:other.test", .fields = CONTACT(X));
	assert_false(peer_has(b->caller, "Service-Route"));
}

static void above_the_limit_there_are_refreshes_alone(void **state)
{
	struct bench *b = *state;

	location_limit(test_of(b)->use.location, 1);
	REG(b, 200, .fields = CONTACT(X));
	REG(b, 503, .to = "<sip:carol@biloxi.test>",
	    .from = "<sip:carol@biloxi.test>", .fields = CONTACT(Y));
	assert_has(b, "\r\nRetry-After: 5\r\n");
	assert_int_equal(bench_stat(b, STAT_refused_limit), 1);
	REG(b, 200, .fields = CONTACT(X) CONTACT(Y));
	REG(b, 200, .fields = "Contact: *\r\nExpires: 0\r\n");
	REG(b, 200, .to = "<sip:carol@biloxi.test>",
	    .from = "<sip:carol@biloxi.test>", .fields = CONTACT(Y));
	location_limit(test_of(b)->use.location, 2);
	REG(b, 200, .fields = CONTACT(X));
}

static void a_trusted_sender_may(void **state)
{
	struct bench *b = *state;

	assert_int_equal(addr_net_parse(str_from(NET "9"), &b->trust), 0);
	REG(b, 200, .from = "<sip:carol@biloxi.test>", .fields = CONTACT(X));
	assert_int_equal(n_contacts(b), 1);
}

static void the_address_of_record_is_no_contact_of_itself(void **state)
{
	struct bench *b = *state;

	test_with_users(b);
	REG(b, 403, .fields = CONTACT("sip:bob@biloxi.test"));
	REG(b, 403, .fields = CONTACT("sip:%62ob@alias.test;transport=tcp"));
	REG(b, 403, .fields = CONTACT("sip:bob@" NET "1:5060"));
	REG(b, 403, .fields = CONTACT("sip:+1555@biloxi.test"));
	assert_int_equal(n_contacts(b), 0);
	REG(b, 200, .fields = CONTACT("sip:carol@biloxi.test"));
	REG(b, 200, .fields = CONTACT("sip:bob@" NET "1:5999"));
}

/* Extensions --------------------------------------------------------------- */

static void require_of_what_we_lack_is_420(void **state)
{
	struct bench *b = *state;

	REG(b, 420,
	    .fields = CONTACT(X) "Require: path, sec-agree\r\n"
				 "Require: 100rel\r\n");
	assert_has(b, "\r\nUnsupported: sec-agree\r\n");
	assert_has(b, "\r\nUnsupported: 100rel\r\n");
	assert_false(peer_has(b->caller, "Unsupported: path"));
	assert_int_equal(n_contacts(b), 0);
	REG(b, 200, .fields = CONTACT(X) "Require: Path\r\n");
}

static void path_is_kept_with_the_contact_and_comes_back(void **state)
{
	struct bench *b = *state;
	struct bindings *v;

	REG(b, 200,
	    .fields = CONTACT(X) "Path: <sip:p1.test;lr>, <sip:p2.test;lr;x=y>"
				 "\r\nPath: <sip:p3.test;lr>\r\n"
				 "Supported: path\r\n");
	assert_has(b, "\r\nPath: <sip:p1.test;lr>\r\n"
		      "Path: <sip:p2.test;lr;x=y>\r\n"
		      "Path: <sip:p3.test;lr>\r\n");
	v = location_find(test_of(b)->use.location, STR("bob@biloxi.test"));
	assert_non_null(v);
	assert_str(v->v[0].path, "<sip:p1.test;lr>, <sip:p2.test;lr;x=y>, "
				 "<sip:p3.test;lr>");
	bindings_unref(v);
	REG(b, 400, .fields = CONTACT(X) "Path: sip:p1.test\r\n");
	REG(b, 200, .fields = CONTACT(X));
	assert_false(peer_has(b->caller, "\r\nPath: "));
}

/* When it cannot be done --------------------------------------------------- */

static void a_failed_commit_is_500_and_changes_nothing(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = CONTACT(X));
	commit_err = VD_ESYS;
	REG(b, 500, .fields = CONTACT(Y));
	assert_has(b, "\r\nRetry-After: 30\r\n");
	commit_err = 0;
	assert_int_equal(n_contacts(b), 1);
	REG(b, 200, .fields = CONTACT(Y));
}

static void no_room_is_503(void **state)
{
	struct bench *b = *state;

	change_err = VD_ELIMIT;
	REG(b, 503, .fields = CONTACT(X));
	assert_has(b, "\r\nRetry-After: 5\r\n");
	assert_int_equal(bench_stat(b, STAT_refused_limit), 1);
	change_err = VD_ENOMEM;
	REG(b, 503, .fields = CONTACT(X));
	change_err = 0;
	assert_int_equal(n_contacts(b), 0);
}

/* The configuration -------------------------------------------------------- */

static void read_conf(struct bench *b, const char *yaml, size_t n_mistakes)
{
	struct registrar_conf c = {0};
	struct conf_errors *errors;
	struct conf_tree *tree;
	struct arena arena;

	arena_init(&arena, b->mem);
	assert_int_equal(conf_errors_new(&errors), 0);
	assert_int_equal(
		conf_tree_parse(str_from(yaml), "t.yaml", errors, &tree), 0);
	conf_fill(registrar_options, conf_tree_root(tree), "registrar", &arena,
		  errors, &c);
	registrar_conf_check(&c, NULL, errors);
	assert_int_equal(conf_errors_count(errors), n_mistakes);
	conf_tree_free(tree);
	conf_errors_free(errors);
	arena_fini(&arena);
}

static void options_have_their_ranges(void **state)
{
	struct bench *b = *state;

	read_conf(b, "{}", 0);
	read_conf(b, "{ when_full: replace, synchronous: full }", 0);
	read_conf(b, "{ min_expires: 2h }", 1);
	read_conf(b, "{ max_contacts: 0 }", 1);
	read_conf(b, "{ gruu: true, outbound: false }", 0);
	read_conf(b, "{ flow_timer: 0s }", 0);
	read_conf(b, "{ flow_timer: 500ms }", 1);
	read_conf(b,
		  "{ min_expires: 30m, max_expires: 20m, "
		  "default_expires: 25m }",
		  2);
}

/* Without memory --------------------------------------------------------- */

/* The n-th allocation fails while a REGISTER is handled: it is answered 503, or
 * it is lost and the phone sends it again; there are both contacts, or none. */
static void shortage_of_memory_refuses_one_request(void **state)
{
	struct bench *b = *state;
	struct mem_usage before, after;
	unsigned n = 0, contacts;

	test_with_users(b);
	do {
		REG(b, 200, .fields = "Contact: *\r\nExpires: 0\r\n");
		mem_usage(b->mem, &before);
		mem_fail_nth(b->mem, ++n);
		reg_send(b,
			 (struct reg){.fields = CONTACT(X) CONTACT(
					      Y) "Path: <sip:p.test;lr>\r\n"});
		bench_settle(b);
		mem_fail_nth(b->mem, 0);
		mem_usage(b->mem, &after);
		while (peer_poll(b->caller))
			assert_true(peer_has(b->caller, "SIP/2.0 200 ") ||
				    peer_has(b->caller, "SIP/2.0 503 "));
		contacts = n_contacts(b);
		assert_true(contacts == 0 || contacts == 2);
	} while (after.n_refused > before.n_refused);
	assert_true(n > 3);
	assert_int_equal(contacts, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REGISTRAR_TEST(the_200_lists_the_new_binding),
		REGISTRAR_TEST(the_200_has_date_and_no_record_route),
		REGISTRAR_TEST(a_query_changes_nothing),
		REGISTRAR_TEST(a_second_register_refreshes),
		REGISTRAR_TEST(expires_0_removes_that_binding),
		REGISTRAR_TEST(removing_what_is_not_there_succeeds),
		REGISTRAR_TEST(one_request_refreshes_removes_and_adds),
		REGISTRAR_TEST(
			of_equal_contacts_in_one_request_the_later_counts),
		REGISTRAR_TEST(a_binding_goes_when_its_time_is_over),
		REGISTRAR_TEST(each_user_has_bindings_of_his_own),
		REGISTRAR_TEST(a_star_removes_all),
		REGISTRAR_TEST(a_star_is_alone_and_expires_at_once),
		REGISTRAR_TEST(a_star_heeds_call_id_and_cseq),
		REGISTRAR_TEST(the_parameter_goes_before_the_field),
		REGISTRAR_TEST(without_either_the_default_counts),
		REGISTRAR_TEST(a_malformed_expiration_is_an_hour),
		REGISTRAR_TEST(more_than_the_maximum_is_shortened),
		REGISTRAR_TEST(less_than_the_minimum_is_423_with_min_expires),
		REGISTRAR_TEST(the_same_call_id_needs_a_higher_cseq),
		REGISTRAR_TEST(another_call_id_may_have_a_lower_cseq),
		REGISTRAR_TEST(one_contact_out_of_order_spoils_all),
		REGISTRAR_TEST(a_retransmission_counts_once),
		REGISTRAR_TEST(equal_uris_are_one_binding),
		REGISTRAR_TEST(different_uris_are_different_bindings),
		REGISTRAR_TEST(a_sips_contact_wants_a_sips_request),
		REGISTRAR_TEST(q_and_parameters_come_back),
		REGISTRAR_TEST(a_malformed_q_counts_as_none),
		REGISTRAR_TEST(a_contact_may_be_of_any_scheme),
		REGISTRAR_TEST(a_contact_is_a_uri),
		REGISTRAR_TEST(what_is_too_large_is_refused),
		REGISTRAR_TEST(contacts_above_the_limit_are_refused),
		REGISTRAR_TEST(a_lowered_limit_spares_refreshes),
		REGISTRAR_TEST(too_many_values_are_not_even_compared),
		REGISTRAR_TEST(replace_drops_the_one_refreshed_longest_ago),
		REGISTRAR_TEST(a_domain_without_registrar_is_403),
		REGISTRAR_TEST(only_register_is_accepted),
		REGISTRAR_TEST(to_is_a_user_of_the_domain_in_the_request_uri),
		REGISTRAR_TEST(to_is_a_sip_uri),
		REGISTRAR_TEST(the_domain_has_one_name_whatever_it_is_called),
		REGISTRAR_TEST(parameters_and_escapes_of_to_do_not_count),
		REGISTRAR_TEST(an_unknown_user_is_404),
		REGISTRAR_TEST(an_alias_is_its_user),
		REGISTRAR_TEST(nobody_registers_for_somebody_else),
		REGISTRAR_TEST(with_third_party_he_does),
		REGISTRAR_TEST(the_200_tells_the_service_route),
		REGISTRAR_TEST(above_the_limit_there_are_refreshes_alone),
		REGISTRAR_TEST(a_trusted_sender_may),
		REGISTRAR_TEST(the_address_of_record_is_no_contact_of_itself),
		REGISTRAR_TEST(require_of_what_we_lack_is_420),
		REGISTRAR_TEST(path_is_kept_with_the_contact_and_comes_back),
		REGISTRAR_TEST(a_failed_commit_is_500_and_changes_nothing),
		REGISTRAR_TEST(no_room_is_503),
		REGISTRAR_TEST(options_have_their_ranges),
		REGISTRAR_TEST(shortage_of_memory_refuses_one_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
