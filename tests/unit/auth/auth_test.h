/* What the tests of auth share: the proxy's bench with users in its domain, and
 * a client that answers challenges. */
#ifndef VIADUCT_TESTS_AUTH_AUTH_TEST_H
#define VIADUCT_TESTS_AUTH_AUTH_TEST_H

#include <stdlib.h>
#include <unistd.h>

#include "auth/auth_priv.h"
#include "proxy/bench.h"

static const uint8_t auth_secret[32] = "nonces of the tests, 32 bytes";

struct auth_test {
	struct bench *bench;
	struct peer *two; /* NET "2", to which all is forwarded */
	struct auth_use use;
	struct domain domains[3];
	struct mem *mem;
	struct arena arena; /* of the users */
	struct conf_errors *errors;
	enum caller caller; /* of the last request that passed */
	unsigned n_passed;
	unsigned n_consumed;
	bool needs_user; /* what the rules say */
	char dir[64];
};

static struct auth_test *the_test;

/* Files -------------------------------------------------------------------- */

static inline const char *write_file(struct auth_test *t, const char *name,
				     const char *text)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return path;
}

static inline int load_file(struct auth_test *t, const char *path,
			    const char *realm, struct users **out)
{
	const struct users_file file = {.path = path, .realm = str_from(realm)};

	return users_load(&file, &t->arena, t->errors, out);
}

static inline struct users *load_users(struct auth_test *t, const char *realm,
				       const char *text)
{
	struct users *u = NULL;

	if (load_file(t, write_file(t, "users.yaml", text), realm, &u) != 0)
		fail_msg("%s", conf_errors_text(t->errors, 0));
	return u;
}

static inline void open_files(struct auth_test *t)
{
	assert_int_equal(mem_new(0, &t->mem), 0);
	arena_init(&t->arena, t->mem);
	assert_int_equal(conf_errors_new(&t->errors), 0);
	strcpy(t->dir, "/tmp/viaduct-auth-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
}

static inline void close_files(struct auth_test *t)
{
	char command[128];

	conf_errors_free(t->errors);
	arena_fini(&t->arena);
	mem_free_all(t->mem);
	snprintf(command, sizeof(command), "rm -rf %s", t->dir);
	assert_int_equal(system(command), 0);
}

/* The proxy ---------------------------------------------------------------- */

/* Stands in for the rules: what comes here has passed. */
static enum step_result step_passed(struct request *r)
{
	the_test->caller = r->caller;
	the_test->n_passed++;
	the_test->n_consumed = 0;
	while (the_test->n_consumed < CONSUMED_MAX &&
	       r->consumed[the_test->n_consumed] != 0)
		the_test->n_consumed++;
	r->verdict.kind = VERDICT_FORWARD;
	r->verdict.needs_user = the_test->needs_user;
	r->verdict.plan = the_test->bench->plan;
	return STEP_NEXT;
}

static const struct proxy_step auth_steps[] = {
	{"validate", step_validate}, {"preprocess", step_preprocess},
	{"self", step_self},         {"authenticate", step_authenticate},
	{"passed", step_passed},     {"require", step_require},
	{"targets", step_targets},   {"forward", step_forward},
};

static const struct plan to_two = LEAF("sip:x@" NET "2");

static inline void set_domain(struct domain *d, const char *name,
			      struct users *users)
{
	*d = (struct domain){.name = str_from(name),
			     .realm = str_from(name),
			     .authenticate = AUTHENTICATE_ALL,
			     .registrar = true,
			     .users = users};
}

static inline void set_domains(struct auth_test *t)
{
	static const struct str aliases[] = {STR("sip.biloxi.test")};
	struct proxy_conf *c = &t->bench->conf.snapshot.proxy;

	set_domain(
		&t->domains[0], "biloxi.test",
		load_users(t, "biloxi.test",
			   "users:\n"
			   "  bob: { password: zanzibar, aliases: [ \"+1555\" "
			   "] }\n"
			   "  carol: { password: tango }\n"
			   "  dave: { password: gone, disabled: true }\n"));
	t->domains[0].aliases = (struct conf_array){(void *)aliases, 1};
	set_domain(&t->domains[1], "chicago.test",
		   load_users(t, "chicago.test",
			      "users: { bob: { password: windy } }\n"));
	set_domain(&t->domains[2], "open.test", NULL);
	c->domains = (struct conf_array){t->domains, 3};
	c->auth = &t->use;
	c->steps = auth_steps;
	c->n_steps = ARRAY_LEN(auth_steps);
	c->n_stateless = 6;
}

static inline int auth_setup(void **state)
{
	struct auth_test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	the_test = t;
	*state = t;
	open_files(t);
	t->bench = bench_new();
	assert_int_equal(auth_new(auth_secret, &t->use.auth), 0);
	t->use.conf = (struct auth_conf){
		.algorithms = {AUTH_SHA256, AUTH_MD5},
		.n_algorithms = 2,
		.nonce_lifetime = 300000,
		.failures = 3,
		.within = 60000,
		.ban = 600000,
	};
	set_domains(t);
	t->bench->plan = &to_two;
	bench_open(t->bench);
	t->two = peer_open(t->bench, NET "2");
	return 0;
}

static inline int auth_teardown(void **state)
{
	struct auth_test *t = *state;
	void *bench = t->bench;

	bench_teardown(&bench);
	auth_free(t->use.auth);
	close_files(t);
	free(t);
	return 0;
}

#define AUTH_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn, auth_setup, auth_teardown)

/* The client --------------------------------------------------------------- */

struct login {
	const char *user, *realm, *password;
	const char *method, *uri;
	const char *algorithm; /* NULL: MD5, unsaid */
	const char *nc;        /* NULL: RFC 2069, without qop */
	const char *nonce;
};

static inline const char *hash(enum auth_algorithm a, const char *text)
{
	static char ring[4][DIGEST_HEX_MAX + 1];
	static unsigned next;
	char *out = ring[next++ % ARRAY_LEN(ring)];
	const struct str piece = str_from(text);
	struct digester d;

	assert_int_equal(digester_init(&d), 0);
	assert_int_equal(digest_hex(&d, a, &piece, 1, out), 0);
	digester_fini(&d);
	out[digest_hex_len(a)] = '\0';
	return out;
}

/* The value of an Authorization field. */
static inline const char *login_value(const struct login *l)
{
	enum auth_algorithm a = l->algorithm != NULL && l->algorithm[0] == 'S'
					? AUTH_SHA256
					: AUTH_MD5;
	const char *ha1 = hash(
		a, bench_format("%s:%s:%s", l->user, l->realm, l->password).p);
	const char *ha2 = hash(a, bench_format("%s:%s", l->method, l->uri).p);
	const char *rest = "";
	const char *response;

	if (l->nc != NULL) {
		response = hash(a, bench_format("%s:%s:%s:0a4f:auth:%s", ha1,
						l->nonce, l->nc, ha2)
					   .p);
		rest = bench_format(", qop=auth, nc=%s, cnonce=\"0a4f\"", l->nc)
			       .p;
	} else {
		response =
			hash(a, bench_format("%s:%s:%s", ha1, l->nonce, ha2).p);
	}
	return bench_format("Digest username=\"%s\", realm=\"%s\", "
			    "nonce=\"%s\", uri=\"%s\", response=\"%s\"%s%s%s",
			    l->user, l->realm, l->nonce, l->uri, response,
			    l->algorithm != NULL ? ", algorithm=" : "",
			    l->algorithm != NULL ? l->algorithm : "", rest)
		.p;
}

/* A copy that outlives the texts of the bench. */
static inline const char *keep_nonce(const char *nonce)
{
	static char ring[8][NONCE_LEN + 1];
	static unsigned next;
	char *out = ring[next++ % ARRAY_LEN(ring)];

	memcpy(out, nonce, NONCE_LEN);
	out[NONCE_LEN] = '\0';
	return out;
}

/* A nonce for an address, as old as that. */
static inline const char *nonce_for(struct auth_test *t, const char *realm,
				    const char *holder, uint64_t age_ms)
{
	union addr a = bench_addr(holder);
	char nonce[NONCE_LEN];

	nonce_make(t->use.auth, str_from(realm), nonce_holder(&a),
		   loop_now_ms(t->bench->loop) - age_ms, nonce);
	return keep_nonce(nonce);
}

static inline const char *fresh_nonce(struct auth_test *t, const char *realm)
{
	return nonce_for(t, realm, NET "9", 0);
}

/* One request from NET "9"; every one has a branch of its own. */
static inline void send_as(struct auth_test *t, const char *method,
			   const char *uri, const char *from, const char *to,
			   const char *fields)
{
	static unsigned n;

	n++;
	peer_send(t->bench->caller,
		  bench_format("%s %s SIP/2.0\r\n"
			       "Via: SIP/2.0/UDP " NET "9;branch=z9hG4bKa%u\r\n"
			       "From: %s;tag=a1\r\n"
			       "To: %s\r\n"
			       "Call-ID: call-%u\r\n"
			       "CSeq: 1 %s\r\n"
			       "%s"
			       "Content-Length: 0\r\n\r\n",
			       method, uri, n, from, to, n, method, fields)
			  .p);
}

#endif
