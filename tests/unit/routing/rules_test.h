/* What the tests of the rules share: rules from YAML, a request to ask about.
 * The proxy's bench lends the listeners and the request. */
#ifndef VIADUCT_TESTS_ROUTING_RULES_TEST_H
#define VIADUCT_TESTS_ROUTING_RULES_TEST_H

#include <stdlib.h>

#include "proxy/bench.h"
#include "routing/routing_priv.h"

struct rules_values {
	struct rule_table routes;
};

static const struct conf_option rules_options[] = {
	{.name = "routes",
	 .type = CONF_CUSTOM,
	 .offset = offsetof(struct rules_values, routes),
	 .def = "[]",
	 .parse = rules_parse,
	 .print = rules_print},
	{0},
};

struct rules {
	struct bench *bench;
	struct arena arena;
	struct conf_errors *errors;
	struct conf_tree *tree;
	struct rules_values values;
};

static inline void rules_forget(struct rules *t)
{
	conf_tree_free(t->tree);
	conf_errors_free(t->errors);
	arena_fini(&t->arena);
	t->tree = NULL;
	t->errors = NULL;
	memset(&t->values, 0, sizeof(t->values));
}

/* yaml: the whole file. Mistakes are in t->errors. */
static inline void rules_read(struct rules *t, const char *yaml)
{
	rules_forget(t);
	assert_int_equal(conf_errors_new(&t->errors), 0);
	assert_int_equal(
		conf_tree_parse(str_from(yaml), "t.yaml", t->errors, &t->tree),
		0);
	assert_int_not_equal(conf_fill(rules_options, conf_tree_root(t->tree),
				       NULL, &t->arena, t->errors, &t->values),
			     VD_ENOMEM);
	t->bench->conf.snapshot.proxy.rules = &t->values.routes;
}

static inline void rules_read_good(struct rules *t, const char *yaml)
{
	rules_read(t, yaml);
	if (conf_errors_count(t->errors) != 0)
		fail_msg("%s", conf_errors_text(t->errors, 0));
}

static inline int rules_setup(void **state)
{
	struct rules *t = calloc(1, sizeof(*t));
	void *bench;

	assert_non_null(t);
	bench_setup(&bench);
	t->bench = bench;
	arena_init(&t->arena, t->bench->mem);
	*state = t;
	return 0;
}

static inline int rules_teardown(void **state)
{
	struct rules *t = *state;
	void *bench = t->bench;

	rules_forget(t);
	bench_teardown(&bench);
	free(t);
	return 0;
}

#define RULES_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, rules_setup, rules_teardown)

/* A request; what is NULL is as in `usual`. */
struct facts {
	const char *method, *uri, *from, *to, *source;
	enum caller caller;
	const char *fields; /* whole header fields */
};

static inline const char *or_else(const char *text, const char *usual)
{
	return text != NULL ? text : usual;
}

/* Preprocessed, then asked about; the caller frees it. */
static inline struct request *rules_ask(struct rules *t, const struct facts *f)
{
	struct flow from =
		bench_flow(SIP_UDP, 0, or_else(f->source, "192.0.2.7:5060"));
	const char *method = or_else(f->method, "INVITE");
	struct request *r = request_new(
		t->bench->proxy, &from,
		bench_format("%s %s SIP/2.0\r\n"
			     "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			     "From: %s;tag=1\r\nTo: %s\r\nCall-ID: c\r\n"
			     "CSeq: 1 %s\r\n%s\r\n",
			     method, or_else(f->uri, "sip:bob@biloxi.test"),
			     or_else(f->from, "<sip:alice@atlanta.test>"),
			     or_else(f->to, "<sip:bob@biloxi.test>"), method,
			     or_else(f->fields, "")));

	assert_non_null(r);
	if (r->msg->bad != NULL)
		fail_msg("%s", r->msg->bad);
	r->caller = f->caller;
	assert_int_equal(step_preprocess(r), STEP_NEXT);
	assert_int_equal(step_rules(r), STEP_NEXT);
	return r;
}

#endif
