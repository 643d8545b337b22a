/* Where our own answers go and what they carry: RFC 3261 sections 8.2.6, 18.2.1
 * and 18.2.2, RFC 3581. */
#define NET "127.85.5."
#include "bench.h"

const char *const bench_net = NET;

static struct request *parse(struct bench *b, const struct flow *from,
			     const char *via, const char *fields)
{
	struct request *r = request_new(
		b->proxy, from,
		bench_format("OPTIONS sip:x@biloxi.test SIP/2.0\r\n"
			     "Via: %s\r\n"
			     "From: <sip:a@x>;tag=1\r\nTo: <sip:b@y>\r\n"
			     "Call-ID: c\r\nCSeq: 7 OPTIONS\r\n%s\r\n",
			     via, fields));

	assert_non_null(r);
	return r;
}

/* clang-format off */
static const struct {
	const char *via;       /* after SIP/2.0/ */
	enum sip_transport transport;
	const char *from;
	bool obey_maddr;
	const char *to;        /* 18.2.2 */
	const char *params;    /* 18.2.1 and RFC 3581 section 4 */
} rows[] = {
	/* sent-by is the source: its port, or the default one */
	{ "UDP 192.0.2.1;branch=z9hG4bK1",           SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:5060", "" },
	{ "UDP 192.0.2.1:5070;branch=z9hG4bK1",      SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:5070", "" },
	/* sent-by is something else: received, and the port of sent-by */
	{ "UDP 192.0.2.2:5070;branch=z9hG4bK1",      SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:5070", ";received=192.0.2.1" },
	{ "UDP pc.example.com;branch=z9hG4bK1",      SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:5060", ";received=192.0.2.1" },
	/* rport: the real port, and received even if it is the same */
	{ "UDP 192.0.2.1;rport;branch=z9hG4bK1",     SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:40000", ";received=192.0.2.1;rport=40000" },
	{ "UDP h:5070;branch=z9hG4bK1;rport",        SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:40000", ";received=192.0.2.1;rport=40000" },
	/* what the sender claims about itself counts for nothing */
	{ "UDP h;rport=9;received=192.0.2.66;branch=z9hG4bK1", SIP_UDP, "192.0.2.1:40000", true, "192.0.2.1:40000", ";received=192.0.2.1;rport=40000" },
	{ "UDP 192.0.2.1;received=192.0.2.66;branch=z9hG4bK1", SIP_UDP, "192.0.2.1:40000", true, "192.0.2.1:5060", ";received=192.0.2.1" },
	/* maddr, for those whom we believe */
	{ "UDP 192.0.2.1;maddr=192.0.2.8;branch=z9hG4bK1",      SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.8:5060", "" },
	{ "UDP 192.0.2.1:5070;maddr=192.0.2.8;branch=z9hG4bK1", SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.8:5070", "" },
	{ "UDP 192.0.2.1:5070;maddr=192.0.2.8;branch=z9hG4bK1", SIP_UDP, "192.0.2.1:40000", false, "192.0.2.1:5070", "" },
	{ "UDP 192.0.2.1;maddr=[2001:db8::8];branch=z9hG4bK1",    SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:5060", "" },
	{ "UDP 192.0.2.1;maddr=mc.example.com;branch=z9hG4bK1", SIP_UDP, "192.0.2.1:40000", true,  "192.0.2.1:5060", "" },
	/* IPv6, compared by value; received without brackets (RFC 5118 4.5) */
	{ "UDP [2001:db8::1];branch=z9hG4bK1",       SIP_UDP, "[2001:db8::1]:40000", true, "[2001:db8::1]:5060", "" },
	{ "UDP [2001:DB8:0::1]:5070;branch=z9hG4bK1", SIP_UDP, "[2001:db8::1]:40000", true, "[2001:db8::1]:5070", "" },
	{ "UDP [2001:db8::2];branch=z9hG4bK1;rport", SIP_UDP, "[2001:db8::1]:40000", true, "[2001:db8::1]:40000", ";received=2001:db8::1;rport=40000" },
	{ "UDP 192.0.2.1;branch=z9hG4bK1",           SIP_UDP, "[2001:db8::1]:40000", true, "[2001:db8::1]:5060", ";received=2001:db8::1" },
	/* a stream: over its connection; when that is gone, to the port of sent-by */
	{ "TCP 192.0.2.1;branch=z9hG4bK1",           SIP_TCP, "192.0.2.1:40000", true,  "192.0.2.1:5060", "" },
	{ "TCP 192.0.2.2:5070;branch=z9hG4bK1",      SIP_TCP, "192.0.2.1:40000", true,  "192.0.2.1:5070", ";received=192.0.2.1" },
	{ "TCP 192.0.2.2;maddr=192.0.2.8;branch=z9hG4bK1", SIP_TCP, "192.0.2.1:40000", true, "192.0.2.1:5060", ";received=192.0.2.1" },
	{ "TCP h;rport;branch=z9hG4bK1",             SIP_TCP, "192.0.2.1:40000", true,  "192.0.2.1:5060", ";received=192.0.2.1;rport=40000" },
};
/* clang-format on */

static struct flow flow_of(size_t i)
{
	struct flow from =
		bench_flow(rows[i].transport,
			   rows[i].transport == SIP_TCP ? 1 : 0, rows[i].from);

	if (rows[i].transport == SIP_TCP)
		from.conn = (struct conn_ref){0, 3, 4};
	return from;
}

static void an_answer_goes_where_the_rfcs_say(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct flow from = flow_of(i);
		struct request *r =
			parse(b, &from,
			      bench_format("SIP/2.0/%s", rows[i].via).p, "");
		union addr want = bench_addr(rows[i].to);
		struct hop to;

		reply_hop(r->msg, &from, rows[i].obey_maddr, &to);
		if (!addr_eq(&to.addr, &want))
			fail_msg("%s: not to %s", rows[i].via, rows[i].to);
		assert_int_equal(to.transport, from.transport);
		assert_int_equal(to.listener, from.listener);
		assert_true(addr_eq(&to.local, &from.local));
		assert_true(conn_ref_eq(to.conn, from.conn));
		assert_false(to.only_conn);
		request_free(r);
	}
}

static void the_top_via_learns_where_the_request_came_from(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct flow from = flow_of(i);
		struct request *r =
			parse(b, &from,
			      bench_format("SIP/2.0/%s", rows[i].via).p, "");

		assert_str(reply_via_params(r->msg, &from, &r->arena),
			   rows[i].params);
		request_free(r);
	}
}

/* A message without a usable Via: back to where it came from. */
static void without_a_via_the_source_is_all_we_know(void **state)
{
	struct bench *b = *state;
	struct flow from = bench_flow(SIP_UDP, 0, "192.0.2.1:40000");
	struct request *r = parse(b, &from, "nonsense", "");
	struct hop to;

	reply_hop(r->msg, &from, true, &to);
	assert_true(addr_eq(&to.addr, &from.remote));
	assert_str(reply_via_params(r->msg, &from, &r->arena), "");
	request_free(r);
}

/* 8.2.7: a stateless UAS must give retransmissions the same tag. */
static void the_to_tag_is_the_same_for_a_retransmission_only(void **state)
{
	static const char *const heads[] = {
		"From: <sip:a@x>;tag=1\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n",
		"From: <sip:a@x>;tag=2\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n",
		"From: <sip:a@x>;tag=1\r\nCall-ID: d\r\nCSeq: 7 INVITE\r\n",
		"From: <sip:a@x>;tag=1\r\nCall-ID: c\r\nCSeq: 8 INVITE\r\n",
		"From: <sip:a@x>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n",
	};
	struct bench *b = *state;
	struct flow from = bench_flow(SIP_UDP, 0, "192.0.2.1:40000");
	char tags[2 * ARRAY_LEN(heads)][TO_TAG_LEN];

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		struct request *r = request_new(
			b->proxy, &from,
			bench_format("INVITE sip:x SIP/2.0\r\n"
				     "Via: SIP/2.0/UDP h;branch=z9hG4bK%zu\r\n"
				     "To: <sip:b@y>\r\n%s\r\n",
				     i, heads[i % ARRAY_LEN(heads)]));

		reply_to_tag(r->msg, tags[i]);
		request_free(r);
	}
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		for (size_t k = 0; k < ARRAY_LEN(tags); k++)
			assert_int_equal(
				memcmp(tags[i], tags[k], TO_TAG_LEN) == 0,
				i % ARRAY_LEN(heads) == k % ARRAY_LEN(heads));
}

static void an_answer_of_ours_as_bytes(void **state)
{
	struct bench *b = *state;
	struct flow from = bench_flow(SIP_UDP, 0, "192.0.2.1:40000");
	struct request *r =
		parse(b, &from, "SIP/2.0/UDP h;branch=z9hG4bK1;rport", "");
	struct proxy_conf conf = *r->conf;
	char tag[TO_TAG_LEN];
	struct buf *out;

	conf.server_header = STR("Bench");
	out = reply_print(b->proxy, &conf, r->msg, &from, &r->arena, 404,
			  STR("Gone Fishing"), STR("Retry-After: 5\r\n"));
	assert_non_null(out);
	reply_to_tag(r->msg, tag);
	assert_str(buf_str(out),
		   bench_format("SIP/2.0 404 Gone Fishing\r\n"
				"Via: SIP/2.0/UDP h;branch=z9hG4bK1"
				";received=192.0.2.1;rport=40000\r\n"
				"From: <sip:a@x>;tag=1\r\n"
				"To: <sip:b@y>;tag=%.*s\r\n"
				"Call-ID: c\r\nCSeq: 7 OPTIONS\r\n"
				"Retry-After: 5\r\n"
				"Server: Bench\r\n"
				"Content-Length: 0\r\n\r\n",
				TO_TAG_LEN, tag)
			   .p);
	buf_unref(out);
	request_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(an_answer_goes_where_the_rfcs_say),
		BENCH_TEST(the_top_via_learns_where_the_request_came_from),
		BENCH_TEST(without_a_via_the_source_is_all_we_know),
		BENCH_TEST(the_to_tag_is_the_same_for_a_retransmission_only),
		BENCH_TEST(an_answer_of_ours_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
