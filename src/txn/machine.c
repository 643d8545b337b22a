/*
 * The four machines of RFC 3261 section 17 as RFC 6026 section 8 changes them:
 * one row per arrow of a figure. An event that has no row in a state is
 * ignored there.
 */
#include <assert.h>

#include "viaduct/util/log.h"
#include "txn/txn_priv.h"

/* Timers: RFC 3261 Table 4 and RFC 6026 section 8.11. */
enum timer_id {
	TIMER_A, /* INVITE request */
	TIMER_B, /* INVITE gives up */
	TIMER_D, /* responses that come again */
	TIMER_E, /* non-INVITE request */
	TIMER_E_PROCEEDING,
	TIMER_F, /* non-INVITE gives up */
	TIMER_G, /* INVITE response */
	TIMER_H, /* no ACK */
	TIMER_I, /* ACKs that come again */
	TIMER_J, /* requests that come again */
	TIMER_K, /* responses that come again */
	TIMER_L, /* INVITEs that come again after 2xx */
	TIMER_M, /* further 2xx */
	TIMER_487,
	TIMER_COUNT,
};

enum txn_action {
	DO_ARM_A = 1 << TIMER_A,
	DO_ARM_B = 1 << TIMER_B,
	DO_ARM_D = 1 << TIMER_D,
	DO_ARM_E = 1 << TIMER_E,
	DO_ARM_E_T2 = 1 << TIMER_E_PROCEEDING,
	DO_ARM_F = 1 << TIMER_F,
	DO_ARM_G = 1 << TIMER_G,
	DO_ARM_H = 1 << TIMER_H,
	DO_ARM_I = 1 << TIMER_I,
	DO_ARM_J = 1 << TIMER_J,
	DO_ARM_K = 1 << TIMER_K,
	DO_ARM_L = 1 << TIMER_L,
	DO_ARM_M = 1 << TIMER_M,
	DO_ARM_487 = 1 << TIMER_487,
	DO_ARM_ANY = (1 << TIMER_COUNT) - 1,
	DO_STOP = 1 << 16,     /* no timer runs any more */
	DO_SEND = 1 << 17,     /* what the owner gives, and remember it */
	DO_RESEND = 1 << 18,   /* what was sent last */
	DO_ACK = 1 << 19,      /* 17.1.1.3 */
	DO_CANCEL = 1 << 20,   /* let the CANCEL begin */
	DO_DROP = 1 << 21,     /* forget what was sent: nobody needs it now */
	DO_TRIM = 1 << 26,     /* most of it is not needed any more */
	DO_CATCH_UP = 1 << 22, /* what the owner asked for too early */
	DO_TELL = 1 << 23,
	DO_TELL_TIMEOUT = 1 << 24,
	DO_TELL_ERROR = 1 << 25,
};

struct txn_rule {
	uint32_t in, on, act, then;
};

/* clang-format off */

/*
 * INVITE client transaction: RFC 6026 Figure 5. Not in the figure: cancelling
 * (RFC 3261 section 9.1: 64*T1 after the CANCEL the INVITE is given up); a
 * connection lost while a peer rings, which nobody would ever tell us
 * otherwise; and an owner that has gone (as if cancelled).
 */
static const struct txn_rule ict_rules[] = {
	/* in           on                           do                                   then          */
	{ ST_NEW,        EV_START,                   DO_SEND | DO_ARM_A | DO_ARM_B,       ST_CALLING    },
	{ ST_NEW,        EV_DETACH,                  0,                                   ST_TERMINATED },
	{ ST_CALLING,    EV_TIMER_A,                 DO_RESEND | DO_ARM_A,                ST_CALLING    },
	{ ST_CALLING,    EV_TIMER_B,                 DO_TELL_TIMEOUT,                     ST_TERMINATED },
	{ ST_CALLING,    EV_TPORT_ERR|EV_CONN_LOST,  DO_TELL_ERROR,                       ST_TERMINATED },
	{ ST_CALLING,    EV_1XX,                     DO_STOP|DO_TRIM|DO_CATCH_UP|DO_TELL, ST_PROCEEDING },
	{ ST_CALLING,    EV_2XX,                     DO_DROP | DO_ARM_M | DO_TELL,        ST_ACCEPTED   },
	{ ST_CALLING,    EV_3XX_6XX,                 DO_ACK | DO_ARM_D | DO_TELL,         ST_COMPLETED  },
	{ ST_PROCEEDING, EV_1XX,                     DO_TELL,                             ST_PROCEEDING },
	{ ST_PROCEEDING, EV_2XX,                     DO_DROP | DO_ARM_M | DO_TELL,        ST_ACCEPTED   },
	{ ST_PROCEEDING, EV_3XX_6XX,                 DO_ACK | DO_ARM_D | DO_TELL,         ST_COMPLETED  },
	{ ST_PROCEEDING, EV_CANCEL,                  DO_CANCEL | DO_ARM_487,              ST_PROCEEDING },
	{ ST_PROCEEDING, EV_DETACH,                  DO_ARM_487,                          ST_PROCEEDING },
	{ ST_PROCEEDING, EV_TIMER_487,               DO_TELL_TIMEOUT,                     ST_TERMINATED },
	{ ST_PROCEEDING, EV_CONN_LOST,               DO_TELL_ERROR,                       ST_TERMINATED },
	{ ST_COMPLETED,  EV_3XX_6XX,                 DO_ACK,                              ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TPORT_ERR,               DO_TELL_ERROR,                       ST_TERMINATED },
	{ ST_COMPLETED,  EV_TIMER_D,                 0,                                   ST_TERMINATED },
	{ ST_ACCEPTED,   EV_2XX,                     DO_TELL,                             ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_TIMER_M,                 0,                                   ST_TERMINATED },
};

/* Non-INVITE client transaction: RFC 3261 Figure 6. */
static const struct txn_rule nict_rules[] = {
	/* in           on                           do                                   then          */
	{ ST_NEW,        EV_START,                   DO_SEND | DO_ARM_E | DO_ARM_F,       ST_TRYING     },
	{ ST_NEW,        EV_DETACH,                  0,                                   ST_TERMINATED },
	{ ST_TRYING,     EV_TIMER_E,                 DO_RESEND | DO_ARM_E,                ST_TRYING     },
	{ ST_TRYING,     EV_TIMER_F,                 DO_TELL_TIMEOUT,                     ST_TERMINATED },
	{ ST_TRYING,     EV_TPORT_ERR|EV_CONN_LOST,  DO_TELL_ERROR,                       ST_TERMINATED },
	{ ST_TRYING,     EV_1XX,                     DO_TELL,                             ST_PROCEEDING },
	{ ST_TRYING,     EV_FINAL,                   DO_DROP | DO_ARM_K | DO_TELL,        ST_COMPLETED  },
	{ ST_PROCEEDING, EV_TIMER_E,                 DO_RESEND | DO_ARM_E_T2,             ST_PROCEEDING },
	{ ST_PROCEEDING, EV_TIMER_F,                 DO_TELL_TIMEOUT,                     ST_TERMINATED },
	{ ST_PROCEEDING, EV_TPORT_ERR|EV_CONN_LOST,  DO_TELL_ERROR,                       ST_TERMINATED },
	{ ST_PROCEEDING, EV_1XX,                     DO_TELL,                             ST_PROCEEDING },
	{ ST_PROCEEDING, EV_FINAL,                   DO_DROP | DO_ARM_K | DO_TELL,        ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_K,                 0,                                   ST_TERMINATED },
};

/* INVITE server transaction: RFC 6026 Figure 7. An ACK in ACCEPTED never gets
 * here: it is the owner's, so txn_find_server() does not find it. */
static const struct txn_rule ist_rules[] = {
	/* in           on                           do                                   then          */
	{ ST_PROCEEDING, EV_REQUEST,                 DO_RESEND,                           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_1XX,                     DO_SEND,                             ST_PROCEEDING },
	{ ST_PROCEEDING, EV_2XX,                     DO_SEND | DO_DROP | DO_ARM_L,        ST_ACCEPTED   },
	{ ST_PROCEEDING, EV_3XX_6XX,                 DO_SEND | DO_ARM_G | DO_ARM_H,       ST_COMPLETED  },
	{ ST_PROCEEDING, EV_TPORT_ERR,               DO_TELL_ERROR,                       ST_PROCEEDING },
	{ ST_PROCEEDING, EV_DETACH,                  0,                                   ST_TERMINATED },
	{ ST_COMPLETED,  EV_REQUEST,                 DO_RESEND,                           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_G,                 DO_RESEND | DO_ARM_G,                ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_H,                 DO_TELL_TIMEOUT,                     ST_TERMINATED },
	{ ST_COMPLETED,  EV_TPORT_ERR,               DO_TELL_ERROR,                       ST_COMPLETED  },
	{ ST_COMPLETED,  EV_ACK,                     DO_DROP | DO_ARM_I,                  ST_CONFIRMED  },
	{ ST_CONFIRMED,  EV_TIMER_I,                 0,                                   ST_TERMINATED },
	{ ST_ACCEPTED,   EV_REQUEST,                 0,                                   ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_2XX,                     DO_SEND | DO_DROP,                   ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_TPORT_ERR,               DO_TELL_ERROR,                       ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_TIMER_L,                 0,                                   ST_TERMINATED },
};

/* Non-INVITE server transaction: RFC 3261 Figure 8; a transport error leaves
 * it where it is (17.2.4 as in RFC 6026 section 8.8). */
static const struct txn_rule nist_rules[] = {
	/* in           on                           do                                   then          */
	{ ST_TRYING,     EV_1XX,                     DO_SEND,                             ST_PROCEEDING },
	{ ST_TRYING,     EV_FINAL,                   DO_SEND | DO_ARM_J,                  ST_COMPLETED  },
	{ ST_TRYING,     EV_DETACH,                  0,                                   ST_TERMINATED },
	{ ST_PROCEEDING, EV_REQUEST,                 DO_RESEND,                           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_1XX,                     DO_SEND,                             ST_PROCEEDING },
	{ ST_PROCEEDING, EV_FINAL,                   DO_SEND | DO_ARM_J,                  ST_COMPLETED  },
	{ ST_PROCEEDING, EV_TPORT_ERR,               DO_TELL_ERROR,                       ST_PROCEEDING },
	{ ST_PROCEEDING, EV_DETACH,                  0,                                   ST_TERMINATED },
	{ ST_COMPLETED,  EV_REQUEST,                 DO_RESEND,                           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TPORT_ERR,               DO_TELL_ERROR,                       ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_J,                 0,                                   ST_TERMINATED },
};

enum delay { DOUBLING, DOUBLING_TO_T2, T2, GIVE_UP, T4, T1_64, T1_64_OR_32_S };
enum on_stream { SAME, AT_ONCE, NEVER };

static const struct timer_def {
	uint32_t fires;
	uint8_t is_resend; /* else the end of the state */
	uint8_t delay;
	uint8_t on_stream;
} timer_defs[TIMER_COUNT] = {
	[TIMER_A]            = { EV_TIMER_A,   true,  DOUBLING,       NEVER   },
	[TIMER_B]            = { EV_TIMER_B,   false, GIVE_UP,        SAME    },
	[TIMER_D]            = { EV_TIMER_D,   false, T1_64_OR_32_S,  AT_ONCE },
	[TIMER_E]            = { EV_TIMER_E,   true,  DOUBLING_TO_T2, NEVER   },
	[TIMER_E_PROCEEDING] = { EV_TIMER_E,   true,  T2,             NEVER   },
	[TIMER_F]            = { EV_TIMER_F,   false, GIVE_UP,        SAME    },
	[TIMER_G]            = { EV_TIMER_G,   true,  DOUBLING_TO_T2, NEVER   },
	[TIMER_H]            = { EV_TIMER_H,   false, T1_64,          SAME    },
	[TIMER_I]            = { EV_TIMER_I,   false, T4,             AT_ONCE },
	[TIMER_J]            = { EV_TIMER_J,   false, T1_64,          AT_ONCE },
	[TIMER_K]            = { EV_TIMER_K,   false, T4,             AT_ONCE },
	[TIMER_L]            = { EV_TIMER_L,   false, T1_64,          SAME    },
	[TIMER_M]            = { EV_TIMER_M,   false, T1_64,          SAME    },
	[TIMER_487]          = { EV_TIMER_487, false, T1_64,          SAME    },
};
/* clang-format on */

const struct txn_machine txn_ict = {"invite-client", ict_rules,
				    ARRAY_LEN(ict_rules), true};
const struct txn_machine txn_nict = {"client", nict_rules,
				     ARRAY_LEN(nict_rules), true};
const struct txn_machine txn_ist = {"invite-server", ist_rules,
				    ARRAY_LEN(ist_rules), false};
const struct txn_machine txn_nist = {"server", nist_rules,
				     ARRAY_LEN(nist_rules), false};

static const char *txn_state_name(unsigned state)
{
	static const char *const names[ST_COUNT] = {
		[ST_NEW] = "new",
		[ST_CALLING] = "calling",
		[ST_TRYING] = "trying",
		[ST_PROCEEDING] = "proceeding",
		[ST_COMPLETED] = "completed",
		[ST_CONFIRMED] = "confirmed",
		[ST_ACCEPTED] = "accepted",
		[ST_TERMINATED] = "terminated",
	};

	return names[state];
}

static const char *txn_event_name(uint32_t event)
{
	static const char *const names[] = {
		"start",   "1xx",     "2xx",       "3xx-6xx", "request",
		"ack",     "cancel",  "detach",    "error",   "connection",
		"timer_a", "timer_b", "timer_d",   "timer_e", "timer_f",
		"timer_g", "timer_h", "timer_i",   "timer_j", "timer_k",
		"timer_l", "timer_m", "timer_487",
	};

	return names[__builtin_ctz(event)];
}

uint32_t txn_event_of_status(unsigned status)
{
	if (status < 200)
		return EV_1XX;
	return status < 300 ? EV_2XX : EV_3XX_6XX;
}

/* Timers ------------------------------------------------------------------- */

static uint32_t doubled_ms(const struct txn *t, uint32_t cap_ms)
{
	uint32_t ms = t->resend_ms == 0 ? t->timers.t1 : t->resend_ms * 2;

	return ms < cap_ms ? ms : cap_ms;
}

static uint32_t delay_ms(const struct txn *t, enum delay delay)
{
	uint32_t t1_64_ms = 64 * t->timers.t1;

	switch (delay) {
	case DOUBLING:
		return doubled_ms(t, UINT32_MAX / 2);
	case DOUBLING_TO_T2:
		return doubled_ms(t, t->timers.t2);
	case T2:
		return t->timers.t2;
	case GIVE_UP:
		return t->timers.b;
	case T4:
		return t->timers.t4;
	case T1_64:
		return t1_64_ms;
	case T1_64_OR_32_S:
		return t1_64_ms > 32000 ? t1_64_ms : 32000;
	}
	return 0;
}

static void timer_arm_one(struct txn *t, const struct timer_def *def)
{
	bool is_reliable = txn_is_reliable(t);
	uint32_t ms = delay_ms(t, def->delay);

	if (is_reliable && def->on_stream == NEVER)
		return;
	if (is_reliable && def->on_stream == AT_ONCE)
		ms = 0;
	if (def->is_resend) {
		t->resend_on = (uint8_t)__builtin_ctz(def->fires);
		t->resend_ms = ms;
	} else {
		t->end_on = (uint8_t)__builtin_ctz(def->fires);
		t->end_at_ms = timer_wheel_now_ms(t->table->env.wheel) + ms;
	}
}

/* The timer runs until the next retransmission or the end of the state. */
static void timer_set(struct txn *t)
{
	struct timer_wheel *wheel = t->table->env.wheel;
	uint64_t ms = t->end_at_ms - timer_wheel_now_ms(wheel);

	if (ms == 0) {
		timer_cancel(wheel, &t->timer);
		txn_todo(t, UINT32_C(1) << t->end_on);
		return;
	}
	if (t->resend_ms != 0 && t->resend_ms < ms)
		ms = t->resend_ms;
	timer_arm(wheel, &t->timer, ms);
}

static void timers_stop(struct txn *t)
{
	t->resend_ms = 0;
	timer_cancel(t->table->env.wheel, &t->timer);
}

/* A new end of the state replaces what ran before it; a retransmission goes on
 * under the end that it has. */
static void timers_arm(struct txn *t, uint32_t arms)
{
	if ((arms & (DO_ARM_A | DO_ARM_E | DO_ARM_E_T2 | DO_ARM_G)) == 0)
		t->resend_ms = 0;
	for (; arms != 0; arms &= arms - 1)
		timer_arm_one(t, &timer_defs[__builtin_ctz(arms)]);
	timer_set(t);
}

void txn_timer_fired(struct timer *timer)
{
	static const struct txn_input nothing;
	struct txn *t = CONTAINER_OF(timer, struct txn, timer);
	uint64_t now_ms = timer_wheel_now_ms(t->table->env.wheel);
	unsigned on = now_ms >= t->end_at_ms ? t->end_on : t->resend_on;

	txn_step(t, UINT32_C(1) << on, &nothing);
}

/* Actions ------------------------------------------------------------------ */

static void last_set(struct txn *t, struct buf *b)
{
	buf_unref(t->last);
	t->last = b;
}

/* A call may ring for minutes: what goes is all that no ACK and no CANCEL is
 * made of. */
static void last_trim(struct txn *t)
{
	struct buf *b = sip_sent_trim(buf_str(t->last), t->table->env.mem);

	if (b != NULL)
		last_set(t, b);
}

void txn_send(struct txn *t)
{
	const struct txn_env *env = &t->table->env;
	struct conn_ref used = {0};
	int err;

	if (t->last == NULL)
		return;
	err = env->send(env->arg, t->id, &t->hop, t->last, &used);
	if (err != 0)
		txn_fail_later(t, EV_TPORT_ERR, err);
	else if (!conn_ref_is_none(used))
		txn_use_conn(t, used);
}

void txn_resend(struct txn *t)
{
	if (t->last == NULL)
		return;
	stats_add(t->table->env.stats, STAT_retransmissions, 1);
	txn_send(t);
}

static void txn_failed(struct txn *t, int err)
{
	if (t->machine->is_client)
		client_failed(t, err);
	else
		server_failed(t, err);
}

/* In this order: what the owner is told comes last, because the owner may then
 * do anything to this transaction. */
static void txn_do(struct txn *t, uint32_t act, const struct txn_input *in)
{
	if (act & DO_STOP)
		timers_stop(t);
	if (act & DO_SEND) {
		if (in->buf != NULL)
			last_set(t, buf_ref(in->buf));
		txn_send(t);
	}
	if (act & DO_RESEND)
		txn_resend(t);
	if (act & DO_ACK)
		client_acknowledge(t, in->msg);
	if (act & DO_CANCEL)
		client_send_cancel(t);
	if (act & DO_DROP)
		last_set(t, NULL);
	if (act & DO_TRIM)
		last_trim(t);
	if (act & DO_ARM_ANY)
		timers_arm(t, act & DO_ARM_ANY);
	if (act & DO_CATCH_UP)
		client_catch_up(t);
	if (act & DO_TELL)
		client_tell(t, in);
	if (act & DO_TELL_TIMEOUT)
		txn_failed(t, VD_ETIMEOUT);
	if (act & DO_TELL_ERROR)
		txn_failed(t, t->err);
}

/* Steps -------------------------------------------------------------------- */

static const struct txn_rule *rule_find(const struct txn *t, uint32_t event)
{
	const struct txn_rule *r = t->machine->rules;
	const struct txn_rule *end = r + t->machine->n_rules;

	for (; r < end; r++)
		if (r->in == t->state && (r->on & event) != 0)
			return r;
	return NULL;
}

static void txn_terminated(struct txn *t)
{
	struct txn_table *table = t->table;

	hash_table_remove(t->machine->is_client ? &table->clients
						: &table->servers,
			  &t->node);
	table->n_lingering--;
	txn_todo(t, 0);
}

static void txn_enter(struct txn *t, unsigned state)
{
	bool was_open = txn_is_open(t);

	t->state = (uint8_t)state;
	if (was_open && !txn_is_open(t)) {
		t->table->n_open--;
		t->table->n_lingering++;
	}
	if (state == ST_TERMINATED)
		txn_terminated(t);
}

/* The only place where the events of a transaction change its state. What
 * fails in here comes back at the end of the turn as another event. */
void txn_step(struct txn *t, uint32_t event, const struct txn_input *in)
{
	const struct txn_rule *r = rule_find(t, event);

	log_debug(STR_NONE, "txn.step", KV_UINT("txn", t->id),
		  KV_TEXT("machine", t->machine->name),
		  KV_TEXT("state", txn_state_name(t->state)),
		  KV_TEXT("on", txn_event_name(event)),
		  KV_TEXT("then", r ? txn_state_name(r->then) : "ignored"));
	if (r == NULL)
		return;
	if (r->then != t->state)
		txn_enter(t, r->then);
	txn_do(t, r->act, in);
	/* Not before: a connection may be there for this answer alone. */
	if (!txn_is_open(t))
		txn_leave_conn(t);
}

void txn_terminate(struct txn *t)
{
	if (t->state != ST_TERMINATED)
		txn_enter(t, ST_TERMINATED);
	txn_leave_conn(t);
}
