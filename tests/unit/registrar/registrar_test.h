/*
 * What the tests of the registrar share: a proxy whose rules send a REGISTER to
 * the registrar and all else to registered contacts, a location service in
 * memory, a clock that the test sets forward, and commits that it lets fail.
 */
#ifndef VIADUCT_TESTS_REGISTRAR_TEST_H
#define VIADUCT_TESTS_REGISTRAR_TEST_H

#include <stdlib.h>

#include "proxy/bench.h"
#include "registrar/registrar_priv.h"

/* The clock ---------------------------------------------------------------- */

static uint64_t ahead_ms; /* of the real one */

uint64_t __real_loop_now_ms(const struct loop *l);
uint64_t __wrap_loop_now_ms(const struct loop *l);

uint64_t __wrap_loop_now_ms(const struct loop *l)
{
	return __real_loop_now_ms(l) + ahead_ms;
}

/* The commit --------------------------------------------------------------- */

static int change_err; /* what location_change() returns; 0: what it does */
static int commit_err; /* what comes instead of the commit; 0: the commit */

struct failing_commit {
	store_done_fn *done;
	void *arg;
	int err;
};

static inline void fail_commit(void *arg)
{
	struct failing_commit f = *(struct failing_commit *)arg;

	free(arg);
	f.done(f.arg, f.err);
}

int __real_location_change(struct location *l, unsigned from, struct str aor,
			   location_change_fn *change, store_done_fn *done,
			   void *arg);
int __wrap_location_change(struct location *l, unsigned from, struct str aor,
			   location_change_fn *change, store_done_fn *done,
			   void *arg);

static struct loop *commit_loop;

int __wrap_location_change(struct location *l, unsigned from, struct str aor,
			   location_change_fn *change, store_done_fn *done,
			   void *arg)
{
	struct failing_commit *f;

	if (change_err != 0)
		return change_err;
	if (commit_err == 0)
		return __real_location_change(l, from, aor, change, done, arg);
	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	*f = (struct failing_commit){done, arg, commit_err};
	loop_defer(commit_loop, fail_commit, f);
	return 0;
}

/* The proxy ---------------------------------------------------------------- */

struct registrar_test {
	struct registrar_use use;
	struct domain domains[2]; /* biloxi.test and other.test */
	struct str alias;
	unsigned n_sent; /* requests: their branches and default CSeq */
};

static inline struct registrar_test *test_of(struct bench *b)
{
	return b->user;
}

static inline enum step_result step_verdict(struct request *r)
{
	r->verdict.kind = r->msg->method == SIP_REGISTER ? VERDICT_REGISTER
							 : VERDICT_REGISTERED;
	if (sip_msg_find(r->msg, STR("X-Register")) != NULL)
		r->verdict.kind = VERDICT_REGISTER;
	return STEP_NEXT;
}

static const struct proxy_step registrar_steps[] = {
	{"validate", step_validate}, {"preprocess", step_preprocess},
	{"self", step_self},         {"verdict", step_verdict},
	{"register", step_register}, {"lookup", step_lookup},
	{"targets", step_targets},   {"forward", step_forward},
};

/* Bob, whose number is an alias, and Carol. */
static inline bool knows_user(const struct domain *d, struct str user,
			      struct str *name)
{
	(void)d;
	if (str_eq(user, STR("bob")) || str_eq(user, STR("+1555")))
		*name = STR("bob");
	else if (str_eq(user, STR("carol")))
		*name = STR("carol");
	else
		return false;
	return true;
}

static inline bool take_parcel(struct bench *b, struct parcel *p)
{
	if (p->kind < PARCEL_STORE_FIRST || p->kind > PARCEL_STORE_LAST)
		return false;
	location_parcel(test_of(b)->use.location, p);
	return true;
}

static inline void test_domains(struct bench *b, struct registrar_test *t)
{
	struct proxy_conf *c = &b->conf.snapshot.proxy;

	t->alias = STR("alias.test");
	t->domains[0] = (struct domain){
		.name = STR("Biloxi.test"),
		.aliases = {&t->alias, 1},
		.registrar = true,
	};
	t->domains[1] =
		(struct domain){.name = STR("other.test"), .registrar = true};
	c->domains = (struct conf_array){t->domains, 2};
	c->registrar = &t->use;
	c->steps = registrar_steps;
	c->n_steps = ARRAY_LEN(registrar_steps);
}

static inline int registrar_setup(void **state)
{
	static const struct store_conf store = {.kind = STORE_MEMORY};
	struct bench *b = bench_new();
	struct registrar_test *t = calloc(1, sizeof(*t));
	char why[512];

	assert_non_null(t);
	ahead_ms = 0;
	change_err = commit_err = 0;
	commit_loop = b->loop;
	b->user = t;
	b->on_parcel = take_parcel;
	test_domains(b, t);
	t->use.conf = (struct registrar_conf){
		.default_expires = 3600000,
		.min_expires = 60000,
		.max_expires = 86400000,
		.max_contacts = 3,
		.outbound = true,
		.gruu = true,
		.ring_timeout = 20000,
	};
	t->use.gruu_key = (const uint8_t *)"0123456789abcdef0123456789abcdef";
	bench_open(b);
	if (location_open(&store, b->post, 1, b->set, loop_now_ms(b->loop),
			  &t->use.location, why) != 0)
		fail_msg("%s", why);
	*state = b;
	return 0;
}

static inline int registrar_teardown(void **state)
{
	struct registrar_test *t = test_of(*state);

	location_close(t->use.location);
	bench_teardown(state);
	free(t);
	return 0;
}

#define REGISTRAR_TEST(fn)                                                     \
	cmocka_unit_test_setup_teardown(fn, registrar_setup, registrar_teardown)

/* The domain has users from now on. */
static inline void test_with_users(struct bench *b)
{
	static const char users;

	test_of(b)->domains[0].users = (const void *)&users;
	test_of(b)->use.knows_user = knows_user;
}

/* Requests ----------------------------------------------------------------- */

struct reg { /* what is not said is Bob's, and a CSeq that rises */
	const char *method, *uri, *to, *from, *call_id;
	unsigned cseq;
	const char *fields; /* whole header fields */
	const char *via;    /* sent-by and parameters */
};

static inline const char *or_else(const char *text, const char *usual)
{
	return text != NULL ? text : usual;
}

static inline void reg_send(struct bench *b, struct reg r)
{
	unsigned n = ++test_of(b)->n_sent;
	const char *method = or_else(r.method, "REGISTER");

	peer_send(b->caller,
		  bench_format("%s %s SIP/2.0\r\n"
			       "Via: SIP/2.0/UDP %s;branch=z9hG4bK%u\r\n"
			       "From: %s;tag=f\r\nTo: %s\r\n"
			       "Call-ID: %s\r\nCSeq: %u %s\r\n%s"
			       "Content-Length: 0\r\n\r\n",
			       method, or_else(r.uri, "sip:biloxi.test"),
			       or_else(r.via, bench_format("%s9", bench_net).p),
			       n, or_else(r.from, "<sip:bob@biloxi.test>"),
			       or_else(r.to, "<sip:bob@biloxi.test>"),
			       or_else(r.call_id, "reg-1"),
			       r.cseq != 0 ? r.cseq : n, method,
			       or_else(r.fields, ""))
			  .p);
}

#define REG(b, status, ...)                                                    \
	do {                                                                   \
		reg_send(b, (struct reg){__VA_ARGS__});                        \
		peer_expect_status((b)->caller, status);                       \
	} while (0)

static inline unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* Contacts that a query lists, its answer being in caller->text. */
static inline unsigned n_contacts(struct bench *b)
{
	REG(b, 200, .call_id = "query");
	return count_of(b->caller->text, "\r\nContact: ");
}

/* Seconds left in the last answer for a contact; -1: not there. */
static inline int expires_of(struct bench *b, const char *uri)
{
	const char *at =
		strstr(b->caller->text,
		       bench_format("\r\nContact: <%s>;expires=", uri).p);

	return at != NULL ? atoi(strstr(at, "expires=") + 8) : -1;
}

/* The user's one binding, as it is kept; a reference. */
static inline struct bindings *kept(struct bench *b, const char *aor)
{
	struct bindings *k =
		location_find(test_of(b)->use.location, str_from(aor));

	assert_non_null(k);
	return k;
}

/* The answer that came last. */
static inline void assert_has(struct bench *b, const char *what)
{
	if (!peer_has(b->caller, what))
		fail_msg("no \"%s\" in:\n%s", what, b->caller->text);
}

#endif
