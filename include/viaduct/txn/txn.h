/*
 * Transactions: RFC 3261 section 17 as updated by RFC 6026. Four state
 * machines, written as tables; their timers; matching. One table per worker.
 *
 * A transaction outlives the call that used it by its last timer; then it holds
 * only what that timer needs (under 1 KiB).
 */
#ifndef VIADUCT_TXN_TXN_H
#define VIADUCT_TXN_TXN_H

#include "viaduct/loop/timer.h"
#include "viaduct/sip/edit.h"
#include "viaduct/transport/hop.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/stats.h"

struct txn_timers { /* milliseconds */
	uint32_t t1, t2, t4;
	uint32_t b; /* Timers B and F */
};

/* What the layer needs from below, handed to it, so that tests drive it with a
 * virtual clock and a list of sent messages. */
struct txn_env {
	struct timer_wheel *wheel;
	struct mem *mem;
	struct stats *stats;
	uint16_t worker;
	/* For the transaction with this id. Returns as transport_send(). */
	int (*send)(void *arg, uint64_t txn, const struct hop *to,
		    struct buf *b, struct conn_ref *used);
	/* Count an open transaction on a connection; may be NULL. */
	void (*hold)(void *arg, struct conn_ref conn, bool is_held);
	/* Run fn(what) at the end of this turn. */
	void (*defer)(void *arg, void (*fn)(void *what), void *what);
	void *arg;
};

struct txn_table;
struct server_txn;
struct client_txn;

/* secret: 16 bytes that authenticate our Via branches. env is copied. */
int txn_table_new(const struct txn_env *env, const uint8_t secret[16],
		  struct txn_table **out);
/* Ends all, without callbacks. What env.defer() was given must still run,
 * before env.mem goes. NULL allowed. */
void txn_table_free(struct txn_table *t);

/* Transactions that are open: a final response is still to come, or an INVITE
 * waits for it; and those that only wait for their last timer. */
size_t txn_n_open(const struct txn_table *t);
size_t txn_n_lingering(const struct txn_table *t);

/* Server transactions ------------------------------------------------------ */

/* What a request is matched by: branch and sent-by, or for RFC 2543 what it
 * says of itself. The method counts apart: ACK and CANCEL look for others. */
struct txn_key {
	uint64_t hash;
	uint64_t check; /* of another kind: both are equal for the same only */
	uint32_t method;
	uint32_t to_tag; /* RFC 2543 */
	bool is_2543;
	bool is_usable; /* false: no Via, or not the fields that stand for it */
};

/* Make the key of a request, whatever else is wrong with it; what the look-up
 * will need is fetched into the cache meanwhile. */
void txn_key_make(struct txn_table *t, struct sip_msg *req,
		  struct txn_key *key);

/* The transaction that a request belongs to (17.2.3, with the RFC 2543
 * fall-back; an ACK belongs to its INVITE). NULL: a new request, or an ACK to a
 * 2xx. */
struct server_txn *txn_find_server(struct txn_table *t, enum sip_method method,
				   const struct txn_key *key);

/* The transaction that a CANCEL is for (9.2): same branch and sent-by, any
 * method but ACK and CANCEL. NULL: none. */
struct server_txn *txn_find_cancelled(struct txn_table *t,
				      const struct txn_key *cancel);

struct server_txn_ops {
	/* Nobody acknowledged the final response (Timer H), or it could not be
	 * sent: err is VD_ETIMEOUT or what send() returned. May be NULL. */
	void (*on_failed)(void *arg, int err);
	/* The last call: the transaction is gone. May be NULL. */
	void (*on_ended)(void *arg);
};

/*
 * Begin. key: as txn_key_make() made it, copied; reply_to: where responses
 * go (18.2.2), copied. Returns 0, VD_ENOMEM or VD_EINVAL (not usable).
 */
int server_txn_new(struct txn_table *t, const struct txn_key *key,
		   const struct hop *reply_to, const struct txn_timers *timers,
		   const struct server_txn_ops *ops, void *arg,
		   struct server_txn **out);

/* A request that txn_find_server() matched: a retransmission is answered with
 * the last response, an ACK is absorbed. */
void server_txn_receive(struct server_txn *st, struct sip_msg *req);

/* Send a response; takes a reference of its own to b. After a 2xx to an INVITE
 * further 2xx may be sent (RFC 6026 section 7.1); any other second final
 * response is dropped. */
void server_txn_respond(struct server_txn *st, unsigned status, struct buf *b);

/* The owner lets go: no callback will run. The transaction goes on by itself
 * to its last timer; without a final response so far it ends at once. */
void server_txn_detach(struct server_txn *st);

/* Another owner takes over: its ops and arg from now on. */
void server_txn_set_owner(struct server_txn *st,
			  const struct server_txn_ops *ops, void *arg);

/* The owner's arg if these are its ops; NULL for another owner and for none. */
void *server_txn_arg(const struct server_txn *st,
		     const struct server_txn_ops *ops);
uint64_t server_txn_id(const struct server_txn *st); /* for the trace */

/* Client transactions ------------------------------------------------------ */

struct client_txn_ops {
	/* A response that the machine passes up: provisional, the first final,
	 * every 2xx to an INVITE while Accepted. msg is valid until it returns.
	 */
	void (*on_response)(void *arg, struct sip_msg *msg,
			    const struct flow *from);
	/* Timer B or F: VD_ETIMEOUT; ICMP, lost connection, failed send:
	 * VD_ECONN and the others of transport_send(). The transaction has
	 * ended; on_ended follows. Never called from client_txn_start(). */
	void (*on_failed)(void *arg, int err);
	/* The last call. */
	void (*on_ended)(void *arg);
};

enum {
	TXN_BRANCH_MAX = 64, /* bytes of a branch, terminator not counted */
};

/* Make one, so that its branch can go into the Via before the request is
 * printed. timers is copied. Returns 0 or VD_ENOMEM. */
int client_txn_new(struct txn_table *t, enum sip_method method,
		   const struct txn_timers *timers,
		   const struct client_txn_ops *ops, void *arg,
		   struct client_txn **out);

/*
 * Our Via branch: the magic cookie, the worker's number, index and generation
 * of the transaction, a loop-detection value (16.6 step 8, RFC 5393), all
 * authenticated. Writes to out (TXN_BRANCH_MAX bytes); returns the length.
 */
size_t client_txn_branch(const struct client_txn *ct, uint64_t loop_hash,
			 char *out);

/* A branch of this process? Tells the worker (ICMP payloads go there). */
bool txn_branch_worker(struct str branch, unsigned *worker);

/* A branch made by anybody with our secret (this daemon before a restart, too):
 * tells its loop value. The secret is per table, the same in all workers. */
bool txn_branch_loop(const struct txn_table *t, struct str branch,
		     uint64_t *loop_hash);

/*
 * Send the request (printed, our Via on top). Takes a reference of its own to
 * sent; hop is copied. A send that fails at once is reported through on_failed
 * at the end of the turn.
 */
void client_txn_start(struct client_txn *ct, const struct hop *hop,
		      struct buf *sent);

/*
 * Cancel an INVITE (9.1): now if a provisional response has come, else as soon
 * as one comes; nothing when a final response is there. extra: whole header
 * fields for the CANCEL (Reason), or empty; copied. The CANCEL's own
 * transaction lives and dies with this one.
 */
void client_txn_cancel(struct client_txn *ct, struct str extra);

/* The owner lets go: no callback will run; an INVITE goes on absorbing and
 * acknowledging responses until its last timer. */
void client_txn_detach(struct client_txn *ct);

void client_txn_set_owner(struct client_txn *ct,
			  const struct client_txn_ops *ops, void *arg);

/* The `arg` of the transaction that made this branch, if these are its owner's
 * ops; NULL: it is not one of ours, has ended, or is somebody else's. */
void *client_txn_owner(struct txn_table *t, struct str branch,
		       const struct client_txn_ops *ops);

const struct hop *client_txn_hop(const struct client_txn *ct);
bool client_txn_has_provisional(const struct client_txn *ct);
uint64_t client_txn_id(const struct client_txn *ct);

/* A response: find its transaction by our branch and CSeq method (17.1.3) and
 * run it. False: it matches none and is dropped (RFC 6026 section 8). */
bool txn_receive_response(struct txn_table *t, struct sip_msg *resp,
			  const struct flow *from);

/* ICMP: payload is the start of a request of ours. */
void txn_udp_error(struct txn_table *t, const union addr *remote, int err,
		   struct str payload);

/* A connection is gone: what waits on it fails. */
void txn_conn_closed(struct txn_table *t, struct conn_ref conn);

#endif
