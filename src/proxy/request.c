/* A request from its bytes to its last step. */
#include "proxy/proxy_priv.h"

#include "viaduct/util/err.h"

enum {
	ARENA_SLACK = 576, /* what deciding about a request usually takes */
};

const char *caller_name(enum caller c)
{
	static const char *const names[] = {"anonymous", "trusted",
					    "authenticated"};

	return names[c];
}

const struct proxy_env *request_env(const struct request *r)
{
	return &r->proxy->env;
}

bool request_is(const struct request *r, enum sip_method m)
{
	return r->msg->method == m;
}

bool proxy_trusts_addr(const struct proxy_conf *c, const union addr *a)
{
	const struct addr_net *nets = c->trust.v;

	for (size_t i = 0; i < c->trust.n; i++)
		if (addr_net_contains(&nets[i], a))
			return true;
	return false;
}

bool proxy_trusts(const struct proxy *p, const struct proxy_conf *c,
		  const struct flow *from)
{
	struct transport_set *s = p->env.transports;
	const struct str *names = c->trust_names.v;

	if (proxy_trusts_addr(c, &from->remote))
		return true;
	if (from->identity == 0)
		return false;
	for (size_t i = 0; i < c->trust_names.n; i++)
		if (transport_identity_is(s, from->identity, names[i]))
			return true;
	return false;
}

static void set_tag(struct request *r)
{
	char text[FLOW_TEXT_MAX];

	r->tag.call_id = sip_msg_call_id(r->msg);
	if (trace_is_on())
		r->tag.flow = arena_str(&r->arena, flow_print(&r->flow, text));
}

/* Index into the worker's scratch, then keep as many fields as there are. */
static bool index_message(struct request *r, struct str bytes)
{
	struct proxy *p = r->proxy;
	struct sip_limits limits = proxy_sip_limits(r->conf);
	size_t size;

	if (sip_msg_index(bytes, &limits, p->hdrs, r->msg) == 0) {
		if (r->msg->count[SIP_HDR_ROUTE] != 0)
			r->msg->route =
				arena_zalloc(&r->arena, sizeof(*r->msg->route));
		txn_key_make(p->txns, r->msg, &p->key);
		sip_msg_check(r->msg, &limits);
	}
	size = r->msg->n_hdrs * sizeof(*r->msg->hdrs);
	r->msg->hdrs = arena_alloc(&r->arena, size);
	if (r->msg->hdrs == NULL)
		return false;
	memcpy(r->msg->hdrs, p->hdrs, size);
	return true;
}

/* Known by the Via that we write, of an ACK too, and by where it comes from:
 * the name in it may be that of several nodes. */
static bool is_from_ourselves(struct request *r)
{
	const struct sip_via *via = sip_msg_top_via(r->msg);

	return via != NULL && ours_is_sent_by(r->proxy, &r->flow, via) &&
	       ours_is_source(r->proxy, &r->flow.remote);
}

/* A Contact, or a redirection, may lead to ourselves, and `trust` may name our
 * own address: whose Contact that is chose where it goes, and not who sent it.
 */
static enum caller class_of(struct request *r)
{
	return proxy_trusts(r->proxy, r->conf, &r->flow) &&
			       !is_from_ourselves(r)
		       ? CALLER_TRUSTED
		       : CALLER_ANONYMOUS;
}

struct request *request_new(struct proxy *p, const struct flow *from,
			    struct str bytes)
{
	struct arena arena;
	struct request *r;
	struct str copy;

	arena_init(&arena, p->env.mem);
	if (arena_reserve(&arena, sizeof(*r) + sizeof(struct sip_msg) +
					  bytes.len + ARENA_SLACK) != 0)
		return NULL;
	r = arena_zalloc(&arena, sizeof(*r));
	copy = arena_str(&arena, bytes);
	r->msg = arena_alloc(&arena, sizeof(*r->msg));
	r->arena = arena;
	r->proxy = p;
	r->conf = &p->use->snapshot->proxy;
	r->flow = *from;
	list_init(&r->link);
	list_init(&r->branches);
	if (!index_message(r, copy)) {
		arena_fini(&r->arena);
		return NULL;
	}
	r->caller = class_of(r);
	r->is_sender_trusted = r->caller == CALLER_TRUSTED;
	set_tag(r);
	r->use = p->use;
	r->use->n_requests++;
	list_add(&p->requests, &r->link);
	p->n_requests++;
	return r;
}

static void use_unref(struct conf_use *use, struct mem *mem)
{
	use->n_requests--;
	if (use->n_requests > 0 || use->is_current)
		return;
	conf_use_free(use, mem);
}

void request_free(struct request *r)
{
	struct proxy *p = r->proxy;
	struct list *it, *tmp;
	struct arena arena;

	LIST_FOREACH(it, tmp, &r->branches)
		branch_free(LIST_ENTRY(it, struct branch, link));
	locate_end(r->locate);
	if (r->root != NULL)
		fork_stop(r, r->root);
	timer_cancel(loop_wheel(p->env.loop), &r->trying);
	if (r->txn != NULL)
		server_txn_detach(r->txn);
	list_del(&r->link);
	p->n_requests--;
	use_unref(r->use, p->env.mem);
	arena = r->arena; /* the request lies in its own arena */
	arena_fini(&arena);
}

void request_run(struct request *r)
{
	const struct proxy_conf *c = r->conf;

	while (r->step < c->n_steps) {
		if (r->step == c->n_stateless && !request_begin(r))
			return;
		if (c->steps[r->step].run(r) != STEP_NEXT)
			return;
		r->step++;
	}
}

void request_resume(struct request *r)
{
	r->step++;
	request_run(r);
}

static void respond(struct request *r, unsigned status, struct str reason,
		    struct str extra)
{
	struct proxy *p = r->proxy;
	struct buf *b;

	if (r->txn == NULL) {
		reply_stateless(r, status, reason, extra);
		return;
	}
	b = reply_print(p, r->conf, r->msg, &r->flow, &r->arena, status, reason,
			extra);
	if (b == NULL) {
		stats_add(p->env.stats, STAT_refused_memory, 1);
		return;
	}
	server_txn_respond(r->txn, status, b);
	buf_unref(b);
}

void request_answer(struct request *r, unsigned status, struct str reason,
		    struct str extra, const char *why)
{
	TRACE_STEP(&r->tag, "answer", "%u: %s", status, why);
	r->is_final_sent = true;
	r->is_ended = true;
	respond(r, status, reason, extra);
}

void request_reject(struct request *r, unsigned status, struct str reason,
		    struct str extra, const char *why)
{
	if (request_is(r, SIP_ACK)) {
		request_drop(r, why);
		return;
	}
	if (!r->is_final_sent)
		request_answer(r, status, reason, extra, why);
	context_settle(r);
}

void request_end(struct request *r)
{
	r->is_final_sent = true;
	r->is_ended = true;
	context_settle(r);
}

void request_drop(struct request *r, const char *why)
{
	TRACE_STEP(&r->tag, "drop", "%s", why);
	request_end(r);
}
