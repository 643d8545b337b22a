/*
 * An ACK that matches no transaction acknowledges a 2xx and is forwarded
 * without state (16.11, RFC 6026 section 8): one copy, to the first hop, never
 * answered.
 */
#include "proxy/proxy_priv.h"

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/put.h"

struct ack {
	struct request *r;
	struct target target;
};

/* Unique, and the same for a retransmission of the ACK (16.11 step 8). */
static size_t ack_branch(struct request *r, char *out)
{
	const struct sip_via *via = sip_msg_top_via(r->msg);
	struct put p = put_into(out, TXN_BRANCH_MAX);
	struct hash_state h;

	hash_start(&h, hash_process_key());
	hash_add(&h, via->text);
	hash_add(&h, r->tag.call_id);
	put_str(&p, STR("z9hG4bKack"));
	put_hex64(&p, hash_end(&h));
	return put_done(&p).len;
}

static void send_to(struct request *r, const struct target *t,
		    const struct hop *hop)
{
	struct proxy *p = r->proxy;
	char branch[TXN_BRANCH_MAX];
	struct outgoing o = {
		.uri = t->uri,
		.hop = hop,
		.branch = {branch, ack_branch(r, branch)},
		.breadth = r->breadth,
		.displaced = t->displaced,
		.path = t->path,
		.is_sips = t->is_sips,
	};
	struct buf *b = forward_print(r, &o);
	int err;

	if (b == NULL) {
		request_drop(r, "no memory, or no address to send from");
		return;
	}
	proxy_trace_out(p, r->tag, hop, b);
	err = transport_send(p->env.transport, hop, b, NULL);
	buf_unref(b);
	if (err != 0) {
		stats_add(p->env.stats, STAT_send_errors, 1);
		request_drop(r, "the ACK cannot be sent");
		return;
	}
	TRACE_STEP(&r->tag, "forward",
		   "ACK to a 2xx forwarded without state (16.11)");
	request_end(r);
}

/* The first hop that has a listener to send from. */
static void send_to_located(void *arg)
{
	struct ack *a = arg;
	struct locate_hop found;
	struct hop hop;
	int err;

	while ((err = locate_next(a->r->locate, &found)) == 0) {
		if (forward_hop(a->r, &a->target.next.host, &found, &hop) != 0)
			continue;
		send_to(a->r, &a->target, &hop);
		return;
	}
	if (err == VD_EAGAIN)
		return;
	request_drop(a->r, "no next hop for this ACK");
}

/* As branches do: never in the clear what is for sips, and over TLS only to who
 * has the right certificate. */
static void send_bound(struct ack *a, const struct hop *to)
{
	struct hop hop = *to;

	if (a->target.is_secure && !sip_transport_is_tls(hop.transport)) {
		request_drop(a->r, "sips, and its hop is not by TLS");
		return;
	}
	if (hop.domain == NULL)
		hop.domain = &a->target.next.host;
	send_to(a->r, &a->target, &hop);
}

static const struct plan *first_leaf(const struct plan *plan)
{
	while (plan->kind != PLAN_LEAF)
		plan = &plan->children[0];
	return plan;
}

void ack_forward(struct request *r)
{
	const struct plan *leaf = first_leaf(r->verdict.plan);
	struct bound bound = forward_bound(r, leaf);
	struct ack *a = arena_zalloc(&r->arena, sizeof(*a));

	if (a == NULL) {
		request_drop(r, "no memory");
		return;
	}
	a->r = r;
	if (forward_target(r, leaf, &a->target) != 0) {
		request_drop(r, "the ACK's next hop is no sip URI");
		return;
	}
	if (a->target.is_sips_lost) {
		request_drop(r, "sips was asked for, and the target is not");
		return;
	}
	if (bound.hop != NULL && bound.is_only) {
		send_bound(a, bound.hop);
		return;
	}
	if (forward_locate(r, &a->target, send_to_located, a, &r->locate) !=
	    0) {
		request_drop(r, "the ACK's next hop cannot be looked up");
		return;
	}
	send_to_located(a);
}
