/* Branches and the bounds of a request: RFC 3261 section 16.6, RFC 3263
 * section 4.3, RFC 5393 section 5.3.3. */
#define NET "127.85.3."
#include "bench.h"
#include "resolver/resolver_priv.h"

#include <sys/socket.h>
#include <unistd.h>

const char *const bench_net = NET;

#define URI(n) "sip:u" n "@" NET n

static const struct plan one = LEAF(URI("2"));
static const struct plan both = LEAF("sip:bob@both.test"); /* 2 and 3 */
static const struct plan leaves[] = {LEAF(URI("2")), LEAF(URI("3")),
				     LEAF(URI("4"))};
static const struct plan parallel = FORK(PLAN_PARALLEL, leaves);
static const struct plan sequential = FORK(PLAN_SEQUENTIAL, leaves);

static void send_request(struct bench *b, const char *method,
			 const char *branch, const char *fields)
{
	peer_send(b->caller,
		  bench_request(method, "sip:bob@biloxi.test", branch, fields));
}

static void invite(struct bench *b, const char *branch)
{
	send_request(b, "INVITE", branch, "Max-Forwards: 70\r\n");
}

static void refuse(struct peer *who, unsigned status)
{
	peer_answer(who, status, "");
	peer_expect(who, "ACK ");
}

/* Failover ----------------------------------------------------------------- */

/* The hosts file names two addresses; either may come first. */
static void open_both(struct bench *b, struct peer *p[2])
{
	b->plan = &both;
	p[0] = peer_open(b, NET "2");
	p[1] = peer_open(b, NET "3");
}

static struct peer *first_asked(struct bench *b, struct peer *p[2])
{
	struct peer *swap;

	bench_until(b, peer_poll(p[0]) || peer_poll(p[1]));
	if (p[0]->text[0] == '\0') {
		swap = p[0];
		p[0] = p[1];
		p[1] = swap;
	}
	return p[0];
}

/* RFC 3263 section 4.3: a 503, silence and ICMP each lead to the next hop. */
static void a_503_leads_to_the_next_hop(void **state)
{
	struct bench *b = *state;
	struct peer *p[2];

	open_both(b, p);
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	refuse(first_asked(b, p), 503);
	peer_expect(p[1], "INVITE sip:bob@both.test ");
	peer_answer(p[1], 200, "");
	peer_expect_status(b->caller, 200);
	assert_int_equal(bench_stat(b, STAT_dns_queries), 0);
}

/* RFC 3261 section 21.5.4; 20.33: behind the seconds there may be more. */
static void a_503_says_how_long_the_hop_rests(void **state)
{
	static const struct {
		const char *field;
		uint32_t rest_ms;
	} rows[] = {
		{"Retry-After: 5\r\n", 5000},
		{"Retry-After: 90 (closed; till nine);duration=9\r\n", 90000},
		{"Retry-After: 99999999999;x\r\n", 3600000},
		{"Retry-After: 0\r\n", 30000},
		{"Retry-After: soon\r\n", 30000},
		{"", 30000},
	};
	struct bench *b = *state;
	struct peer *p[2];
	struct locate_hop hop = {.transport = SIP_UDP};
	struct health *health = &b->resolver->health;
	uint64_t now_ms = loop_now_ms(b->loop);

	open_both(b, p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char branch[2] = {(char)('1' + i), '\0'};

		invite(b, branch);
		peer_expect_status(b->caller, 100);
		first_asked(b, p);
		getsockname(p[0]->fd, &hop.addr.sa,
			    &(socklen_t){sizeof(hop.addr)});
		peer_answer(p[0], 503, rows[i].field);
		peer_expect(p[0], "ACK ");
		peer_expect(p[1], "INVITE ");
		refuse(p[1], 486);
		peer_expect_status(b->caller, 486);
		peer_send(b->caller, bench_request("ACK", "sip:bob@biloxi.test",
						   branch, ""));
		assert_true(health_is_suspect(health, &hop,
					      now_ms + rows[i].rest_ms - 1000));
		assert_false(health_is_suspect(
			health, &hop, now_ms + rows[i].rest_ms + 10000));
	}
}

static void a_new_hop_has_a_new_branch(void **state)
{
	struct bench *b = *state;
	struct peer *p[2];
	char old[64], new[64];

	open_both(b, p);
	invite(b, "1");
	refuse(first_asked(b, p), 503);
	peer_expect(p[1], "INVITE ");
	assert_int_equal(
		sscanf(strstr(p[0]->request, ";branch="), ";branch=%63s", old),
		1);
	assert_int_equal(
		sscanf(strstr(p[1]->request, ";branch="), ";branch=%63s", new),
		1);
	assert_string_not_equal(old, new);
	refuse(p[1], 486);
}

static void silence_leads_to_the_next_hop(void **state)
{
	struct bench *b = *state;
	struct peer *p[2];

	open_both(b, p);
	invite(b, "1");
	first_asked(b, p);
	bench_pass(b, 64 * BENCH_T1_MS);
	peer_expect(p[1], "INVITE ");
	refuse(p[1], 486);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 486);
	assert_int_equal(bench_stat(b, STAT_hops_failed), 1);
}

static void a_closed_port_leads_to_the_next_hop(void **state)
{
	struct bench *b = *state;
	struct peer *three;

	b->plan = &both;
	three = peer_open(b, NET "3"); /* nobody is at 2 */
	for (int i = 0; i < 2; i++) {
		invite(b, i == 0 ? "1" : "2");
		peer_expect(three, "INVITE ");
		refuse(three, 486);
		peer_expect_status(b->caller, 100);
		peer_expect_status(b->caller, 486);
	}
}

/* A phone that rings has the call: no second attempt elsewhere. */
static void a_hop_that_rang_is_the_last_one(void **state)
{
	struct bench *b = *state;
	struct peer *p[2], *first;

	open_both(b, p);
	b->conf.snapshot.proxy.timers.c = 10000;
	invite(b, "1");
	first = first_asked(b, p);
	peer_answer(first, 180, "");
	bench_pass(b, 10000);
	peer_expect(first, "CANCEL ");
	refuse(first, 487);
	peer_expect_nothing(p[1]);
}

/* Step 6 of 16.7: what we say when no hop was left. */
static void hops_that_all_fail_are_summed_up(void **state)
{
	struct bench *b = *state;
	struct peer *p[2];

	open_both(b, p);
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	refuse(first_asked(b, p), 503);
	peer_expect(p[1], "INVITE ");
	refuse(p[1], 503);
	peer_expect_status(b->caller, 500);
}

static void an_unreachable_only_hop_is_a_500(void **state)
{
	struct bench *b = *state;

	b->plan = &one; /* nobody is at 2 */
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 500);
}

static void a_name_server_that_is_silent_is_a_504(void **state)
{
	static const struct plan unknown = LEAF("sip:bob@nowhere.test");
	struct bench *b = *state;

	b->plan = &unknown;
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	bench_pass(b, b->resolver_conf.search_timeout_ms);
	peer_expect_status(b->caller, 504);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 1);
}

/* A foreign name that leads back to us. */
static void a_next_hop_that_is_ourselves_is_a_loop(void **state)
{
	static const struct plan us = LEAF("sip:" NET "1");
	struct bench *b = *state;

	b->plan = &us;
	peer_send(b->caller,
		  bench_request("INVITE", "sip:x@foreign.test", "1", ""));
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 482);
}

/* Flows -------------------------------------------------------------------- */

/* A contact by flow: its URI leads nowhere. */
static struct plan by_flow(const struct hop *flow, bool is_only)
{
	return (struct plan){.uri = STR("sip:bob@phone.invalid"),
			     .flow = flow,
			     .flow_only = is_only};
}

/* RFC 5626 section 5.3: the Request-URI is the contact, the flow the way. */
static void a_contact_by_flow_is_reached_whatever_its_uri_says(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2:6000");
	struct hop hop = {.transport = SIP_UDP,
			  .addr = bench_addr(NET "2:6000")};
	struct plan plan = by_flow(&hop, true);

	b->plan = &plan;
	invite(b, "1");
	peer_expect(two, "INVITE sip:bob@phone.invalid SIP/2.0");
	refuse(two, 486);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 486);
	assert_int_equal(bench_stat(b, STAT_dns_queries), 0);
}

static struct hop gone_flow(void)
{
	return (struct hop){.transport = SIP_TCP,
			    .listener = 1,
			    .addr = bench_addr(NET "2:6000"),
			    .conn = {.generation = 77},
			    .only_conn = true};
}

static void a_flow_that_is_gone_is_a_480_and_nobody_else_is_asked(void **state)
{
	struct bench *b = *state;
	struct hop hop = gone_flow();
	struct plan plan = by_flow(&hop, true);

	b->plan = &plan;
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 480);
	assert_int_equal(bench_stat(b, STAT_dns_queries), 0);
}

static void a_flow_that_is_gone_leads_to_the_uri_where_that_may_be(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");
	struct hop hop = gone_flow();
	struct plan plan = by_flow(&hop, false);

	plan.uri = STR(URI("2"));
	b->plan = &plan;
	invite(b, "1");
	peer_expect(two, "INVITE " URI("2"));
	refuse(two, 486);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 486);
}

static void a_silent_flow_is_a_408(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2:6000");
	struct hop hop = {.transport = SIP_UDP,
			  .addr = bench_addr(NET "2:6000")};
	struct plan plan = by_flow(&hop, true);

	b->plan = &plan;
	invite(b, "1");
	peer_expect(two, "INVITE ");
	bench_pass(b, 64 * BENCH_T1_MS);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 408);
}

/* Transports --------------------------------------------------------------- */

static const char *large_field(void)
{
	static char field[1500];

	memset(field, 'x', sizeof(field));
	memcpy(field, "X-Large: ", 9);
	strcpy(field + sizeof(field) - 3, "\r\n");
	return field;
}

/* 18.1.1: over 1300 bytes goes by TCP first ... */
static void a_large_request_goes_by_tcp(void **state)
{
	struct bench *b = *state;
	struct peer *tcp = peer_listen(b, NET "2");

	b->plan = &one;
	send_request(b, "MESSAGE", "1", large_field());
	peer_expect(tcp, "MESSAGE " URI("2"));
	assert_true(peer_has(tcp, "Via: SIP/2.0/TCP " NET "1:5060;branch="));
	peer_answer(tcp, 200, "");
	peer_expect_status(b->caller, 200);
}

/* ... and by UDP when TCP is refused. */
static void a_large_request_goes_by_udp_where_there_is_no_tcp(void **state)
{
	struct bench *b = *state;
	struct peer *udp = peer_open(b, NET "2");

	b->plan = &one;
	send_request(b, "MESSAGE", "1", large_field());
	peer_expect(udp, "MESSAGE " URI("2"));
	assert_true(peer_has(udp, "Via: SIP/2.0/UDP " NET "1:5060;branch="));
	peer_answer(udp, 200, "");
	peer_expect_status(b->caller, 200);
}

/* The next one does not even try TCP. */
static void a_peer_without_tcp_is_remembered(void **state)
{
	struct bench *b = *state;
	struct peer *udp = peer_open(b, NET "2"), *tcp;

	b->plan = &one;
	send_request(b, "MESSAGE", "1", large_field());
	peer_expect(udp, "MESSAGE " URI("2"));
	peer_answer(udp, 200, "");
	peer_expect_status(b->caller, 200);
	tcp = peer_listen(b, NET "2");
	send_request(b, "MESSAGE", "2", large_field());
	peer_expect(udp, "MESSAGE " URI("2"));
	peer_answer(udp, 200, "");
	peer_expect_status(b->caller, 200);
	peer_expect_nothing(tcp);
}

/* A listener whose backlog is full answers no SYN. */
static void tcp_that_is_silent_is_given_up_after_t1(void **state)
{
	struct bench *b = *state;
	struct peer *udp = peer_open(b, NET "2");
	union addr to = bench_addr(NET "2");
	struct peer *tcp = peer_listen(b, NET "2");
	int others[3];

	assert_int_equal(listen(tcp->fd, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(others[i], &to.sa, addr_len(&to));
	}
	b->plan = &one;
	send_request(b, "MESSAGE", "1", large_field());
	peer_expect_nothing(udp);
	assert_int_equal(transport_n_connections(b->set), 1);
	bench_pass(b, BENCH_T1_MS);
	peer_expect(udp, "MESSAGE " URI("2"));
	assert_int_equal(transport_n_connections(b->set), 0);
	peer_answer(udp, 200, "");
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 200);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		close(others[i]);
}

static void a_stream_that_is_lost_ends_its_branch(void **state)
{
	static const struct plan tcp_only =
		LEAF("sip:bob@" NET "2;transport=tcp");
	struct bench *b = *state;
	struct peer *tcp = peer_listen(b, NET "2");

	b->plan = &tcp_only;
	invite(b, "1");
	peer_expect(tcp, "INVITE ");
	peer_expect_status(b->caller, 100);
	shutdown(tcp->fd, SHUT_RDWR);
	peer_expect_status(b->caller, 500);
}

/* Flows (RFC 5626 section 7) ----------------------------------------------- */

/* A plan of one leaf, to a Contact of no use, by the flow of the message that
 * the proxy received last. */
static struct hop flow_hop;
static struct plan flow_plan;

static void use_flow(struct bench *b, const char *uri, bool only)
{
	flow_hop = hop_back(&b->flow);
	flow_hop.only_conn = !conn_ref_is_none(b->flow.conn);
	flow_plan = (struct plan){.kind = PLAN_LEAF,
				  .uri = str_from(uri),
				  .flow = &flow_hop,
				  .flow_only = only};
	b->plan = &flow_plan;
}

/* A phone: says something, so that the proxy has its flow. */
static struct peer *phone(struct bench *b, bool is_stream, bool only)
{
	struct peer *p = is_stream ? peer_connect(b, NET "2:7000")
				   : peer_open(b, NET "2:7000");

	send_request(b, "OPTIONS", "x", "Max-Forwards: 0\r\n");
	peer_expect_status(b->caller, 483);
	bench_settle(b);
	peer_send(p, bench_request("OPTIONS", "sip:" NET "1",
				   is_stream ? "stream" : "datagram",
				   "Max-Forwards: 0\r\n"));
	bench_until(b, addr_port(&b->flow.remote) == 7000);
	use_flow(b, only ? "sip:u@df7jal23ls0d.invalid" : URI("2"), only);
	if (is_stream)
		peer_expect_status(p, 200);
	return p;
}

static void a_request_goes_down_the_flow(void **state)
{
	struct bench *b = *state;

	for (int is_stream = 0; is_stream < 2; is_stream++) {
		struct peer *p = phone(b, is_stream, true);

		invite(b, is_stream ? "1" : "2");
		peer_expect(p, "INVITE sip:u@df7jal23ls0d.invalid SIP/2.0");
		peer_expect_status(b->caller, 100);
		peer_answer(p, 180, "");
		peer_expect_status(b->caller, 180);
		refuse(p, 486);
		peer_expect_status(b->caller, 486);
		assert_int_equal(bench_stat(b, STAT_dns_queries), 0);
	}
}

static void a_cancel_and_an_ack_go_down_the_flow(void **state)
{
	struct bench *b = *state;

	for (int is_stream = 0; is_stream < 2; is_stream++) {
		const char *branch = is_stream ? "1" : "2";
		struct peer *p = phone(b, is_stream, true);

		invite(b, branch);
		peer_expect(p, "INVITE ");
		peer_expect_status(b->caller, 100);
		peer_answer(p, 180, "");
		peer_expect_status(b->caller, 180);
		send_request(b, "CANCEL", branch, "Max-Forwards: 70\r\n");
		peer_expect_status(b->caller, 200);
		peer_expect(p, "CANCEL sip:u@df7jal23ls0d.invalid SIP/2.0");
		peer_answer_cancel(p);
		refuse(p, 487);
		peer_expect_status(b->caller, 487);
		send_request(b, "ACK", "none", "Max-Forwards: 70\r\n");
		peer_expect(p, "ACK sip:u@df7jal23ls0d.invalid SIP/2.0");
	}
}

static void an_ack_for_sips_does_not_go_down_a_flow_in_the_clear(void **state)
{
	struct bench *b = *state;

	for (int is_stream = 0; is_stream < 2; is_stream++) {
		struct peer *p = phone(b, is_stream, true);

		flow_plan.uri = STR("sips:v@df7jal23ls0d.invalid");
		send_request(b, "ACK", "none", "Max-Forwards: 70\r\n");
		bench_settle(b);
		flow_plan.uri = STR("sip:u@df7jal23ls0d.invalid");
		send_request(b, "ACK", "other", "Max-Forwards: 70\r\n");
		peer_expect(p, "ACK sip:u@df7jal23ls0d.invalid SIP/2.0");
	}
}

static void a_datagram_down_a_flow_is_sent_again(void **state)
{
	struct bench *b = *state;
	struct peer *p = phone(b, false, true);

	invite(b, "1");
	peer_expect(p, "INVITE ");
	bench_pass(b, BENCH_T1_MS);
	peer_expect(p, "INVITE ");
	bench_pass(b, 64 * BENCH_T1_MS);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 408); /* silence is not a failed flow */
}

/* 18.1.1 has no TCP for a phone that takes no connections. */
static void a_large_request_down_a_udp_flow_stays_a_datagram(void **state)
{
	struct bench *b = *state;
	struct peer *tcp = peer_listen(b, NET "2:7000");
	struct peer *p = phone(b, false, true);

	send_request(b, "MESSAGE", "1", large_field());
	peer_expect(p, "MESSAGE ");
	peer_answer(p, 200, "");
	peer_expect_status(b->caller, 200);
	peer_expect_nothing(tcp);
}

/* 5.3.1: 430 for whoever knows other flows; we have none, so 480. */
static void a_flow_that_is_gone_is_the_end_of_its_branch(void **state)
{
	struct bench *b = *state;

	for (int is_stream = 0; is_stream < 2; is_stream++) {
		struct peer *p = phone(b, is_stream, true);

		shutdown(p->fd, SHUT_RDWR);
		close(p->fd);
		p->fd = -1;
		bench_settle(b);
		invite(b, is_stream ? "1" : "2");
		peer_expect_status(b->caller, 100);
		peer_expect_status(b->caller, 480);
	}
}

static void a_flow_that_is_lost_while_it_rings_is_not_tried_again(void **state)
{
	struct bench *b = *state;
	struct peer *p = phone(b, true, false), *two = peer_open(b, NET "2");

	invite(b, "1");
	peer_expect(p, "INVITE ");
	peer_expect_status(b->caller, 100);
	peer_answer(p, 180, "");
	peer_expect_status(b->caller, 180);
	shutdown(p->fd, SHUT_RDWR);
	peer_expect_status(b->caller, 480);
	peer_expect_nothing(two);
}

/* A contact that can be reached by itself is found again. */
static void without_its_flow_the_contact_is_located(void **state)
{
	struct bench *b = *state;
	struct peer *p = phone(b, true, false), *two = peer_open(b, NET "2");

	invite(b, "1");
	peer_expect(p, "INVITE " URI("2"));
	shutdown(p->fd, SHUT_RDWR); /* nothing was answered */
	peer_expect(two, "INVITE " URI("2"));
	refuse(two, 486);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 486);
	invite(b, "2"); /* gone from the start */
	peer_expect(two, "INVITE " URI("2"));
	refuse(two, 486);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 486);
}

/* Two flows of one phone have one Contact: that is not the same target. */
static void the_next_flow_of_the_same_contact_is_tried(void **state)
{
	static struct plan flows[2];
	static const struct plan both_flows = FORK(PLAN_SEQUENTIAL, flows);
	static struct hop gone;
	struct bench *b = *state;
	struct peer *p = phone(b, true, true);

	flows[0] = flows[1] = flow_plan;
	gone = flow_hop;
	gone.conn.generation += 2;
	flows[0].flow = &gone;
	b->plan = &both_flows;
	invite(b, "1");
	peer_expect(p, "INVITE ");
	refuse(p, 486);
	peer_expect_status(b->caller, 100);
	peer_expect_status(b->caller, 486); /* better than a failed flow */
}

/* Bounds ------------------------------------------------------------------- */

static void more_leaves_than_max_branches_are_refused(void **state)
{
	static const struct {
		unsigned max_branches, status;
	} rows[] = {{2, 500}, {3, 100}};
	struct bench *b = *state;

	b->plan = &sequential;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b->conf.snapshot.proxy.limits.max_branches =
			rows[i].max_branches;
		invite(b, i == 0 ? "1" : "2");
		peer_expect_status(b->caller, rows[i].status);
	}
}

/* RFC 5393 section 5.3.3: the sum of what leaves at once is at most what came;
 * 440 when that is too little. */
static void max_breadth_is_divided(void **state)
{
	static const struct {
		const char *field;
		unsigned each[3];
	} rows[] = {
		{"Max-Breadth: 3\r\n", {1, 1, 1}},
		{"Max-Breadth: 11\r\n", {5, 3, 3}},
		{"Max-Breadth: 1000\r\n", {20, 20, 20}}, /* at most ours */
		{"", {20, 20, 20}},
	};
	struct bench *b = *state;
	struct peer *p[] = {peer_open(b, NET "2"), peer_open(b, NET "3"),
			    peer_open(b, NET "4")};

	b->plan = &parallel;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		send_request(b, "OPTIONS", bench_format("%zu", i).p,
			     rows[i].field);
		for (size_t k = 0; k < ARRAY_LEN(p); k++) {
			peer_expect(p[k], "OPTIONS ");
			assert_true(peer_has(
				p[k], bench_format("\r\nMax-Breadth: %u\r\n",
						   rows[i].each[k])
					      .p));
			peer_answer(p[k], 480, "");
		}
		peer_expect_status(b->caller, 480);
	}
}

static void a_fork_wider_than_max_breadth_is_440(void **state)
{
	struct bench *b = *state;

	b->plan = &parallel;
	send_request(b, "OPTIONS", "1", "Max-Breadth: 2\r\n");
	peer_expect_status(b->caller, 440);
	send_request(b, "OPTIONS", "2", "Max-Breadth: 0\r\n");
	peer_expect_status(b->caller, 440);
}

/* What is tried one after the other may use all of it each time. */
static void a_series_needs_a_breadth_of_one(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");
	struct peer *three = peer_open(b, NET "3");

	b->plan = &sequential;
	send_request(b, "OPTIONS", "1", "Max-Breadth: 1\r\n");
	peer_expect(two, "OPTIONS ");
	peer_answer(two, 480, "");
	peer_expect(three, "OPTIONS ");
	assert_true(peer_has(three, "\r\nMax-Breadth: 1\r\n"));
	peer_answer(three, 200, "");
	peer_expect_status(b->caller, 200);
}

static void limits_transactions_is_exact(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");

	b->plan = &one;
	b->conf.snapshot.proxy.limits.transactions = 4; /* two on each side */
	send_request(b, "MESSAGE", "1", "");
	peer_expect(two, "MESSAGE ");
	send_request(b, "MESSAGE", "2", "");
	peer_expect(two, "MESSAGE ");
	assert_int_equal(txn_n_open(b->proxy->txns), 4);
	send_request(b, "MESSAGE", "3", "");
	peer_expect_status(b->caller, 503);
	assert_true(peer_has(b->caller, "\r\nRetry-After: "));
	assert_int_equal(bench_stat(b, STAT_refused_limit), 1);
	peer_answer(two, 200, "");
	peer_expect_status(b->caller, 200);
	send_request(b, "MESSAGE", "4", "");
	peer_expect(two, "MESSAGE ");
}

static void one_source_may_send_so_many_a_second(void **state)
{
	struct bench *b = *state;
	struct source_limiter *l = b->env.sources;
	union addr a = bench_addr("192.0.2.1"), other = bench_addr("192.0.2.2");

	for (int i = 0; i < 3; i++)
		assert_true(source_limiter_allows(l, &a, 3, 5000));
	assert_false(source_limiter_allows(l, &a, 3, 5999));
	assert_true(source_limiter_allows(l, &a, 3, 6000));
	assert_true(source_limiter_allows(l, &other, 3, 5999));
}

/* Two workers look at clocks of their own. */
static void a_late_clock_does_not_begin_a_second_again(void **state)
{
	struct bench *b = *state;
	struct source_limiter *l = b->env.sources;
	union addr a = bench_addr("192.0.2.1");

	assert_true(source_limiter_allows(l, &a, 2, 6000));
	assert_true(source_limiter_allows(l, &a, 2, 5999));
	assert_false(source_limiter_allows(l, &a, 2, 5999));
	assert_false(source_limiter_allows(l, &a, 2, 6001));
}

static void the_rate_of_a_trusted_source_is_not_limited(void **state)
{
	struct bench *b = *state;

	b->conf.snapshot.proxy.limits.requests_per_second_per_source = 1;
	assert_int_equal(addr_net_parse(STR(NET "9"), &b->trust), 0);
	for (int i = 0; i < 5; i++) {
		send_request(b, "OPTIONS", bench_format("%d", i).p,
			     "Max-Forwards: 0\r\n");
		peer_expect_status(b->caller, 483);
	}
}

static void the_rate_of_others_is_limited(void **state)
{
	struct bench *b = *state;
	unsigned n_refused = 0;

	b->conf.snapshot.proxy.limits.requests_per_second_per_source = 1;
	for (int i = 0; i < 5; i++) {
		send_request(b, "OPTIONS", bench_format("%d", i).p,
			     "Max-Forwards: 0\r\n");
		peer_expect(b->caller, "SIP/2.0 ");
		n_refused += peer_has(b->caller, "SIP/2.0 503 ");
	}
	assert_true(n_refused >= 2); /* a new second may begin meanwhile */
	assert_int_equal(bench_stat(b, STAT_refused_limit), n_refused);
}

/* At the ceiling new work is refused with 503 and
 * Retry-After, and work in progress goes on. */
static void at_the_memory_ceiling_new_requests_get_503(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");
	unsigned n = 0;

	b->plan = &one;
	b->conf.snapshot.proxy.limits.memory = 4 << 20;
	b->conf.snapshot.proxy.limits.transactions = 1000000;
	proxy_set_conf(b->proxy, &b->conf.snapshot);
	do {
		assert_in_range(++n, 1, 2000);
		send_request(b, "MESSAGE", bench_format("%u", n).p, "");
		bench_until(b, peer_poll(two) || peer_poll(b->caller));
	} while (b->caller->text[0] == '\0');
	assert_true(n > 50);
	assert_true(peer_has(b->caller, "SIP/2.0 503 "));
	assert_true(peer_has(b->caller, "\r\nRetry-After: "));
	assert_int_equal(bench_stat(b, STAT_refused_memory), 1);
	peer_answer(two, 200, "");
	peer_expect_status(b->caller, 200);
}

/* Life --------------------------------------------------------------------- */

/* server.drain: what is open ends well, what is new is refused. */
static void while_draining_new_requests_get_503(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");

	b->plan = &one;
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	peer_expect(two, "INVITE ");
	proxy_drain(b->proxy);
	invite(b, "2");
	peer_expect_status(b->caller, 503);
	assert_true(peer_has(b->caller, "\r\nRetry-After: "));
	assert_int_equal(proxy_n_open(b->proxy), 1);
	peer_answer(two, 200, "");
	peer_expect_status(b->caller, 200);
	bench_until(b, proxy_n_open(b->proxy) == 0);
}

/* A reload changes no call, and the old snapshot goes with
 * the last request that began under it. */
static void a_request_keeps_the_snapshot_it_began_with(void **state)
{
	static const struct plan other = LEAF(URI("4"));
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");
	struct peer *three = peer_open(b, NET "3");
	struct peer *four = peer_open(b, NET "4");
	struct bench_conf old;

	bench_conf_init(b, &old);
	proxy_set_conf(b->proxy, &old.snapshot);
	snapshot_unref(&old.snapshot);
	b->plan = &sequential;
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	peer_expect(two, "INVITE ");
	b->conf.snapshot.proxy.record_route = false;
	proxy_set_conf(b->proxy, &b->conf.snapshot);
	assert_int_equal(old.n_freed, 0);

	b->plan = &other;
	send_request(b, "SUBSCRIBE", "2", "");
	peer_expect(four, "SUBSCRIBE ");
	assert_false(peer_has(four, "Record-Route"));
	peer_answer(four, 200, "");
	peer_expect_status(b->caller, 200);

	refuse(two, 486);
	peer_expect(three, "INVITE ");
	assert_true(peer_has(three, "Record-Route"));
	assert_int_equal(old.n_freed, 0);
	peer_answer(three, 200, "");
	peer_expect_status(b->caller, 200);
	bench_until(b, proxy_n_open(b->proxy) == 0);
	assert_int_equal(old.n_freed, 1);
}

static const char *many_fields(void)
{
	static char text[60 * 8 + 1];

	text[0] = '\0';
	for (int i = 0; i < 50; i++)
		strcat(text, "X-a: b\r\n");
	return text;
}

/* The best response was received under limits.headers of then. */
static void a_kept_response_survives_a_smaller_limit_of_fields(void **state)
{
	struct bench *b = *state;
	struct peer *two = peer_open(b, NET "2");
	struct peer *three = peer_open(b, NET "3");
	struct peer *four = peer_open(b, NET "4");
	struct bench_conf old;

	bench_conf_init(b, &old);
	proxy_set_conf(b->proxy, &old.snapshot);
	snapshot_unref(&old.snapshot);
	b->plan = &parallel;
	invite(b, "1");
	peer_expect_status(b->caller, 100);
	peer_expect(two, "INVITE ");
	peer_expect(three, "INVITE ");
	peer_expect(four, "INVITE ");
	peer_answer(two, 401, many_fields());
	peer_expect(two, "ACK ");
	b->conf.snapshot.proxy.limits.headers = 16;
	proxy_set_conf(b->proxy, &b->conf.snapshot);
	refuse(three, 486);
	refuse(four, 486);
	peer_expect_status(b->caller, 401);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_503_leads_to_the_next_hop),
		BENCH_TEST(a_503_says_how_long_the_hop_rests),
		BENCH_TEST(a_new_hop_has_a_new_branch),
		BENCH_TEST(silence_leads_to_the_next_hop),
		BENCH_TEST(a_closed_port_leads_to_the_next_hop),
		BENCH_TEST(a_hop_that_rang_is_the_last_one),
		BENCH_TEST(hops_that_all_fail_are_summed_up),
		BENCH_TEST(an_unreachable_only_hop_is_a_500),
		BENCH_TEST(a_name_server_that_is_silent_is_a_504),
		BENCH_TEST(a_next_hop_that_is_ourselves_is_a_loop),
		BENCH_TEST(a_contact_by_flow_is_reached_whatever_its_uri_says),
		BENCH_TEST(
			a_flow_that_is_gone_is_a_480_and_nobody_else_is_asked),
		BENCH_TEST(
			a_flow_that_is_gone_leads_to_the_uri_where_that_may_be),
		BENCH_TEST(a_silent_flow_is_a_408),
		BENCH_TEST(a_large_request_goes_by_tcp),
		BENCH_TEST(a_large_request_goes_by_udp_where_there_is_no_tcp),
		BENCH_TEST(a_peer_without_tcp_is_remembered),
		BENCH_TEST(tcp_that_is_silent_is_given_up_after_t1),
		BENCH_TEST(a_stream_that_is_lost_ends_its_branch),
		BENCH_TEST(a_request_goes_down_the_flow),
		BENCH_TEST(a_cancel_and_an_ack_go_down_the_flow),
		BENCH_TEST(
			an_ack_for_sips_does_not_go_down_a_flow_in_the_clear),
		BENCH_TEST(a_datagram_down_a_flow_is_sent_again),
		BENCH_TEST(a_large_request_down_a_udp_flow_stays_a_datagram),
		BENCH_TEST(a_flow_that_is_gone_is_the_end_of_its_branch),
		BENCH_TEST(
			a_flow_that_is_lost_while_it_rings_is_not_tried_again),
		BENCH_TEST(without_its_flow_the_contact_is_located),
		BENCH_TEST(the_next_flow_of_the_same_contact_is_tried),
		BENCH_TEST(more_leaves_than_max_branches_are_refused),
		BENCH_TEST(max_breadth_is_divided),
		BENCH_TEST(a_fork_wider_than_max_breadth_is_440),
		BENCH_TEST(a_series_needs_a_breadth_of_one),
		BENCH_TEST(limits_transactions_is_exact),
		BENCH_TEST(one_source_may_send_so_many_a_second),
		BENCH_TEST(a_late_clock_does_not_begin_a_second_again),
		BENCH_TEST(the_rate_of_a_trusted_source_is_not_limited),
		BENCH_TEST(the_rate_of_others_is_limited),
		BENCH_TEST(at_the_memory_ceiling_new_requests_get_503),
		BENCH_TEST(while_draining_new_requests_get_503),
		BENCH_TEST(a_request_keeps_the_snapshot_it_began_with),
		BENCH_TEST(a_kept_response_survives_a_smaller_limit_of_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
