/*
 * The four machines, cell by cell: every state of a machine meets every event.
 * The rows below are the arrows of RFC 6026 Figures 5 and 7 and of RFC 3261
 * Figures 6 and 8; whatever has no row must change nothing.
 */
#include "bench.h"

#include "viaduct/util/err.h"

enum {
	EVENTS = 23,
};

enum effect {
	NOTHING = 0,
	SENDS = 1 << 0,
	TOLD = 1 << 1,    /* on_response */
	TIMEOUT = 1 << 2, /* on_failed with VD_ETIMEOUT */
	ERROR = 1 << 3,   /* on_failed with another */
	ENDED = 1 << 4,   /* on_ended */
};

struct row {
	uint32_t in, on, effects, then;
};

struct figure {
	const char *method;
	bool is_client;
	const uint32_t *states;
	size_t n_states;
	const struct row *rows;
	size_t n_rows;
};

/* clang-format off */
static const struct row ict_rows[] = {
	{ ST_NEW,        EV_START,     SENDS,           ST_CALLING    },
	{ ST_NEW,        EV_DETACH,    NOTHING,         ST_TERMINATED },
	{ ST_CALLING,    EV_TIMER_A,   SENDS,           ST_CALLING    },
	{ ST_CALLING,    EV_TIMER_B,   TIMEOUT | ENDED, ST_TERMINATED },
	{ ST_CALLING,    EV_TPORT_ERR, ERROR | ENDED,   ST_TERMINATED },
	{ ST_CALLING,    EV_CONN_LOST, ERROR | ENDED,   ST_TERMINATED },
	{ ST_CALLING,    EV_1XX,       TOLD,            ST_PROCEEDING },
	{ ST_CALLING,    EV_2XX,       TOLD,            ST_ACCEPTED   },
	{ ST_CALLING,    EV_3XX_6XX,   SENDS | TOLD,    ST_COMPLETED  },
	{ ST_PROCEEDING, EV_1XX,       TOLD,            ST_PROCEEDING },
	{ ST_PROCEEDING, EV_2XX,       TOLD,            ST_ACCEPTED   },
	{ ST_PROCEEDING, EV_3XX_6XX,   SENDS | TOLD,    ST_COMPLETED  },
	{ ST_PROCEEDING, EV_CANCEL,    SENDS,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_TIMER_487, TIMEOUT | ENDED, ST_TERMINATED },
	{ ST_PROCEEDING, EV_CONN_LOST, ERROR | ENDED,   ST_TERMINATED },
	{ ST_COMPLETED,  EV_3XX_6XX,   SENDS,           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TPORT_ERR, ERROR | ENDED,   ST_TERMINATED },
	{ ST_COMPLETED,  EV_TIMER_D,   ENDED,           ST_TERMINATED },
	{ ST_ACCEPTED,   EV_2XX,       TOLD,            ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_TIMER_M,   ENDED,           ST_TERMINATED },
};

static const struct row nict_rows[] = {
	{ ST_NEW,        EV_START,     SENDS,           ST_TRYING     },
	{ ST_NEW,        EV_DETACH,    NOTHING,         ST_TERMINATED },
	{ ST_TRYING,     EV_TIMER_E,   SENDS,           ST_TRYING     },
	{ ST_TRYING,     EV_TIMER_F,   TIMEOUT | ENDED, ST_TERMINATED },
	{ ST_TRYING,     EV_TPORT_ERR, ERROR | ENDED,   ST_TERMINATED },
	{ ST_TRYING,     EV_CONN_LOST, ERROR | ENDED,   ST_TERMINATED },
	{ ST_TRYING,     EV_1XX,       TOLD,            ST_PROCEEDING },
	{ ST_TRYING,     EV_2XX,       TOLD,            ST_COMPLETED  },
	{ ST_TRYING,     EV_3XX_6XX,   TOLD,            ST_COMPLETED  },
	{ ST_PROCEEDING, EV_TIMER_E,   SENDS,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_TIMER_F,   TIMEOUT | ENDED, ST_TERMINATED },
	{ ST_PROCEEDING, EV_TPORT_ERR, ERROR | ENDED,   ST_TERMINATED },
	{ ST_PROCEEDING, EV_CONN_LOST, ERROR | ENDED,   ST_TERMINATED },
	{ ST_PROCEEDING, EV_1XX,       TOLD,            ST_PROCEEDING },
	{ ST_PROCEEDING, EV_2XX,       TOLD,            ST_COMPLETED  },
	{ ST_PROCEEDING, EV_3XX_6XX,   TOLD,            ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_K,   ENDED,           ST_TERMINATED },
};

static const struct row ist_rows[] = {
	{ ST_PROCEEDING, EV_REQUEST,   SENDS,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_1XX,       SENDS,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_2XX,       SENDS,           ST_ACCEPTED   },
	{ ST_PROCEEDING, EV_3XX_6XX,   SENDS,           ST_COMPLETED  },
	{ ST_PROCEEDING, EV_TPORT_ERR, ERROR,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_DETACH,    NOTHING,         ST_TERMINATED },
	{ ST_COMPLETED,  EV_REQUEST,   SENDS,           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_G,   SENDS,           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_H,   TIMEOUT | ENDED, ST_TERMINATED },
	{ ST_COMPLETED,  EV_TPORT_ERR, ERROR,           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_ACK,       NOTHING,         ST_CONFIRMED  },
	{ ST_CONFIRMED,  EV_TIMER_I,   ENDED,           ST_TERMINATED },
	{ ST_ACCEPTED,   EV_2XX,       SENDS,           ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_TPORT_ERR, ERROR,           ST_ACCEPTED   },
	{ ST_ACCEPTED,   EV_TIMER_L,   ENDED,           ST_TERMINATED },
};

static const struct row nist_rows[] = {
	{ ST_TRYING,     EV_1XX,       SENDS,           ST_PROCEEDING },
	{ ST_TRYING,     EV_2XX,       SENDS,           ST_COMPLETED  },
	{ ST_TRYING,     EV_3XX_6XX,   SENDS,           ST_COMPLETED  },
	{ ST_TRYING,     EV_DETACH,    NOTHING,         ST_TERMINATED },
	{ ST_PROCEEDING, EV_REQUEST,   SENDS,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_1XX,       SENDS,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_2XX,       SENDS,           ST_COMPLETED  },
	{ ST_PROCEEDING, EV_3XX_6XX,   SENDS,           ST_COMPLETED  },
	{ ST_PROCEEDING, EV_TPORT_ERR, ERROR,           ST_PROCEEDING },
	{ ST_PROCEEDING, EV_DETACH,    NOTHING,         ST_TERMINATED },
	{ ST_COMPLETED,  EV_REQUEST,   SENDS,           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TPORT_ERR, ERROR,           ST_COMPLETED  },
	{ ST_COMPLETED,  EV_TIMER_J,   ENDED,           ST_TERMINATED },
};
/* clang-format on */

static const uint32_t ict_states[] = {ST_NEW, ST_CALLING, ST_PROCEEDING,
				      ST_COMPLETED, ST_ACCEPTED};
static const uint32_t nict_states[] = {ST_NEW, ST_TRYING, ST_PROCEEDING,
				       ST_COMPLETED};
static const uint32_t ist_states[] = {ST_PROCEEDING, ST_COMPLETED, ST_CONFIRMED,
				      ST_ACCEPTED};
static const uint32_t nist_states[] = {ST_TRYING, ST_PROCEEDING, ST_COMPLETED};

#define FIGURE(name, method, is_client)                                        \
	{                                                                      \
		method, is_client, name##_states, ARRAY_LEN(name##_states),    \
			name##_rows, ARRAY_LEN(name##_rows)                    \
	}

static const struct figure figures[] = {
	FIGURE(ict, "INVITE", true),
	FIGURE(nict, "MESSAGE", true),
	FIGURE(ist, "INVITE", false),
	FIGURE(nist, "MESSAGE", false),
};

static struct txn *the_txn(struct bench *b, const struct figure *f)
{
	return f->is_client ? &b->ct->txn : &b->st->txn;
}

/* Through the interface where it has such an event. */
static void client_event(struct bench *b, const struct figure *f, uint32_t ev)
{
	static const struct txn_input nothing;

	if (ev == EV_START && b->ct->txn.state == ST_NEW)
		bench_client_start(b, f->method, SIP_UDP);
	else if (ev == EV_1XX)
		bench_answer(b, 180, f->method, "t");
	else if (ev == EV_2XX)
		bench_answer(b, 200, f->method, "t");
	else if (ev == EV_3XX_6XX)
		bench_answer(b, 486, f->method, "t");
	else if (ev == EV_CANCEL)
		client_txn_cancel(b->ct, STR_NONE);
	else if (ev == EV_DETACH)
		client_txn_detach(b->ct);
	else
		txn_step(&b->ct->txn, ev, &nothing);
}

static void server_event(struct bench *b, const struct figure *f, uint32_t ev)
{
	static const struct txn_input nothing;

	if (ev == EV_1XX)
		bench_respond(b, 180);
	else if (ev == EV_2XX)
		bench_respond(b, 200);
	else if (ev == EV_3XX_6XX)
		bench_respond(b, 486);
	else if (ev == EV_REQUEST)
		server_txn_receive(b->st,
				   bench_request(f->method, "z9hG4bKpeer"));
	else if (ev == EV_ACK)
		server_txn_receive(b->st, bench_request("ACK", "z9hG4bKpeer"));
	else if (ev == EV_DETACH)
		server_txn_detach(b->st);
	else
		txn_step(&b->st->txn, ev, &nothing);
}

static void event(struct bench *b, const struct figure *f, uint32_t ev)
{
	if (ev == EV_TPORT_ERR || ev == EV_CONN_LOST)
		the_txn(b, f)->err = VD_ECONN;
	if (f->is_client)
		client_event(b, f, ev);
	else
		server_event(b, f, ev);
}

/* The shortest way into a state. */
static void go_to(struct bench *b, const struct figure *f, uint32_t state)
{
	if (!f->is_client)
		bench_server_new(b, f->method, SIP_UDP);
	else
		bench_client_new(b, f->method);
	if (f->is_client && state != ST_NEW)
		event(b, f, EV_START);
	if (state == ST_PROCEEDING)
		event(b, f, EV_1XX);
	if (state == ST_COMPLETED || state == ST_CONFIRMED)
		event(b, f, EV_3XX_6XX);
	if (state == ST_CONFIRMED)
		event(b, f, EV_ACK);
	if (state == ST_ACCEPTED)
		event(b, f, EV_2XX);
	assert_int_equal(the_txn(b, f)->state, state);
	bench_turn(b);
	bench_forget_sent(b);
	b->owner.n_responses = 0;
}

static uint32_t effects_seen(const struct bench *b)
{
	const struct owner *o = &b->owner;
	uint32_t seen = NOTHING;

	if (b->n_sent > 0)
		seen |= SENDS;
	if (o->n_responses > 0)
		seen |= TOLD;
	if (o->n_failed > 0)
		seen |= o->err == VD_ETIMEOUT ? TIMEOUT : ERROR;
	if (o->n_ended > 0)
		seen |= ENDED;
	return seen;
}

static const struct row *expected(const struct figure *f, uint32_t state,
				  uint32_t ev)
{
	for (size_t i = 0; i < f->n_rows; i++)
		if (f->rows[i].in == state && f->rows[i].on == ev)
			return &f->rows[i];
	return NULL;
}

static void check_cell(const struct figure *f, uint32_t state, uint32_t ev)
{
	const struct row *r = expected(f, state, ev);
	uint32_t then = r != NULL ? r->then : state;
	uint32_t state_seen;
	struct bench *b;
	void *bench;

	bench_setup(&bench);
	b = bench;
	go_to(b, f, state);
	event(b, f, ev);
	state_seen = the_txn(b, f)->state;
	bench_turn(b);
	if (state_seen != then ||
	    effects_seen(b) != (r != NULL ? r->effects : NOTHING))
		fail_msg(
			"%s %s: state %u on event 1<<%d: state %u, effects %#x",
			f->method, f->is_client ? "client" : "server", state,
			__builtin_ctz(ev), state_seen, effects_seen(b));
	if (then == ST_TERMINATED)
		assert_int_equal(
			txn_n_open(b->table) + txn_n_lingering(b->table), 0);
	bench_teardown(&bench);
}

static void every_state_meets_every_event(const struct figure *f)
{
	for (size_t s = 0; s < f->n_states; s++)
		for (unsigned ev = 0; ev < EVENTS; ev++)
			check_cell(f, f->states[s], UINT32_C(1) << ev);
}

static void invite_client_follows_figure_5(void **state)
{
	(void)state;
	every_state_meets_every_event(&figures[0]);
}

static void other_client_follows_figure_6(void **state)
{
	(void)state;
	every_state_meets_every_event(&figures[1]);
}

static void invite_server_follows_figure_7(void **state)
{
	(void)state;
	every_state_meets_every_event(&figures[2]);
}

static void other_server_follows_figure_8(void **state)
{
	(void)state;
	every_state_meets_every_event(&figures[3]);
}

/* Open until the final response, lingering to the last timer. */
static void counts_follow_the_states(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	bench_server_new(b, "INVITE", SIP_UDP);
	assert_int_equal(txn_n_open(b->table), 2);
	bench_client_start(b, "INVITE", SIP_UDP);
	bench_answer(b, 180, "INVITE", "t");
	assert_int_equal(txn_n_open(b->table), 2);
	bench_answer(b, 200, "INVITE", "t");
	bench_respond(b, 200);
	assert_int_equal(txn_n_open(b->table), 0);
	assert_int_equal(txn_n_lingering(b->table), 2);
	bench_advance_to(b, 32000);
	assert_int_equal(txn_n_lingering(b->table), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invite_client_follows_figure_5),
		cmocka_unit_test(other_client_follows_figure_6),
		cmocka_unit_test(invite_server_follows_figure_7),
		cmocka_unit_test(other_server_follows_figure_8),
		cmocka_unit_test_setup_teardown(counts_follow_the_states,
						bench_setup, bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
