/* RFC 3325, RFC 3323: which identities go on, by who says them and to whom. */
#define NET "127.85.8."
#include "bench.h"

const char *const bench_net = NET;

#define PAI "P-Asserted-Identity: <sip:alice@atlanta.com>, <tel:+1>\r\n"
#define PAI2 "p-asserted-identity:\r\n <tel:+2>\r\n"
#define PPI "P-Preferred-Identity: <sip:a@b>\r\n"

#define TRUSTED "192.0.2.1:5060"
#define STRANGER "198.51.100.1:5060"

/* clang-format off */
static const struct {
	const char *from, *to;
	const char *fields;
	const char *left; /* of them */
} rows[] = {
	/* who is trusted may say both, to anyone */
	{ TRUSTED,  TRUSTED,  PAI PPI PAI2,             PAI PPI PAI2 },
	{ TRUSTED,  STRANGER, PAI PPI PAI2,             PAI PPI PAI2 },
	/* a stranger none, not even to those who are trusted */
	{ STRANGER, TRUSTED,  PAI PPI PAI2,             "" },
	{ STRANGER, STRANGER, PAI,                      "" },
	{ STRANGER, STRANGER, PPI,                      "" },
	{ STRANGER, TRUSTED,  PAI "Privacy: none\r\n",  "Privacy: none\r\n" },
	/* Privacy: id keeps it within the domain of trust */
	{ TRUSTED,  TRUSTED,  PAI "Privacy: id\r\n",    PAI "Privacy: id\r\n" },
	{ TRUSTED,  STRANGER, PAI PAI2 "Privacy: id\r\n", "Privacy: id\r\n" },
	{ TRUSTED,  STRANGER, PAI PPI "Privacy: id\r\n", PPI "Privacy: id\r\n" },
	{ TRUSTED,  STRANGER, PAI "Privacy: header ; ID;critical\r\n", "Privacy: header ; ID;critical\r\n" },
	{ TRUSTED,  STRANGER, PAI "Privacy: user,id\r\n", "Privacy: user,id\r\n" },
	{ TRUSTED,  STRANGER, PAI "Privacy: user\r\nPrivacy: id\r\n", "Privacy: user\r\nPrivacy: id\r\n" },
	/* and nothing else does */
	{ TRUSTED,  STRANGER, PAI "Privacy: none\r\n",  PAI "Privacy: none\r\n" },
	{ TRUSTED,  STRANGER, PAI "Privacy: ids;identity;xid;\r\n", PAI "Privacy: ids;identity;xid;\r\n" },
	{ TRUSTED,  STRANGER, PAI "Privacy:\r\n",       PAI "Privacy:\r\n" },
	{ STRANGER, STRANGER, "Privacy: id\r\n",        "Privacy: id\r\n" },
};
/* clang-format on */

static struct addr_net trusted;

static void trust_one(struct proxy_conf *c)
{
	assert_int_equal(addr_net_parse(STR("192.0.2.1"), &trusted), 0);
	c->trust = (struct conf_array){&trusted, 1};
}

static const char head[] = "MESSAGE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n";

static void expect(struct bench *b, const struct sip_msg *msg, unsigned set,
		   const char *left)
{
	struct sip_edits e;
	struct arena arena;
	struct buf *out;

	arena_init(&arena, b->mem);
	sip_edits_init(&e, &arena);
	identity_edit(&e, msg, set);
	out = sip_edits_print(&e, msg, b->mem);
	assert_str(buf_str(out), bench_format("%s%s\r\n", head, left).p);
	buf_unref(out);
	arena_fini(&arena);
}

static void an_identity_goes_on_by_who_says_it_and_to_whom(void **state)
{
	const struct sip_limits limits = {50, 500, 10};
	struct bench *b = *state;
	struct proxy_conf conf = {.record_route = false};
	struct sip_hdr hdrs[51];
	struct sip_msg msg;

	trust_one(&conf);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text =
			bench_format("%s%s\r\n", head, rows[i].fields);
		struct flow from = bench_flow(SIP_UDP, 0, rows[i].from);
		union addr to = bench_addr(rows[i].to);
		bool from_trusted = strcmp(rows[i].from, TRUSTED) == 0;
		bool to_trusted = strcmp(rows[i].to, TRUSTED) == 0;

		assert_int_equal(sip_msg_index(text, &limits, hdrs, &msg), 0);
		expect(b, &msg,
		       identity_forbidden(&conf, &msg, from_trusted, &to),
		       rows[i].left);
		expect(b, &msg,
		       identity_forbidden_back(b->proxy, &conf, &msg, &from,
					       to_trusted),
		       rows[i].left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(an_identity_goes_on_by_who_says_it_and_to_whom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
