/* Request forwarding, RFC 3261 section 16.6: what a copy of the request looks
 * like and where it is sent. */
#include "proxy/proxy_priv.h"

#include <endian.h>

#include "viaduct/util/err.h"
#include "viaduct/util/put.h"

/* Where to ----------------------------------------------------------------- */

/* The listeners that exist say over what we can send. */
static void set_abilities(struct transport_set *s, struct locate_target *t)
{
	for (unsigned i = 0; i < transport_n_listeners(s); i++) {
		const struct listener_conf *l = transport_listener(s, i);

		t->transports |= 1u << l->transport;
		if (addr_family(&l->addr) == AF_INET6)
			t->has_inet6 = true;
		else
			t->has_inet = true;
	}
}

/* Step 7: with a sips Request-URI as if the input were sips, too. */
int forward_locate(struct request *r, const struct target *to,
		   locate_ready_fn *ready, void *arg, struct locate **out)
{
	const struct sip_uri *uri = &to->next;
	struct locate_target t = {
		.host = uri->maddr.p != NULL ? uri->maddr : uri->host,
		.port = uri->port,
		.transport = uri->transport,
		.is_sips = to->is_secure,
	};

	set_abilities(r->proxy->env.transports, &t);
	return locate_start(r->proxy->env.resolver, &t, ready, arg, out);
}

static int parse_sip(struct str text, struct sip_uri *out)
{
	int err = sip_uri_parse(text, out);

	if (err != 0)
		return err;
	return out->scheme == SIP_SCHEME_SIP || out->scheme == SIP_SCHEME_SIPS
		       ? 0
		       : VD_EINVAL;
}

/* RFC 3327 section 5.3: the contact's Path becomes the route to it. */
static int target_by_path(const struct plan *leaf, struct target *out)
{
	struct str rest = leaf->path, first;
	struct sip_addr addr;

	out->path = leaf->path;
	if (!sip_value_split(&rest, &first) ||
	    sip_addr_parse(first, &addr) != 0)
		return VD_EINVAL;
	return parse_sip(addr.uri, &out->next);
}

/* Step 6 for a Path that begins with a strict router, though none should (RFC
 * 3327 section 4). */
static int obey_strict_path(struct request *r, struct target *t)
{
	struct str rest = t->path, first;

	sip_value_split(&rest, &first);
	t->path = arena_printf(&r->arena, "%.*s%s<%.*s>", STR_FMT(rest),
			       rest.len > 0 ? ", " : "", STR_FMT(t->uri));
	t->uri = sip_uri_for_request(&r->arena, &t->next);
	return t->path.p != NULL && t->uri.p != NULL ? 0 : VD_ENOMEM;
}

/* Steps 2, 6 and 7: policy first, then the topmost Route, then the URI. A
 * Route whose URI has no lr parameter is a strict router: its URI becomes the
 * Request-URI, and the Request-URI the last Route value. */
static int find_target(struct request *r, const struct plan *leaf,
		       struct target *out)
{
	struct sip_addr route;

	out->uri = leaf->uri.len != 0 ? leaf->uri
				      : sip_uri_for_request(&r->arena, r->uri);
	if (out->uri.p == NULL)
		return VD_ENOMEM;
	if (leaf->next_hop.len != 0)
		return parse_sip(leaf->next_hop, &out->next);
	if (leaf->path.len != 0)
		return target_by_path(leaf, out);
	if (r->route.p == NULL && leaf->uri.len == 0) {
		out->next = *r->uri; /* parsed, and known to be sip */
		return 0;
	}
	if (r->route.p == NULL)
		return parse_sip(out->uri, &out->next);
	if (sip_addr_parse(r->route, &route) != 0)
		return VD_EINVAL;
	if (parse_sip(route.uri, &out->next) != 0)
		return VD_EINVAL;
	if (!out->next.is_lr) {
		out->displaced = out->uri;
		out->uri = sip_uri_for_request(&r->arena, &out->next);
	}
	return 0;
}

int forward_target(struct request *r, const struct plan *leaf,
		   struct target *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = find_target(r, leaf, out);
	if (err != 0)
		return err;
	sips_apply(r, out);
	if (out->uri.p == NULL)
		return VD_ENOMEM;
	return out->path.len != 0 && !out->next.is_lr ? obey_strict_path(r, out)
						      : 0;
}

/* RFC 5922 section 7.3: a certificate must name the domain of the URI, whatever
 * the DNS (or maddr) has made of it. */
int forward_hop(struct request *r, const struct str *domain,
		const struct locate_hop *found, struct hop *out)
{
	int i = transport_choose(r->proxy->env.transports, found->transport,
				 addr_family(&found->addr), r->flow.listener);

	if (i < 0)
		return VD_EUNREACH;
	memset(out, 0, sizeof(*out));
	out->transport = found->transport;
	out->listener = (uint16_t)i;
	out->addr = found->addr;
	out->domain = domain;
	if (i == r->flow.listener)
		out->local = r->flow.local;
	return 0;
}

static bool is_gone(const struct request *r, const struct hop *flow)
{
	return sip_transport_is_stream(flow->transport) &&
	       !transport_is_live(r->proxy->env.transports, flow->conn);
}

/* Many may share its address; only one has its connection. It may come by a new
 * one when that has ended, and by datagrams always from another port: so NATs
 * forget their mappings, and so some phones send. */
static bool is_at(const struct request *r, const struct hop *side, bool by_flow)
{
	if (by_flow && sip_transport_is_stream(side->transport) &&
	    !is_gone(r, side))
		return conn_ref_eq(side->conn, r->flow.conn);
	return addr_ip_eq(&side->addr, &r->flow.remote);
}

/*
 * A Record-Route token is no licence to relay: whoever is not at the side that
 * he claims to be reaches only the other one, and so does always the side of an
 * anonymous caller who began the dialog.
 */
static const struct hop *pinned_hop(const struct request *r)
{
	const struct dialog *d = r->dialog;

	if (d == NULL || r->caller != CALLER_ANONYMOUS)
		return NULL;
	if (!d->is_from_initiator)
		return is_at(r, &d->far, d->far_by_flow) ? NULL : &d->near;
	if (d->caller != CALLER_ANONYMOUS &&
	    is_at(r, &d->near, d->near_by_flow))
		return NULL;
	return &d->far;
}

/* The side that a request goes to, if its flow is the only way there. */
static const struct hop *flow_side(const struct request *r)
{
	const struct dialog *d = r->dialog;

	if (d == NULL)
		return NULL;
	if (d->is_from_initiator)
		return d->far_by_flow ? &d->far : NULL;
	return d->near_by_flow ? &d->near : NULL;
}

/* A user of ours as Request-URI has been looked up, also inside a dialog: the
 * location service knows of a phone that has connected anew. */
struct bound forward_bound(const struct request *r, const struct plan *leaf)
{
	const struct hop *pinned = pinned_hop(r), *side = flow_side(r);
	bool is_free = r->route.p == NULL && leaf->uri.len == 0 &&
		       leaf->next_hop.len == 0;

	if (side != NULL && side == pinned)
		is_free = leaf->flow == NULL || !is_gone(r, side);
	if (side != NULL && is_free)
		return (struct bound){side, true, true};
	if (pinned != NULL && pinned != side)
		return (struct bound){pinned, false, true};
	return (struct bound){leaf->flow, leaf->flow != NULL, leaf->flow_only};
}

/* What it carries ---------------------------------------------------------- */

/* A sum over texts and their lengths. Nobody gains by making two requests equal
 * here, both of them his own: no need for a keyed hash. */
static uint64_t sum_add(uint64_t sum, struct str s)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t word;

	sum = (sum + s.len + 1) * odd;
	for (; s.len >= sizeof(word); s = str_skip(s, sizeof(word))) {
		memcpy(&word, s.p, sizeof(word));
		sum = (sum ^ sum >> 32 ^ le64toh(word)) * odd;
	}
	if (s.len != 0) {
		word = 0;
		memcpy(&word, s.p, s.len);
		sum = (sum ^ sum >> 32 ^ le64toh(word)) * odd;
	}
	return sum ^ sum >> 32;
}

/* All of a kind; their number separates them from the next kind's. */
static uint64_t sum_add_fields(uint64_t sum, const struct sip_msg *msg,
			       enum sip_hdr_id id)
{
	const struct sip_hdr *h;

	for (h = sip_msg_first(msg, id); h != NULL; h = sip_msg_next(msg, h))
		sum = sum_add(sum, sip_hdr_value(msg, h));
	return sum_add(sum + msg->count[id], STR_NONE);
}

/* The value must survive a restart; the branch that holds it is authenticated.
 */
uint64_t forward_loop_hash(struct request *r)
{
	uint64_t sum = sip_msg_cseq(r->msg)->number;

	sum = sum_add(sum, r->msg->uri_text);
	sum = sum_add(sum, sip_msg_call_id(r->msg));
	sum = sum_add(sum, sip_msg_from(r->msg)->tag);
	sum = sum_add(sum, sip_msg_to(r->msg)->tag);
	sum = sum_add_fields(sum, r->msg, SIP_HDR_ROUTE);
	sum = sum_add_fields(sum, r->msg, SIP_HDR_PROXY_REQUIRE);
	return sum_add_fields(sum, r->msg, SIP_HDR_PROXY_AUTHORIZATION);
}

enum { NUMBER_MAX = 40 }; /* a short field with a number */

static struct str number_field(char text[NUMBER_MAX], struct str name,
			       uint64_t n)
{
	struct put p = put_into(text, NUMBER_MAX);

	put_str(&p, name);
	put_uint(&p, n);
	put_str(&p, STR("\r\n"));
	return put_done(&p);
}

static struct str number(char text[NUMBER_MAX], uint64_t n)
{
	struct put p = put_into(text, NUMBER_MAX);

	put_uint(&p, n);
	return put_done(&p);
}

/* Step 3. */
static void edit_max_forwards(struct request *r, struct sip_edits *e,
			      char text[NUMBER_MAX])
{
	const struct sip_hdr *h = sip_msg_first(r->msg, SIP_HDR_MAX_FORWARDS);
	uint32_t left = sip_msg_max_forwards(r->msg, 71);

	if (h == NULL)
		sip_edit_append(e, r->msg, STR("Max-Forwards: 70\r\n"));
	else
		sip_edit_value(e, h, number(text, left - 1));
}

/* RFC 5393 section 5.3.3: exactly one Max-Breadth goes out; two that come in
 * are refused as malformed. */
static void edit_max_breadth(struct request *r, struct sip_edits *e,
			     uint32_t breadth, char text[NUMBER_MAX])
{
	const struct sip_hdr *h = sip_msg_first(r->msg, SIP_HDR_MAX_BREADTH);

	if (h == NULL) {
		sip_edit_append(
			e, r->msg,
			number_field(text, STR("Max-Breadth: "), breadth));
		return;
	}
	sip_edit_value(e, h, number(text, breadth));
}

static bool forms_dialog(const struct request *r)
{
	switch (r->msg->method) {
	case SIP_INVITE:
	case SIP_SUBSCRIBE:
	case SIP_REFER:
		return true;
	case SIP_NOTIFY: /* RFC 6665 section 4.4.1: it makes the dialog; 4.3:
			  * not ours when the SUBSCRIBE's was not */
		return r->dialog != NULL;
	default:
		return false;
	}
}

static bool is_same_side(const struct request *r, const struct hop *hop)
{
	return hop->listener == r->flow.listener &&
	       (addr_family(&hop->local) == AF_UNSPEC ||
		addr_ip_eq(&hop->local, &r->flow.local));
}

/* RFC 5630 would not have transport=tls, but a sip URI says TLS in no other
 * way; a sips URI needs no such word. */
static const char *record_route_transport(const struct hop *side, bool is_sips)
{
	if (side->transport == SIP_UDP ||
	    (side->transport == SIP_TLS && is_sips))
		return NULL;
	return sip_transport_param(side->transport);
}

void forward_put_side(struct request *r, const struct hop *side, bool is_sips,
		      struct put *out)
{
	const char *transport = record_route_transport(side, is_sips);
	char scratch[ADDR_TEXT_MAX];

	put_str(out, ours_sent_by(r, side, scratch));
	if (transport != NULL) {
		put_str(out, STR(";transport="));
		put_str(out, str_from(transport));
	}
	put_str(out, STR(";lr"));
}

static void put_record_route(struct request *r, const struct hop *side,
			     bool is_sips, struct str token, struct put *out)
{
	put_str(out, is_sips ? STR("Record-Route: <sips:")
			     : STR("Record-Route: <sip:"));
	forward_put_side(r, side, is_sips, out);
	put_str(out, STR(";"));
	put_str(out, token_param);
	put_str(out, STR("="));
	put_str(out, token);
	put_str(out, STR(">\r\n"));
}

/* Step 4; two values where transport, family or address change, so that each
 * side finds the address it can reach (RFC 5658 section 3.2). A caller who
 * says sips without TLS finds us where we have it. */
static void put_record_routes(struct request *r, const struct outgoing *o,
			      bool near_by_flow, struct put *out)
{
	const struct hop *hop = o->hop, in = hop_back(&r->flow);
	struct sides sides = {&in, hop, near_by_flow, o->is_by_flow};
	char text[TOKEN_TEXT_MAX];
	struct str token = {text, token_make(r->proxy, r, &sides, text)};

	put_record_route(r, hop, o->is_sips, token, out);
	if (!is_same_side(r, hop) &&
	    (!o->is_sips || sip_transport_is_tls(in.transport)))
		put_record_route(r, &in, o->is_sips, token, out);
}

/* Step 4: where one side is sips and the other is not TLS, or the other way
 * round, we must stay whatever is configured; and where nobody but us knows the
 * way to a side. */
static void edit_record_route(struct request *r, const struct outgoing *o,
			      struct sip_edits *e, struct put *text)
{
	bool near_by_flow;

	if (!forms_dialog(r))
		return;
	near_by_flow = nat_is_by_flow(r);
	if (!r->conf->record_route && !near_by_flow && !o->is_by_flow &&
	    o->is_sips == sip_transport_is_tls(r->flow.transport))
		return;
	put_record_routes(r, o, near_by_flow, text);
	sip_edit_push(e, r->msg, SIP_HDR_RECORD_ROUTE, put_done(text));
}

/* The last Route value, unless it is one of the first `n_popped`, which have
 * gone already. */
static void remove_last_route(struct request *r, struct sip_edits *e,
			      unsigned n_popped)
{
	struct sip_values it, last = {0};
	unsigned n = 0;

	for (sip_values_start(&it, r->msg, SIP_HDR_ROUTE); sip_values_next(&it);
	     n++)
		last = it;
	if (n > n_popped)
		sip_edit_remove_value(e, &last);
}

static void push_path(struct request *r, struct sip_edits *e, struct str path)
{
	struct str field =
		arena_printf(&r->arena, "Route: %.*s\r\n", STR_FMT(path));

	if (field.p != NULL)
		sip_edit_push(e, r->msg, SIP_HDR_ROUTE, field);
	else
		e->failed = true;
}

/* Behind all others. */
static void append_displaced(struct request *r, struct sip_edits *e,
			     struct str uri)
{
	struct str field =
		arena_printf(&r->arena, "Route: <%.*s>\r\n", STR_FMT(uri));
	const struct sip_hdr *h, *last = NULL;

	for (h = sip_msg_first(r->msg, SIP_HDR_ROUTE); h != NULL;
	     h = sip_msg_next(r->msg, h))
		last = h;
	if (last != NULL && field.p != NULL)
		sip_edit_replace(e, last->end, 0, field);
	else
		e->failed = true;
}

/* Step 6, first half, and what 16.4 took away. */
static void edit_routes(struct request *r, struct sip_edits *e,
			const struct outgoing *o)
{
	unsigned pop = r->n_routes_popped + (o->displaced.len != 0 ? 1 : 0);

	if (pop > 0)
		sip_edit_pop(e, r->msg, SIP_HDR_ROUTE, pop);
	if (r->n_routes_dropped_last != 0)
		remove_last_route(r, e, pop);
	if (o->path.len != 0)
		push_path(r, e, o->path);
	if (o->displaced.len != 0)
		append_displaced(r, e, o->displaced);
}

/* 22.3: credentials that were for us go no further. */
static void edit_credentials(struct request *r, struct sip_edits *e)
{
	for (size_t i = 0; i < CONSUMED_MAX && r->consumed[i] != 0; i++)
		sip_edit_remove(e, &r->msg->hdrs[r->consumed[i] - 1]);
}

static void edit_identity(struct request *r, struct sip_edits *e,
			  const struct hop *to)
{
	unsigned forbidden = identity_forbidden(
		r->conf, r->msg, r->is_sender_trusted, &to->addr);

	if (forbidden != 0)
		identity_edit(e, r->msg, forbidden);
}

/* Step 9. */
static void edit_content_length(struct request *r, struct sip_edits *e,
				const struct outgoing *o, char text[NUMBER_MAX])
{
	if (sip_transport_is_stream(o->hop->transport) &&
	    sip_msg_first(r->msg, SIP_HDR_CONTENT_LENGTH) == NULL)
		sip_edit_append(e, r->msg,
				number_field(text, STR("Content-Length: "),
					     r->msg->body.len));
}

static void edit_received(struct request *r, struct sip_edits *e)
{
	if (r->via_fix.p == NULL)
		r->via_fix = reply_via_params(r->msg, &r->flow, &r->arena);
	if (r->via_fix.p == NULL)
		e->failed = true;
	else if (r->via_fix.len != 0)
		sip_edit_via_params(e, r->msg, r->via_fix);
}

/* Step 8. */
static void put_via(struct put *p, const struct outgoing *o, struct str sent_by)
{
	put_str(p, STR("Via: SIP/2.0/"));
	put_str(p, str_from(sip_transport_token(o->hop->transport)));
	put_str(p, STR(" "));
	put_str(p, sent_by);
	put_str(p, STR(";branch="));
	put_str(p, o->branch);
	put_str(p, STR("\r\n"));
}

struct buf *forward_print(struct request *r, const struct outgoing *o)
{
	char via_text[SENT_BY_MAX + TXN_BRANCH_MAX + 64];
	char rr_text[2 * (SENT_BY_MAX + TOKEN_TEXT_MAX + 64)];
	char path_text[SENT_BY_MAX + TOKEN_TEXT_MAX + 64];
	char forwards[NUMBER_MAX], breadth[NUMBER_MAX], length[NUMBER_MAX];
	char scratch[ADDR_TEXT_MAX];
	struct str sent_by = ours_sent_by(r, o->hop, scratch);
	struct put via = put_into(via_text, sizeof(via_text));
	struct put rr = put_into(rr_text, sizeof(rr_text));
	struct put path = put_into(path_text, sizeof(path_text));
	struct sip_edits e;

	if (sent_by.p == NULL)
		return NULL;
	sip_edits_init(&e, &r->arena);
	if (o->uri.p != r->msg->uri_text.p)
		sip_edit_uri(&e, r->msg, o->uri);
	sip_edit_version(&e, r->msg);
	put_via(&via, o, sent_by);
	sip_edit_push(&e, r->msg, SIP_HDR_VIA, put_done(&via));
	edit_record_route(r, o, &e, &rr);
	edge_edit_path(r, o, &e, &path);
	edit_received(r, &e);
	edit_max_forwards(r, &e, forwards);
	edit_max_breadth(r, &e, o->breadth, breadth);
	edit_routes(r, &e, o);
	edit_credentials(r, &e);
	edit_identity(r, &e, o->hop);
	edit_content_length(r, &e, o, length);
	return sip_edits_print(&e, r->msg, r->proxy->env.mem);
}
