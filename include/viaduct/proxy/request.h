/*
 * A request on its way through the proxy: the received message, what has been
 * decided about it so far, and its response context (RFC 3261 section 16.2).
 *
 * Steps are functions over a request. Each looks at the request, records its
 * decision in the trace, and says how to go on. auth, registrar and routing
 * plug in here and do not know each other.
 */
#ifndef VIADUCT_PROXY_REQUEST_H
#define VIADUCT_PROXY_REQUEST_H

#include "viaduct/loop/timer.h"
#include "viaduct/proxy/conf.h"
#include "viaduct/sip/edit.h"
#include "viaduct/transport/hop.h"
#include "viaduct/util/list.h"
#include "viaduct/util/log.h"

struct proxy;
struct branch;
struct server_txn;
struct conf_use;
struct locate;

enum { CONSUMED_MAX = 4 };

enum caller {
	CALLER_ANONYMOUS,
	CALLER_TRUSTED,       /* the sender is in `trust` */
	CALLER_AUTHENTICATED, /* good credentials for a realm of ours */
};

const char *caller_name(enum caller c);

/* Where a request goes: a tree of URIs. Immutable; part of the configuration or
 * of the request's arena. */
struct plan {
	enum { PLAN_LEAF, PLAN_PARALLEL, PLAN_SEQUENTIAL } kind;
	struct str uri;      /* leaf: the new Request-URI; empty: as it is */
	struct str next_hop; /* leaf: send it there; empty: Route or URI */
	struct str path;     /* leaf: Path values of the contact, which become
			      * Route values (RFC 3327 5.3); empty: none */
	const struct hop *flow; /* leaf: try this hop first; NULL: none */
	bool flow_only;         /* leaf: and nothing else */
	bool recurse;           /* leaf: follow a 3xx (16.5) */
	bool is_one_phone;   /* sequential: ways to one phone; the next one only
			      * after 408 or 430 (RFC 5626 section 7) */
	uint32_t timeout_ms; /* a set: how long it may take; 0: no limit */
	const struct plan *children;
	size_t n_children;
};

/* What the rules decided. */
struct verdict {
	enum {
		VERDICT_NONE,
		VERDICT_FORWARD,
		VERDICT_REDIRECT,
		VERDICT_REJECT,
		VERDICT_DROP,
		VERDICT_REGISTER,   /* this is a REGISTER for us */
		VERDICT_REGISTERED, /* to the contacts of the Request-URI */
	} kind;
	bool needs_user;         /* not for anonymous callers */
	bool is_registered;      /* forward: to contacts of a user of ours */
	struct str route;        /* name of the route that decided */
	struct str reason;       /* empty: the standard phrase */
	unsigned status;         /* reject, redirect */
	uint32_t retry_after_s;  /* reject; 0: no Retry-After */
	const struct plan *plan; /* forward; redirect: its leaves' URIs */
};

/* A node of the response context's tree, one per plan node. */
struct fork {
	const struct plan *plan;
	struct fork *parent;
	struct fork *children;
	size_t n_children;
	size_t next;       /* sequential: the child to start next */
	size_t n_pending;  /* children that have not ended */
	uint32_t breadth;  /* Max-Breadth that it may use (RFC 5393 5.3.3) */
	bool is_over;      /* it has ended, or its time is over */
	bool has_answered; /* its last leaf: with a final response that was
			    * neither 408 nor 430 */
	struct fork_timer *timer; /* NULL: it has no limit */
};

/* The best final response so far (16.7 step 6); bytes in the arena, or status
 * alone for an outcome of our own. */
struct best {
	unsigned status;             /* 0: none */
	unsigned identity_forbidden; /* as in struct request */
	struct str bytes;
	const char *reason; /* of an outcome of our own */
};

/* A dialog as the token in our Record-Route tells it. */
struct dialog {
	enum caller caller;     /* class of who began it */
	bool is_from_initiator; /* this request comes from his side */
	bool was_from_ours;   /* anonymous, he said in From to be one of ours */
	struct hop near, far; /* his side, the other side */
	bool near_by_flow;    /* the side is reached by that hop alone, ... */
	bool far_by_flow;     /* ... whatever the Request-URI says */
};

struct request {
	struct proxy *proxy;
	struct conf_use *use;          /* holds the snapshot */
	const struct proxy_conf *conf; /* of that snapshot */
	struct arena arena;
	struct list link; /* in the proxy's list of open requests */

	struct sip_msg *msg;
	struct flow flow;
	struct server_txn *txn; /* NULL: an ACK, or not begun */
	unsigned step;          /* the one that runs or waits */
	struct trace_tag tag;

	/* after preprocessing (16.4) */
	const struct sip_uri *uri;      /* the Request-URI to go on with */
	unsigned n_routes_popped;       /* of the received Route values */
	unsigned n_routes_dropped_last; /* strict router before us: 0 or 1 */
	struct str route;   /* topmost Route value that remains; p NULL */
	struct str via_fix; /* top Via value with received and rport */

	enum caller caller;
	bool is_sender_trusted;          /* whatever else he shows */
	uint16_t consumed[CONSUMED_MAX]; /* 1 + index of fields with credentials
					  * for realms of ours: they go no
					  * further (22.3) */
	bool is_local;                   /* the Request-URI's domain is ours */
	bool is_to_us;           /* ... and has no user: the proxy itself */
	struct dialog *dialog;   /* NULL: not inside a dialog of ours */
	const struct plan *edge; /* our Route named a flow: by that; or NULL */
	struct verdict verdict;

	struct timer trying;   /* RFC 4320: 100 to a non-INVITE */
	struct locate *locate; /* an ACK's search for its next hop */

	/* response context */
	struct fork *root;
	struct list branches; /* struct branch, all that were made */
	unsigned n_branches, n_pending;
	uint32_t breadth;
	struct best best;
	unsigned identity_forbidden; /* of the response that is being handled */
	struct str challenges; /* WWW- and Proxy-Authenticate of all branches */
	bool is_final_sent;
	bool is_2xx;       /* that final, or one that was forwarded, is a 2xx */
	bool is_cancelled; /* by the caller */
	bool is_ended;     /* no new branches: 2xx, 6xx or CANCEL */
	bool is_trying_sent;
	bool is_overloaded; /* a branch failed by a limit of our own */
	bool is_finished;   /* waits only to be freed */
};

enum step_result {
	STEP_NEXT,
	STEP_WAIT, /* request_resume() will be called */
	STEP_DONE, /* it was answered, dropped or handed to the context */
};

struct proxy_step {
	const char *name;
	enum step_result (*run)(struct request *r);
};

/* The steps of the core, to be put into a table with others between them. */
enum step_result step_limits(struct request *r);
enum step_result step_validate(struct request *r);
enum step_result step_preprocess(struct request *r);
enum step_result step_self(struct request *r);
enum step_result step_targets(struct request *r);
enum step_result step_forward(struct request *r);

/* A waiting step is done; go on with the next one. */
void request_resume(struct request *r);

/*
 * Answer with a response of our own and end the request. reason: empty for the
 * standard phrase; extra: whole header fields or empty. why goes to the trace.
 * An ACK is never answered: it is dropped.
 */
void request_reject(struct request *r, unsigned status, struct str reason,
		    struct str extra, const char *why);

/* Forget it without an answer. */
void request_drop(struct request *r, const char *why);

/* Is this host (with port, 0: none) one of our domains, or the address of a
 * listener of ours? */
bool request_host_is_local(const struct request *r, struct str host,
			   uint16_t port);

/* The domain of a local host: by its name or an alias; an address of ours
 * belongs to the first one. NULL: there are no domains. */
const struct domain *request_domain(const struct request *r, struct str host);

/* Does Supported have this tag? */
bool request_supports(const struct request *r, struct str tag);

/* Does it come straight from a phone, by its only Via? */
bool request_is_first_hop(const struct request *r);

/* Such a phone's contact: is it reached only over the flow that the request
 * came by? WebSocket, and behind a NAT, unless the contact points elsewhere. */
bool request_needs_flow(const struct request *r, const struct sip_uri *contact);

/* The same request as it passed here before, from a sender who was known, while
 * its answer is still awaited: it comes back by way of another proxy (a
 * spiral). NULL: there is none. */
const struct request *request_before(const struct request *r);

/* The worker that it is on. */
struct proxy_env;
const struct proxy_env *request_env(const struct request *r);

#endif
