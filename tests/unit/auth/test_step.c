/* Who is challenged, who passes, who is refused: requests through a proxy. */
#define NET "127.85.32."
#include "auth_test.h"

const char *const bench_net = NET;

int __real_EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md,
			      unsigned *len);
int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md,
			      unsigned *len);

static unsigned n_hashes;

int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned *len)
{
	n_hashes++;
	return __real_EVP_DigestFinal_ex(ctx, md, len);
}

#define BOB "<sip:bob@biloxi.test>"
#define FAR "<sip:eve@atlanta.test>"

static const char *field(const char *name, const char *value)
{
	return bench_format("%s: %s\r\n", name, value).p;
}

/* A login of bob's for a call; the caller changes what he likes. */
static struct login bobs(struct auth_test *t)
{
	return (struct login){.user = "bob",
			      .realm = "biloxi.test",
			      .password = "zanzibar",
			      .method = "MESSAGE",
			      .uri = "sip:x@far.test",
			      .nc = "00000001",
			      .nonce = fresh_nonce(t, "biloxi.test")};
}

static void call_as(struct auth_test *t, const char *from,
		    const struct login *l)
{
	const char *fields =
		l == NULL ? "" : field("Proxy-Authorization", login_value(l));

	send_as(t, "MESSAGE", "sip:x@far.test", from, "<sip:x@far.test>",
		fields);
}

static void register_as(struct auth_test *t, const char *from, const char *to,
			const struct login *l)
{
	send_as(t, "REGISTER", "sip:biloxi.test", from, to,
		l == NULL ? "" : field("Authorization", login_value(l)));
}

static struct login bobs_register(struct auth_test *t)
{
	struct login l = bobs(t);

	l.method = "REGISTER";
	l.uri = "sip:biloxi.test";
	return l;
}

static void expect(struct auth_test *t, unsigned status)
{
	peer_expect_status(t->bench->caller, status);
	assert_int_equal(proxy_n_open(t->bench->proxy), 0);
}

/* It was forwarded without credentials, and its sender was that. */
static void expect_passed(struct auth_test *t, enum caller caller)
{
	peer_expect(t->two, "");
	assert_int_equal(t->caller, caller);
	assert_false(peer_has(t->two, "uthorization"));
	peer_answer(t->two, 200, "");
	expect(t, 200);
}

/* Challenges --------------------------------------------------------------- */

static void call_of_ours_is_challenged_best_algorithm_first(void **state)
{
	struct auth_test *t = *state;
	struct peer *p = t->bench->caller;
	const char *sha, *md5;

	call_as(t, BOB, NULL);
	expect(t, 407);
	sha = strstr(p->text, "Proxy-Authenticate: Digest "
			      "realm=\"biloxi.test\", nonce=\"");
	assert_non_null(sha);
	md5 = strstr(p->text, "algorithm=MD5, qop=\"auth\"\r\n");
	assert_non_null(md5);
	assert_true(strstr(sha, "algorithm=SHA-256, qop=\"auth\"\r\n") < md5);
	assert_false(peer_has(p, "stale"));
	assert_false(peer_has(p, "WWW-"));
	assert_int_equal(bench_stat(t->bench, STAT_requests_new), 0);
	assert_int_equal(t->n_passed, 0);
}

static void register_is_challenged_with_401(void **state)
{
	struct auth_test *t = *state;

	register_as(t, BOB, BOB, NULL);
	expect(t, 401);
	assert_true(peer_has(t->bench->caller, "WWW-Authenticate: Digest "));
	assert_false(peer_has(t->bench->caller, "Proxy-Auth"));
	assert_int_equal(bench_stat(t->bench, STAT_requests_new), 0);
}

static void challenge_can_be_answered(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);
	const char *nonce;

	call_as(t, BOB, NULL);
	expect(t, 407);
	nonce = strstr(t->bench->caller->text, "nonce=\"") + 7;
	l.nonce = keep_nonce(nonce);
	l.algorithm = "SHA-256";
	call_as(t, BOB, &l);
	expect_passed(t, CALLER_AUTHENTICATED);
}

static void foreign_caller_is_not_challenged(void **state)
{
	struct auth_test *t = *state;

	call_as(t, FAR, NULL);
	expect_passed(t, CALLER_ANONYMOUS);
}

static void port_does_not_make_a_domain_foreign(void **state)
{
	struct auth_test *t = *state;

	call_as(t, "<sip:bob@biloxi.test:9999>", NULL);
	expect(t, 407);
	call_as(t, "<sip:bob@SIP.Biloxi.test>", NULL);
	expect(t, 407);
	call_as(t, "<sips:bob@" NET "1:5060>", NULL);
	expect(t, 407);
}

static void domain_says_who_is_asked(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	t->domains[0].authenticate = AUTHENTICATE_REGISTER;
	call_as(t, BOB, NULL);
	expect_passed(t, CALLER_ANONYMOUS);
	call_as(t, BOB, &l); /* nobody calls out: not looked at, but removed */
	expect_passed(t, CALLER_ANONYMOUS);
	register_as(t, BOB, BOB, NULL);
	expect(t, 401);
	t->domains[0].authenticate = AUTHENTICATE_NONE;
	register_as(t, BOB, BOB, NULL);
	expect_passed(t, CALLER_ANONYMOUS);
	call_as(t, "<sip:x@open.test>", NULL);
	expect_passed(t, CALLER_ANONYMOUS);
}

static void trusted_peer_is_not_asked(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	t->bench->trust.base = bench_addr(NET "9");
	t->bench->trust.bits = 32;
	l.password = "wrong";
	call_as(t, BOB, &l);
	expect_passed(t, CALLER_TRUSTED);
	assert_int_equal(t->n_consumed, 1);
}

static void ack_is_never_challenged(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	l.password = "wrong";
	send_as(t, "ACK", "sip:x@far.test", BOB, "<sip:x@far.test>;tag=1",
		field("Proxy-Authorization", login_value(&l)));
	bench_until(t->bench, t->n_passed == 1);
	peer_expect_nothing(t->bench->caller);
	assert_int_equal(t->n_consumed, 1);
}

static void without_conf_nobody_is_asked(void **state)
{
	struct auth_test *t = *state;

	t->bench->conf.snapshot.proxy.auth = NULL;
	call_as(t, BOB, NULL);
	expect_passed(t, CALLER_ANONYMOUS);
}

/* Credentials -------------------------------------------------------------- */

static void good_credentials_pass_in_every_form(void **state)
{
	static const char *const algorithms[] = {NULL, "MD5", "SHA-256"};
	static const char *const counts[] = {"00000001", NULL};
	struct auth_test *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		for (size_t j = 0; j < ARRAY_LEN(counts); j++) {
			struct login l = bobs(t);

			l.algorithm = algorithms[i];
			l.nc = counts[j];
			call_as(t, BOB, &l);
			expect_passed(t, CALLER_AUTHENTICATED);
			assert_int_equal(t->n_consumed, 1);
		}
}

static void equal_uri_is_good_and_another_is_not(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	l.uri = "sip:%78@FAR.test";
	call_as(t, BOB, &l);
	expect_passed(t, CALLER_AUTHENTICATED);
	l.nc = "00000002";
	l.uri = "sip:y@far.test";
	call_as(t, BOB, &l);
	expect(t, 400);
	l.uri = "sip:x@far.test;transport=tcp";
	call_as(t, BOB, &l);
	expect(t, 400);
}

static void count_is_good_once(void **state)
{
	static const char *const replays[] = {"00000001", NULL};
	struct auth_test *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(replays); i++) {
		struct login l = bobs(t);

		l.nc = replays[i];
		call_as(t, BOB, &l);
		expect_passed(t, CALLER_AUTHENTICATED);
		call_as(t, BOB, &l);
		expect(t, 407);
		assert_true(peer_has(t->bench->caller, "stale=true"));
		l.nc = "00000002";
		call_as(t, BOB, &l);
		expect_passed(t, CALLER_AUTHENTICATED);
	}
	assert_int_equal(bench_stat(t->bench, STAT_auth_stale), 2);
}

/* Not a word about the password: it is not even looked at. */
static void old_or_foreign_nonce_is_stale(void **state)
{
	static const char *const passwords[] = {"zanzibar", "wrong"};
	struct auth_test *t = *state;
	struct login l = bobs(t);

	t->use.conf.nonce_lifetime = 10;
	for (size_t i = 0; i < ARRAY_LEN(passwords); i++) {
		l.password = passwords[i];
		l.nonce = nonce_for(t, "biloxi.test", NET "9", 11);
		call_as(t, BOB, &l);
		expect(t, 407);
		assert_true(peer_has(t->bench->caller, "stale=true"));
		l.nonce = fresh_nonce(t, "chicago.test");
		call_as(t, BOB, &l);
		expect(t, 407);
		assert_true(peer_has(t->bench->caller, "stale=true"));
		l.nonce = "made up";
		call_as(t, BOB, &l);
		expect(t, 407);
		assert_true(peer_has(t->bench->caller, "stale=true"));
	}
	assert_int_equal(bench_stat(t->bench, STAT_auth_failures), 0);
}

/* The answer with the nonces blotted out: those differ each time. */
static const char *blotted(const char *text)
{
	static char copies[2][BENCH_TEXT];
	static unsigned next;
	char *out = copies[next++ % 2], *at;

	strcpy(out, strstr(text, "Proxy-Authenticate"));
	for (at = out; (at = strstr(at, "nonce=\"")) != NULL; at += 7)
		memset(at + 7, '#', NONCE_LEN);
	return out;
}

/* Biloxi's users, and some who have not all that others have. */
static void also(struct auth_test *t, const char *more)
{
	t->domains[0].users =
		load_users(t, "biloxi.test",
			   bench_format("users:\n"
					"  bob: { password: zanzibar, aliases: "
					"[ \"+1555\" ] }\n"
					"  dave: { password: gone, disabled: "
					"true }\n%s",
					more)
				   .p);
}

#define OLD "  old: { ha1_md5: 0123456789abcdef0123456789abcdef }\n"
#define NEW                                                                    \
	"  new: { ha1_sha256: "                                                \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef }\n"

/* RFC 8760 leaves it open; nobody must be asked for what he cannot do, nor may
 * the answer tell who he is. */
static void what_some_users_lack_is_offered_to_none(void **state)
{
	static const struct {
		const char *more;
		bool sha256, md5;
	} rows[] = {
		{"", true, true},
		{OLD, false, true},
		{NEW, true, false},
		{OLD NEW, true, true}, /* there is no better answer */
		{"  x: { ha1_md5: 0123456789abcdef0123456789abcdef, disabled: "
		 "true }\n",
		 true, true},
	};
	struct auth_test *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		also(t, rows[i].more);
		call_as(t, BOB, NULL);
		expect(t, 407);
		assert_int_equal(peer_has(t->bench->caller, "=SHA-256"),
				 rows[i].sha256);
		assert_int_equal(peer_has(t->bench->caller, "=MD5"),
				 rows[i].md5);
	}
}

static void who_fails_sees_no_difference(void **state)
{
	static const struct {
		const char *user, *password;
	} logins[] = {{"bob", "wrong"},
		      {"nobody", "zanzibar"},
		      {"dave", "gone"},
		      {"+1555", "zanzibar"},
		      {"old", "x"}};
	struct auth_test *t = *state;
	char first[BENCH_TEXT] = "";
	unsigned hashes = 0;

	also(t, OLD);
	t->use.conf.failures = 100;
	for (size_t i = 0; i < ARRAY_LEN(logins); i++) {
		struct login l = bobs(t);
		const char *request;

		l.user = logins[i].user;
		l.password = logins[i].password;
		l.algorithm = "SHA-256";
		request = field("Proxy-Authorization", login_value(&l));
		n_hashes = 0;
		send_as(t, "MESSAGE", "sip:x@far.test", BOB, "<sip:x@far.test>",
			request);
		expect(t, 407);
		if (i == 0) {
			strcpy(first, blotted(t->bench->caller->text));
			hashes = n_hashes;
		}
		assert_string_equal(blotted(t->bench->caller->text), first);
		assert_int_equal(n_hashes, hashes);
	}
	assert_int_equal(hashes, 2);
	assert_null(strstr(first, "stale"));
	assert_int_equal(bench_stat(t->bench, STAT_auth_failures),
			 ARRAY_LEN(logins));
}

static void method_is_bound(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	l.method = "INVITE";
	call_as(t, BOB, &l);
	expect(t, 407);
}

static void what_was_not_offered_is_challenged_again(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	l.algorithm = "MD5-sess";
	call_as(t, BOB, &l);
	expect(t, 407);
	t->use.conf.n_algorithms = 1;
	l.algorithm = "MD5";
	call_as(t, BOB, &l);
	expect(t, 407);
	assert_false(peer_has(t->bench->caller, "algorithm=MD5"));
	assert_int_equal(bench_stat(t->bench, STAT_auth_failures), 0);
}

static void malformed_credentials_are_answered_400(void **state)
{
	static const char *const bad[] = {
		"Digest realm=\"biloxi.test\"",
		"Digest realm=\"biloxi.test\", username=\"bob\", nonce=\"n\", "
		"uri=\"sip:x@far.test\", response=\"r\", qop=auth, nc=1, "
		"cnonce=\"c\"",
		"Digest realm=\"biloxi.test\", realm=\"biloxi.test\"",
	};
	struct auth_test *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		send_as(t, "MESSAGE", "sip:x@far.test", BOB, "<sip:x@far.test>",
			field("Proxy-Authorization", bad[i]));
		expect(t, 400);
	}
}

static void credentials_are_chosen_by_realm(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t), other = l;
	struct peer *two = t->two;

	other.realm = "chicago.test";
	other.password = "wrong";
	send_as(t, "MESSAGE", "sip:x@far.test", BOB, "<sip:x@far.test>",
		bench_format("Proxy-Authorization: Digest realm=\"far.test\", "
			     "nonce=\"keep\"\r\n"
			     "Proxy-Authorization: %s\r\n"
			     "Proxy-Authorization: %s\r\n"
			     "Authorization: Digest realm=\"biloxi.test\"\r\n",
			     login_value(&other), login_value(&l))
			.p);
	peer_expect(two, "MESSAGE");
	assert_int_equal(t->caller, CALLER_AUTHENTICATED);
	assert_int_equal(t->n_consumed, 3);
	assert_true(peer_has(two, "realm=\"far.test\", nonce=\"keep\"\r\n"));
	assert_false(peer_has(two, "biloxi.test\", "));
	assert_false(peer_has(two, "chicago.test"));
	peer_answer(two, 200, "");
	expect(t, 200);
}

static void too_many_credentials_are_refused(void **state)
{
	static const char one[] =
		"Proxy-Authorization: Digest realm=\"biloxi.test\"\r\n";

	send_as(*state, "MESSAGE", "sip:x@far.test", FAR, "<sip:x@far.test>",
		bench_format("%s%s%s%s%s", one, one, one, one, one).p);
	expect(*state, 400);
}

/* Identity ----------------------------------------------------------------- */

static void from_is_the_user_an_alias_or_anonymous(void **state)
{
	static const struct {
		const char *from;
		bool is_good;
	} froms[] = {
		{BOB, true},
		{"<sip:b%6fb@sip.biloxi.test>", true},
		{"<sip:+1555@biloxi.test>", true},
		{"<sip:anonymous@anonymous.invalid>", true},
		{"<sip:carol@biloxi.test>", false},
		{"<sip:Bob@biloxi.test>", false},
		{"<sip:bob@chicago.test>", false},
		{"<sip:biloxi.test>", false},
		{FAR, false},
		{"<tel:+1555>", false},
	};
	struct auth_test *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(froms); i++) {
		struct login l = bobs(t);

		call_as(t, froms[i].from, &l);
		if (froms[i].is_good)
			expect_passed(t, CALLER_AUTHENTICATED);
		else
			expect(t, 403);
	}
}

static void users_of_two_domains_are_apart(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	l.realm = "chicago.test";
	l.password = "windy";
	l.nonce = fresh_nonce(t, "chicago.test");
	call_as(t, "<sip:bob@chicago.test>", &l);
	expect_passed(t, CALLER_AUTHENTICATED);
}

static void address_of_record_is_the_users_own(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs_register(t);

	register_as(t, BOB, BOB, &l);
	expect_passed(t, CALLER_AUTHENTICATED);
	l.nc = "00000002";
	register_as(t, BOB, "<sip:+1555@biloxi.test>", &l);
	expect_passed(t, CALLER_AUTHENTICATED);
	l.nc = "00000003";
	register_as(t, BOB, "<sip:carol@biloxi.test>", &l);
	expect(t, 403);
	l.nc = "00000004";
	register_as(t, "<sip:carol@biloxi.test>", BOB, &l);
	expect(t, 403);
}

static void third_party_may_register_a_neighbour(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs_register(t);

	t->use.conf.third_party = true;
	register_as(t, BOB, "<sip:carol@biloxi.test>", &l);
	expect_passed(t, CALLER_AUTHENTICATED);
	l.nc = "00000002";
	register_as(t, "<sip:carol@biloxi.test>", BOB, &l);
	expect(t, 403);
}

/* A route's `auth: required` ----------------------------------------------- */

static void
who_is_foreign_must_show_who_he_is_where_a_route_wants_it(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	t->needs_user = true;
	call_as(t, FAR, NULL);
	expect(t, 407);
	assert_true(peer_has(t->bench->caller, "realm=\"biloxi.test\""));
	assert_int_equal(bench_stat(t->bench, STAT_requests_new), 0);
	call_as(t, FAR, &l);
	expect(t, 403); /* and be that user */
	l.nc = "00000002";
	call_as(t, BOB, &l);
	expect_passed(t, CALLER_AUTHENTICATED);
}

/* `authenticate: register` asks nobody else; a route may. */
static void a_route_may_want_more_than_its_domain(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	t->domains[0].authenticate = AUTHENTICATE_REGISTER;
	call_as(t, BOB, NULL);
	expect_passed(t, CALLER_ANONYMOUS);
	t->needs_user = true;
	call_as(t, BOB, NULL);
	expect(t, 407);
	l.password = "wrong";
	call_as(t, BOB, &l);
	expect(t, 407);
	l.password = "zanzibar";
	call_as(t, BOB, &l);
	peer_expect(t->two, "");
	assert_false(peer_has(t->two, "uthorization"));
	peer_answer(t->two, 200, "");
	expect(t, 200);
}

static void the_realm_is_that_of_from_or_of_the_uri(void **state)
{
	struct auth_test *t = *state;
	struct peer *p = t->bench->caller;

	t->needs_user = true;
	call_as(t, "<sip:x@chicago.test>", NULL);
	expect(t, 407);
	assert_true(peer_has(p, "realm=\"chicago.test\""));
	send_as(t, "MESSAGE", "sip:y@chicago.test", FAR, FAR, "");
	expect(t, 407);
	assert_true(peer_has(p, "realm=\"chicago.test\""));
	send_as(t, "REGISTER", "sip:open.test", FAR, FAR, "");
	expect(t, 401);
	assert_true(peer_has(p, "realm=\"biloxi.test\""));
	for (size_t i = 0; i < ARRAY_LEN(t->domains); i++)
		t->domains[i].users = NULL;
	call_as(t, FAR, NULL);
	expect(t, 403);
}

static void an_ack_that_would_need_credentials_is_dropped(void **state)
{
	struct auth_test *t = *state;

	t->needs_user = true;
	send_as(t, "ACK", "sip:x@far.test", BOB, "<sip:x@far.test>;tag=1", "");
	peer_expect_nothing(t->two);
	peer_expect_nothing(t->bench->caller);
	assert_int_equal(proxy_n_open(t->bench->proxy), 0);
}

static void a_trusted_sender_needs_no_user(void **state)
{
	struct auth_test *t = *state;

	t->needs_user = true;
	assert_int_equal(addr_net_parse(str_from(NET "9"), &t->bench->trust),
			 0);
	call_as(t, FAR, NULL);
	expect_passed(t, CALLER_TRUSTED);
}

/* Failures ----------------------------------------------------------------- */

static void source_that_guesses_is_banned_and_others_are_not(void **state)
{
	struct auth_test *t = *state;
	struct peer *first = t->bench->caller;
	struct peer *other = peer_open(t->bench, NET "8");
	struct login l = bobs(t);

	l.password = "wrong";
	for (int i = 0; i < 3; i++) {
		call_as(t, BOB, &l);
		expect(t, 407);
	}
	n_hashes = 0;
	call_as(t, BOB, NULL);
	expect(t, 403);
	assert_int_equal(n_hashes, 0);
	l.password = "zanzibar";
	call_as(t, BOB, &l);
	expect(t, 403);
	assert_int_equal(bench_stat(t->bench, STAT_auth_banned), 2);

	l.nonce = nonce_for(t, "biloxi.test", NET "8", 0);
	t->bench->caller = other;
	call_as(t, BOB, NULL);
	expect(t, 407);
	call_as(t, BOB, &l);
	bench_until(t->bench, t->n_passed == 1);
	assert_int_equal(t->caller, CALLER_AUTHENTICATED);
	t->bench->caller = first;
}

/* An address can be forged: what counts is who was given the nonce. */
static void forged_source_is_not_banned(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	l.nonce = nonce_for(t, "biloxi.test", NET "66", 0);
	l.password = "wrong";
	for (int i = 0; i < 3; i++) {
		call_as(t, BOB, &l);
		expect(t, 407);
	}
	call_as(t, BOB, &l);
	expect(t, 403); /* the nonce's holder is banned */
	l = bobs(t);
	call_as(t, BOB, &l);
	expect_passed(t, CALLER_AUTHENTICATED);
}

static void success_forgives(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);

	for (int i = 0; i < 4; i++) {
		l.password = "wrong";
		call_as(t, BOB, &l);
		expect(t, 407);
		call_as(t, BOB, &l);
		expect(t, 407);
		l = bobs(t);
		call_as(t, BOB, &l);
		expect_passed(t, CALLER_AUTHENTICATED);
	}
}

/* Memory ------------------------------------------------------------------- */

/* Whichever allocation fails: no request passes without good credentials, and
 * the next one is served. */
static void shortage_of_memory_lets_nobody_in(void **state)
{
	struct auth_test *t = *state;
	struct login l = bobs(t);
	struct mem_usage before, after;
	unsigned n = 0;

	l.password = "wrong";
	t->use.conf.failures = UINT32_MAX;
	do {
		mem_usage(t->bench->mem, &before);
		mem_fail_nth(t->bench->mem, ++n);
		call_as(t, BOB, &l);
		bench_settle(t->bench);
		mem_fail_nth(t->bench->mem, 0);
		mem_usage(t->bench->mem, &after);
		while (peer_poll(t->bench->caller))
			continue;
		assert_int_equal(t->n_passed, 0);
	} while (after.n_refused > before.n_refused);
	assert_true(n > 2);
	call_as(t, BOB, NULL);
	expect(t, 407);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AUTH_TEST(call_of_ours_is_challenged_best_algorithm_first),
		AUTH_TEST(register_is_challenged_with_401),
		AUTH_TEST(challenge_can_be_answered),
		AUTH_TEST(foreign_caller_is_not_challenged),
		AUTH_TEST(port_does_not_make_a_domain_foreign),
		AUTH_TEST(domain_says_who_is_asked),
		AUTH_TEST(trusted_peer_is_not_asked),
		AUTH_TEST(ack_is_never_challenged),
		AUTH_TEST(without_conf_nobody_is_asked),
		AUTH_TEST(good_credentials_pass_in_every_form),
		AUTH_TEST(equal_uri_is_good_and_another_is_not),
		AUTH_TEST(count_is_good_once),
		AUTH_TEST(old_or_foreign_nonce_is_stale),
		AUTH_TEST(what_some_users_lack_is_offered_to_none),
		AUTH_TEST(who_fails_sees_no_difference),
		AUTH_TEST(method_is_bound),
		AUTH_TEST(what_was_not_offered_is_challenged_again),
		AUTH_TEST(malformed_credentials_are_answered_400),
		AUTH_TEST(credentials_are_chosen_by_realm),
		AUTH_TEST(too_many_credentials_are_refused),
		AUTH_TEST(from_is_the_user_an_alias_or_anonymous),
		AUTH_TEST(users_of_two_domains_are_apart),
		AUTH_TEST(address_of_record_is_the_users_own),
		AUTH_TEST(third_party_may_register_a_neighbour),
		AUTH_TEST(
			who_is_foreign_must_show_who_he_is_where_a_route_wants_it),
		AUTH_TEST(a_route_may_want_more_than_its_domain),
		AUTH_TEST(the_realm_is_that_of_from_or_of_the_uri),
		AUTH_TEST(an_ack_that_would_need_credentials_is_dropped),
		AUTH_TEST(a_trusted_sender_needs_no_user),
		AUTH_TEST(source_that_guesses_is_banned_and_others_are_not),
		AUTH_TEST(forged_source_is_not_banned),
		AUTH_TEST(success_forgives),
		AUTH_TEST(shortage_of_memory_lets_nobody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
