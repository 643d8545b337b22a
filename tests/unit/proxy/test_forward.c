/* What one copy of a request carries, byte for byte: RFC 3261 sections 16.4 and
 * 16.6, RFC 3581, RFC 5393, RFC 5658. */
#define NET "127.85.6."
#include "bench.h"

const char *const bench_net = NET;

/* How the bench sends a copy; a Record-Route is off unless asked for. */
struct sending {
	enum sip_transport in, out;
	unsigned in_listener, out_listener;
	const char *uri; /* NULL: as the request says */
	bool record_route;
	bool is_in6; /* came from an IPv6 address */
};

static const struct sending plain = {SIP_UDP, SIP_UDP, 0,    0,
				     NULL,    false,   false};

static struct request *take(struct bench *b, const struct sending *s,
			    const char *text)
{
	struct flow from =
		bench_flow(s->in, s->in_listener,
			   s->is_in6 ? "[2001:db8::7]:5062" : "192.0.2.7:5062");
	struct request *r;

	b->conf.snapshot.proxy.record_route = s->record_route;
	r = request_new(b->proxy, &from, str_from(text));
	assert_non_null(r);
	if (r->msg->bad != NULL)
		fail_msg("%s", r->msg->bad);
	assert_int_equal(step_validate(r), STEP_NEXT);
	assert_int_equal(step_preprocess(r), STEP_NEXT);
	return r;
}

static struct buf *copy(struct request *r, const struct sending *s)
{
	static const struct plan as_it_is = {.kind = PLAN_LEAF};
	struct plan plan = as_it_is;
	struct target t;
	struct hop hop = {.transport = s->out,
			  .listener = (uint16_t)s->out_listener,
			  .addr = bench_addr("192.0.2.9:5066")};
	struct outgoing o = {
		.hop = &hop, .branch = STR("BRANCH"), .breadth = 7};

	if (s->uri != NULL)
		plan.uri = str_from(s->uri);
	assert_int_equal(forward_target(r, &plan, &t), 0);
	if (s->in == s->out && s->in_listener == s->out_listener)
		hop.local = r->flow.local;
	o.uri = t.uri;
	o.displaced = t.displaced;
	return forward_print(r, &o);
}

/* Tokens differ with the process: each becomes TOKEN. */
static const char *without_tokens(struct str text)
{
	static char out[BENCH_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		out[len++] = text.p[i];
		if (len < 5 || memcmp(out + len - 5, ";dlg=", 5) != 0)
			continue;
		while (text.p[i + 1] != '>')
			i++;
		len += (size_t)sprintf(out + len, "TOKEN");
	}
	out[len] = '\0';
	return out;
}

static void assert_copy(struct bench *b, const struct sending *s,
			const char *in, const char *out)
{
	struct request *r = take(b, s, in);
	struct buf *got = copy(r, s);

	assert_non_null(got);
	assert_string_equal(without_tokens(buf_str(got)), out);
	buf_unref(got);
	request_free(r);
}

#define OUR_VIA "Via: SIP/2.0/UDP " NET "1:5060;branch=BRANCH\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1\r\n"
#define IDS                                                                    \
	"From: <sip:a@x.test>;tag=1\r\nTo: <sip:b@y.test>\r\n"                 \
	"Call-ID: c\r\nCSeq: 1 INVITE\r\n"
#define BREADTH "Max-Breadth: 7\r\n"
#define START "INVITE sip:b@y.test SIP/2.0\r\n"
#define STRICT_START "INVITE sip:" NET "1;lr SIP/2.0\r\n"

/* One request, one copy: UDP to UDP, without Record-Route. */
struct row {
	const char *name, *in, *out, *uri;
};

static void assert_rows(struct bench *b, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sending s = plain;

		s.uri = rows[i].uri;
		print_message("%s\n", rows[i].name);
		assert_copy(b, &s, rows[i].in, rows[i].out);
	}
}

/* clang-format off */
static const struct row fields[] = {
	{ "received for another address (18.2.1)",
	  START "Via: SIP/2.0/UDP 192.0.2.8:5062;branch=z9hG4bK1\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA "Via: SIP/2.0/UDP 192.0.2.8:5062;branch=z9hG4bK1;received=192.0.2.7\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "rport gets its value (RFC 3581 section 4)",
	  START "Via: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA "Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.7;rport=5062\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "a received that was there is replaced",
	  START "Via: SIP/2.0/UDP h;received=192.0.2.66;branch=z9hG4bK1, SIP/2.0/UDP h2;received=192.0.2.67\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA "Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.7, SIP/2.0/UDP h2;received=192.0.2.67\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "a Max-Forwards is added with 70 (16.6 step 3)",
	  START VIA IDS BREADTH "\r\n",
	  START OUR_VIA VIA IDS BREADTH "Max-Forwards: 70\r\n\r\n", NULL },
	{ "leading zeros do not survive",
	  START VIA IDS "Max-Forwards: 0070\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "the last one",
	  START VIA IDS "mAX-fORWARDS:1\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA IDS "mAX-fORWARDS:0\r\n" BREADTH "\r\n", NULL },
	{ "a Max-Breadth is added",
	  START VIA IDS "Max-Forwards: 70\r\n\r\n",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "a Max-Breadth is replaced where it stands (RFC 5393 5.3.3)",
	  START "max-breadth:   30\r\n" VIA IDS "Max-Forwards: 70\r\n\r\n",
	  START "max-breadth:   7\r\n" OUR_VIA VIA IDS "Max-Forwards: 69\r\n\r\n", NULL },
	{ "the Request-URI of the target (16.6 step 2)",
	  START VIA IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:carol@z.test;x=y SIP/2.0\r\n" OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", "sip:carol@z.test;x=y" },
	{ "UDP gets no Content-Length that was not there",
	  START VIA IDS "Max-Forwards: 70\r\n" BREADTH "\r\nbody",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\nbody", NULL },
	{ "octets beyond Content-Length stay here (18.3)",
	  START VIA IDS "Max-Forwards: 70\r\n" BREADTH "Content-Length: 2\r\n\r\nbody",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "Content-Length: 2\r\n\r\nbo", NULL },
};

#define R(in, out) START VIA in IDS "Max-Forwards: 70\r\n" BREADTH "\r\n", START OUR_VIA VIA out IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL
#define US "<sip:" NET "1;lr>"
#define US11 "<sip:" NET "11:5080;lr;x=y>"
#define OTHER "<sip:other.test;lr>"
#define LAST "\"L, M\" <sip:last.test;lr>;q=1"
#define STRICT "<sip:strict.test;x=y>"

static const struct row routes[] = {
	{ "another's Route stays",
	  R("Route: " OTHER ", " LAST "\r\n", "Route: " OTHER ", " LAST "\r\n") },
	{ "ours goes, and the field with it (16.4)",
	  R("Route: " US "\r\n", "") },
	{ "ours goes, the rest of the field stays",
	  R("Route: " US "," OTHER " , " LAST "\r\n", "Route: " OTHER " , " LAST "\r\n") },
	{ "two of ours in one field",
	  R("Route: " US ", " US11 ", " OTHER "\r\n", "Route: " OTHER "\r\n") },
	{ "two of ours in two fields",
	  R("Route: " US "\r\nRoute: " US11 "\r\nRoute: " OTHER "\r\n", "Route: " OTHER "\r\n") },
	{ "three of ours across fields, and nothing else",
	  R("Route: " US ", " US11 "\r\nRoute: " US "\r\n", "") },
	{ "one of ours below another's is not touched",
	  R("Route: " OTHER "\r\nRoute: " US "\r\n", "Route: " OTHER "\r\nRoute: " US "\r\n") },
	{ "a strict router after us (16.6 step 6): its URI is the Request-URI, ours goes last",
	  START VIA "Route: " STRICT ", " OTHER "\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:strict.test;x=y SIP/2.0\r\n" OUR_VIA VIA "Route: " OTHER "\r\nRoute: <sip:b@y.test>\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "the only Route is a strict router",
	  START VIA "Route: " STRICT "\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:strict.test;x=y SIP/2.0\r\n" OUR_VIA VIA "Route: <sip:b@y.test>\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "ours, then a strict router",
	  START VIA "Route: " US ", " STRICT "\r\nRoute: " LAST "\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:strict.test;x=y SIP/2.0\r\n" OUR_VIA VIA "Route: " LAST "\r\nRoute: <sip:b@y.test>\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "a strict router before us (16.4): the last Route is the Request-URI",
	  STRICT_START VIA "Route: " OTHER ", <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA "Route: " OTHER "\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "... in a field of its own",
	  STRICT_START VIA "Route: " OTHER "\r\nRoute: <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA "Route: " OTHER "\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "... and no other Route",
	  STRICT_START VIA "Route: <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "... below our second Route, in one field",
	  STRICT_START VIA "Route: " US11 ", <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "... below our second Route, in two fields",
	  STRICT_START VIA "Route: " US11 "\r\nRoute: <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "... below our second Route and another's",
	  STRICT_START VIA "Route: " US11 ", " OTHER ", <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  START OUR_VIA VIA "Route: " OTHER "\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "strict routers before and after us",
	  STRICT_START VIA "Route: " STRICT ", " OTHER ", <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:strict.test;x=y SIP/2.0\r\n" OUR_VIA VIA "Route: " OTHER "\r\nRoute: <sip:b@y.test>\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "strict routers before and after us, nothing between",
	  STRICT_START VIA "Route: " STRICT ", <sip:b@y.test>\r\n" IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:strict.test;x=y SIP/2.0\r\n" OUR_VIA VIA "Route: <sip:b@y.test>\r\n" IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "our maddr, port and transport go (16.4)",
	  "INVITE sip:b@y.test;maddr=" NET "1;transport=udp;x=y SIP/2.0\r\n" VIA IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:b@y.test;x=y SIP/2.0\r\n" OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
	{ "another's maddr stays",
	  "INVITE sip:b@y.test;maddr=192.0.2.99;transport=udp SIP/2.0\r\n" VIA IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
	  "INVITE sip:b@y.test;maddr=192.0.2.99;transport=udp SIP/2.0\r\n" OUR_VIA VIA IDS "Max-Forwards: 69\r\n" BREADTH "\r\n", NULL },
};
/* clang-format on */

static void fields_as_bytes(void **state)
{
	assert_rows(*state, fields, ARRAY_LEN(fields));
}

static void routes_as_bytes(void **state)
{
	assert_rows(*state, routes, ARRAY_LEN(routes));
}

/* Step 1: "the proxy MUST NOT ... reorder", nor touch what it knows not. */
static void everything_else_stays_byte_for_byte(void **state)
{
	static const char head[] = "Subject :  odd \t spelling \r\n";
	static const char tail[] =
		"v: SIP/2.0/UDP  h2 ;branch=z9hG4bK2 , SIP/2.0/TCP "
		"h3;x=\"a,b\"\r\n"
		"f: \"A, B\" <sip:a@x.test>;tag=1\r\nt:<sip:b@y.test>\r\ni: "
		"c\r\n"
		"CSEQ:   1   INVITE\r\n"
		"X-Folded: one,\r\n two,\r\n\tthree\r\n";
	static const char end[] = "X-Utf: \xc3\xa9\r\nl: 3\r\n\r\nb\"\xff";
	struct bench *b = *state;
	const char *in = bench_format("%s%s%s%sMax-Forwards: 70\r\n%s%s", START,
				      head, VIA, tail, BREADTH, end)
				 .p;
	const char *out =
		bench_format("%s%s%s%s%sMax-Forwards: 69\r\n%s%s", START, head,
			     OUR_VIA, VIA, tail, BREADTH, end)
			.p;

	assert_copy(b, &plain, in, out);
}

/* Step 9: what a stream needs. */
static void a_stream_gets_a_content_length(void **state)
{
	static const struct sending tcp = {SIP_UDP, SIP_TCP, 0,    1,
					   NULL,    false,   false};
	struct bench *b = *state;

	assert_copy(b, &tcp,
		    START VIA IDS "Max-Forwards: 70\r\n" BREADTH "\r\nbody",
		    START "Via: SIP/2.0/TCP " NET
			  "1:5060;branch=BRANCH\r\n" VIA IDS
			  "Max-Forwards: 69\r\n" BREADTH
			  "Content-Length: 4\r\n\r\nbody");
	assert_copy(
		b, &tcp,
		START VIA IDS "Max-Forwards: 70\r\n" BREADTH "L: 4\r\n\r\nbody",
		START "Via: SIP/2.0/TCP " NET "1:5060;branch=BRANCH\r\n" VIA IDS
		      "Max-Forwards: 69\r\n" BREADTH "L: 4\r\n\r\nbody");
}

/* Step 4 and RFC 5658 section 3.2: two values where the sides differ, the one
 * for the far side on top. */
static void record_route_is_double_where_the_sides_differ(void **state)
{
#define RR_UDP "Record-Route: <sip:" NET "1:5060;lr;dlg=TOKEN>\r\n"
#define RR_TCP                                                                 \
	"Record-Route: <sip:" NET "1:5060;transport=tcp;lr;dlg=TOKEN>\r\n"
#define RR_11 "Record-Route: <sip:" NET "11:5080;lr;dlg=TOKEN>\r\n"
	static const struct {
		struct sending s;
		const char *fields;
	} rows[] = {
		{{SIP_UDP, SIP_UDP, 0, 0, NULL, true, false}, RR_UDP},
		{{SIP_TCP, SIP_TCP, 1, 1, NULL, true, false}, RR_TCP},
		{{SIP_UDP, SIP_TCP, 0, 1, NULL, true, false}, RR_TCP RR_UDP},
		{{SIP_TCP, SIP_UDP, 1, 0, NULL, true, false}, RR_UDP RR_TCP},
		{{SIP_UDP, SIP_UDP, 0, 2, NULL, true, false}, RR_11 RR_UDP},
		{{SIP_UDP, SIP_UDP, 2, 0, NULL, true, false}, RR_UDP RR_11},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request *r = take(b, &rows[i].s,
					 START VIA "Record-Route: " OTHER
						   "\r\n" IDS "\r\n");
		struct buf *got = copy(r, &rows[i].s);

		assert_non_null(strstr(without_tokens(buf_str(got)),
				       bench_format("\r\n%sRecord-Route: "
						    "<sip:other.test;lr>\r\n",
						    rows[i].fields)
					       .p));
		buf_unref(got);
		request_free(r);
	}
}

/* A fourth listener, of the transport that a test is about. */
static int open_with(void **state, enum sip_transport t)
{
	struct bench *b = bench_new();
	struct listener_conf *l = &b->listeners[b->n_listeners++];

	l->transport = t;
	l->addr = bench_addr(NET "12:5090");
	l->url = STR("bench");
	*state = b;
	bench_open(b);
	return 0;
}

static int open_with_tls(void **state)
{
	return open_with(state, SIP_TLS);
}

static int open_with_ws(void **state)
{
	return open_with(state, SIP_WS);
}

static int open_with_wss(void **state)
{
	return open_with(state, SIP_WSS);
}

/* The Record-Route that a copy gets from listener `in` to listener `out`. */
static void assert_record_route(struct bench *b, unsigned in, unsigned out,
				const char *wanted)
{
	struct sending s = {
		.in = b->listeners[in].transport,
		.out = b->listeners[out].transport,
		.in_listener = in,
		.out_listener = out,
		.record_route = true,
	};
	struct request *r = take(b, &s, START VIA IDS "\r\n");
	struct buf *got = copy(r, &s);
	const char *text = without_tokens(buf_str(got));

	text = strstr(text, "Record-Route: ");
	assert_non_null(text);
	if (strncmp(text, wanted, strlen(wanted)) != 0 ||
	    strstr(text + strlen(wanted), "Record-Route: ") != NULL)
		fail_msg("%u to %u: %s", in, out, text);
	buf_unref(got);
	request_free(r);
}

/* RFC 7118 has one parameter for WebSocket, with TLS or without. */
static void record_route_names_the_transport_of_each_side(void **state)
{
	struct bench *b = *state;
	const char *name = b->listeners[3].transport == SIP_TLS ? "tls" : "ws";
	char theirs[128];
	static const char *const others[] = {RR_UDP, RR_TCP, RR_11};

	snprintf(theirs, sizeof(theirs),
		 "Record-Route: <sip:" NET
		 "12:5090;transport=%s;lr;dlg=TOKEN>\r\n",
		 name);
	assert_record_route(b, 3, 3, theirs);
	for (unsigned i = 0; i < ARRAY_LEN(others); i++) {
		assert_record_route(b, i, 3,
				    bench_format("%s%s", theirs, others[i]).p);
		assert_record_route(b, 3, i,
				    bench_format("%s%s", others[i], theirs).p);
	}
}

/* Requests that form a dialog; a NOTIFY only where we are on its way (RFC 6665
 * section 4.3). */
static void only_dialogs_are_recorded(void **state)
{
	static const struct {
		const char *method;
		bool is_recorded;
	} rows[] = {
		{"INVITE", true},     {"SUBSCRIBE", true}, {"REFER", true},
		{"NOTIFY", false},    {"BYE", false},      {"MESSAGE", false},
		{"REGISTER", false},  {"OPTIONS", false},  {"INFO", false},
		{"UPDATE", false},    {"PRACK", false},    {"PUBLISH", false},
		{"X-UNHEARD", false},
	};
	struct sending s = plain;
	struct bench *b = *state;

	for (int is_on = 0; is_on < 2; is_on++) {
		s.record_route = is_on;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			struct request *r =
				take(b, &s,
				     bench_request(rows[i].method,
						   "sip:b@y.test", "1", ""));
			struct buf *got = copy(r, &s);

			assert_int_equal(memmem(got->data, got->len,
						"Record-Route", 12) != NULL,
					 is_on && rows[i].is_recorded);
			buf_unref(got);
			request_free(r);
		}
	}
}

/* server.name and `advertise` stand for the address. */
static void names_stand_for_the_address(void **state)
{
	static const struct {
		const char *host, *advertise, *via;
		uint16_t port, advertise_port;
	} rows[] = {
		{"", "", NET "1:5060", 0, 0},
		{"sip.y.test", "", "sip.y.test", 0, 0},
		{"sip.y.test", "", "sip.y.test:5070", 5070, 0},
		{"sip.y.test", "", "sip.y.test", 5060, 0},
		{"", "out.y.test", "out.y.test", 0, 0},
		{"sip.y.test", "out.y.test", "out.y.test:5090", 5070, 5090},
		{"[2001:db8::4]", "", "[2001:db8::4]", 0, 0},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b->conf.snapshot.proxy.name_host = str_from(rows[i].host);
		b->conf.snapshot.proxy.name_port = rows[i].port;
		b->listeners[0].advertise_host = str_from(rows[i].advertise);
		b->listeners[0].advertise_port = rows[i].advertise_port;
		proxy_set_conf(b->proxy, &b->conf.snapshot);
		assert_copy(
			b, &plain,
			START VIA IDS "Max-Forwards: 70\r\n" BREADTH "\r\n",
			bench_format("%sVia: SIP/2.0/UDP %s;branch=BRANCH\r\n"
				     "%s%sMax-Forwards: 69\r\n%s\r\n",
				     START, rows[i].via, VIA, IDS, BREADTH)
				.p);
	}
}

/* Steps 2, 6 and 7: where to, and which URI. */
static void targets(void **state)
{
	static const struct {
		const char *route, *uri, *next_hop; /* given; "" none */
		const char *to_uri, *to_next;
		int err;
		const char *displaced;
	} rows[] = {
		/* clang-format off */
		{ "", "", "", "sip:b@y.test", "sip:b@y.test", 0, "" },
		{ "", "sip:c@z.test", "", "sip:c@z.test", "sip:c@z.test", 0, "" },
		{ "", "", "sip:hop.test", "sip:b@y.test", "sip:hop.test", 0, "" },
		{ OTHER, "", "", "sip:b@y.test", "sip:other.test;lr", 0, "" },
		{ OTHER, "sip:c@z.test", "", "sip:c@z.test", "sip:other.test;lr", 0, "" },
		{ OTHER, "", "sip:hop.test", "sip:b@y.test", "sip:hop.test", 0, "" },
		{ STRICT, "", "", "sip:strict.test;x=y", "sip:strict.test;x=y", 0, "sip:b@y.test" },
		{ STRICT, "sip:c@z.test", "", "sip:strict.test;x=y", "sip:strict.test;x=y", 0, "sip:c@z.test" },
		{ "<sips:other.test;lr>", "", "", "sip:b@y.test", "sips:other.test;lr", 0, "" },
		{ "", "tel:+1555", "", "", "", VD_EINVAL, "" },
		{ "<tel:+1555>", "", "", "", "", VD_EINVAL, "" },
		/* clang-format on */
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan plan = {.kind = PLAN_LEAF,
				    .uri = str_from(rows[i].uri),
				    .next_hop = str_from(rows[i].next_hop)};
		struct request *r = take(
			b, &plain,
			bench_format("%s%s%s%s%s%s\r\n", START, VIA,
				     rows[i].route[0] != '\0' ? "Route: " : "",
				     rows[i].route,
				     rows[i].route[0] != '\0' ? "\r\n" : "",
				     IDS)
				.p);
		struct target t;

		assert_int_equal(forward_target(r, &plan, &t), rows[i].err);
		if (rows[i].err == 0) {
			assert_str(t.uri, rows[i].to_uri);
			assert_str(t.next.text, rows[i].to_next);
			assert_int_equal(t.displaced.len,
					 strlen(rows[i].displaced));
			assert_memory_equal(t.displaced.p, rows[i].displaced,
					    t.displaced.len);
		}
		request_free(r);
	}
}

/* 16.3 step 2 holds for what a strict router before us wants, too. */
static void a_last_route_of_another_scheme_is_416(void **state)
{
	static const char *const last[] = {"news:x", "tel:+1555", "sips:a@b"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(last); i++) {
		struct str route = bench_format(
			"Route: <sip:other.test;lr>, <%s>\r\n", last[i]);

		peer_send(b->caller,
			  bench_request("INVITE", "sip:" NET "1;lr",
					bench_format("%zu", i).p, route.p));
		peer_expect_status(b->caller, 416);
	}
}

/* RFC 5393 section 4.2.1: it varies with all that routing looks at, and with
 * nothing that changes from hop to hop. */
static void the_loop_hash_varies_with_what_it_must(void **state)
{
	static const struct {
		const char *name, *text;
		bool is_other;
	} rows[] = {
#define F "From: <sip:a@x.test>;tag=1\r\n"
#define T "To: <sip:b@y.test>\r\n"
#define I "Call-ID: c\r\n"
#define C "CSeq: 1 INVITE\r\n"
		/* clang-format off */
		{ "method", "CANCEL sip:b@y.test SIP/2.0\r\n" VIA F T I "CSeq: 1 CANCEL\r\n", false },
		{ "Via", START "Via: SIP/2.0/UDP h9;branch=z9hG4bK9\r\n" F T I C, false },
		{ "Max-Forwards", START VIA F T I C "Max-Forwards: 3\r\n", false },
		{ "Record-Route", START VIA F T I C "Record-Route: <sip:h;lr>\r\n", false },
		{ "From URI", START VIA "From: <sip:z@x.test>;tag=1\r\n" T I C, false },
		{ "body", START VIA F T I C "X-a: b\r\n", false },
		{ "Request-URI", "INVITE sip:c@y.test SIP/2.0\r\n" VIA F T I C, true },
		{ "From tag", START VIA "From: <sip:a@x.test>;tag=2\r\n" T I C, true },
		{ "To tag", START VIA F "To: <sip:b@y.test>;tag=3\r\n" I C, true },
		{ "Call-ID", START VIA F T "Call-ID: d\r\n" C, true },
		{ "CSeq", START VIA F T I "CSeq: 2 INVITE\r\n", true },
		{ "Route", START VIA F T I C "Route: <sip:h;lr>\r\n", true },
		{ "Proxy-Require", START VIA F T I C "Proxy-Require: x\r\n", true },
		{ "Proxy-Authorization", START VIA F T I C "Proxy-Authorization: Digest a=b\r\n", true },
		/* clang-format on */
	};
	struct flow from = bench_flow(SIP_UDP, 0, "192.0.2.7:5062");
	struct bench *b = *state;
	struct request *r =
		request_new(b->proxy, &from, STR(START VIA F T I C "\r\n"));
	uint64_t hash = forward_loop_hash(r);

	request_free(r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		r = request_new(b->proxy, &from,
				bench_format("%s\r\n", rows[i].text));
		if ((forward_loop_hash(r) != hash) != rows[i].is_other)
			fail_msg("%s", rows[i].name);
		request_free(r);
	}
}

static uint64_t hash_with(struct bench *b, const char *pattern,
			  const char *second)
{
	struct flow from = bench_flow(SIP_UDP, 0, "192.0.2.7:5062");
	const char *at = strstr(pattern, "%s");
	struct request *r = request_new(
		b->proxy, &from,
		bench_format("%s%.*s%s%s\r\n", START VIA F T I C,
			     (int)(at - pattern), pattern, second, at + 2));
	uint64_t hash = forward_loop_hash(r);

	request_free(r);
	return hash;
}

/* 16.6 step 8: "any Proxy-Require and Proxy-Authorization header fields". */
static void the_loop_hash_sees_every_field_of_a_kind(void **state)
{
	static const char *const fields_of[] = {
		"Route: <sip:h;lr>\r\nRoute: <sip:%s;lr>\r\n",
		"Proxy-Require: a\r\nProxy-Require: %s\r\n",
		("Proxy-Authorization: Digest a\r\n"
		 "Proxy-Authorization: Digest %s\r\n"),
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(fields_of); i++)
		assert_true(hash_with(b, fields_of[i], "x") !=
			    hash_with(b, fields_of[i], "y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(fields_as_bytes),
		BENCH_TEST(routes_as_bytes),
		BENCH_TEST(everything_else_stays_byte_for_byte),
		BENCH_TEST(a_stream_gets_a_content_length),
		cmocka_unit_test_setup_teardown(
			record_route_names_the_transport_of_each_side,
			open_with_tls, bench_teardown),
		cmocka_unit_test_setup_teardown(
			record_route_names_the_transport_of_each_side,
			open_with_ws, bench_teardown),
		cmocka_unit_test_setup_teardown(
			record_route_names_the_transport_of_each_side,
			open_with_wss, bench_teardown),
		BENCH_TEST(record_route_is_double_where_the_sides_differ),
		BENCH_TEST(only_dialogs_are_recorded),
		BENCH_TEST(names_stand_for_the_address),
		BENCH_TEST(targets),
		BENCH_TEST(a_last_route_of_another_scheme_is_416),
		BENCH_TEST(the_loop_hash_varies_with_what_it_must),
		BENCH_TEST(the_loop_hash_sees_every_field_of_a_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
