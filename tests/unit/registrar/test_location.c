#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "viaduct/registrar/location.h"
#include "viaduct/util/err.h"
#include "util/fail_alloc.h"
#include "store/desk.h"

#define ALICE STR("alice@atlanta.com")

enum { HOUR_MS = 3600 * 1000 };

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

static int open_as(struct bench *b, enum store_kind kind)
{
	struct store_conf conf = {.kind = kind, .dir = b->desk.dir};
	char why[512];

	b->desk.parcel = to_location;
	b->desk.arg = b;
	b->now_ms = desk_now_us() / 1000;
	return location_open(&conf, b->desk.post, DESK_STORE, NULL, b->now_ms,
			     &b->l, why);
}

static int setup(void **state)
{
	static struct bench b;

	*state = &b;
	desk_open(&b.desk);
	return open_as(&b, STORE_SQLITE);
}

static int setup_memory(void **state)
{
	static struct bench b;

	*state = &b;
	desk_open(&b.desk);
	return open_as(&b, STORE_MEMORY);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	location_close(b->l);
	desk_close(&b->desk);
	return 0;
}

static void reopen(struct bench *b)
{
	location_close(b->l);
	desk_loop_close(&b->desk);
	desk_loop_open(&b->desk);
	assert_int_equal(open_as(b, STORE_SQLITE), 0);
}

/* What a test asks for: the binding is added, or all are removed. */
struct add {
	struct desk_done done; /* first: freed by desk_done() */
	struct binding binding;
	unsigned n_before;
};

static int add_one(void *arg, const struct bindings *now,
		   struct bindings **next)
{
	struct add *a = arg;
	struct binding v[100];
	size_t n = 0;

	for (uint32_t i = 0; now != NULL && i < now->n; i++)
		v[n++] = now->v[i];
	a->n_before = (unsigned)n;
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

static int refuse(void *arg, const struct bindings *now, struct bindings **next)
{
	(void)arg;
	(void)now;
	(void)next;
	return VD_EEXIST;
}

static struct add *add_new(struct bench *b, const char *contact, int64_t for_ms)
{
	struct add *a = __real_calloc(1, sizeof(*a));

	a->done.desk = &b->desk;
	a->binding = (struct binding){
		.contact = str_from(contact),
		.params = STR("+sip.instance=\"<urn:uuid:1>\""),
		.call_id = STR("a84b4c76@pc33"),
		.cseq = 7,
		.q = 500,
		.expires_ms = (uint64_t)((int64_t)b->now_ms + for_ms),
	};
	return a;
}

static int change(struct bench *b, unsigned from, struct str aor,
		  location_change_fn *fn, struct add *a)
{
	int err = location_change(b->l, from, aor, fn, desk_done, a);

	if (err != 0)
		free(a);
	return err;
}

static void add(struct bench *b, struct str aor, const char *contact,
		int64_t for_ms)
{
	assert_int_equal(change(b, DESK_WORKER, aor, add_one,
				add_new(b, contact, for_ms)),
			 0);
}

static void clear(struct bench *b, struct str aor)
{
	assert_int_equal(
		change(b, DESK_WORKER, aor, remove_all, add_new(b, "", 0)), 0);
}

static unsigned n_found(struct bench *b, struct str aor)
{
	struct bindings *f = location_find(b->l, aor);
	unsigned n = f != NULL ? f->n : 0;

	bindings_unref(f);
	return n;
}

static void a_binding_is_found_once_it_is_committed(void **state)
{
	struct bench *b = *state;
	struct bindings *f;

	add(b, ALICE, "sip:alice@127.0.0.1:5070", HOUR_MS);
	assert_int_equal(n_found(b, ALICE), 0);
	desk_wait(&b->desk, 1);
	f = location_find(b->l, ALICE);
	assert_int_equal(f->n, 1);
	assert_true(str_eq(f->v[0].contact, STR("sip:alice@127.0.0.1:5070")));
	assert_true(str_eq(f->v[0].call_id, STR("a84b4c76@pc33")));
	assert_int_equal(f->v[0].cseq, 7);
	assert_int_equal(f->v[0].q, 500);
	bindings_unref(f);
	assert_int_equal(n_found(b, STR("bob@atlanta.com")), 0);
}

static void a_later_change_sees_a_pending_one(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 5; i++)
		add(b, ALICE, "sip:a@127.0.0.1", HOUR_MS);
	desk_wait(&b->desk, 5);
	assert_int_equal(b->desk.n_failed, 0);
	assert_int_equal(n_found(b, ALICE), 5);
}

static void a_refused_change_leaves_nothing(void **state)
{
	struct bench *b = *state;
	struct location_counts n;

	assert_int_equal(
		change(b, DESK_WORKER, ALICE, refuse, add_new(b, "", 0)),
		VD_EEXIST);
	location_counts(b->l, &n);
	assert_int_equal(n.aors, 0);
	assert_int_equal(n.store.records, 0);
}

static void removal_is_for_good(void **state)
{
	struct bench *b = *state;
	struct location_counts n;

	add(b, ALICE, "sip:a@127.0.0.1", HOUR_MS);
	clear(b, ALICE);
	desk_wait(&b->desk, 2);
	assert_null(location_find(b->l, ALICE));
	location_counts(b->l, &n);
	assert_int_equal(n.aors, 0);
	assert_int_equal(n.contacts, 0);
	reopen(b);
	assert_null(location_find(b->l, ALICE));
}

static void bindings_come_back_at_the_next_start(void **state)
{
	struct bench *b = *state;
	struct location_counts n;
	struct bindings *f;

	add(b, ALICE, "sip:a@127.0.0.1", HOUR_MS);
	add(b, ALICE, "sip:b@127.0.0.1", HOUR_MS / 2);
	desk_wait(&b->desk, 2);
	reopen(b);
	location_counts(b->l, &n);
	assert_int_equal(n.aors, 1);
	assert_int_equal(n.contacts, 2);
	f = location_find(b->l, ALICE);
	assert_true(str_eq(f->v[1].contact, STR("sip:b@127.0.0.1")));
	assert_true(
		str_eq(f->v[1].params, STR("+sip.instance=\"<urn:uuid:1>\"")));
	assert_in_range(f->v[1].expires_ms, b->now_ms + HOUR_MS / 2 - 2000,
			b->now_ms + HOUR_MS / 2 + 2000);
	bindings_unref(f);
}

static void what_was_queued_at_the_end_is_kept(void **state)
{
	struct bench *b = *state;
	struct add *a = add_new(b, "sip:a@127.0.0.1", HOUR_MS);

	assert_int_equal(location_change(b->l, DESK_WORKER, ALICE, add_one,
					 desk_done, a),
			 0);
	reopen(b);
	free(a); /* it was never told */
	assert_int_equal(n_found(b, ALICE), 1);
}

static void expired_bindings_are_not_restored(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@127.0.0.1", -5000);
	add(b, ALICE, "sip:b@127.0.0.1", HOUR_MS);
	add(b, STR("bob@atlanta.com"), "sip:c@127.0.0.1", -5000);
	desk_wait(&b->desk, 3);
	reopen(b);
	assert_int_equal(n_found(b, ALICE), 1);
	assert_null(location_find(b->l, STR("bob@atlanta.com")));
}

static void sweep_all(struct bench *b, uint64_t now_ms)
{
	for (int i = 0; i < 64; i++)
		location_sweep(b->l, now_ms);
}

/* Waits for the store through a change that is queued behind the sweep's. */
static void settle(struct bench *b)
{
	add(b, STR("last@atlanta.com"), "sip:l@127.0.0.1", 10 * HOUR_MS);
	desk_wait(&b->desk, b->desk.n_done + 1);
	add(b, STR("last@atlanta.com"), "sip:l@127.0.0.1", 10 * HOUR_MS);
	desk_wait(&b->desk, b->desk.n_done + 1);
}

static void the_sweep_drops_what_has_expired(void **state)
{
	struct bench *b = *state;
	struct location_counts n;
	char aor[32];

	for (int i = 0; i < 300; i++) {
		snprintf(aor, sizeof(aor), "user%d@atlanta.com", i);
		add(b, str_from(aor), "sip:a@127.0.0.1",
		    i < 200 ? HOUR_MS : 3 * HOUR_MS);
	}
	add(b, STR("user0@atlanta.com"), "sip:b@127.0.0.1", 3 * HOUR_MS);
	desk_wait(&b->desk, 301);
	sweep_all(b, b->now_ms + HOUR_MS - 1000);
	settle(b);
	assert_int_equal(n_found(b, STR("user1@atlanta.com")), 1);
	sweep_all(b, b->now_ms + 2 * HOUR_MS);
	settle(b);
	assert_null(location_find(b->l, STR("user1@atlanta.com")));
	assert_int_equal(n_found(b, STR("user0@atlanta.com")), 1);
	reopen(b);
	location_counts(b->l, &n);
	assert_int_equal(n.aors, 100 + 1 + 1);
}

/* --- the store fails --- */

static void a_failed_change_is_dropped_and_later_ones_succeed(void **state)
{
	struct bench *b = *state;

	add(b, ALICE, "sip:a@127.0.0.1", HOUR_MS);
	desk_wait(&b->desk, 1);
	desk_limit_files(4096);
	add(b, ALICE, "sip:b@127.0.0.1", HOUR_MS);
	add(b, ALICE, "sip:c@127.0.0.1", HOUR_MS);
	add(b, STR("bob@atlanta.com"), "sip:b@127.0.0.1", HOUR_MS);
	desk_wait(&b->desk, 4);
	desk_limit_files(RLIM_INFINITY);
	assert_int_equal(b->desk.n_failed, 3);
	assert_false(location_is_well(b->l));
	assert_int_equal(n_found(b, ALICE), 1);
	assert_null(location_find(b->l, STR("bob@atlanta.com")));
	add(b, ALICE, "sip:d@127.0.0.1", HOUR_MS);
	desk_wait(&b->desk, 5);
	assert_int_equal(b->desk.n_failed, 3);
	assert_true(location_is_well(b->l));
	assert_int_equal(n_found(b, ALICE), 2);
	reopen(b);
	assert_int_equal(n_found(b, ALICE), 2);
}

static void one_address_has_few_changes_on_their_way(void **state)
{
	struct bench *b = *state;
	int err = 0, n = 0;

	for (; err == 0 && n < 1000; n += err == 0)
		err = change(b, DESK_WORKER, ALICE, remove_all,
			     add_new(b, "", 0));
	assert_int_equal(err, VD_ELIMIT);
	desk_wait(&b->desk, (unsigned)n);
	clear(b, ALICE);
	desk_wait(&b->desk, (unsigned)n + 1);
}

static void without_memory_a_change_is_refused(void **state)
{
	struct bench *b = *state;
	unsigned n = 1, n_done = 0;
	int err;

	do {
		struct add *a = add_new(b, "sip:a@127.0.0.1", HOUR_MS);

		fail_countdown = n++;
		err = change(b, DESK_WORKER, ALICE, add_one, a);
		fail_countdown = 0;
		assert_true(err == 0 || err == VD_ENOMEM);
		n_done += err == 0;
		if (err != 0)
			assert_null(location_find(b->l, ALICE));
	} while (err != 0);
	assert_true(n > 4);
	desk_wait(&b->desk, n_done);
	assert_int_equal(n_found(b, ALICE), 1);
}

static void without_memory_the_start_fails(void **state)
{
	struct bench *b = *state;
	unsigned n = 1;
	int err;

	add(b, ALICE, "sip:a@127.0.0.1", HOUR_MS);
	desk_wait(&b->desk, 1);
	do {
		location_close(b->l);
		b->l = NULL;
		fail_countdown = n++;
		err = open_as(b, STORE_SQLITE);
		fail_countdown = 0;
		assert_true(err == 0 || err == VD_ENOMEM);
	} while (err != 0);
	assert_true(n > 70);
	assert_int_equal(n_found(b, ALICE), 1);
}

/* --- several workers --- */

enum { N_THREADS = 3, N_CHANGES = 2000, N_AORS = 5 };

struct crew {
	struct location *l;
	uint64_t now_ms;
};

struct hand {
	struct crew *crew;
	unsigned me;
	struct loop *loop;
	unsigned n_asked, n_done, n_failed;
	pthread_t thread;
};

static const char *const aors[N_AORS] = {"a@x", "b@x", "c@x", "d@x", "e@x"};

static void hand_parcel(void *arg, struct parcel *p)
{
	struct hand *h = arg;

	location_parcel(h->crew->l, p);
}

/* The block has one binding, whose CSeq counts the changes. */
static int count_up(void *arg, const struct bindings *now,
		    struct bindings **next)
{
	struct hand *h = arg;
	struct binding v = {
		.contact = STR("sip:a@127.0.0.1"),
		.q = Q_NONE,
		.cseq = now != NULL ? now->v[0].cseq + 1 : 1,
		.expires_ms = h->crew->now_ms + HOUR_MS,
	};

	*next = bindings_new(&v, 1);
	return *next != NULL ? 0 : VD_ENOMEM;
}

static void hand_ask(struct hand *h);

static void hand_done(void *arg, int err)
{
	struct hand *h = arg;

	h->n_failed += err != 0;
	h->n_done++;
	hand_ask(h);
	if (h->n_done == N_CHANGES)
		loop_stop(h->loop);
}

static void hand_ask(struct hand *h)
{
	const char *aor = aors[h->n_asked % N_AORS];

	if (h->n_asked == N_CHANGES)
		return;
	h->n_asked++;
	bindings_unref(location_find(h->crew->l, str_from(aor)));
	if (location_change(h->crew->l, h->me, str_from(aor), count_up,
			    hand_done, h) != 0)
		abort();
}

static void *hand_run(void *arg)
{
	struct hand *h = arg;

	for (int i = 0; i < 20; i++)
		hand_ask(h);
	loop_run(h->loop);
	return NULL;
}

static void crew_open(struct crew *c, struct desk *d, struct post *post)
{
	struct store_conf conf = {.kind = STORE_SQLITE, .dir = d->dir};
	char why[512];

	c->now_ms = desk_now_us() / 1000;
	assert_int_equal(location_open(&conf, post, N_THREADS, NULL, c->now_ms,
				       &c->l, why),
			 0);
}

static void crew_work(struct crew *c, struct post *post, struct desk *d)
{
	struct hand hands[N_THREADS];

	for (unsigned i = 0; i < N_THREADS; i++) {
		hands[i] = (struct hand){.crew = c, .me = i};
		assert_int_equal(loop_new(&hands[i].loop), 0);
		assert_int_equal(post_join(post, i, hands[i].loop, hand_parcel,
					   &hands[i]),
				 0);
	}
	crew_open(c, d, post);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_create(&hands[i].thread, NULL, hand_run, &hands[i]);
	for (unsigned i = 0; i < N_THREADS; i++) {
		pthread_join(hands[i].thread, NULL);
		assert_int_equal(hands[i].n_failed, 0);
	}
	location_close(c->l);
	post_free(post);
	for (unsigned i = 0; i < N_THREADS; i++)
		loop_free(hands[i].loop);
}

static void the_store_has_the_last_of_the_changes_of_all_workers(void **state)
{
	struct crew c;
	struct desk d;
	struct post *post;

	(void)state;
	desk_open(&d);
	assert_int_equal(post_new(N_THREADS + 1, 1000, &post), 0);
	crew_work(&c, post, &d);
	assert_int_equal(post_new(N_THREADS + 1, 1000, &post), 0);
	crew_open(&c, &d, post);
	for (int i = 0; i < N_AORS; i++) {
		struct bindings *f = location_find(c.l, str_from(aors[i]));

		assert_int_equal(f->v[0].cseq, N_THREADS * N_CHANGES / N_AORS);
		bindings_unref(f);
	}
	location_close(c.l);
	post_free(post);
	desk_close(&d);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_IN_MEMORY(fn)                                                     \
	{                                                                      \
#fn " (memory)", fn, setup_memory, teardown, NULL              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_binding_is_found_once_it_is_committed),
		TEST_IN_MEMORY(a_binding_is_found_once_it_is_committed),
		TEST(a_later_change_sees_a_pending_one),
		TEST_IN_MEMORY(a_later_change_sees_a_pending_one),
		TEST(a_refused_change_leaves_nothing),
		TEST(removal_is_for_good),
		TEST(bindings_come_back_at_the_next_start),
		TEST(what_was_queued_at_the_end_is_kept),
		TEST(expired_bindings_are_not_restored),
		TEST(the_sweep_drops_what_has_expired),
		TEST(a_failed_change_is_dropped_and_later_ones_succeed),
		TEST(one_address_has_few_changes_on_their_way),
		TEST_IN_MEMORY(one_address_has_few_changes_on_their_way),
		TEST(without_memory_a_change_is_refused),
		TEST(without_memory_the_start_fails),
		cmocka_unit_test(
			the_store_has_the_last_of_the_changes_of_all_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
