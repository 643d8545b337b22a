#include "proxy/proxy_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"

/* The snapshot ------------------------------------------------------------- */

struct snapshot *snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1)
		s->free(s);
}

static void use_release(struct proxy *p, struct conf_use *use)
{
	use->is_current = false;
	if (use->n_requests > 0)
		return; /* the last request does it */
	conf_use_free(use, p->env.mem);
}

void conf_use_free(struct conf_use *use, struct mem *mem)
{
	snapshot_unref(use->snapshot);
	free(use->sent_by);
	mem_free(mem, use, sizeof(*use));
}

/* It never shrinks: requests that began under an older snapshot go on using
 * that one's limits. */
static int grow_scratch(struct proxy *p, unsigned n_hdrs)
{
	struct sip_hdr *hdrs;

	if (n_hdrs <= p->n_hdrs)
		return 0;
	hdrs = calloc(n_hdrs, sizeof(*hdrs));
	if (hdrs == NULL)
		return VD_ENOMEM;
	free(p->hdrs);
	p->hdrs = hdrs;
	p->n_hdrs = n_hdrs;
	return 0;
}

static int use_snapshot(struct proxy *p, struct snapshot *conf)
{
	struct conf_use *use = mem_zalloc(p->env.mem, sizeof(*use));

	if (use == NULL)
		return VD_ENOMEM;
	if (grow_scratch(p, conf->proxy.limits.headers + 1) != 0 ||
	    ours_prepare(p, &conf->proxy, use) != 0) {
		mem_free(p->env.mem, use, sizeof(*use));
		return VD_ENOMEM;
	}
	use->snapshot = snapshot_ref(conf);
	use->is_current = true;
	if (p->use != NULL)
		use_release(p, p->use);
	p->use = use;
	mem_set_ceiling(p->env.mem,
			(size_t)(conf->proxy.limits.memory / p->env.n_workers));
	return 0;
}

void proxy_set_conf(struct proxy *p, struct snapshot *conf)
{
	if (use_snapshot(p, conf) != 0)
		log_error(STR_NONE, "reload.failed",
			  KV_UINT("worker", p->env.worker),
			  KV_TEXT("why", "no memory"));
}

/* What transactions need from below ---------------------------------------- */

static int send_out(void *arg, uint64_t txn, const struct hop *to,
		    struct buf *b, struct conn_ref *used)
{
	struct proxy *p = arg;

	if (trace_is_on())
		proxy_trace_out(p,
				(struct trace_tag){.call_id = sip_bytes_call_id(
							   buf_str(b)),
						   .txn = txn},
				to, b);
	return transport_send(p->env.transport, to, b, used);
}

static void hold(void *arg, struct conn_ref conn, bool is_held)
{
	struct proxy *p = arg;

	if (is_held)
		transport_hold(p->env.transports, conn);
	else
		transport_release(p->env.transports, conn);
}

static void defer(void *arg, void (*fn)(void *what), void *what)
{
	struct proxy *p = arg;

	loop_defer(p->env.loop, fn, what);
}

static int open_txns(struct proxy *p)
{
	struct txn_env env = {
		.wheel = loop_wheel(p->env.loop),
		.mem = p->env.mem,
		.stats = p->env.stats,
		.worker = (uint16_t)p->env.worker,
		.send = send_out,
		.hold = hold,
		.defer = defer,
		.arg = p,
	};
	struct str secret = {(const char *)p->env.secret, MAC_KEY_LEN};
	uint8_t key[MAC_KEY_LEN];
	int err = mac_derive_key(secret, "via branch", key);

	if (err != 0)
		return err;
	return txn_table_new(&env, key, &p->txns);
}

static int open_tokens(struct proxy *p)
{
	struct str secret = {(const char *)p->env.secret, MAC_KEY_LEN};
	uint8_t key[MAC_KEY_LEN];
	int err = mac_derive_key(secret, "record-route token", key);

	if (err != 0)
		return err;
	return mac_new(key, &p->mac);
}

int proxy_new(const struct proxy_env *env, struct snapshot *conf,
	      struct proxy **out)
{
	struct proxy *p = calloc(1, sizeof(*p));
	int err;

	if (p == NULL)
		return VD_ENOMEM;
	p->env = *env;
	list_init(&p->requests);
	err = open_tokens(p);
	if (err == 0)
		err = use_snapshot(p, conf);
	if (err == 0)
		err = open_txns(p);
	if (err != 0) {
		proxy_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void proxy_free(struct proxy *p)
{
	if (p == NULL)
		return;
	while (!list_is_empty(&p->requests))
		request_free(LIST_FIRST(&p->requests, struct request, link));
	if (p->txns != NULL)
		txn_table_free(p->txns);
	if (p->use != NULL)
		use_release(p, p->use);
	mac_free(p->mac);
	free(p->hdrs);
	free(p);
}

void proxy_drain(struct proxy *p)
{
	p->is_draining = true;
}

size_t proxy_n_open(const struct proxy *p)
{
	return p->n_requests;
}

void proxy_gauge(const struct proxy *p)
{
	_Atomic uint64_t *g = p->env.stats->gauges;

	stats_set(&g[GAUGE_open_requests], p->n_requests);
	stats_set(&g[GAUGE_open_transactions], txn_n_open(p->txns));
	stats_set(&g[GAUGE_lingering_transactions], txn_n_lingering(p->txns));
}

bool proxy_payload_owner(struct str payload, unsigned n_workers,
			 unsigned *worker)
{
	const char *via = memmem(payload.p, payload.len, ";branch=", 8);
	struct str branch;

	if (via == NULL)
		return false;
	branch = str_skip(payload, (size_t)(via + 8 - payload.p));
	branch.len = str_find(branch, '\r');
	return txn_branch_worker(branch, worker) && *worker < n_workers;
}

/* Receiving ---------------------------------------------------------------- */

static void note_malformed(struct proxy *p, const struct flow *from,
			   const struct sip_msg *msg)
{
	static struct log_class malformed = LOG_CLASS(5);

	stats_add(p->env.stats, STAT_messages_malformed, 1);
	if (log_class_allows(&malformed, "message.malformed"))
		log_info(sip_msg_call_id(msg), "message.malformed",
			 KV_ADDR("source", &from->remote),
			 KV_TEXT("why",
				 msg->bad != NULL ? msg->bad : "not SIP"));
}

static void receive_response(struct proxy *p, const struct flow *from,
			     struct str bytes)
{
	struct sip_limits limits = proxy_sip_limits(&p->use->snapshot->proxy);
	struct sip_msg msg;
	bool is_good;

	is_good = sip_msg_index(bytes, &limits, p->hdrs, &msg) == 0 &&
		  sip_msg_check(&msg, &limits) == 0;
	if (trace_is_on())
		proxy_trace_response(from, &msg, bytes);
	if (!is_good) {
		note_malformed(p, from, &msg);
		proxy_trace_stray(from, &msg,
				  msg.bad != NULL ? msg.bad : "not SIP");
		return;
	}
	if (!ours_is_sent_by(p, from, sip_msg_top_via(&msg))) {
		stats_add(p->env.stats, STAT_messages_stray, 1);
		proxy_trace_stray(
			from, &msg,
			"a response whose top Via is not ours (18.1.2)");
	} else if (!txn_receive_response(p->txns, &msg, from)) {
		proxy_trace_stray(from, &msg,
				  "a response that matches no transaction "
				  "(RFC 6026)");
	}
}

/* A bad request: 400 where an answer can be built, nothing otherwise. */
static void refuse_malformed(struct request *r)
{
	note_malformed(r->proxy, &r->flow, r->msg);
	if (sip_msg_can_answer(r->msg))
		request_reject(r, r->msg->bad_status, str_from(r->msg->bad),
			       STR_NONE, r->msg->bad);
	else
		request_drop(r, r->msg->bad);
}

static void on_server_ended(void *arg)
{
	struct request *r = arg;

	r->txn = NULL;
}

static const struct server_txn_ops server_ops = {
	.on_ended = on_server_ended,
};

bool request_begin(struct request *r)
{
	struct txn_timers timers = proxy_txn_timers(r->conf);
	struct hop to;

	if (request_is(r, SIP_ACK))
		return true;
	reply_hop(r->msg, &r->flow, r->caller != CALLER_ANONYMOUS, &to);
	if (server_txn_new(r->proxy->txns, &r->proxy->key, &to, &timers,
			   &server_ops, r, &r->txn) == 0) {
		r->tag.txn = server_txn_id(r->txn);
		return true;
	}
	stats_add(r->proxy->env.stats, STAT_refused_memory, 1);
	request_reject(r, 503, STR_NONE, STR("Retry-After: 5\r\n"),
		       "no memory for a transaction");
	return false;
}

/* All of a kind, whole; without memory none. */
static struct str whole_fields(struct request *r, enum sip_hdr_id id)
{
	const struct sip_msg *msg = r->msg;
	const struct sip_hdr *h;
	size_t len = 0;
	char *text, *at;

	for (h = sip_msg_first(msg, id); h != NULL; h = sip_msg_next(msg, h))
		len += h->end - h->at;
	text = len > 0 ? arena_alloc(&r->arena, len) : NULL;
	if (text == NULL)
		return STR_NONE;
	at = text;
	for (h = sip_msg_first(msg, id); h != NULL; h = sip_msg_next(msg, h))
		at = mempcpy(at, msg->bytes.p + h->at, h->end - h->at);
	return (struct str){text, len};
}

/* 9.2 and 16.10: 200 to the CANCEL at once; what matches nothing gets 481 and
 * goes no further (a deviation from 16.10, which would make us a reflector). */
static void receive_cancel(struct request *r)
{
	struct server_txn *st =
		txn_find_cancelled(r->proxy->txns, &r->proxy->key);
	struct request *cancelled;

	if (!request_begin(r))
		return;
	if (st == NULL) {
		request_reject(r, 481, STR_NONE, STR_NONE,
			       "the CANCEL matches no transaction");
		return;
	}
	/* Once a 2xx has gone upstream its owner is no request any more. */
	cancelled = server_txn_arg(st, &server_ops);
	request_reject(r, 200, STR_NONE, STR_NONE, "9.2: CANCEL accepted");
	if (cancelled != NULL && request_is(cancelled, SIP_INVITE))
		context_cancel(cancelled, whole_fields(r, SIP_HDR_REASON));
}

/* The ACK to an answer that was given without a transaction. */
static bool is_ack_to_stateless(struct request *r)
{
	const struct sip_addr *to = sip_msg_to(r->msg);
	char tag[TO_TAG_LEN];

	if (to == NULL || to->tag.len != TO_TAG_LEN)
		return false;
	reply_to_tag(r->msg, tag);
	return str_eq(to->tag, (struct str){tag, TO_TAG_LEN});
}

static void receive_new(struct request *r)
{
	stats_bump(&r->proxy->env.stats->requests[r->msg->method], 1);
	if (request_is(r, SIP_CANCEL)) {
		receive_cancel(r);
		return;
	}
	if (request_is(r, SIP_ACK) && is_ack_to_stateless(r))
		request_drop(r, "the ACK to an answer of our own");
	else if (request_is(r, SIP_ACK) || step_limits(r) == STEP_NEXT)
		request_run(r);
}

/* RFC 5923 section 8.2: ";alias" counts when the certificate that the peer has
 * shown is for the host that its Via names. */
static void note_alias(struct request *r)
{
	const struct sip_via *via = sip_msg_top_via(r->msg);
	struct proxy *p = r->proxy;

	if (r->flow.identity == 0 || via == NULL ||
	    !sip_param_find(via->params, STR("alias"), &(struct str){0}) ||
	    !transport_identity_is(p->env.transports, r->flow.identity,
				   via->host))
		return;
	transport_alias(p->env.transport, &r->flow,
			via->port != 0 ? via->port
				       : sip_transport_port(r->flow.transport));
}

static void receive_request(struct proxy *p, const struct flow *from,
			    struct str bytes)
{
	struct request *r = request_new(p, from, bytes);
	struct server_txn *st;

	if (r == NULL) {
		stats_add(p->env.stats, STAT_refused_memory, 1);
		return;
	}
	if (trace_is_on())
		trace_message(&r->tag, false, &from->remote, bytes);
	if (r->msg->bad != NULL) {
		refuse_malformed(r);
		return;
	}
	note_alias(r);
	st = txn_find_server(p->txns, r->msg->method, &p->key);
	if (st == NULL) {
		receive_new(r);
		return;
	}
	r->tag.txn = server_txn_id(st);
	TRACE_STEP(&r->tag, "absorb",
		   request_is(r, SIP_ACK) ? "the ACK to a final response"
					  : "a retransmission");
	server_txn_receive(st, r->msg);
	request_free(r);
}

void proxy_receive(struct proxy *p, const struct flow *from, struct str bytes)
{
	if (sip_bytes_are_response(bytes))
		receive_response(p, from, bytes);
	else
		receive_request(p, from, bytes);
}

void proxy_broken(struct proxy *p, const struct flow *from, struct str bytes,
		  unsigned status)
{
	struct request *r = request_new(p, from, bytes);

	if (r == NULL)
		return;
	if (status == 513)
		r->msg->bad = "Message Too Large";
	else if (r->msg->bad == NULL)
		r->msg->bad = "Bad Message Length";
	r->msg->bad_status = status;
	refuse_malformed(r);
}

void proxy_udp_error(struct proxy *p, const union addr *remote, int err,
		     struct str payload)
{
	txn_udp_error(p->txns, remote, err, payload);
}

void proxy_conn_closed(struct proxy *p, struct conn_ref conn)
{
	txn_conn_closed(p->txns, conn);
}
