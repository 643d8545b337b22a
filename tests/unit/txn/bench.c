#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/util/err.h"

const struct txn_timers bench_timers = {
	.t1 = 500, .t2 = 4000, .t4 = 5000, .b = 32000};
const uint8_t bench_secret[16] = "bench secret 16";

static int fake_send(void *arg, uint64_t txn, const struct hop *to,
		     struct buf *b, struct conn_ref *used)
{
	struct bench *bench = arg;

	assert_int_not_equal(txn, 0);
	if (bench->send_err != 0)
		return bench->send_err;
	assert_in_range(bench->n_sent, 0, BENCH_SENT_MAX - 1);
	bench->sent[bench->n_sent++] = (struct sent){
		.at_ms = timer_wheel_now_ms(bench->wheel) - BENCH_START_MS,
		.hop = *to,
		.buf = buf_ref(b),
		.n_held = bench->n_held,
	};
	if (sip_transport_is_stream(to->transport))
		*used = bench->used;
	return 0;
}

static void fake_hold(void *arg, struct conn_ref conn, bool is_held)
{
	struct bench *b = arg;

	assert_false(conn_ref_is_none(conn));
	b->n_held += is_held ? 1 : -1;
}

static void fake_defer(void *arg, void (*fn)(void *what), void *what)
{
	struct bench *b = arg;

	assert_in_range(b->n_deferred, 0, BENCH_DEFERRED_MAX - 1);
	b->deferred[b->n_deferred].fn = fn;
	b->deferred[b->n_deferred++].what = what;
}

void bench_env(struct bench *b, struct txn_env *env)
{
	*env = (struct txn_env){
		.wheel = b->wheel,
		.mem = b->mem,
		.stats = &b->stats,
		.worker = 3,
		.send = fake_send,
		.hold = fake_hold,
		.defer = fake_defer,
		.arg = b,
	};
}

void bench_table(struct bench *b, uint16_t worker, const uint8_t *secret,
		 struct txn_table **out)
{
	struct txn_env env;

	bench_env(b, &env);
	env.worker = worker;
	assert_int_equal(txn_table_new(&env, secret, out), 0);
}

int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(timer_wheel_new(BENCH_START_MS, &b->wheel), 0);
	assert_int_equal(mem_new(0, &b->mem), 0);
	b->used = (struct conn_ref){.worker = 1, .slot = 2, .generation = 3};
	b->owner.bench = b;
	b->timers = bench_timers;
	bench_table(b, 3, bench_secret, &b->table);
	*state = b;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;
	struct mem_usage usage;

	bench_forget_sent(b);
	txn_table_free(b->table);
	bench_turn(b);
	mem_usage(b->mem, &usage);
	assert_int_equal(usage.used, 0);
	assert_int_equal(timer_wheel_count(b->wheel), 0);
	assert_int_equal(b->n_held, 0);
	timer_wheel_free(b->wheel);
	mem_free_all(b->mem);
	free(b);
	return 0;
}

void bench_turn(struct bench *b)
{
	for (size_t i = 0; i < b->n_deferred; i++)
		b->deferred[i].fn(b->deferred[i].what);
	b->n_deferred = 0;
}

void bench_forget_sent(struct bench *b)
{
	for (size_t i = 0; i < b->n_sent; i++)
		buf_unref(b->sent[i].buf);
	b->n_sent = 0;
}

void bench_advance_to(struct bench *b, uint64_t ms)
{
	uint64_t now_ms = timer_wheel_now_ms(b->wheel);

	bench_turn(b);
	while (now_ms < BENCH_START_MS + ms) {
		now_ms += TIMER_TICK_MS;
		timer_wheel_advance(b->wheel, now_ms);
		bench_turn(b);
	}
}

/* Messages ----------------------------------------------------------------- */

struct hop bench_hop(enum sip_transport transport, const char *addr)
{
	struct hop hop = {.transport = transport};

	assert_int_equal(addr_parse_hostport(str_from(addr), 5060, &hop.addr),
			 0);
	return hop;
}

struct flow bench_flow(const char *remote)
{
	struct flow flow = {.transport = SIP_UDP};

	assert_int_equal(
		addr_parse_hostport(str_from(remote), 5060, &flow.remote), 0);
	return flow;
}

struct buf *bench_buf(struct bench *b, const char *text)
{
	struct buf *buf = buf_new(b->mem, strlen(text));

	if (buf == NULL)
		return NULL;
	memcpy(buf->data, text, strlen(text));
	buf->len = (uint32_t)strlen(text);
	return buf;
}

struct sip_msg *bench_msg(const char *fmt, ...)
{
	static const struct sip_limits limits = {
		.headers = BENCH_HDRS - 1, .uri_size = 2048, .vias = 70};
	static struct {
		struct sip_msg msg;
		struct sip_hdr hdrs[BENCH_HDRS];
		char text[2048];
	} ring[8], *at;
	static unsigned next;
	va_list ap;
	int len;

	at = &ring[next++ % ARRAY_LEN(ring)];
	va_start(ap, fmt);
	len = vsnprintf(at->text, sizeof(at->text), fmt, ap);
	va_end(ap);
	assert_in_range(len, 1, sizeof(at->text) - 1);
	assert_int_equal(sip_msg_index((struct str){at->text, (size_t)len},
				       &limits, at->hdrs, &at->msg),
			 0);
	return &at->msg;
}

#define REQUEST                                                                \
	"%s sip:bob@biloxi.com SIP/2.0\r\n"                                    \
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"                        \
	"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKother\r\n"            \
	"Max-Forwards: 69\r\n"                                                 \
	"Route: <sip:edge.biloxi.com;lr>\r\n"                                  \
	"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"               \
	"To: Bob <sip:bob@biloxi.com>\r\n"                                     \
	"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"                         \
	"CSeq: 314159 %s\r\n"                                                  \
	"Content-Length: 0\r\n\r\n"

#define RESPONSE                                                               \
	"SIP/2.0 %u Because\r\n"                                               \
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"                        \
	"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"               \
	"To: Bob <sip:bob@biloxi.com>;tag=%s\r\n"                              \
	"Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n"                         \
	"CSeq: 314159 %s\r\n"                                                  \
	"Content-Length: 0\r\n\r\n"

struct sip_msg *bench_request(const char *method, const char *branch)
{
	return bench_msg(REQUEST, method, branch, method);
}

/* The owner ---------------------------------------------------------------- */

static void react(struct owner *o)
{
	void (*fn)(struct owner *) = o->react;

	o->react = NULL; /* once */
	if (fn != NULL)
		fn(o);
}

static void on_response(void *arg, struct sip_msg *msg, const struct flow *from)
{
	struct owner *o = arg;

	assert_non_null(from);
	o->n_responses++;
	o->last_status = msg->status;
	react(o);
}

static void on_failed(void *arg, int err)
{
	struct owner *o = arg;

	o->n_failed++;
	o->err = err;
	react(o);
}

static void on_ended(void *arg)
{
	struct owner *o = arg;

	o->n_ended++;
}

const struct client_txn_ops bench_client_ops = {
	.on_response = on_response,
	.on_failed = on_failed,
	.on_ended = on_ended,
};

const struct server_txn_ops bench_server_ops = {
	.on_failed = on_failed,
	.on_ended = on_ended,
};

/* Transactions ------------------------------------------------------------- */

void bench_client_new(struct bench *b, const char *method)
{
	size_t len;

	assert_int_equal(client_txn_new(b->table,
					sip_method_parse(str_from(method)),
					&b->timers, &bench_client_ops,
					&b->owner, &b->ct),
			 0);
	len = client_txn_branch(b->ct, 42, b->branch);
	b->branch[len] = '\0';
	b->owner.ct = b->ct;
}

struct buf *bench_client_request(struct bench *b, const char *method)
{
	char text[1024];

	snprintf(text, sizeof(text), REQUEST, method, b->branch, method);
	return bench_buf(b, text);
}

void bench_client_start(struct bench *b, const char *method,
			enum sip_transport transport)
{
	struct hop hop = bench_hop(transport, "192.0.2.9:5062");
	struct buf *sent = bench_client_request(b, method);

	assert_non_null(sent);
	client_txn_start(b->ct, &hop, sent);
	buf_unref(sent);
}

bool bench_answer(struct bench *b, unsigned status, const char *method,
		  const char *to_tag)
{
	struct flow from = bench_flow("192.0.2.9:5062");

	return txn_receive_response(
		b->table,
		bench_msg(RESPONSE, status, b->branch, to_tag, method), &from);
}

struct server_txn *bench_find(struct bench *b, struct sip_msg *req)
{
	txn_key_make(b->table, req, &b->key);
	return txn_find_server(b->table, req->method, &b->key);
}

const struct txn_key *bench_key(struct bench *b, struct sip_msg *req)
{
	bench_find(b, req);
	return &b->key;
}

struct server_txn *bench_find_cancelled(struct bench *b, struct sip_msg *req)
{
	return txn_find_cancelled(b->table, bench_key(b, req));
}

void bench_server_new(struct bench *b, const char *method,
		      enum sip_transport transport)
{
	struct hop hop = bench_hop(transport, "192.0.2.1:5060");

	if (sip_transport_is_stream(transport))
		hop.conn = b->used;
	bench_find(b, bench_request(method, "z9hG4bKpeer"));
	assert_int_equal(server_txn_new(b->table, &b->key, &hop, &b->timers,
					&bench_server_ops, &b->owner, &b->st),
			 0);
	b->owner.st = b->st;
}

void bench_respond(struct bench *b, unsigned status)
{
	char text[1024];
	struct buf *buf;

	snprintf(text, sizeof(text), RESPONSE, status, "z9hG4bKpeer", "bobtag",
		 "INVITE");
	buf = bench_buf(b, text);
	assert_non_null(buf);
	server_txn_respond(b->st, status, buf);
	buf_unref(buf);
}

bool bench_sent_starts(const struct bench *b, size_t n, const char *text)
{
	return n < b->n_sent &&
	       str_starts(buf_str(b->sent[n].buf), str_from(text));
}

bool bench_sent_has(const struct bench *b, size_t n, const char *text)
{
	struct str s = n < b->n_sent ? buf_str(b->sent[n].buf) : STR_NONE;

	for (; s.len > 0; s = str_skip(s, 1))
		if (str_starts(s, str_from(text)))
			return true;
	return false;
}
