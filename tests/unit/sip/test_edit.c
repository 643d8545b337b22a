/* Edits: what goes out is what came in, but for what was named. */
#include "sip_test.h"

struct bench {
	struct mem *mem;
	struct arena arena;
	struct sip_edits edits;
	struct parsed *x;
};

static void bench_start(struct bench *b, const char *text)
{
	assert_int_equal(mem_new(0, &b->mem), 0);
	arena_init(&b->arena, b->mem);
	sip_edits_init(&b->edits, &b->arena);
	b->x = parse(text);
}

/* Print, compare, and release everything. */
static void bench_end(struct bench *b, const char *want)
{
	struct buf *out = sip_edits_print(&b->edits, &b->x->msg, b->mem);

	assert_non_null(out);
	assert_int_equal(out->len, sip_edits_size(&b->edits, &b->x->msg));
	assert_str(buf_str(out), want);
	buf_unref(out);
	arena_fini(&b->arena);
	parsed_free(b->x);
	mem_free_all(b->mem);
}

#define MSG(fields) "INVITE sip:a SIP/2.0\r\n" fields "\r\nbody"

static void a_push_goes_before_the_first_of_its_kind(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, MSG("X: y\r\nVia: a\r\nv: b\r\n"));
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_VIA, STR("Via: us\r\n"));
	bench_end(&b, MSG("X: y\r\nVia: us\r\nVia: a\r\nv: b\r\n"));
}

static void a_push_of_a_new_kind_goes_after_the_start_line(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, MSG("Via: a\r\n"));
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_ROUTE, STR("Route: r\r\n"));
	bench_end(&b, MSG("Route: r\r\nVia: a\r\n"));
	bench_start(&b, MSG(""));
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_ROUTE, STR("Route: r\r\n"));
	bench_end(&b, MSG("Route: r\r\n"));
}

static void the_last_push_is_on_top(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, MSG("Record-Route: a\r\n"));
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_RECORD_ROUTE,
		      STR("Record-Route: 1\r\n"));
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_RECORD_ROUTE,
		      STR("Record-Route: 2\r\n"));
	bench_end(&b, MSG("Record-Route: 2\r\nRecord-Route: 1\r\n"
			  "Record-Route: a\r\n"));
}

static void an_appended_field_is_the_last(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, MSG("Via: a\r\n"));
	sip_edit_append(&b.edits, &b.x->msg, STR("X: 1\r\n"));
	sip_edit_append(&b.edits, &b.x->msg, STR("Y: 2\r\n"));
	bench_end(&b, MSG("Via: a\r\nX: 1\r\nY: 2\r\n"));
}

/* The pushed field, the cut field and the cut value share one place. */
static void a_push_stays_above_what_is_popped(void **state)
{
	for (int push_first = 0; push_first < 2; push_first++) {
		struct bench b;

		(void)state;
		bench_start(&b, MSG("Via: a\r\nVia: b, c\r\n"));
		if (push_first)
			sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_VIA,
				      STR("Via: us\r\n"));
		sip_edit_pop(&b.edits, &b.x->msg, SIP_HDR_VIA, 2);
		if (!push_first)
			sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_VIA,
				      STR("Via: us\r\n"));
		bench_end(&b, MSG("Via: us\r\nVia: c\r\n"));
	}
}

static const struct {
	const char *fields;
	unsigned n;
	const char *want;
} pops[] = {
	/* clang-format off */
	{ MSG("Route: a\r\nX: y\r\n"), 0, MSG("Route: a\r\nX: y\r\n") },
	{ MSG("Route: a\r\nX: y\r\n"), 1, MSG("X: y\r\n") },
	{ MSG("Route: a\r\nX: y\r\n"), 9, MSG("X: y\r\n") },
	{ MSG("X: y\r\n"), 1, MSG("X: y\r\n") },
	{ MSG("Route: a, b\r\n"), 1, MSG("Route: b\r\n") },
	{ MSG("Route: a, b\r\n"), 2, MSG("") },
	{ MSG("Route:  a ,\r\n\t b ,c\r\n"), 1, MSG("Route:  b ,c\r\n") },
	{ MSG("Route:  a ,\r\n\t b ,c\r\n"), 2, MSG("Route:  c\r\n") },
	{ MSG("Route: a, b\r\nX: y\r\nroute : c,d,e\r\nRoute: f\r\n"), 4,
	  MSG("X: y\r\nroute : e\r\nRoute: f\r\n") },
	{ MSG("Route: a\r\nRoute:\r\nRoute: b\r\n"), 2, MSG("Route:\r\n") },
	{ MSG("Route: <a,b>;x=\"c,d\",e\r\n"), 1, MSG("Route: e\r\n") },
	/* clang-format on */
};

static void values_are_popped_over_fields_and_within(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pops); i++) {
		struct bench b;

		bench_start(&b, pops[i].fields);
		sip_edit_pop(&b.edits, &b.x->msg, SIP_HDR_ROUTE, pops[i].n);
		bench_end(&b, pops[i].want);
	}
}

/* Which of five values in two fields go, as bits, and what is left. */
static const struct {
	unsigned gone;
	const char *want;
} removals[] = {
	/* clang-format off */
	{ 0x00, MSG("Contact: a , b,\r\n c\r\nX: y\r\nm: d,e\r\n") },
	{ 0x01, MSG("Contact: b,\r\n c\r\nX: y\r\nm: d,e\r\n") },
	{ 0x02, MSG("Contact: a , c\r\nX: y\r\nm: d,e\r\n") },
	{ 0x04, MSG("Contact: a , b\r\nX: y\r\nm: d,e\r\n") },
	{ 0x03, MSG("Contact: c\r\nX: y\r\nm: d,e\r\n") },
	{ 0x05, MSG("Contact: b\r\nX: y\r\nm: d,e\r\n") },
	{ 0x06, MSG("Contact: a\r\nX: y\r\nm: d,e\r\n") },
	{ 0x07, MSG("X: y\r\nm: d,e\r\n") },
	{ 0x08, MSG("Contact: a , b,\r\n c\r\nX: y\r\nm: e\r\n") },
	{ 0x10, MSG("Contact: a , b,\r\n c\r\nX: y\r\nm: d\r\n") },
	{ 0x1c, MSG("Contact: a , b\r\nX: y\r\n") },
	{ 0x1f, MSG("X: y\r\n") },
	/* clang-format on */
};

static void removed_values_take_their_commas_along(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(removals); i++) {
		struct sip_values it;
		struct bench b;
		unsigned n = 0;

		bench_start(&b, removals[0].want);
		sip_values_start(&it, &b.x->msg, SIP_HDR_CONTACT);
		for (; sip_values_next(&it); n++)
			if (removals[i].gone >> n & 1)
				sip_edit_remove_value(&b.edits, &it);
		assert_int_equal(n, 5);
		bench_end(&b, removals[i].want);
	}
}

static void a_field_and_its_value_can_be_replaced(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, MSG("Max-Forwards :  70 \r\nX: y\r\nZ:\r\n"));
	sip_edit_value(&b.edits, sip_msg_first(&b.x->msg, SIP_HDR_MAX_FORWARDS),
		       STR("69"));
	sip_edit_remove(&b.edits, sip_msg_find(&b.x->msg, STR("x")));
	sip_edit_value(&b.edits, sip_msg_find(&b.x->msg, STR("z")), STR("z"));
	sip_edit_uri(&b.edits, &b.x->msg, STR("sip:bob@192.0.2.4"));
	bench_end(&b, "INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
		      "Max-Forwards :  69 \r\nZ:z\r\n\r\nbody");
}

#define FIX ";received=192.0.2.9;rport=5062"

static const struct {
	const char *via, *want;
} fixes[] = {
	/* clang-format off */
	{ MSG("Via: SIP/2.0/UDP h;branch=x\r\n"),
	  MSG("Via: SIP/2.0/UDP h;branch=x" FIX "\r\n") },
	{ MSG("Via: SIP/2.0/UDP h\r\n"),
	  MSG("Via: SIP/2.0/UDP h" FIX "\r\n") },
	{ MSG("Via: SIP/2.0/UDP h;rport;branch=x, SIP/2.0/UDP g;rport\r\n"),
	  MSG("Via: SIP/2.0/UDP h;branch=x" FIX ", SIP/2.0/UDP g;rport\r\n") },
	{ MSG("v:SIP/2.0/UDP h ; rport = 1 ; b=2;received=::1\r\n"),
	  MSG("v:SIP/2.0/UDP h  ; b=2" FIX "\r\n") },
	{ MSG("Via: SIP/2.0/UDP h;received=1.2.3.4;rport\r\n"),
	  MSG("Via: SIP/2.0/UDP h" FIX "\r\n") },
	/* clang-format on */
};

/* RFC 3261 section 18.2.1, RFC 3581: what the sender claims there goes. */
static void received_and_rport_of_the_top_via_are_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixes); i++) {
		struct bench b;

		bench_start(&b, fixes[i].via);
		sip_edit_via_params(&b.edits, &b.x->msg, STR(FIX));
		bench_end(&b, fixes[i].want);
	}
}

static void the_edits_of_a_proxy_combine(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, REQUEST_LINE "Route: <sip:us;lr>, <sip:next;lr>\r\n"
				     "Via: SIP/2.0/UDP h;rport\r\n" FROM TO
					     CALL_ID CSEQ MAX_FORWARDS END);
	sip_edit_value(&b.edits, sip_msg_first(&b.x->msg, SIP_HDR_MAX_FORWARDS),
		       STR("69"));
	sip_edit_via_params(&b.edits, &b.x->msg, STR(FIX));
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_VIA,
		      STR("Via: SIP/2.0/TCP us\r\n"));
	sip_edit_pop(&b.edits, &b.x->msg, SIP_HDR_ROUTE, 1);
	sip_edit_push(&b.edits, &b.x->msg, SIP_HDR_RECORD_ROUTE,
		      STR("Record-Route: <sip:us;lr>\r\n"));
	sip_edit_uri(&b.edits, &b.x->msg, STR("sip:b"));
	bench_end(&b, "INVITE sip:b SIP/2.0\r\n"
		      "Record-Route: <sip:us;lr>\r\n"
		      "Route: <sip:next;lr>\r\n"
		      "Via: SIP/2.0/TCP us\r\n"
		      "Via: SIP/2.0/UDP h" FIX "\r\n" FROM TO CALL_ID CSEQ
		      "Max-Forwards: 69\r\n" END);
}

static void a_copy_changes_without_its_original(void **state)
{
	struct sip_edits copy;
	struct bench b;
	struct buf *out;

	(void)state;
	bench_start(&b, MSG("X: y\r\n"));
	sip_edit_append(&b.edits, &b.x->msg, STR("A: 1\r\n"));
	sip_edits_copy(&copy, &b.edits);
	sip_edit_append(&copy, &b.x->msg, STR("B: 2\r\n"));
	out = sip_edits_print(&copy, &b.x->msg, b.mem);
	assert_str(buf_str(out), MSG("X: y\r\nA: 1\r\nB: 2\r\n"));
	buf_unref(out);
	bench_end(&b, MSG("X: y\r\nA: 1\r\n"));
}

enum {
	MANY = 3 * SIP_EDITS_INLINE,
};

static void add_many(struct bench *b)
{
	for (int i = 0; i < MANY; i++)
		sip_edit_append(&b->edits, &b->x->msg, STR("X: y\r\n"));
}

static void edits_beyond_the_inline_ones_come_from_the_arena(void **state)
{
	struct sip_edits copy;
	struct bench b;
	char want[1024] = "INVITE sip:a SIP/2.0\r\n";

	(void)state;
	bench_start(&b, MSG(""));
	add_many(&b);
	sip_edits_copy(&copy, &b.edits);
	assert_int_equal(copy.n, MANY);
	for (int i = 0; i < MANY; i++)
		strcat(want, "X: y\r\n");
	strcat(want, "\r\nbody");
	bench_end(&b, want);
}

/* Each allocation fails once: the list's growth, its copy, the print. */
static void no_memory_anywhere_makes_printing_refuse(void **state)
{
	unsigned n_refused = 0;
	bool done = false;

	(void)state;
	for (size_t ceiling = 1; !done; ceiling += 32 * 1024) {
		struct sip_edits copy;
		struct bench b;
		struct buf *out;

		bench_start(&b, MSG(""));
		mem_set_ceiling(b.mem, ceiling);
		add_many(&b);
		sip_edits_copy(&copy, &b.edits);
		assert_true(copy.failed || !b.edits.failed);
		out = sip_edits_print(&copy, &b.x->msg, b.mem);
		done = out != NULL;
		n_refused += !done;
		buf_unref(out);
		arena_fini(&b.arena);
		parsed_free(b.x);
		mem_free_all(b.mem);
	}
	assert_true(n_refused >= 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_push_goes_before_the_first_of_its_kind),
		cmocka_unit_test(
			a_push_of_a_new_kind_goes_after_the_start_line),
		cmocka_unit_test(the_last_push_is_on_top),
		cmocka_unit_test(an_appended_field_is_the_last),
		cmocka_unit_test(a_push_stays_above_what_is_popped),
		cmocka_unit_test(values_are_popped_over_fields_and_within),
		cmocka_unit_test(removed_values_take_their_commas_along),
		cmocka_unit_test(a_field_and_its_value_can_be_replaced),
		cmocka_unit_test(received_and_rport_of_the_top_via_are_set),
		cmocka_unit_test(the_edits_of_a_proxy_combine),
		cmocka_unit_test(a_copy_changes_without_its_original),
		cmocka_unit_test(
			edits_beyond_the_inline_ones_come_from_the_arena),
		cmocka_unit_test(no_memory_anywhere_makes_printing_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
