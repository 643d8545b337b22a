/* RFC 5627: URIs of one instance. */
#define NET "127.91.4."
#include "registrar/registrar_test.h"

#include <openssl/evp.h>

const char *const bench_net = NET;

#define BOB "sip:bob@biloxi.test"
#define X "sip:bob@" NET "21"
#define Y "sip:bob@" NET "22"
#define UUID "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
#define OTHER "urn:uuid:00000000-7dec-11d0-a765-00a0c91e6bf6"
#define PHONE(uri, uuid) "Contact: <" uri ">;+sip.instance=\"<" uuid ">\"\r\n"
#define GRUU "Supported: gruu\r\n"
/* By way of an edge proxy. */
#define FLOW(uri, reg_id)                                                      \
	"Contact: <" uri ">;reg-id=" reg_id ";+sip.instance=\"<" UUID          \
	">\"\r\n"                                                              \
	"Supported: gruu, outbound\r\n"                                        \
	"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n"                       \
	"Path: <sip:" NET "31;lr;ob>\r\n"
#define PUBLIC "sip:bob@biloxi.test;gr=" UUID

/* The value of a parameter of the contact `uri` in the answer that came last.
 */
static const char *gruu_of(struct bench *b, const char *uri, const char *name)
{
	const char *at = strstr(b->caller->text,
				bench_format("\r\nContact: <%s>", uri).p);
	const char *end;

	assert_non_null(at);
	end = strstr(at + 2, "\r\n");
	at = strstr(at, bench_format(";%s=\"", name).p);
	if (at == NULL || at > end)
		return NULL;
	at += strlen(name) + 3;
	return bench_format("%.*s", (int)strcspn(at, "\""), at).p;
}

static const char *temp_of(struct bench *b, const char *uri, char keep[800])
{
	const char *temp = gruu_of(b, uri, "temp-gruu");

	assert_non_null(temp);
	snprintf(keep, 800, "%s", temp);
	return keep;
}

static void call(struct bench *b, const char *uri, const char *fields)
{
	reg_send(b, (struct reg){.method = "INVITE",
				 .uri = uri,
				 .from = "<sip:alice@atlanta.test>",
				 .call_id = "call",
				 .fields = fields});
}

#define REACHES(b, uri, peer, request_uri)                                     \
	do {                                                                   \
		call(b, uri, NULL);                                            \
		peer_expect_status((b)->caller, 100);                          \
		peer_expect(peer, "INVITE " request_uri " SIP/2.0\r\n");       \
		peer_answer(peer, 486, "");                                    \
		peer_expect(peer, "ACK ");                                     \
		peer_expect_status((b)->caller, 486);                          \
	} while (0)

#define FAILS(b, uri, status)                                                  \
	do {                                                                   \
		call(b, uri, NULL);                                            \
		peer_expect_status((b)->caller, status);                       \
	} while (0)

/* The cipher ----------------------------------------------------------------
 */

static bool fetch_fails = true;

EVP_CIPHER *__real_EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *algorithm,
				    const char *properties);
EVP_CIPHER *__wrap_EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *algorithm,
				    const char *properties);

EVP_CIPHER *__wrap_EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *algorithm,
				    const char *properties)
{
	return fetch_fails
		       ? NULL
		       : __real_EVP_CIPHER_fetch(ctx, algorithm, properties);
}

/* Before the others: the cipher is made once for the process. */
static void no_memory_for_the_cipher_fails_one_request(void **state)
{
	struct bench *b = *state;

	REG(b, 503, .fields = PHONE(X, UUID) GRUU);
	fetch_fails = false;
	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	assert_non_null(gruu_of(b, X, "temp-gruu"));
}

/* The answer (5.1, 5.2) -----------------------------------------------------
 */

static void the_200_has_both_for_who_asks(void **state)
{
	struct bench *b = *state;
	const char *temp;

	REG(b, 200, .fields = PHONE(X, UUID));
	assert_null(gruu_of(b, X, "pub-gruu"));
	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	assert_string_equal(gruu_of(b, X, "pub-gruu"), PUBLIC);
	temp = gruu_of(b, X, "temp-gruu");
	assert_memory_equal(temp, "sip:tgruu.", 10);
	assert_string_equal(strchr(temp, '@'), "@biloxi.test;gr");
	assert_null(strstr(temp, "bob"));
	assert_false(peer_has(b->caller, "Require:"));
	REG(b, 200, .fields = "Contact: <" Y ">\r\n" GRUU);
	assert_null(gruu_of(b, Y, "pub-gruu")); /* it has no instance */
	assert_null(gruu_of(b, Y, "temp-gruu"));
}

static void each_answer_has_a_new_temporary_one_of_the_same_length(void **state)
{
	struct bench *b = *state;
	char first[800], second[800], other[800];

	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	temp_of(b, X, first);
	REG(b, 200, .fields = PHONE(X, UUID) PHONE(Y, OTHER) GRUU);
	temp_of(b, X, second);
	temp_of(b, Y, other);
	assert_string_not_equal(first, second);
	assert_string_not_equal(second, other);
	assert_int_equal(strlen(first), strlen(second));
	assert_int_equal(strlen(first), strlen(other));
	REG(b, 200, .to = "<sip:carol.with.a.longer.name@biloxi.test>",
	    .from = "<sip:carol.with.a.longer.name@biloxi.test>",
	    .call_id = "carol", .fields = PHONE(X, UUID) GRUU);
	assert_int_equal(strlen(first), strlen(temp_of(b, X, second)));
}

static void what_the_phone_proposes_is_ignored(void **state)
{
	struct bench *b = *state;

	REG(b, 200,
	    .fields = "Contact: <" X ">;pub-gruu=\"sip:evil@x.test;gr=1\";"
		      "+sip.instance=\"<" UUID
		      ">\";temp-gruu=\"sip:e@x\"\r\n" GRUU);
	assert_string_equal(gruu_of(b, X, "pub-gruu"), PUBLIC);
	assert_null(strstr(b->caller->text, "sip:e"));
}

static void an_instance_is_escaped(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");

	REG(b, 200, .fields = PHONE(X, "urn:x:a=b;c%20d") GRUU);
	assert_string_equal(gruu_of(b, X, "pub-gruu"),
			    BOB ";gr=urn:x:a%3Db%3Bc%2520d");
	REACHES(b, BOB ";gr=urn:x:%61%3Db%3bc%2520d", x, X);
}

static void gruu_can_be_required_and_turned_off(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = PHONE(X, UUID) GRUU "Require: gruu\r\n");
	test_of(b)->use.conf.gruu = false;
	REG(b, 420, .fields = PHONE(X, UUID) GRUU "Require: gruu\r\n");
	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	assert_null(gruu_of(b, X, "pub-gruu"));
	FAILS(b, PUBLIC, 404);
}

static void a_contact_may_not_be_a_gruu_of_this_address(void **state)
{
	struct bench *b = *state;
	char temp[800];

	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	temp_of(b, X, temp);
	REG(b, 403, .fields = "Contact: <" PUBLIC ">\r\n");
	REG(b, 403, .fields = bench_format("Contact: <%s>\r\n", temp).p);
	/* somebody else may forward to it */
	REG(b, 200, .to = "<sip:carol@biloxi.test>",
	    .from = "<sip:carol@biloxi.test>", .call_id = "carol",
	    .fields = bench_format("Contact: <%s>\r\n", temp).p);
}

static void a_contact_with_an_instance_is_a_sip_uri(void **state)
{
	struct bench *b = *state;

	REG(b, 403, .fields = PHONE("mailto:bob@biloxi.test", UUID) GRUU);
	REG(b, 200, .fields = "Contact: <tel:+1555>\r\n");
}

/* Targeting (6.1) -----------------------------------------------------------
 */

static void a_gruu_reaches_its_instance_alone(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21"), *y = peer_open(b, NET "22");
	char temp[800];

	test_with_users(b);
	REG(b, 200, .fields = PHONE(X, UUID) PHONE(Y, OTHER) GRUU);
	temp_of(b, Y, temp);
	REACHES(b, PUBLIC, x, X);
	REACHES(b,
		"sip:%62ob@ALIAS.test;GR=URN:uuid:F81D4FAE-7dec-11d0-a765-"
		"00a0c91e6bf6",
		x, X);
	REACHES(b, temp, y, Y);
	peer_expect_nothing(x);
}

static void who_is_away_is_480_and_who_is_none_404(void **state)
{
	struct bench *b = *state;
	char temp[800];

	test_with_users(b);
	FAILS(b, PUBLIC, 480);
	REG(b, 200, .fields = PHONE(X, UUID) "Expires: 60\r\n" GRUU);
	temp_of(b, X, temp);
	FAILS(b, BOB ";gr=" OTHER, 480);
	FAILS(b, "sip:dave@biloxi.test;gr=" UUID, 404);
	FAILS(b, BOB ";gr", 404);
	ahead_ms += 61000;
	FAILS(b, PUBLIC, 480);
	FAILS(b, temp, 404); /* 5.3: it was invalidated */
}

static void a_forged_temporary_gruu_is_404(void **state)
{
	struct bench *b = *state;
	char temp[800], forged[800];

	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	temp_of(b, X, temp);
	for (size_t i = 10; i < strcspn(temp, "@"); i += 7) {
		strcpy(forged, temp);
		forged[i] = forged[i] == 'A' ? 'Q' : 'A';
		FAILS(b, forged, 404);
	}
	FAILS(b, "sip:tgruu.@biloxi.test;gr", 404);
	FAILS(b, "sip:tgruu.AAAA@biloxi.test;gr", 404);
	/* without gr it is a user that there is not; here, one away */
	*strstr(temp, ";gr") = '\0';
	FAILS(b, temp, 480);
	strcat(strcpy(forged, temp), ";gr");
	memcpy(strchr(forged, '@'), "@other.test;gr", 15);
	FAILS(b, forged, 404);
}

static void temporary_ones_live_as_long_as_the_call_id(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");
	char first[800], second[800], third[800];

	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	temp_of(b, X, first);
	REG(b, 200, .fields = PHONE(X, UUID) GRUU);
	temp_of(b, X, second);
	REACHES(b, first, x, X);
	REACHES(b, second, x, X);
	REG(b, 200, .call_id = "new", .fields = PHONE(X, UUID) GRUU);
	temp_of(b, X, third);
	FAILS(b, first, 404);
	FAILS(b, second, 404);
	REACHES(b, third, x, X);
	REACHES(b, PUBLIC, x, X);
}

/* 4.1, 4.2: with Outbound they are the instance's, not the flow's. */
static void flows_share_them(void **state)
{
	struct bench *b = *state;
	struct peer *edge = peer_open(b, NET "31");
	char of_1[800], of_2[800];

	REG(b, 200, .call_id = "1", .fields = FLOW(X, "1"));
	temp_of(b, X, of_1);
	REG(b, 200, .call_id = "2", .fields = FLOW(Y, "2"));
	temp_of(b, Y, of_2);
	REACHES(b, of_1, edge, Y); /* the latest */
	REG(b, 200, .call_id = "1", .fields = FLOW(X, "1") "Expires: 0\r\n");
	REACHES(b, of_1, edge, Y); /* while one flow is registered */
	REG(b, 200, .call_id = "3", .fields = FLOW(Y, "2"));
	FAILS(b, of_1, 404);
	FAILS(b, of_2, 404);
}

/* 6.1, case 2 */
static void of_two_contacts_the_latest_is_asked_first(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21"), *y = peer_open(b, NET "22");

	REG(b, 200, .call_id = "1", .fields = PHONE(X, UUID) GRUU);
	REG(b, 200, .call_id = "2", .fields = PHONE(Y, UUID) GRUU);
	assert_int_equal(count_of(b->caller->text, "pub-gruu"), 2);
	assert_string_equal(gruu_of(b, X, "temp-gruu"),
			    gruu_of(b, Y, "temp-gruu"));
	REACHES(b, PUBLIC, y, Y);
	peer_expect_nothing(x);
	call(b, PUBLIC, NULL);
	peer_expect_status(b->caller, 100);
	peer_expect(y, "INVITE ");
	peer_answer(y, 408, "");
	peer_expect(y, "ACK ");
	peer_expect(x, "INVITE " X);
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REGISTRAR_TEST(no_memory_for_the_cipher_fails_one_request),
		REGISTRAR_TEST(the_200_has_both_for_who_asks),
		REGISTRAR_TEST(
			each_answer_has_a_new_temporary_one_of_the_same_length),
		REGISTRAR_TEST(what_the_phone_proposes_is_ignored),
		REGISTRAR_TEST(an_instance_is_escaped),
		REGISTRAR_TEST(gruu_can_be_required_and_turned_off),
		REGISTRAR_TEST(a_contact_may_not_be_a_gruu_of_this_address),
		REGISTRAR_TEST(a_contact_with_an_instance_is_a_sip_uri),
		REGISTRAR_TEST(a_gruu_reaches_its_instance_alone),
		REGISTRAR_TEST(who_is_away_is_480_and_who_is_none_404),
		REGISTRAR_TEST(a_forged_temporary_gruu_is_404),
		REGISTRAR_TEST(temporary_ones_live_as_long_as_the_call_id),
		REGISTRAR_TEST(flows_share_them),
		REGISTRAR_TEST(of_two_contacts_the_latest_is_asked_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
