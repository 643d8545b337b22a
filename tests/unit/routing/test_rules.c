/* What the built-in routes decide, and where they do not apply. */
#define NET "127.85.9."
#include "rules_test.h"

const char *const bench_net = NET;

#define FOREIGN "sip:carol@chicago.test"
#define TAGGED "<sip:bob@biloxi.test>;tag=2"
#define ROUTE "Route: <sip:edge.test;lr>\r\n"
#define OURS "Route: <sip:" NET "1;lr>\r\n"

enum {
	NONE = VERDICT_NONE,
	FORWARD = VERDICT_FORWARD,
	REJECT = VERDICT_REJECT,
	DROP = VERDICT_DROP,
	REGISTER = VERDICT_REGISTER,
	REGISTERED = VERDICT_REGISTERED
};

/* clang-format off */
static const struct {
	struct facts facts;
	const char *route;
	int kind;
	unsigned status;
} rows[] = {
	/* nobody registers here */
	{ { .method = "REGISTER", .uri = "sip:biloxi.test" }, "default-register", REGISTER, 0 },
	{ { .method = "REGISTER", .uri = "sip:chicago.test" }, "default-deny", REJECT, 403 },
	/* users are looked up by the registrar's step */
	{ { 0 }, "default-local", REGISTERED, 0 },
	{ { .method = "MESSAGE", .caller = CALLER_TRUSTED }, "default-local", REGISTERED, 0 },
	/* a dialog that we do not know (481) */
	{ { .method = "BYE", .to = TAGGED }, "default-local", REJECT, 481 },
	{ { .method = "INVITE", .to = TAGGED }, "default-local", REJECT, 481 },
	{ { .method = "BYE", .to = TAGGED, .caller = CALLER_TRUSTED }, "default-local", REGISTERED, 0 },
	{ { .method = "BYE", .to = TAGGED, .caller = CALLER_AUTHENTICATED }, "default-local", REGISTERED, 0 },
	/* an ACK is never answered */
	{ { .method = "ACK", .to = TAGGED }, "default-local", DROP, 0 },
	{ { .method = "ACK", .to = TAGGED, .caller = CALLER_TRUSTED }, "default-local", REGISTERED, 0 },
	/* who may call out */
	{ { .uri = FOREIGN }, "default-deny", REJECT, 403 },
	{ { .uri = FOREIGN, .caller = CALLER_TRUSTED }, "default-out", FORWARD, 0 },
	{ { .uri = FOREIGN, .caller = CALLER_AUTHENTICATED }, "default-out", FORWARD, 0 },
	{ { .method = "ACK", .uri = FOREIGN, .to = TAGGED, .caller = CALLER_TRUSTED }, "default-out", FORWARD, 0 },
	/* Route values that remain lead away: default-local does not apply */
	{ { .fields = ROUTE }, "default-deny", REJECT, 403 },
	{ { .fields = ROUTE, .caller = CALLER_TRUSTED }, "default-out", FORWARD, 0 },
	{ { .fields = OURS ROUTE, .caller = CALLER_TRUSTED }, "default-out", FORWARD, 0 },
	{ { .fields = OURS }, "default-local", REGISTERED, 0 },
	{ { .method = "ACK", .to = TAGGED, .fields = ROUTE }, "default-deny", REJECT, 403 },
	{ { .method = "BYE", .to = TAGGED, .fields = ROUTE }, "default-deny", REJECT, 403 },
	{ { .method = "REGISTER", .uri = "sip:biloxi.test", .fields = ROUTE }, "default-register", REGISTER, 0 },
};
/* clang-format on */

static void the_built_in_routes_decide(void **state)
{
	struct rules *t = *state;

	rules_read_good(t, "{}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request *r = rules_ask(t, &rows[i].facts);

		if (!str_eq(r->verdict.route, str_from(rows[i].route)) ||
		    (int)r->verdict.kind != rows[i].kind ||
		    r->verdict.status != rows[i].status)
			fail_msg("row %zu: %.*s, kind %d, status %u", i,
				 STR_FMT(r->verdict.route),
				 (int)r->verdict.kind, r->verdict.status);
		request_free(r);
	}
}

/* A route that the operator wrote may relay for anyone whom it matches; but a
 * stranger's Route does not bend a Request-URI that he wrote. */
static void a_strangers_route_bends_no_rule(void **state)
{
	static const struct {
		const char *action;
		enum caller caller;
		const char *fields, *route;
	} cases[] = {
		/* clang-format off */
		{ "forward: sip:gw.test", CALLER_ANONYMOUS, "", "it" },
		{ "forward: sip:gw.test", CALLER_ANONYMOUS, ROUTE, "default-deny" },
		{ "forward: [ sip:a, sip:b ]", CALLER_ANONYMOUS, ROUTE, "default-deny" },
		{ "forward: sip:gw.test", CALLER_TRUSTED, ROUTE, "it" },
		{ "forward: sip:gw.test", CALLER_ANONYMOUS, OURS, "it" },
		{ "forward: request-uri", CALLER_ANONYMOUS, ROUTE, "it" },
		{ "forward: { next_hop: sip:h }", CALLER_ANONYMOUS, ROUTE, "it" },
		{ "forward: { to: sip:gw.test, next_hop: sip:h }", CALLER_ANONYMOUS, ROUTE, "it" },
		{ "reject: 480", CALLER_ANONYMOUS, ROUTE, "it" },
		{ "redirect: sip:gw.test", CALLER_ANONYMOUS, ROUTE, "it" },
		{ "drop: true", CALLER_ANONYMOUS, ROUTE, "it" },
		/* clang-format on */
	};
	struct rules *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct facts f = {.caller = cases[i].caller,
				  .fields = cases[i].fields};
		struct request *r;

		rules_read_good(t, bench_format("routes: [ { name: it, %s } ]",
						cases[i].action)
					   .p);
		r = rules_ask(t, &f);
		assert_str(r->verdict.route, cases[i].route);
		request_free(r);
	}
}

/* Of a mixed plan every leaf counts, whatever its place. */
static void a_plan_is_bent_at_none_of_its_leaves(void **state)
{
	static const char *const plans[] = {
		"[ sip:gw.test, request-uri ]",
		"[ request-uri, sip:gw.test ]",
		"[ request-uri, [ request-uri, sip:gw.test ] ]",
	};
	static const struct facts stranger = {.fields = ROUTE};
	struct rules *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		struct request *r;

		rules_read_good(
			t, bench_format("routes: [ { forward: %s } ]", plans[i])
				   .p);
		r = rules_ask(t, &stranger);
		assert_str(r->verdict.route, "default-deny");
		request_free(r);
	}
}

static void a_route_may_want_a_user(void **state)
{
	static const struct facts any = {0};
	struct rules *t = *state;

	for (int i = 0; i < 2; i++) {
		struct request *r;

		rules_read_good(t, bench_format("routes: [ { auth: %s, "
						"forward: request-uri } ]",
						i ? "required" : "none")
					   .p);
		assert_int_equal(rules_need_users(&t->values.routes), i);
		r = rules_ask(t, &any);
		assert_int_equal(r->verdict.needs_user, i);
		request_free(r);
	}
}

/* What a step before has decided stays. */
static void a_verdict_that_is_there_stays(void **state)
{
	static const struct facts usual = {0};
	struct rules *t = *state;
	struct request *r;

	rules_read_good(t, "routes: [ { drop: true } ]");
	r = rules_ask(t, &usual);
	r->verdict.kind = VERDICT_REJECT;
	r->verdict.status = 499;
	assert_int_equal(step_rules(r), STEP_NEXT);
	assert_int_equal(r->verdict.kind, VERDICT_REJECT);
	assert_int_equal(r->verdict.status, 499);
	request_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULES_TEST(the_built_in_routes_decide),
		RULES_TEST(a_strangers_route_bends_no_rule),
		RULES_TEST(a_plan_is_bent_at_none_of_its_leaves),
		RULES_TEST(a_route_may_want_a_user),
		RULES_TEST(a_verdict_that_is_there_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
