/*
 * One branch of a request: find its next hops (RFC 3263), send, take the
 * responses, fail over to the next hop, give up by Timer C.
 */
#include "proxy/proxy_priv.h"

#include "viaduct/util/err.h"

static void try_next(struct branch *b);
static void bound_failed(struct branch *b);

/* The end ------------------------------------------------------------------ */

static void stop_timers(struct branch *b)
{
	struct timer_wheel *wheel = loop_wheel(b->r->proxy->env.loop);

	timer_cancel(wheel, &b->timer);
	timer_cancel(wheel, &b->tcp_timer);
}

static void let_go(struct branch *b)
{
	if (b->txn != NULL)
		client_txn_detach(b->txn);
	b->txn = NULL;
	locate_end(b->locate);
	b->locate = NULL;
	stop_timers(b);
}

void branch_free(struct branch *b)
{
	let_go(b);
	list_del(&b->link);
}

static void stop(struct branch *b)
{
	b->is_ended = true;
	locate_end(b->locate);
	b->locate = NULL;
	stop_timers(b);
	b->r->n_pending--;
}

static void end(struct branch *b)
{
	if (b->is_ended)
		return;
	stop(b);
	context_branch_ended(b->r, b->fork);
}

/* What it means for the caller that no hop was left (16.6 step 7, 16.9). */
static void end_by(struct branch *b, int err)
{
	static const struct {
		int err;
		unsigned status;
		const char *reason;
	} outcomes[] = {
		{VD_ETIMEOUT, 408, "Request Timeout"},
		{VD_ELOOP, 482, "Loop Detected"},
		{VD_ELIMIT, 503, "Too Busy"},
		{VD_ENOMEM, 503, "Too Busy"},
		{VD_ETOOBIG, 513, "Message Too Large"},
		{VD_EUNSUP, 500, "No Usable Transport"},
		{VD_EINVAL, 400, "Bad Next Hop"},
	};
	unsigned status = 503;
	const char *reason = "Next Hop Unreachable";

	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
		if (outcomes[i].err != err)
			continue;
		status = outcomes[i].status;
		reason = outcomes[i].reason;
	}
	TRACE_STEP(&b->r->tag, "branch", "%u has ended: %s", b->number,
		   vd_strerror(err));
	if (err == VD_ELIMIT || err == VD_ENOMEM)
		b->r->is_overloaded = true;
	context_offer(b->r, NULL, status, reason);
	end(b);
}

/* RFC 5626 section 7. That no network leads there may be our own fault, and
 * pass. */
static void tell_failed(const struct branch *b, int err)
{
	const struct proxy_env *env = &b->r->proxy->env;

	if (err == VD_ECONN && b->bound.hop != NULL && env->flow_failed != NULL)
		env->flow_failed(env->flow_arg, b->bound.hop);
}

/* The phone whose flow it was is not there (RFC 5626 section 5.3.1). Silence,
 * or a limit of ours, says nothing about the flow. */
static void end_by_flow(struct branch *b, int err)
{
	if (err != VD_ECONN && err != VD_EUNREACH) {
		end_by(b, err);
		return;
	}
	TRACE_STEP(&b->r->tag, "branch", "%u: the flow is gone: %s", b->number,
		   vd_strerror(err));
	tell_failed(b, err);
	context_offer(b->r, NULL, 430, "Flow Failed");
	end(b);
}

/* No hop was ever found. */
static void end_by_lookup(struct branch *b, int err)
{
	struct request *r = b->r;

	TRACE_STEP(&r->tag, "branch", "%u has no next hop: %s", b->number,
		   vd_strerror(err));
	if (err == VD_ENOENT)
		context_offer(r, NULL, 404, "No SIP Service At That Domain");
	else if (err == VD_ETIMEOUT)
		context_offer(r, NULL, 504, "Name Server Time-out");
	else if (err == VD_ESERVFAIL)
		context_offer(r, NULL, 502, "Name Server Failure");
	else {
		end_by(b, err);
		return;
	}
	end(b);
}

void branch_cancel(struct branch *b, struct str reason_field)
{
	struct request *r = b->r;
	struct timer_wheel *wheel = loop_wheel(r->proxy->env.loop);

	if (b->is_ended || b->is_cancelled)
		return;
	b->is_cancelled = true;
	if (b->txn == NULL || !request_is(r, SIP_INVITE)) {
		let_go(b);
		end(b);
		return;
	}
	TRACE_STEP(&r->tag, "branch", "%u is cancelled", b->number);
	client_txn_cancel(b->txn, reason_field);
	/* 9.1: a final response within 64*T1, or there is none. */
	timer_arm(wheel, &b->timer, 64 * r->conf->timers.t1);
}

static void on_timer(struct timer *t)
{
	struct branch *b = CONTAINER_OF(t, struct branch, timer);
	struct request *r = b->r;

	if (b->is_cancelled) {
		TRACE_STEP(&r->tag, "branch",
			   "%u: no final response 64*T1 after the CANCEL",
			   b->number);
		let_go(b);
		end(b);
		return;
	}
	TRACE_STEP(&r->tag, "branch", "%u: Timer C (16.8)", b->number);
	context_offer(r, NULL, 408, "Request Timeout");
	if (b->txn != NULL && client_txn_has_provisional(b->txn)) {
		branch_cancel(b, STR_NONE);
		return;
	}
	let_go(b);
	end(b);
}

/* Responses ---------------------------------------------------------------- */

/* By a name or an address, and not by a flow. */
static bool is_located(const struct branch *b)
{
	return b->bound.hop == NULL && b->found.transport != SIP_TRANSPORT_NONE;
}

static void on_provisional(struct branch *b, struct sip_msg *msg)
{
	struct request *r = b->r;

	if (msg->status > 100) {
		/* It rings: no other hop will be tried. */
		locate_end(b->locate);
		b->locate = NULL;
	}
	/* 16.7 step 2: Timer C starts anew with each 101 to 199. */
	if (msg->status > 100 && request_is(r, SIP_INVITE) && !b->is_cancelled)
		timer_arm(loop_wheel(r->proxy->env.loop), &b->timer,
			  r->conf->timers.c);
	context_provisional(r, msg);
}

static void on_success(struct branch *b, struct sip_msg *msg)
{
	struct request *r = b->r;
	bool is_passed;

	r->n_pending++; /* hold it until the branch has ended, too */
	is_passed = context_success(r, b, msg);
	r->n_pending--;
	if (!is_passed)
		return; /* the callee sends it again, or on_ended() comes */
	b->is_accepted = request_is(r, SIP_INVITE);
	if (b->is_ended)
		context_settle(r);
	else
		end(b);
}

/* RFC 3263 section 4.3: a 503 sends the request to the next hop. */
static bool fails_over(const struct branch *b, unsigned status)
{
	return status == 503 && !b->is_cancelled && b->locate != NULL;
}

/* A 3xx whose targets are tried instead: it is no answer for the caller. */
static bool follows(struct branch *b, struct sip_msg *msg)
{
	struct request *r = b->r;

	if (msg->status > 399 || b->is_cancelled ||
	    (b->bound.hop != NULL && !b->bound.is_flow) ||
	    !fork_redirect(r, b->fork, msg))
		return false;
	r->n_pending++; /* hold it while they start */
	stop(b);
	fork_start(r, b->fork, b->fork->breadth);
	r->n_pending--;
	context_settle(r);
	return true;
}

enum { REST_MAX_S = 3600 };

/* 21.5.4: who says Retry-After is passed over for so long. Behind the seconds
 * a comment and parameters may stand (20.33). */
static void note_busy(struct branch *b, const struct sip_msg *msg)
{
	struct resolver *resolver = b->r->proxy->env.resolver;
	struct str text = sip_msg_value(msg, SIP_HDR_RETRY_AFTER);
	uint32_t rest_s = 0;

	text.len = str_find(text, ';');
	text.len = str_find(text, '(');
	if (str_to_u32(str_trim(text), REST_MAX_S, &rest_s) == VD_ETOOBIG)
		rest_s = REST_MAX_S;
	if (rest_s != 0)
		resolver_hop_rests(resolver, &b->found, rest_s * 1000);
	else
		resolver_hop_failed(resolver, &b->found);
}

static void on_failure(struct branch *b, struct sip_msg *msg)
{
	struct request *r = b->r;

	if (follows(b, msg))
		return;
	b->fork->has_answered = msg->status != 408 && msg->status != 430;
	context_offer(r, msg, msg->status, "");
	if (fails_over(b, msg->status)) {
		note_busy(b, msg);
		client_txn_detach(b->txn);
		b->txn = NULL;
		b->last_err = VD_EUNREACH;
		try_next(b);
		return;
	}
	r->n_pending++;
	if (msg->status >= 600 && !r->is_ended) {
		r->is_ended = true;
		context_cancel_others(r, b, STR_NONE);
	}
	r->n_pending--;
	end(b);
}

static void on_response(void *arg, struct sip_msg *msg, const struct flow *from)
{
	struct branch *b = arg;

	b->r->identity_forbidden = identity_forbidden_back(
		b->r->proxy, b->r->conf, msg, from, b->r->is_sender_trusted);
	if (is_located(b))
		resolver_hop_ok(b->r->proxy->env.resolver, &b->found);
	if (response_is_for_us(msg)) /* 16.7 step 3; if it was final, */
		TRACE_STEP(&b->r->tag, "response", /* on_ended() will come */
			   "%u dropped: it has no Via but ours", msg->status);
	else if (msg->status < 200)
		on_provisional(b, msg);
	else if (msg->status < 300)
		on_success(b, msg);
	else if (!b->is_ended)
		on_failure(b, msg);
}

/* Large requests go to this peer by UDP for a while. */
static void note_no_tcp(struct branch *b)
{
	struct locate_hop hop = {.transport = SIP_TCP,
				 .addr = client_txn_hop(b->txn)->addr};

	resolver_hop_failed(b->r->proxy->env.resolver, &hop);
}

static void on_failed(void *arg, int err)
{
	struct branch *b = arg;
	struct request *r = b->r;
	bool was_alive = client_txn_has_provisional(b->txn);

	if (b->is_size_tcp && !was_alive)
		note_no_tcp(b);
	client_txn_detach(b->txn);
	b->txn = NULL;
	if (b->is_ended)
		return;
	TRACE_STEP(&r->tag, "branch", "%u: the hop failed: %s", b->number,
		   vd_strerror(err));
	if (b->is_cancelled) {
		end(b);
		return;
	}
	if (was_alive) { /* it may still ring there: no second attempt */
		if (b->bound.is_flow)
			end_by_flow(b, err);
		else
			end_by(b, err);
		return;
	}
	if (is_located(b) && !b->is_size_tcp)
		resolver_hop_failed(r->proxy->env.resolver, &b->found);
	b->last_err = err;
	try_next(b);
}

static void on_ended(void *arg)
{
	struct branch *b = arg;

	b->txn = NULL;
	if (b->is_ended)
		return;
	/* There was a final response, and none that could be passed on. Who has
	 * given up hears of that with 487, whatever there was. */
	if (!b->is_cancelled)
		context_offer(b->r, NULL, 502, "Bad Response");
	end(b);
}

static const struct client_txn_ops ops = {
	.on_response = on_response,
	.on_failed = on_failed,
	.on_ended = on_ended,
};

const struct request *branch_request(struct proxy *p, struct str branch)
{
	const struct branch *b = client_txn_owner(p->txns, branch, &ops);

	return b != NULL && !b->is_ended ? b->r : NULL;
}

/* Sending ------------------------------------------------------------------ */

static struct buf *print(struct branch *b, const struct hop *hop)
{
	char branch[TXN_BRANCH_MAX];
	struct request *r = b->r;
	struct outgoing o = {
		.uri = b->uri,
		.hop = hop,
		.branch = {branch,
			   client_txn_branch(b->txn, forward_loop_hash(r),
					     branch)},
		.breadth = b->fork->breadth,
		.displaced = b->displaced,
		.path = b->path,
		.is_sips = b->is_sips,
		.is_by_flow = b->bound.is_flow && b->bound.is_only,
	};

	return forward_print(r, &o);
}

/* A phone that takes no TCP may drop the attempt instead of refusing it: the
 * caller shall not wait for that. */
static void on_tcp_late(struct timer *t)
{
	struct branch *b = CONTAINER_OF(t, struct branch, tcp_timer);

	if (b->txn != NULL)
		transport_conn_give_up(b->r->proxy->env.transport,
				       client_txn_hop(b->txn)->conn);
}

/* RFC 3261 18.1.1: larger than 1300 bytes goes over a transport with congestion
 * control; when that cannot be had, by UDP after all. */
static bool switch_to_tcp(struct branch *b, struct hop *hop)
{
	struct locate_hop tcp = {.transport = SIP_TCP, .addr = hop->addr};
	int i = transport_choose(b->r->proxy->env.transports, SIP_TCP,
				 addr_family(&hop->addr), b->r->flow.listener);

	if (i < 0 || resolver_hop_is_suspect(b->r->proxy->env.resolver, &tcp))
		return false;
	b->is_size_tcp = true;
	hop->transport = SIP_TCP;
	hop->listener = (uint16_t)i;
	hop->local.sa.sa_family = AF_UNSPEC;
	return true;
}

static int send_to_hop(struct branch *b, const struct hop *to, bool may_switch)
{
	struct request *r = b->r;
	struct hop hop = *to;
	struct txn_timers timers = proxy_txn_timers(r->conf);
	char text[ADDR_TEXT_MAX + 8];
	struct buf *sent;
	int err;

	if (b->is_secure && !sip_transport_is_tls(hop.transport))
		return VD_EUNSUP; /* never in the clear */
	if (hop.domain == NULL)
		hop.domain = &b->domain;
	err = client_txn_new(r->proxy->txns, r->msg->method, &timers, &ops, b,
			     &b->txn);
	if (err != 0)
		return err;
	sent = print(b, &hop);
	if (sent != NULL && may_switch && hop.transport == SIP_UDP &&
	    sent->len > UDP_SAFE_SIZE && switch_to_tcp(b, &hop)) {
		buf_unref(sent);
		sent = print(b, &hop);
	}
	if (sent == NULL) {
		client_txn_detach(b->txn);
		b->txn = NULL;
		return VD_ENOMEM;
	}
	TRACE_STEP(&r->tag, "branch", "%u goes to %.*s%s", b->number,
		   STR_FMT(hop_print(&hop, text)),
		   b->is_size_tcp ? " (over 1300 bytes: TCP first, 18.1.1)"
				  : "");
	client_txn_start(b->txn, &hop, sent);
	buf_unref(sent);
	if (b->is_size_tcp)
		timer_arm(loop_wheel(r->proxy->env.loop), &b->tcp_timer,
			  r->conf->timers.t1);
	if (request_is(r, SIP_INVITE))
		timer_arm(loop_wheel(r->proxy->env.loop), &b->timer,
			  r->conf->timers.c);
	return 0;
}

/* The hop of a TCP attempt that was made for size alone, again by UDP. */
static int send_by_udp(struct branch *b)
{
	struct hop hop;
	int err;

	b->is_size_tcp = false;
	if (b->bound.hop != NULL)
		return send_to_hop(b, b->bound.hop, false);
	err = forward_hop(b->r, &b->domain, &b->found, &hop);
	return err != 0 ? err : send_to_hop(b, &hop, false);
}

/* A name of somebody else's that leads back to us is a loop, made by his DNS or
 * by our configuration. A name of ours may spiral. */
static bool leads_to_us(const struct branch *b, const struct hop *hop)
{
	return !b->r->is_local && b->r->route.p == NULL &&
	       transport_is_ours(b->r->proxy->env.transports, hop->transport,
				 &hop->addr);
}

static int send_to_found(struct branch *b)
{
	struct hop hop;
	int err = forward_hop(b->r, &b->domain, &b->found, &hop);

	if (err != 0)
		return err;
	if (leads_to_us(b, &hop))
		return VD_ELOOP;
	return send_to_hop(b, &hop, true);
}

/* Go down the list of hops until one takes the request, or wait for DNS. */
static void try_next(struct branch *b)
{
	int err;

	if (b->is_size_tcp && send_by_udp(b) == 0)
		return;
	if (b->bound.hop != NULL) {
		bound_failed(b);
		return;
	}
	while ((err = locate_next(b->locate, &b->found)) == 0) {
		err = send_to_found(b);
		if (err == 0)
			return;
		b->last_err = err;
	}
	if (err == VD_EAGAIN)
		return;
	if (b->last_err != 0)
		end_by(b, b->last_err);
	else
		end_by_lookup(b, err);
}

static void on_located(void *arg)
{
	struct branch *b = arg;

	context_trying(b->r);
	try_next(b);
}

static void find_hops(struct branch *b, const struct target *t)
{
	struct request *r = b->r;
	int err;

	TRACE_STEP(&r->tag, "branch", "%u: find %.*s (RFC 3263)", b->number,
		   STR_FMT(t->next.text));
	err = forward_locate(r, t, on_located, b, &b->locate);
	if (err != 0)
		end_by(b, err);
	else
		try_next(b);
}

/* A contact that can be reached by itself is found where it says. */
static void bound_failed(struct branch *b)
{
	struct target t;

	if (!b->bound.is_flow || b->last_err == VD_ETIMEOUT) {
		end_by(b, b->last_err);
	} else if (b->bound.is_only) {
		end_by_flow(b, b->last_err);
	} else {
		/* From here on it is a hop like any other. */
		b->bound.hop = NULL;
		b->bound.is_flow = false;
		if (forward_target(b->r, b->fork->plan, &t) == 0)
			find_hops(b, &t);
		else
			end_by(b, VD_EINVAL);
	}
}

/* Down a flow a datagram stays one, whatever its size: a phone behind a NAT
 * takes no connections. */
static void send_bound(struct branch *b)
{
	TRACE_STEP(&b->r->tag, "branch", "%u is bound to %s", b->number,
		   b->bound.is_flow ? "the flow of its phone"
				    : "the recorded side of its dialog");
	b->last_err = send_to_hop(b, b->bound.hop, !b->bound.is_flow);
	if (b->last_err != 0)
		try_next(b);
}

/* RFC 5630 section 5.3. */
static void refuse_sip(struct branch *b)
{
	TRACE_STEP(&b->r->tag, "branch",
		   "%u: sips was asked for, and this target is not", b->number);
	context_offer(b->r, NULL, 480, sips_not_allowed);
	end(b);
}

static void begin(struct branch *b)
{
	struct request *r = b->r;
	const struct plan *leaf = b->fork->plan;
	struct target t;
	int err;

	err = forward_target(r, leaf, &t);
	if (err != 0) {
		end_by(b, err);
		return;
	}
	b->uri = t.uri;
	b->displaced = t.displaced;
	b->path = t.path;
	b->domain = t.next.host;
	b->is_secure = t.is_secure;
	b->is_sips = t.is_sips;
	b->bound = forward_bound(r, leaf);
	if (t.is_sips_lost)
		refuse_sip(b);
	else if (b->bound.hop != NULL)
		send_bound(b);
	else
		find_hops(b, &t);
}

void branch_start(struct request *r, struct fork *f)
{
	struct branch *b = arena_zalloc(&r->arena, sizeof(*b));

	if (b == NULL) {
		r->is_overloaded = true;
		context_offer(r, NULL, 503, "Too Busy");
		context_branch_ended(r, f);
		return;
	}
	b->r = r;
	b->fork = f;
	b->number = ++r->n_branches;
	timer_init(&b->timer, on_timer);
	timer_init(&b->tcp_timer, on_tcp_late);
	list_add_tail(&r->branches, &b->link);
	r->n_pending++;
	begin(b);
}
