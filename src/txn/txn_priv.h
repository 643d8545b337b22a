/* What the files of src/txn share: a transaction's body, the machines, the
 * table, and the work that waits for the end of a turn. */
#ifndef VIADUCT_TXN_PRIV_H
#define VIADUCT_TXN_PRIV_H

#include "viaduct/txn/txn.h"
#include "viaduct/util/err.h"

enum txn_state {
	ST_NEW, /* a client that has not sent yet */
	ST_CALLING,
	ST_TRYING,
	ST_PROCEEDING,
	ST_COMPLETED,
	ST_CONFIRMED,
	ST_ACCEPTED,
	ST_TERMINATED,
	ST_COUNT,
};

/* Bits, so that one row may name several. */
enum txn_event {
	EV_START = 1 << 0, /* client: the owner sends the request */
	EV_1XX = 1 << 1,   /* client: received; server: from the owner */
	EV_2XX = 1 << 2,
	EV_3XX_6XX = 1 << 3,
	EV_REQUEST = 1 << 4, /* server: a retransmission */
	EV_ACK = 1 << 5,
	EV_CANCEL = 1 << 6,    /* client: the owner cancels */
	EV_DETACH = 1 << 7,    /* the owner has let go */
	EV_TPORT_ERR = 1 << 8, /* a send failed, or ICMP says so */
	EV_CONN_LOST = 1 << 9, /* the connection it waits on is gone */
	EV_TIMER_A = 1 << 10,
	EV_TIMER_B = 1 << 11,
	EV_TIMER_D = 1 << 12,
	EV_TIMER_E = 1 << 13,
	EV_TIMER_F = 1 << 14,
	EV_TIMER_G = 1 << 15,
	EV_TIMER_H = 1 << 16,
	EV_TIMER_I = 1 << 17,
	EV_TIMER_J = 1 << 18,
	EV_TIMER_K = 1 << 19,
	EV_TIMER_L = 1 << 20,
	EV_TIMER_M = 1 << 21,
	EV_TIMER_487 = 1 << 22, /* cancelled, and no final response came */
	EV_FINAL = EV_2XX | EV_3XX_6XX,
};

enum {
	TXN_SEQ_BITS = 48,   /* of an id; above them the worker's number */
	TXN_BRANCH_LEN = 55, /* of every branch of ours */
};

#define TXN_SEQ_MASK ((UINT64_C(1) << TXN_SEQ_BITS) - 1)

struct txn;
struct txn_rule;

/* What came with an event; which members count depends on it. */
struct txn_input {
	struct buf *buf;     /* to be sent */
	struct sip_msg *msg; /* received */
	const struct flow *from;
};

struct txn_machine {
	const char *name;
	const struct txn_rule *rules;
	unsigned n_rules;
	bool is_client;
};

extern const struct txn_machine txn_ict;  /* INVITE client */
extern const struct txn_machine txn_nict; /* non-INVITE client */
extern const struct txn_machine txn_ist;  /* INVITE server */
extern const struct txn_machine txn_nist; /* non-INVITE server */

/* What the four machines share. One timer serves two: it is set to whichever
 * is due first, the next retransmission or the end of the state. */
struct txn {
	struct hash_node node; /* server: the key; client: the id */
	struct timer timer;
	struct txn_table *table;
	const struct txn_machine *machine;
	struct txn *next_todo;
	void *arg;        /* the owner's; NULL when detached */
	struct buf *last; /* what a retransmission sends; NULL: nothing */
	uint64_t id;
	uint64_t end_at_ms;
	struct txn_timers timers;
	uint32_t resend_ms; /* 0: no retransmissions */
	uint32_t due;       /* events for the end of this turn */
	uint32_t method;    /* txn_method_key() */
	int16_t err;        /* that goes with a due error */
	uint8_t state;
	uint8_t end_on;    /* bit number of the event at end_at_ms; 0: none */
	uint8_t resend_on; /* and of the one after resend_ms */
	bool is_todo;      /* in table->todo */
	bool is_held;      /* hop.conn is held */
	bool is_acked;     /* client: last is the ACK */
	bool is_cancelled; /* client: there is a CANCEL */
	bool has_1xx;      /* client */
	struct hop hop;
};

struct server_txn {
	struct txn txn;
	const struct server_txn_ops *ops;
	uint64_t check;       /* second half of the key */
	uint32_t request_tag; /* RFC 2543 matching: hashes of the To tags */
	uint32_t response_tag;
	uint32_t begun_ms; /* the lower half of the clock */
	bool is_2543;
};

struct client_txn {
	struct txn txn;
	const struct client_txn_ops *ops;
	struct client_txn *peer; /* INVITE: its CANCEL; CANCEL: its INVITE */
	struct list wait;        /* in the list of hop.conn */
};

#define CLIENT_OF(t) CONTAINER_OF(t, struct client_txn, txn)
#define SERVER_OF(t) CONTAINER_OF(t, struct server_txn, txn)

struct txn_table {
	struct txn_env env;
	struct hash_key branch_key;
	struct hash_table servers, clients;
	struct hash_table conns; /* struct conn_wait */
	struct txn *todo, **todo_tail;
	uint64_t next_seq;
	size_t n_open, n_lingering;
	bool is_deferred; /* txn_turn_end() will be called */
	bool is_freed;    /* and has only the table left to free */
};

/* table.c */
struct txn *txn_alloc(struct txn_table *table, const struct txn_machine *m,
		      const struct txn_timers *timers);
void txn_free(struct txn *t);
/* Let `events` (or the end) come to t at the end of this turn. */
void txn_todo(struct txn *t, uint32_t events);
void txn_fail_later(struct txn *t, uint32_t event, int err);

/* machine.c */
void txn_step(struct txn *t, uint32_t event, const struct txn_input *in);
void txn_terminate(struct txn *t);
uint32_t txn_event_of_status(unsigned status);
void txn_send(struct txn *t);
void txn_resend(struct txn *t);
void txn_timer_fired(struct timer *timer);

static inline bool txn_is_open(const struct txn *t)
{
	return t->state <= ST_PROCEEDING;
}

static inline bool txn_is_reliable(const struct txn *t)
{
	return sip_transport_is_stream(t->hop.transport);
}

/* conn.c: the connection that a transaction uses. */
void txn_use_conn(struct txn *t, struct conn_ref conn);
void txn_leave_conn(struct txn *t);

/* client.c: what the machines do to a client */
void client_tell(struct txn *t, const struct txn_input *in);
void client_acknowledge(struct txn *t, struct sip_msg *resp);
void client_send_cancel(struct txn *t);
void client_catch_up(struct txn *t);
void client_failed(struct txn *t, int err);
void client_ended(struct txn *t);

/* server.c */
void server_failed(struct txn *t, int err);
void server_ended(struct txn *t);

/* index.c */

/* Our own message, indexed; hdrs comes from mem and goes back with
 * txn_unindex(). Returns 0, VD_ENOMEM or VD_EINVAL. */
struct txn_indexed {
	struct sip_msg msg;
	struct sip_hdr *hdrs;
	size_t size;
};
int txn_index(struct mem *mem, const struct buf *b, struct txn_indexed *out);
void txn_unindex(struct mem *mem, struct txn_indexed *x);

/* One number for each method; unknown ones by a hash of the name. */
uint32_t txn_method_key(enum sip_method method, struct str name);

/* branch.c */

/* The transaction's id if this is a branch made with our secret. */
bool branch_read(const struct txn_table *t, struct str branch, uint64_t *id,
		 uint64_t *loop_hash);

/* Begins with the magic cookie, in any case, and goes on after it. */
bool branch_has_cookie(struct str branch);

#endif
