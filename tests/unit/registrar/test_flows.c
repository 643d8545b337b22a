/* Bindings that are bound to connections: held, found, and dropped with them.
 * The connections are the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/registrar/location.h"
#include "viaduct/util/err.h"
#include "store/desk.h"

#define ALICE STR("alice@atlanta.com")
#define BOB STR("bob@atlanta.com")

enum { HOUR_MS = 3600 * 1000, N_CONNS = 2000 };

/* Connections ---------------------------------------------------------------
 */

static struct {
	bool is_gone;
	int holds;
} conns[N_CONNS + 1]; /* by slot */

void __wrap_transport_bind(struct transport_set *s, struct conn_ref conn);
void __wrap_transport_unbind(struct transport_set *s, struct conn_ref conn);
bool __wrap_transport_is_live(struct transport_set *s, struct conn_ref conn);

void __wrap_transport_bind(struct transport_set *s, struct conn_ref conn)
{
	(void)s;
	conns[conn.slot].holds++;
}

void __wrap_transport_unbind(struct transport_set *s, struct conn_ref conn)
{
	(void)s;
	conns[conn.slot].holds--;
}

bool __wrap_transport_is_live(struct transport_set *s, struct conn_ref conn)
{
	(void)s;
	return !conns[conn.slot].is_gone;
}

static int total_holds(void)
{
	int n = 0;

	for (unsigned i = 0; i <= N_CONNS; i++)
		n += conns[i].holds;
	return n;
}

/* Slot 0: a datagram's flow. */
static struct hop flow_by(uint32_t slot)
{
	struct hop h = {.transport = slot == 0 ? SIP_UDP : SIP_TCP};

	addr_parse_hostport(STR("127.0.0.1:5060"), 0, &h.local);
	addr_parse_hostport(STR("192.0.2.7:49152"), 0, &h.addr);
	if (slot != 0) {
		h.conn = (struct conn_ref){.slot = slot, .generation = 7};
		h.only_conn = true;
	}
	return h;
}

static struct conn_ref conn(uint32_t slot)
{
	return (struct conn_ref){.slot = slot, .generation = 7};
}

/* The bench -----------------------------------------------------------------
 */

static uint32_t reg_id; /* of what is added */

struct bench {
	struct desk desk;
	struct location *l;
	uint64_t now_ms;
};

static void to_location(void *arg, struct parcel *p)
{
	struct bench *b = arg;

	location_parcel(b->l, p);
}

static void begin(struct bench *b)
{
	struct store_conf conf = {.kind = STORE_SQLITE, .dir = b->desk.dir};
	char why[512];

	b->desk.parcel = to_location;
	b->desk.arg = b;
	b->now_ms = desk_now_us() / 1000;
	assert_int_equal(location_open(&conf, b->desk.post, DESK_STORE, NULL,
				       b->now_ms, &b->l, why),
			 0);
}

static int setup(void **state)
{
	static struct bench b;

	*state = &b;
	memset(conns, 0, sizeof(conns));
	reg_id = 2;
	desk_open(&b.desk);
	begin(&b);
	return 0;
}

/* Whatever happened, nothing stays held. */
static int teardown(void **state)
{
	struct bench *b = *state;

	location_close(b->l);
	desk_close(&b->desk);
	assert_int_equal(total_holds(), 0);
	return 0;
}

static void reopen(struct bench *b)
{
	location_close(b->l);
	desk_loop_close(&b->desk);
	desk_loop_open(&b->desk);
	begin(b);
}

struct add {
	struct desk_done done; /* first: freed by desk_done() */
	struct binding binding;
	struct hop flow;
};

/* In the place of one with the same contact. */
static int add_one(void *arg, const struct bindings *now,
		   struct bindings **next)
{
	struct add *a = arg;
	struct binding v[100];
	size_t n = 0;

	for (uint32_t i = 0; now != NULL && i < now->n; i++)
		if (!str_eq(now->v[i].contact, a->binding.contact))
			v[n++] = now->v[i];
	v[n++] = a->binding;
	*next = bindings_new(v, n);
	return *next != NULL ? 0 : VD_ENOMEM;
}

static int remove_all(void *arg, const struct bindings *now,
		      struct bindings **next)
{
	(void)arg;
	(void)now;
	*next = NULL;
	return 0;
}

/* Without waiting for the commit. */
static void ask(struct bench *b, struct str aor, const char *contact,
		uint32_t slot, bool flow_only)
{
	struct add *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->done.desk = &b->desk;
	a->flow = flow_by(slot);
	a->binding = (struct binding){
		.contact = str_from(contact),
		.call_id = STR("c"),
		.q = Q_NONE,
		.expires_ms = b->now_ms + HOUR_MS,
		.flow = &a->flow,
		.flow_only = flow_only,
		.reg_id = reg_id,
		.gruu_epoch = 0x12345678,
	};
	assert_int_equal(
		location_change(b->l, DESK_WORKER, aor, add_one, desk_done, a),
		0);
}

static void on_settled(void *arg, int err)
{
	struct bench *b = arg;

	assert_int_equal(err, 0);
	loop_stop(b->desk.loop);
}

/* What was asked before is committed after this, and so is what that caused:
 * the store keeps their order. */
static void settle(struct bench *b)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(location_change(b->l, DESK_WORKER,
						 STR("last@x"), remove_all,
						 on_settled, b),
				 0);
		loop_run(b->desk.loop);
	}
}

static void add(struct bench *b, struct str aor, const char *contact,
		uint32_t slot, bool flow_only)
{
	ask(b, aor, contact, slot, flow_only);
	settle(b);
}

static void end_conn(struct bench *b, uint32_t slot)
{
	conns[slot].is_gone = true;
	location_conn_closed(b->l, DESK_WORKER, conn(slot));
}

static unsigned n_found(struct bench *b, struct str aor)
{
	struct bindings *f = location_find(b->l, aor);
	unsigned n = f != NULL ? f->n : 0;

	bindings_unref(f);
	return n;
}

static unsigned n_alive(struct bench *b, struct str aor)
{
	struct bindings *f = location_find(b->l, aor);
	unsigned n = 0;

	for (uint32_t i = 0; f != NULL && i < f->n; i++)
		n += binding_is_alive(&f->v[i], b->now_ms);
	bindings_unref(f);
	return n;
}

static uint64_t n_lost(struct bench *b)
{
	struct location_counts n;

	location_counts(b->l, &n);
	return n.lost;
}

/* Tests ---------------------------------------------------------------------
 */

static void a_binding_holds_its_connection(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 1, true);
	add(b, ALICE, "sip:b@h", 1, false);
	assert_int_equal(conns[1].holds, 2);
	add(b, ALICE, "sip:a@h", 2, true); /* it takes the place */
	assert_int_equal(conns[1].holds, 1);
	assert_int_equal(conns[2].holds, 1);
	assert_int_equal(location_change(b->l, DESK_WORKER, ALICE, remove_all,
					 desk_done, desk_ticket(&b->desk, 0)),
			 0);
	settle(b);
	assert_int_equal(total_holds(), 0);
}

static void an_expired_binding_lets_go(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 1, true);
	for (int i = 0; i < 64; i++)
		location_sweep(b->l, b->now_ms + HOUR_MS + 1);
	settle(b);
	assert_null(location_find(b->l, ALICE));
	assert_int_equal(total_holds(), 0);
	assert_int_equal(n_lost(b), 0);
}

static void bindings_end_with_their_connection(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 1, true);
	add(b, ALICE, "sip:b@h", 2, true);
	add(b, ALICE, "sip:c@h", 1, true);
	add(b, BOB, "sip:d@h", 1, true);
	end_conn(b, 1);
	settle(b);
	assert_int_equal(n_found(b, ALICE), 1);
	assert_null(location_find(b->l, BOB));
	assert_int_equal(conns[1].holds, 0);
	assert_int_equal(n_lost(b), 3);
	reopen(b); /* in the store, too */
	assert_int_equal(n_found(b, ALICE), 1);
	assert_null(location_find(b->l, BOB));
}

static void a_contact_that_can_be_reached_anew_stays(void **state)
{
	struct bench *b = *state;
	struct bindings *f;

	add(b, ALICE, "sip:a@h", 1, false);
	end_conn(b, 1);
	settle(b);
	assert_int_equal(n_found(b, ALICE), 1);
	reopen(b); /* its flow is worth nothing any more */
	f = location_find(b->l, ALICE);
	assert_null(f->v[0].flow);
	bindings_unref(f);
}

static void one_that_ended_before_the_commit_is_noticed(void **state)
{
	struct bench *b = *state;

	ask(b, ALICE, "sip:a@h", 1, true);
	end_conn(b, 1);
	settle(b);
	settle(b);
	assert_null(location_find(b->l, ALICE));
}

static void a_pending_refresh_by_another_connection_survives(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 1, true);
	ask(b, ALICE, "sip:a@h", 2, true);
	end_conn(b, 1);
	settle(b);
	assert_int_equal(n_found(b, ALICE), 1);
	assert_int_equal(conns[2].holds, 1);
}

static void what_was_missed_is_swept(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 1, true);
	conns[1].is_gone = true; /* and nobody could write it down */
	for (int i = 0; i < 64; i++)
		location_sweep(b->l, b->now_ms);
	settle(b);
	assert_null(location_find(b->l, ALICE));
}

/* RFC 5626 section 7: of the datagrams' flows, those of Outbound. */
static void
an_outbound_flow_of_datagrams_ends_when_nobody_is_there(void **state)
{
	struct hop flow = flow_by(0), other = flow_by(0);
	struct bench *b = *state;

	addr_set_port(&other.addr, 5);
	add(b, ALICE, "sip:a@h", 0, true);
	add(b, BOB, "sip:a@h", 0, true);
	reg_id = 0;
	add(b, ALICE, "sip:b@h", 0, true);
	location_flow_failed(b->l, DESK_WORKER, &other);
	settle(b);
	assert_int_equal(n_found(b, ALICE), 2);
	location_flow_failed(b->l, DESK_WORKER, &flow);
	settle(b);
	assert_int_equal(n_found(b, ALICE), 1);
	assert_null(location_find(b->l, BOB));
	assert_int_equal(n_lost(b), 2);
}

/* What was asked before has failed when this has. */
static void let_the_store_fail(struct bench *b)
{
	assert_int_equal(location_change(b->l, DESK_WORKER, STR("last@x"),
					 remove_all, desk_done,
					 desk_ticket(&b->desk, 0)),
			 0);
	desk_wait(&b->desk, b->desk.n_done + 1);
	assert_false(location_is_well(b->l));
	desk_limit_files(RLIM_INFINITY);
}

static void a_flow_that_the_store_cannot_forget_ends_at_once(void **state)
{
	struct hop flow = flow_by(0);
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 0, true);
	desk_limit_files(4096);
	location_flow_failed(b->l, DESK_WORKER, &flow);
	assert_int_equal(n_alive(b, ALICE), 0);
	let_the_store_fail(b);
	assert_int_equal(n_found(b, ALICE), 1);
	assert_int_equal(n_alive(b, ALICE), 0);
	for (int i = 0; i < 64; i++)
		location_sweep(b->l, b->now_ms);
	settle(b);
	assert_null(location_find(b->l, ALICE));
	assert_int_equal(n_lost(b), 1);
	reopen(b);
	assert_null(location_find(b->l, ALICE));
}

static void a_restart_before_that_costs_one_more_try(void **state)
{
	struct hop flow = flow_by(0);
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 0, true);
	desk_limit_files(4096);
	location_flow_failed(b->l, DESK_WORKER, &flow);
	let_the_store_fail(b);
	reopen(b);
	assert_int_equal(n_alive(b, ALICE), 1);
	location_flow_failed(b->l, DESK_WORKER, &flow);
	settle(b);
	assert_null(location_find(b->l, ALICE));
}

static void a_flow_ends_in_what_is_not_committed_yet(void **state)
{
	struct hop flow = flow_by(0);
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 0, true);
	for (int i = 0; i < 64; i++) /* one more change is refused */
		ask(b, ALICE, "sip:a@h", 0, true);
	location_flow_failed(b->l, DESK_WORKER, &flow);
	settle(b);
	assert_int_equal(n_alive(b, ALICE), 0);
	add(b, ALICE, "sip:a@h", 0, true); /* the phone is back */
	assert_int_equal(n_alive(b, ALICE), 1);
	assert_int_equal(n_lost(b), 1);
}

static void a_lost_connection_is_counted_once(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@h", 1, true);
	desk_limit_files(4096);
	end_conn(b, 1);
	for (int i = 0; i < 64; i++)
		location_sweep(b->l, b->now_ms);
	let_the_store_fail(b);
	for (int i = 0; i < 64; i++)
		location_sweep(b->l, b->now_ms);
	settle(b);
	assert_null(location_find(b->l, ALICE));
	assert_int_equal(n_lost(b), 1);
}

static void many_users_of_one_connection_and_many_connections(void **state)
{
	struct bench *b = *state;
	char aor[32];

	for (unsigned i = 1; i <= N_CONNS; i++) {
		snprintf(aor, sizeof(aor), "u%u@x", i);
		ask(b, str_from(aor), "sip:a@h", i % 2 == 0 ? 1 : i, true);
	}
	settle(b);
	assert_int_equal(conns[1].holds, N_CONNS / 2 + 1);
	end_conn(b, 1);
	settle(b);
	assert_int_equal(conns[1].holds, 0);
	assert_int_equal(total_holds(), N_CONNS / 2 - 1);
	assert_int_equal(n_found(b, STR("u3@x")), 1);
}

static void after_a_restart_only_datagrams_find_their_way(void **state)
{
	struct bench *b = *state;
	struct bindings *f;

	add(b, ALICE, "sip:a@h", 0, true);
	add(b, BOB, "sip:b@h", 1, true);
	reopen(b);
	f = location_find(b->l, ALICE);

	assert_int_equal(addr_port(&f->v[0].flow->addr), 49152);
	assert_int_equal(addr_port(&f->v[0].flow->local), 5060);
	assert_int_equal(f->v[0].flow->transport, SIP_UDP);
	assert_int_equal(f->v[0].reg_id, 2);
	assert_int_equal(f->v[0].gruu_epoch, 0x12345678);
	bindings_unref(f);
	f = location_find(b->l, BOB);
	assert_true(f->v[0].flow_only);
	assert_true(conn_ref_is_none(f->v[0].flow->conn));
	assert_true(f->v[0].flow->only_conn);
	bindings_unref(f);
	for (int i = 0; i < 64; i++) /* it waits for its phone */
		location_sweep(b->l, b->now_ms);
	settle(b);
	assert_int_equal(n_found(b, BOB), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_binding_holds_its_connection),
		TEST(an_expired_binding_lets_go),
		TEST(bindings_end_with_their_connection),
		TEST(a_contact_that_can_be_reached_anew_stays),
		TEST(one_that_ended_before_the_commit_is_noticed),
		TEST(a_pending_refresh_by_another_connection_survives),
		TEST(what_was_missed_is_swept),
		TEST(an_outbound_flow_of_datagrams_ends_when_nobody_is_there),
		TEST(a_flow_that_the_store_cannot_forget_ends_at_once),
		TEST(a_restart_before_that_costs_one_more_try),
		TEST(a_flow_ends_in_what_is_not_committed_yet),
		TEST(a_lost_connection_is_counted_once),
		TEST(many_users_of_one_connection_and_many_connections),
		TEST(after_a_restart_only_datagrams_find_their_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
