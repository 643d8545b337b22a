/*
 * The response context (RFC 3261 sections 16.2 and 16.7): the best response so
 * far, what is passed on, and the end. The tree of targets is in fork.c.
 */
#include "proxy/proxy_priv.h"

#include "viaduct/util/err.h"

static const char completed_elsewhere[] =
	"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

/* Responses ---------------------------------------------------------------- */

/* 18.3: on a datagram it may be missing, on a stream it must not, and this may
 * go on over one. */
static void edit_length(struct sip_edits *e, struct sip_msg *msg)
{
	struct str field;

	if (sip_msg_first(msg, SIP_HDR_CONTENT_LENGTH) != NULL)
		return;
	field = arena_printf(e->arena, "Content-Length: %zu\r\n",
			     msg->body.len);
	if (field.p == NULL)
		e->failed = true;
	else
		sip_edit_append(e, msg, field);
}

bool response_is_for_us(struct sip_msg *msg)
{
	struct sip_values it;

	if (msg->count[SIP_HDR_VIA] != 1)
		return false;
	sip_values_start(&it, msg, SIP_HDR_VIA);
	return sip_values_next(&it) && it.is_last_in_hdr;
}

struct buf *response_print(struct mem *mem, struct arena *arena,
			   struct sip_msg *msg, struct str extra,
			   unsigned identity)
{
	struct sip_edits e;

	if (response_is_for_us(msg))
		return NULL;
	sip_edits_init(&e, arena);
	sip_edit_version(&e, msg);
	sip_edit_pop(&e, msg, SIP_HDR_VIA, 1);
	if (identity != 0)
		identity_edit(&e, msg, identity);
	if (extra.len != 0)
		sip_edit_append(&e, msg, extra);
	edit_length(&e, msg);
	return sip_edits_print(&e, msg, mem);
}

static bool forward_response(struct request *r, struct sip_msg *msg,
			     unsigned status, struct str extra)
{
	struct proxy *p = r->proxy;
	struct buf *b = response_print(p->env.mem, &r->arena, msg, extra,
				       r->identity_forbidden);

	if (b == NULL) {
		TRACE_STEP(&r->tag, "response", "%u dropped: no memory",
			   status);
		stats_add(p->env.stats, STAT_refused_memory, 1);
		return false;
	}
	stats_add(p->env.stats, STAT_responses_forwarded, 1);
	server_txn_respond(r->txn, status, b);
	buf_unref(b);
	return true;
}

static void send_trying(struct request *r)
{
	struct buf *b;

	if (r->is_trying_sent || r->is_final_sent || r->txn == NULL)
		return;
	r->is_trying_sent = true;
	b = reply_print(r->proxy, r->conf, r->msg, &r->flow, &r->arena, 100,
			STR_NONE, STR_NONE);
	if (b == NULL)
		return;
	server_txn_respond(r->txn, 100, b);
	buf_unref(b);
}

void context_trying(struct request *r)
{
	if (request_is(r, SIP_INVITE))
		send_trying(r);
}

static void on_trying_due(struct timer *t)
{
	send_trying(CONTAINER_OF(t, struct request, trying));
}

/* RFC 4320 section 4.1: a 100 to a non-INVITE neither before nor after the time
 * that the caller's Timer E takes to reach T2. */
static void expect_trying(struct request *r)
{
	uint32_t wait_ms = 0, e_ms = r->conf->timers.t1;

	if (request_is(r, SIP_INVITE) || r->is_final_sent)
		return;
	do {
		wait_ms += e_ms;
		e_ms *= 2;
	} while (e_ms < r->conf->timers.t2);
	timer_init(&r->trying, on_trying_due);
	timer_arm(loop_wheel(r->proxy->env.loop), &r->trying, wait_ms);
}

/* 16.7 step 5: a 100 ends here, everything else below 200 goes on at once; to a
 * non-INVITE there is nothing else (RFC 4320 section 4.1). */
void context_provisional(struct request *r, struct sip_msg *msg)
{
	if (msg->status == 100 || r->is_final_sent ||
	    !request_is(r, SIP_INVITE))
		return;
	TRACE_STEP(&r->tag, "response", "%u passed upstream (16.7 step 5)",
		   msg->status);
	forward_response(r, msg, msg->status, STR_NONE);
}

/* A 2xx to an INVITE goes on at once, every one of them; to anything else, the
 * first. One that cannot be passed on is as good as lost on its way here. */
bool context_success(struct request *r, struct branch *from,
		     struct sip_msg *msg)
{
	bool is_first = !r->is_final_sent;

	if (is_first || (request_is(r, SIP_INVITE) && r->is_2xx)) {
		TRACE_STEP(&r->tag, "response",
			   "%u passed upstream at once (16.7 step 5)",
			   msg->status);
		if (!forward_response(r, msg, msg->status, STR_NONE))
			return false;
		r->is_final_sent = true;
		r->is_2xx = true;
	}
	r->is_ended = true;
	if (is_first)
		context_cancel_others(
			r, from,
			(struct str){completed_elsewhere,
				     sizeof(completed_elsewhere) - 1});
	return true;
}

/* All challenges of 401 and 407 go into the response that is chosen (step 7).
 */
static void gather_challenges(struct request *r, struct sip_msg *msg)
{
	static const enum sip_hdr_id ids[] = {SIP_HDR_WWW_AUTHENTICATE,
					      SIP_HDR_PROXY_AUTHENTICATE};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct sip_hdr *h;

		for (h = sip_msg_first(msg, ids[i]); h != NULL;
		     h = sip_msg_next(msg, h)) {
			struct str field = {msg->bytes.p + h->at,
					    h->end - h->at};
			struct str all = arena_printf(&r->arena, "%.*s%.*s",
						      STR_FMT(r->challenges),
						      STR_FMT(field));

			if (all.p != NULL)
				r->challenges = all;
		}
	}
}

void context_offer(struct request *r, struct sip_msg *msg, unsigned status,
		   const char *reason)
{
	struct str bytes = STR_NONE;

	if (msg != NULL && (status == 401 || status == 407))
		gather_challenges(r, msg);
	if (!best_is_better(r->msg->method, status, r->best.status))
		return;
	if (msg != NULL) {
		bytes = arena_str(&r->arena, msg->bytes);
		if (bytes.p == NULL)
			return;
	}
	r->best.status = status;
	r->best.bytes = bytes;
	r->best.identity_forbidden = r->identity_forbidden;
	r->best.reason = reason;
	TRACE_STEP(&r->tag, "response", "%u is the best so far (16.7 step 6)",
		   status);
}

/* The challenges of the other branches: those that the chosen response does
 * not carry itself. */
static struct str other_challenges(struct request *r, struct sip_msg *msg)
{
	struct str out = STR(""), rest = r->challenges;

	while (rest.len != 0) {
		size_t n = str_find(rest, '\n');
		struct str field = {rest.p, n < rest.len ? n + 1 : rest.len};
		struct str text;

		rest = str_skip(rest, field.len);
		while (rest.len != 0 && (*rest.p == ' ' || *rest.p == '\t')) {
			n = str_find(rest, '\n'); /* a folded line */
			n = n < rest.len ? n + 1 : rest.len;
			field.len += n;
			rest = str_skip(rest, n);
		}
		if (memmem(msg->bytes.p, msg->head_len, field.p, field.len) !=
		    NULL)
			continue;
		text = arena_printf(&r->arena, "%.*s%.*s", STR_FMT(out),
				    STR_FMT(field));
		if (text.p != NULL)
			out = text;
	}
	return out;
}

static void send_best_received(struct request *r)
{
	struct proxy *p = r->proxy;
	struct sip_limits limits = proxy_sip_limits(r->conf);
	unsigned status = r->best.status;
	struct str extra = STR_NONE;
	struct sip_msg msg;

	if (sip_msg_index(r->best.bytes, &limits, p->hdrs, &msg) != 0)
		return;
	if (status == 401 || status == 407)
		extra = other_challenges(r, &msg);
	TRACE_STEP(&r->tag, "response", "%u is the best of all (16.7 step 6)",
		   status);
	r->identity_forbidden = r->best.identity_forbidden;
	forward_response(r, &msg, status, extra);
}

/*
 * RFC 4320 section 4.2: a 408 to a non-INVITE comes too late for anybody; the
 * transaction just ends. 16.7 step 6: the 503 of one next hop says nothing
 * about us and becomes a 500.
 */
static void send_best(struct request *r)
{
	unsigned status = r->best.status;

	r->is_final_sent = true;
	r->is_ended = true;
	if (r->is_cancelled && (status == 0 || status == 408 || status == 430))
		request_answer(r, 487, STR_NONE, STR_NONE,
			       "the caller cancelled");
	else if (status == 408 && !request_is(r, SIP_INVITE))
		TRACE_STEP(&r->tag, "answer",
			   "none: no 408 to a non-INVITE (RFC 4320 4.2)");
	else if (r->is_overloaded && status == 503)
		request_answer(r, 503, STR_NONE, STR("Retry-After: 5\r\n"),
			       "a limit of ours is reached");
	else if (status == 430 &&
		 (r->verdict.is_registered ||
		  (r->best.bytes.p == NULL && r->edge == NULL)))
		request_answer(r, 480, STR_NONE, STR_NONE,
			       "RFC 5626 11.5: 430 is not for endpoints");
	else if (status == 503 || status == 0)
		request_answer(r, 500, str_from(r->best.reason), STR_NONE,
			       "16.7 step 6: 503 is not passed on");
	else if (r->best.bytes.p != NULL)
		send_best_received(r);
	else
		request_answer(r, status, str_from(r->best.reason),
			       r->best.reason == sips_not_allowed ? sips_warning
								  : STR_NONE,
			       "no branch had a better answer");
}

/* Progress ----------------------------------------------------------------- */

void context_start(struct request *r, const struct plan *plan)
{
	struct stats *stats = r->proxy->env.stats;

	if (plan_leaves(plan) > r->conf->limits.max_branches) {
		stats_limit(stats, LIMIT_max_branches);
		request_reject(r, 500, STR("Too Many Branches"), STR_NONE,
			       "limits.max_branches is reached");
		return;
	}
	if (plan_width(plan) > r->breadth) {
		stats_limit(stats, LIMIT_max_breadth);
		request_reject(r, 440, STR_NONE, STR_NONE,
			       "RFC 5393 5.3.3: Max-Breadth is smaller than "
			       "the fork");
		return;
	}
	r->root = arena_zalloc(&r->arena, sizeof(*r->root));
	if (r->root == NULL || !fork_build(r, r->root, plan)) {
		request_reject(r, 503, STR_NONE, STR_NONE, "no memory");
		return;
	}
	r->n_pending++; /* hold it while it starts */
	fork_start(r, r->root, r->breadth);
	r->n_pending--;
	context_trying(r);
	expect_trying(r);
	context_settle(r);
}

void context_branch_ended(struct request *r, struct fork *f)
{
	r->n_pending++; /* hold it while the next one starts */
	fork_ended(r, f);
	r->n_pending--;
	context_settle(r);
}

void context_cancel_others(struct request *r, const struct branch *but,
			   struct str reason_field)
{
	struct list *it, *tmp;

	r->n_pending++;
	LIST_FOREACH(it, tmp, &r->branches) {
		struct branch *b = LIST_ENTRY(it, struct branch, link);

		if (b != but && !b->is_ended)
			branch_cancel(b, reason_field);
	}
	r->n_pending--;
}

/* 16.10: the caller's CANCEL ends the search; Reason goes with it (RFC 3326).
 */
void context_cancel(struct request *r, struct str reason_field)
{
	if (r->is_final_sent || r->is_cancelled)
		return;
	r->is_cancelled = true;
	r->is_ended = true;
	context_cancel_others(r, NULL, reason_field);
	context_settle(r);
}

/* Further 2xx pass for 64*T1 (RFC 6026): a few bytes see to that, the request
 * itself goes. */
static void keep_accepted(struct request *r)
{
	struct accepted *a = NULL;
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &r->branches) {
		struct branch *b = LIST_ENTRY(it, struct branch, link);

		if (!b->is_accepted || b->txn == NULL || r->txn == NULL)
			continue;
		if (a == NULL)
			a = accepted_new(r);
		if (a == NULL)
			return; /* no memory: they are absorbed */
		accepted_add(a, b->txn);
		b->txn = NULL;
	}
	if (a != NULL)
		r->txn = NULL;
}

static void finish(void *what)
{
	struct request *r = what;

	keep_accepted(r);
	request_free(r);
}

void context_settle(struct request *r)
{
	if (r->is_finished || r->n_pending > 0)
		return;
	if (!r->is_final_sent)
		send_best(r);
	r->is_finished = true;
	loop_defer(r->proxy->env.loop, finish, r);
}
