/* What the sources of the proxy core share. */
#ifndef VIADUCT_PROXY_PROXY_PRIV_H
#define VIADUCT_PROXY_PROXY_PRIV_H

#include "viaduct/proxy/proxy.h"
#include "viaduct/util/mac.h"
#include "viaduct/util/put.h"

enum {
	TOKEN_TEXT_MAX = 120, /* a Record-Route token as text */
	TO_TAG_LEN = 18,      /* "vd" and 16 hexadecimal digits */
	UDP_SAFE_SIZE = 1300, /* RFC 3261 18.1.1: larger goes by TCP first */
	SENT_BY_MAX = 300,    /* host:port of a Via */
};

/* "host:port" of a listener as it stands in Via and Record-Route; len 0: the
 * address of the socket, which a wildcard listener knows only per hop. */
struct sent_by {
	size_t len;
	char text[SENT_BY_MAX];
};

/* One snapshot as one worker uses it: requests count here, not in the shared
 * counter, so that no cache line travels between workers. */
struct conf_use {
	struct snapshot *snapshot;
	struct sent_by *sent_by; /* by listener */
	unsigned n_requests;
	bool is_current;
};

void conf_use_free(struct conf_use *use, struct mem *mem);

struct proxy {
	struct proxy_env env;
	struct txn_table *txns;
	struct txn_key key; /* of the request that is being received */
	struct mac *mac;
	struct conf_use *use;
	struct sip_hdr *hdrs; /* scratch for indexing */
	unsigned n_hdrs;
	struct list requests;
	size_t n_requests;
	bool is_draining;
};

/* trace.c ------------------------------------------------------------------ */

/* A message that goes out: where from and to. */
void proxy_trace_out(struct proxy *p, struct trace_tag tag,
		     const struct hop *to, struct buf *b);
/* A response that came in, as far as it could be read; and why it ends here. */
void proxy_trace_response(const struct flow *from, const struct sip_msg *msg,
			  struct str bytes);
void proxy_trace_stray(const struct flow *from, const struct sip_msg *msg,
		       const char *why);

/* conf.c ------------------------------------------------------------------- */
struct sip_limits proxy_sip_limits(const struct proxy_conf *c);
struct txn_timers proxy_txn_timers(const struct proxy_conf *c);

/* nat.c -------------------------------------------------------------------- */

/* Is who sent this reached, inside the dialog that it begins, only over the
 * flow that it came by? */
bool nat_is_by_flow(const struct request *r);

/* limits.c ----------------------------------------------------------------- */

/* Count a request; false: its source had its share. */
bool source_limiter_allows(struct source_limiter *l, const union addr *a,
			   uint32_t per_second, uint64_t now_ms);

/* ours.c ------------------------------------------------------------------- */

/* Does the URI name this proxy: a listener, an advertised name, a domain? */
bool ours_is_uri(const struct request *r, const struct sip_uri *uri);
/* Does From say that it is one of ours, or what cannot be told from that? */
bool ours_is_from(const struct request *r);
/* Is it an address that we send from, whatever its port? */
bool ours_is_source(struct proxy *p, const union addr *source);
/* Is there a listener with TLS? */
bool ours_has_tls(struct transport_set *s);
/* One of our domains or their aliases, whatever the port. */
bool ours_is_domain(const struct proxy_conf *c, struct str host);

/* Set use->sent_by. 0 or VD_ENOMEM. */
int ours_prepare(struct proxy *p, const struct proxy_conf *c,
		 struct conf_use *use);

/* sent-by for what leaves by `hop`; p NULL: there is no address. scratch:
 * ADDR_TEXT_MAX bytes, which the result may point to. */
struct str ours_sent_by(const struct request *r, const struct hop *hop,
			char *scratch);

/* 18.1.2: is this the sent-by of a Via of ours? `from`: what brought it back.
 */
bool ours_is_sent_by(struct proxy *p, const struct flow *from,
		     const struct sip_via *via);

/* token.c ------------------------------------------------------------------ */

/* The sides of a dialog that a request begins, and how they are reached. */
struct sides {
	const struct hop *near, *far;
	bool near_by_flow, far_by_flow; /* as in struct dialog */
};
/* Make the token of a dialog that r begins. Returns the length of the text in
 * out (TOKEN_TEXT_MAX bytes). */
size_t token_make(struct proxy *p, const struct request *r,
		  const struct sides *sides, char *out);
/* Check a token against the request that carries it. */
bool token_check(struct proxy *p, struct sip_msg *msg, struct str text,
		 struct dialog *out);
/* The token of a flow alone, for Path (RFC 5626 section 5.2): out as above. */
size_t token_make_flow(struct proxy *p, const struct hop *flow, char *out);
bool token_check_flow(struct proxy *p, struct str text, struct hop *out);
extern const struct str token_param; /* the URI parameter that holds it */

/* reply.c ------------------------------------------------------------------ */

/* Where responses to a request go (18.2.2, RFC 3581). */
void reply_hop(struct sip_msg *msg, const struct flow *from, bool obey_maddr,
	       struct hop *out);
/* ";received=...;rport=..." that the top Via needs (18.2.1, RFC 3581 4). The
 * text is in the arena; empty: nothing; p NULL: no memory. */
struct str reply_via_params(struct sip_msg *msg, const struct flow *from,
			    struct arena *arena);
/* The To tag of our own answers: the same for each retransmission, so that the
 * ACK to a stateless answer is recognised. out: TO_TAG_LEN bytes. */
void reply_to_tag(struct sip_msg *msg, char *out);
/* A response of ours. NULL: no memory. */
struct buf *reply_print(struct proxy *p, const struct proxy_conf *c,
			struct sip_msg *msg, const struct flow *from,
			struct arena *arena, unsigned status, struct str reason,
			struct str extra);
/* Answer without a transaction. */
void reply_stateless(struct request *r, unsigned status, struct str reason,
		     struct str extra);

/* request.c ---------------------------------------------------------------- */

/* A request with the message copied and indexed; NULL: no memory. The message
 * may be bad: see msg->bad. */
struct request *request_new(struct proxy *p, const struct flow *from,
			    struct str bytes);
/* Is that address in `trust`? */
bool proxy_trusts_addr(const struct proxy_conf *c, const union addr *a);
/* Is who sent this in `trust`, by address or certificate? */
bool proxy_trusts(const struct proxy *p, const struct proxy_conf *c,
		  const struct flow *from);
void request_free(struct request *r);
void request_run(struct request *r); /* the steps, from r->step on */
bool request_is(const struct request *r, enum sip_method m);
/* Begin the server transaction; an ACK has none. False: no memory, and it was
 * answered. */
bool request_begin(struct request *r);
/* Does this field, Require or Proxy-Require, demand nothing that we lack? If it
 * does, the request is answered 420. */
bool request_is_understood(struct request *r, enum sip_hdr_id id,
			   const char *why);
/* Is Max-Forwards above 0? If not, the request is answered 483. */
bool request_has_forwards_left(struct request *r);
/* Send a response of our own and note it; the request goes on. */
void request_answer(struct request *r, unsigned status, struct str reason,
		    struct str extra, const char *why);
/* Nothing more is to be done about it, and no answer is due. */
void request_end(struct request *r);

/* forward.c ---------------------------------------------------------------- */

/* What one copy of the request carries (16.6). */
struct outgoing {
	struct str uri; /* Request-URI */
	const struct hop *hop;
	struct str branch; /* of our Via */
	struct str path;   /* as in struct target */
	uint32_t breadth;
	struct str displaced; /* as in struct target */
	bool is_sips;         /* as in struct target */
	bool is_by_flow;      /* the hop is the only way to who is there */
};
struct buf *forward_print(struct request *r, const struct outgoing *o);
/* The loop-detection value of a request (16.6 step 8, RFC 5393 4.2.1). */
uint64_t forward_loop_hash(struct request *r);
/* What a leaf of the plan asks for. */
struct target {
	struct str uri;       /* Request-URI of the copy (step 2) */
	struct str path;      /* Route values to push (RFC 3327); empty: none */
	struct sip_uri next;  /* the URI that leads to the next hop (step 7) */
	struct str displaced; /* the Request-URI that a strict router's took the
			       * place of, to be the last Route (step 6) */
	bool is_secure;       /* it must go over TLS */
	bool is_sips;         /* and our Record-Route must say so (step 4) */
	bool is_sips_lost;    /* sips was asked for, and this is not (RFC 5630
			       * section 5.3): it must not go there */
};
/* 0, VD_EINVAL (next hop or Route is no sip URI) or VD_ENOMEM. */
int forward_target(struct request *r, const struct plan *leaf,
		   struct target *out);
/* Choose listener and source for a hop that locate_next() gave, found for
 * `domain` (borrowed by the hop). 0 or VD_EUNREACH. */
int forward_hop(struct request *r, const struct str *domain,
		const struct locate_hop *found, struct hop *out);
/* Ask the resolver where that goes. Errors as locate_start(). */
int forward_locate(struct request *r, const struct target *to,
		   locate_ready_fn *ready, void *arg, struct locate **out);
/* The one hop that a request is bound to, whatever its Request-URI says. */
struct bound {
	const struct hop *hop; /* NULL: it goes where Route or URI say */
	bool is_flow;          /* a phone's flow, not just a recorded hop */
	bool is_only;          /* false: it is a first try, before the URI */
};
struct bound forward_bound(const struct request *r, const struct plan *leaf);

/* sips.c: what sips, or its absence, makes of a target. */
void sips_apply(struct request *r, struct target *t);
bool sips_is(struct str uri);
extern const char sips_not_allowed[]; /* the reason of a 480 ... */
extern const struct str sips_warning; /* ... and the field that goes with it */

/* How who is on this side finds us: "host:port;transport=tcp;lr". */
void forward_put_side(struct request *r, const struct hop *side, bool is_sips,
		      struct put *out);

/* edge.c: a phone whose registrar is elsewhere. */

/* A REGISTER that comes straight from it gets a Path with its flow. */
void edge_edit_path(struct request *r, const struct outgoing *o,
		    struct sip_edits *e, struct put *text);
/* A Route value of ours: one that such a Path became decides where the request
 * goes, r->edge. False: it was refused. */
bool edge_take_route(struct request *r, const struct sip_uri *uri);

/* ack.c: an ACK that matches no transaction. */
void ack_forward(struct request *r);

/* context.c ---------------------------------------------------------------- */

void context_start(struct request *r, const struct plan *plan);
/* The caller's CANCEL; reason_field: its Reason fields, whole, or empty. */
void context_cancel(struct request *r, struct str reason_field);
/* A branch has ended without a 2xx; its outcome is in r->best. */
void context_branch_ended(struct request *r, struct fork *f);
/* Note a final response (or an outcome of our own, msg NULL) as candidate. */
void context_offer(struct request *r, struct sip_msg *msg, unsigned status,
		   const char *reason);
void context_provisional(struct request *r, struct sip_msg *msg);
/* False: it could not be passed on, and has changed nothing. */
bool context_success(struct request *r, struct branch *from,
		     struct sip_msg *msg);
/* Cancel every pending branch but one (may be NULL). */
void context_cancel_others(struct request *r, const struct branch *but,
			   struct str reason_field);
void context_trying(struct request *r); /* 100, once, for an INVITE */
/* Free the request when nothing is pending any more. */
void context_settle(struct request *r);

/* fork.c ------------------------------------------------------------------- */

/* Leaves of a plan, and how many of them may run at the same time. */
unsigned plan_leaves(const struct plan *plan);
unsigned plan_width(const struct plan *plan);

/* Make the nodes of a plan below f. False: no memory. */
bool fork_build(struct request *r, struct fork *f, const struct plan *plan);
void fork_start(struct request *r, struct fork *f, uint32_t breadth);
/* f (a leaf's branch) has ended: start what comes next. */
void fork_ended(struct request *r, struct fork *f);
/* Stop all timers at and below f. */
void fork_stop(struct request *r, struct fork *f);
/* A 3xx to the leaf f: put the targets that it names below f, to be started.
 * False: none are new, or they are not wanted. */
bool fork_redirect(struct request *r, struct fork *f, struct sip_msg *msg);

/* best.c: true if `status` is a better final response than `than` (16.7
 * step 6) to a request of this method. */
bool best_is_better(enum sip_method method, unsigned status, unsigned than);

/* branch.c ----------------------------------------------------------------- */

struct branch {
	struct list link;
	struct request *r;
	struct fork *fork;
	struct str uri;       /* the Request-URI it carries */
	struct str displaced; /* as in struct target */
	struct str path;      /* as in struct target */
	struct str domain;    /* of the URI that leads to the next hop */
	struct locate *locate;
	struct locate_hop found;
	struct client_txn *txn;
	struct timer timer;     /* Timer C (16.6 step 11), then the wait for the
				 * answer to our CANCEL */
	struct timer tcp_timer; /* patience with a connect for size alone */
	unsigned number;
	int last_err;       /* why the last hop failed */
	struct bound bound; /* hop NULL: it goes to `found` */
	bool is_secure;     /* as in struct target */
	bool is_sips;       /* as in struct target */
	bool is_size_tcp;   /* by TCP only because of its size: UDP is next */
	bool is_cancelled;
	bool is_accepted; /* a 2xx came; txn waits for more of them */
	bool is_ended;
};

/* Begin one: false when the request's bounds do not allow it. */
void branch_start(struct request *r, struct fork *f);
void branch_cancel(struct branch *b, struct str reason_field);
/* The request that waits for an answer to this branch; NULL: none does. */
const struct request *branch_request(struct proxy *p, struct str branch);
void branch_free(struct branch *b); /* lets go of what it holds */

/* accepted.c: further 2xx after the context is gone (RFC 6026 7.2). */
struct accepted;
struct accepted *accepted_new(const struct request *r);
void accepted_add(struct accepted *a, struct client_txn *ct);

/* 16.7 step 3: our Via is the only one. */
bool response_is_for_us(struct sip_msg *msg);

/* Pass a response on: our Via off, the rest as it came (16.7 steps 3, 9).
 * identity: what identity_forbidden_back() says. NULL: no memory, or there is
 * no further Via. */
struct buf *response_print(struct mem *mem, struct arena *arena,
			   struct sip_msg *msg, struct str extra,
			   unsigned identity);

/* identity.c: RFC 3325 ----------------------------------------------------- */

/* Which fields a request may not keep on its way to a hop: a set for
 * identity_edit(). One that has none of them costs a comparison. */
unsigned identity_forbidden(const struct proxy_conf *c,
			    const struct sip_msg *msg, bool is_from_trusted,
			    const union addr *to);
/* The same for a response on its way back to the sender of the request. */
unsigned identity_forbidden_back(const struct proxy *p,
				 const struct proxy_conf *c,
				 const struct sip_msg *msg,
				 const struct flow *from, bool is_to_trusted);
void identity_edit(struct sip_edits *e, const struct sip_msg *msg,
		   unsigned forbidden);

#endif
