/* The token in our Record-Route. */
#define NET "127.85.4."
#include "bench.h"

const char *const bench_net = NET;

struct made {
	struct request *first; /* the dialog's first request */
	char text[TOKEN_TEXT_MAX + 1];
	size_t len;
};

static struct request *parse(struct bench *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static struct request *parse(struct bench *b, const char *fmt, ...)
{
	struct flow from = bench_flow(SIP_UDP, 0, "192.0.2.7:5062");
	struct request *r;
	char fields[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	r = request_new(b->proxy, &from,
			bench_format("BYE sip:b@192.0.2.9 SIP/2.0\r\n"
				     "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
				     "CSeq: 2 BYE\r\n%s\r\n",
				     fields));
	assert_non_null(r);
	assert_null(r->msg->bad);
	return r;
}

static struct request *dialog_request(struct bench *b, const char *call_id,
				      const char *from_tag, const char *to_tag)
{
	return parse(b,
		     "From: <sip:a@x>;tag=%s\r\nTo: <sip:b@y>;tag=%s\r\n"
		     "Call-ID: %s\r\n",
		     from_tag, to_tag, call_id);
}

static void make(struct bench *b, enum caller caller, const char *far,
		 struct made *s)
{
	struct hop hop = {.transport = SIP_TCP, .listener = 1};
	struct hop near = {.transport = SIP_UDP};
	struct sides sides = {.near = &near, .far = &hop};

	hop.addr = bench_addr(far);
	s->first = parse(b, "From: <sip:a@x>;tag=caller\r\n"
			    "To: <sip:b@y>\r\nCall-ID: dialog-1\r\n");
	s->first->caller = caller;
	near.addr = s->first->flow.remote;
	s->len = token_make(b->proxy, s->first, &sides, s->text);
	assert_in_range(s->len, 1, TOKEN_TEXT_MAX);
	s->text[s->len] = '\0';
	request_free(s->first);
}

static bool check(struct bench *b, struct request *r, struct str text,
		  struct dialog *out)
{
	struct dialog unused;
	bool ok = token_check(b->proxy, r->msg, text,
			      out != NULL ? out : &unused);

	request_free(r);
	return ok;
}

static bool is_good(struct bench *b, const struct made *s, const char *call_id,
		    const char *from, const char *to)
{
	return check(b, dialog_request(b, call_id, from, to),
		     (struct str){s->text, s->len}, NULL);
}

static void a_token_is_good_from_both_sides_and_tells_which(void **state)
{
	static const enum caller callers[] = {CALLER_ANONYMOUS, CALLER_TRUSTED,
					      CALLER_AUTHENTICATED};
	static const char *const fars[] = {"192.0.2.9:5066",
					   "[2001:db8::9]:5066"};
	struct bench *b = *state;
	union addr near = bench_addr("192.0.2.7:5062");
	struct dialog d;
	struct made s;

	for (size_t i = 0; i < 6; i++) {
		union addr far = bench_addr(fars[i % 2]);

		make(b, callers[i / 2], fars[i % 2], &s);
		for (int side = 0; side < 2; side++) {
			memset(&d, 0, sizeof(d));
			assert_true(check(
				b,
				side == 0 ? dialog_request(b, "dialog-1",
							   "caller", "callee")
					  : dialog_request(b, "dialog-1",
							   "callee", "caller"),
				(struct str){s.text, s.len}, &d));
			assert_int_equal(d.is_from_initiator, side == 0);
			assert_int_equal(d.caller, callers[i / 2]);
			assert_true(addr_eq(&d.near.addr, &near));
			assert_int_equal(d.near.transport, SIP_UDP);
			assert_int_equal(d.near.listener, 0);
			assert_true(addr_eq(&d.far.addr, &far));
			assert_int_equal(d.far.transport, SIP_TCP);
			assert_int_equal(d.far.listener, 1);
		}
	}
}

/* Each side by itself may be reached by its flow alone; the token then names
 * the connection, too, and it must be that very one. */
static void a_token_recalls_the_flows_of_its_sides(void **state)
{
	static const char *const addrs[] = {"192.0.2.9:5066",
					    "[2001:db8::9]:5066"};
	struct bench *b = *state;
	struct conn_ref conn = {0x1234, 0x89abcdef, 0xfedcba98};

	for (unsigned i = 0; i < 8; i++) {
		struct hop near = {.transport = SIP_UDP, .listener = 2};
		struct hop far = {
			.transport = SIP_TCP, .listener = 1, .conn = conn};
		struct sides sides = {&near, &far, i & 1, i & 2};
		struct request *r =
			dialog_request(b, "dialog-1", "caller", "x");
		char text[TOKEN_TEXT_MAX];
		struct dialog d;
		size_t len;

		near.addr = bench_addr(addrs[i / 4]);
		far.addr = bench_addr(addrs[i / 4]);
		len = token_make(b->proxy, r, &sides, text);
		request_free(r);
		assert_true(check(b,
				  dialog_request(b, "dialog-1", "x", "caller"),
				  (struct str){text, len}, &d));
		assert_int_equal(d.near_by_flow, (i & 1) != 0);
		assert_int_equal(d.far_by_flow, (i & 2) != 0);
		assert_true(addr_eq(&d.near.addr, &near.addr));
		assert_true(addr_eq(&d.far.addr, &far.addr));
		assert_false(d.near.only_conn);
		assert_int_equal(d.far.only_conn, d.far_by_flow);
		assert_int_equal(d.far.is_recalled, d.far_by_flow);
		assert_int_equal(conn_ref_eq(d.far.conn, conn), d.far_by_flow);
	}
}

/* RFC 5626 section 5.2. */
static void a_token_of_a_flow_cannot_be_altered(void **state)
{
	struct bench *b = *state;
	struct hop flow = {.transport = SIP_TCP,
			   .listener = 1,
			   .addr = bench_addr("192.0.2.9:5066"),
			   .conn = {1, 2, 3}};
	char text[TOKEN_TEXT_MAX];
	struct str token = {text, token_make_flow(b->proxy, &flow, text)};
	struct hop found;

	assert_true(token_check_flow(b->proxy, token, &found));
	assert_true(addr_eq(&found.addr, &flow.addr));
	assert_true(conn_ref_eq(found.conn, flow.conn));
	assert_true(found.only_conn && found.is_recalled);
	for (size_t i = 0; i < token.len; i++) {
		struct str cut = {text, i};

		text[i] ^= 1;
		assert_false(token_check_flow(b->proxy, token, &found));
		text[i] ^= 1;
		assert_false(token_check_flow(b->proxy, cut, &found));
	}
}

/* They are signed with one key. */
static void a_token_of_a_flow_is_none_of_a_dialog_nor_the_reverse(void **state)
{
	struct bench *b = *state;
	struct hop flow = {.transport = SIP_UDP,
			   .addr = bench_addr("192.0.2.9:5066")},
		   found;
	struct made s;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	assert_false(token_check_flow(b->proxy, (struct str){s.text, s.len},
				      &found));
	s.len = token_make_flow(b->proxy, &flow, s.text);
	assert_false(is_good(b, &s, "dialog-1", "caller", "x"));
}

static void a_token_is_worth_nothing_in_another_dialog(void **state)
{
	struct bench *b = *state;
	struct made s;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	assert_true(is_good(b, &s, "dialog-1", "caller", "x"));
	assert_false(is_good(b, &s, "dialog-2", "caller", "x"));
	assert_false(is_good(b, &s, "dialog-", "caller", "x"));
	assert_false(is_good(b, &s, "dialog-1", "callex", "x"));
	assert_false(is_good(b, &s, "dialog-1", "x", "callex"));
	assert_false(is_good(b, &s, "dialog-1c", "aller", "x"));
	assert_false(is_good(b, &s, "dialog-1", "CALLER", "x"));
}

/* Nor on a request that has no dialog yet. */
static void a_token_does_not_fit_where_the_tags_are_missing(void **state)
{
	struct bench *b = *state;
	struct made s;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	assert_false(check(b,
			   parse(b, "From: <sip:a@x>\r\nTo: <sip:b@y>\r\n"
				    "Call-ID: dialog-1\r\n"),
			   (struct str){s.text, s.len}, NULL));
	assert_false(check(b,
			   parse(b, "From: <sip:a@x>;tag=caller\r\n"
				    "To: <sip:b@y>\r\nCall-ID: dialog-1\r\n"),
			   (struct str){s.text, s.len}, NULL));
}

static void a_register_is_inside_no_dialog(void **state)
{
	struct bench *b = *state;
	struct request *r = dialog_request(b, "dialog-1", "caller", "x");
	struct made s;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	r->msg->method = SIP_REGISTER;
	assert_false(check(b, r, (struct str){s.text, s.len}, NULL));
}

static void every_altered_byte_spoils_it(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	struct bench *b = *state;
	struct made s, other;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	for (size_t i = 0; i < s.len; i++) {
		for (size_t k = 0; k < sizeof(digits) - 1; k++) {
			other = s;
			other.text[i] = digits[k];
			if (other.text[i] != s.text[i])
				assert_false(is_good(b, &other, "dialog-1",
						     "caller", "x"));
		}
		other = s;
		other.text[i] = '=';
		assert_false(is_good(b, &other, "dialog-1", "caller", "x"));
	}
}

static void a_truncated_or_longer_token_is_none(void **state)
{
	struct bench *b = *state;
	struct made s;
	size_t len;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	len = s.len;
	for (s.len = 0; s.len < len; s.len++)
		assert_false(is_good(b, &s, "dialog-1", "caller", "x"));
	s.len = len;
	for (int i = 0; i < 20; i++) {
		s.text[s.len++] = 'A';
		assert_false(is_good(b, &s, "dialog-1", "caller", "x"));
	}
}

/* Signed with the right key: what is inside still must make sense. */
static void forge(struct bench *b, const uint8_t *readable, size_t len,
		  struct made *s)
{
	uint8_t raw[128];
	struct str pieces[] = {
		{(const char *)raw, len}, STR("dialog-1"), STR("caller")};

	memcpy(raw, readable, len);
	mac_tag(b->proxy->mac, pieces, ARRAY_LEN(pieces), raw + len);
	s->len = base64url_encode(raw, len + MAC_LEN, s->text);
}

static void other_versions_listeners_and_lengths_are_refused(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t value;
		bool is_good;
	} rows[] = {
		/* clang-format off */
		{ "as it is",                0, 0x11, true },
		{ "version 0",               0, 0x01, false },
		{ "version 2",               0, 0x21, false },
		{ "a stranger of ours",      0, 0x13, true },
		{ "near: a flow by UDP",     0, 0x15, true },
		{ "far: a flow, cut off",    0, 0x19, false },
		{ "near: no such listener",  3, 3,    false },
		{ "near: 255",               3, 255,  false },
		{ "near: of TCP",            3, 1,    false },
		{ "near: the other of UDP",  3, 2,    true },
		{ "far: no such listener",  11, 3,    false },
		{ "far: of UDP",            11, 0,    false },
		{ "near: family of 16 bytes", 2, 0x81, false },
		{ "no transport",            2, 0,    false },
		/* clang-format on */
	};
	struct bench *b = *state;
	uint8_t raw[128], good[128];
	struct made s;
	int len;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	len = base64url_decode((struct str){s.text, s.len}, good,
			       sizeof(good)) -
	      MAC_LEN;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memcpy(raw, good, sizeof(raw));
		raw[rows[i].at] = rows[i].value;
		forge(b, raw, (size_t)len, &s);
		if (is_good(b, &s, "dialog-1", "caller", "x") !=
		    rows[i].is_good)
			fail_msg("%s", rows[i].name);
	}
	for (size_t n = 0; n < 40; n++) {
		if (n == (size_t)len)
			continue;
		memset(raw, 0, sizeof(raw));
		memcpy(raw, good, (size_t)len);
		forge(b, raw, n, &s);
		assert_false(is_good(b, &s, "dialog-1", "caller", "x"));
	}
}

static void any_text_is_judged_without_harm(void **state)
{
	struct bench *b = *state;
	uint64_t x = 88172645463325252u; /* the same texts in each run */
	char text[160];

	for (unsigned i = 0; i < 20000; i++) {
		size_t len = i % sizeof(text);

		for (size_t k = 0; k < len; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[k] = (char)(i % 2 != 0 ? "AQAAgIHBYZaz09-_"[x & 15]
						    : (char)x);
		}
		assert_false(check(b, dialog_request(b, "dialog-1", "a", "c"),
				   (struct str){text, len}, NULL));
	}
}

/* The key is server.secret alone: nodes that share it share the tokens. */
static void a_token_needs_the_secret(void **state)
{
	static const uint8_t other[MAC_KEY_LEN] = "another secret";
	struct bench *b = *state;
	struct proxy_env env = b->env;
	struct proxy *p;
	struct made s;

	make(b, CALLER_TRUSTED, "192.0.2.9:5066", &s);
	for (int is_same = 0; is_same < 2; is_same++) {
		struct request *r =
			dialog_request(b, "dialog-1", "caller", "x");
		struct dialog d;

		if (!is_same)
			env.secret = other;
		else
			env.secret = b->env.secret;
		assert_int_equal(proxy_new(&env, &b->conf.snapshot, &p), 0);
		assert_int_equal(
			token_check(p, r->msg, (struct str){s.text, s.len}, &d),
			is_same);
		proxy_free(p);
		request_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_token_is_good_from_both_sides_and_tells_which),
		BENCH_TEST(a_token_recalls_the_flows_of_its_sides),
		BENCH_TEST(a_token_of_a_flow_cannot_be_altered),
		BENCH_TEST(
			a_token_of_a_flow_is_none_of_a_dialog_nor_the_reverse),
		BENCH_TEST(a_token_is_worth_nothing_in_another_dialog),
		BENCH_TEST(a_token_does_not_fit_where_the_tags_are_missing),
		BENCH_TEST(a_register_is_inside_no_dialog),
		BENCH_TEST(every_altered_byte_spoils_it),
		BENCH_TEST(a_truncated_or_longer_token_is_none),
		BENCH_TEST(other_versions_listeners_and_lengths_are_refused),
		BENCH_TEST(any_text_is_judged_without_harm),
		BENCH_TEST(a_token_needs_the_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
