#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>

#include "admin/view.h"
#include "viaduct/sip/msg.h"

enum { TEXT_MAX = 1 << 18 };

static const char *print(const struct made_up *m)
{
	static char text[TEXT_MAX];
	struct evbuffer *out = evbuffer_new();
	size_t n;

	assert_int_equal(metrics_print(&m->view, VIEW_NOW_MS, out), 0);
	n = evbuffer_get_length(out);
	assert_in_range(n, 1, TEXT_MAX - 1);
	evbuffer_remove(out, text, n);
	text[n] = '\0';
	evbuffer_free(out);
	return text;
}

/* A whole line. */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *at = text;

	while ((at = strstr(at, line)) != NULL) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
		at += len;
	}
	return false;
}

static void assert_line(const struct made_up *m, const char *line)
{
	if (!has_line(print(m), line))
		fail_msg("no line \"%s\"", line);
}

static void what_workers_count_is_summed(void **state)
{
	struct made_up *m = *state;

	stats_add(&m->stats[0], STAT_retransmissions, 40);
	stats_add(&m->stats[1], STAT_retransmissions, 2);
	assert_line(m, "viaduct_retransmissions_total 42");
	assert_line(m, "# TYPE viaduct_retransmissions_total counter");
	assert_line(m, "# HELP viaduct_retransmissions_total Messages that we "
		       "sent again");
}

/* Each with a value of its own, which must turn up. */
static void no_counter_is_left_out(void **state)
{
	struct made_up *m = *state;
	const char *text;
	char value[32];

	for (unsigned i = 0; i < STAT_COUNT; i++)
		stats_add(&m->stats[0], (enum stat)i, 770000 + i);
	for (unsigned t = SIP_UDP; t < SIP_TRANSPORT_OTHER; t++) {
		stats_received(&m->stats[0], t);
		stats_sent(&m->stats[0], t, 3);
	}
	text = print(m);
	for (unsigned i = 0; i < STAT_COUNT; i++) {
		snprintf(value, sizeof(value), " %u\n", 770000 + i);
		if (i == STAT_messages_in || i == STAT_messages_out)
			continue; /* by transport */
		if (strstr(text, value) == NULL)
			fail_msg("%s is in no metric",
				 stats_name((enum stat)i));
	}
	assert_line(m, "viaduct_messages_received_total{transport=\"wss\"} 1");
	assert_line(m, "viaduct_messages_sent_total{transport=\"tls\"} 3");
}

static void no_limit_and_no_gauge_is_left_out(void **state)
{
	struct made_up *m = *state;
	const char *text;
	char value[32];

	for (unsigned i = 0; i < LIMIT_COUNT; i++)
		stats_bump(&m->stats[1].limits[i], 880000 + i);
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		stats_set(&m->stats[1].gauges[i], 990000 + i);
	text = print(m);
	for (unsigned i = 0; i < LIMIT_COUNT; i++) {
		snprintf(value, sizeof(value), "\"%s\"} %u\n",
			 stats_limit_name((enum limit)i), 880000 + i);
		assert_non_null(strstr(text, value));
	}
	for (unsigned i = 0; i < GAUGE_COUNT; i++) {
		snprintf(value, sizeof(value), " %u\n", 990000 + i);
		assert_non_null(strstr(text, value));
	}
	assert_line(m, "viaduct_memory_used_bytes{worker=\"0\"} 0");
}

static void final_responses_are_told_by_method_and_class(void **state)
{
	struct made_up *m = *state;

	stats_final(&m->stats[0], SIP_INVITE, 200);
	stats_final(&m->stats[1], SIP_INVITE, 299);
	stats_final(&m->stats[1], SIP_BYE, 481);
	stats_final(&m->stats[1], SIP_METHOD_OTHER, 699);
	stats_final(&m->stats[1], SIP_INVITE, 180); /* not final */
	stats_final(&m->stats[1], SIP_INVITE, 700); /* no such class */
	assert_line(m, "viaduct_responses_total{method=\"INVITE\","
		       "class=\"2xx\"} 2");
	assert_line(m, "viaduct_responses_total{method=\"BYE\","
		       "class=\"4xx\"} 1");
	assert_line(m, "viaduct_responses_total{method=\"other\","
		       "class=\"6xx\"} 1");
	assert_line(m, "viaduct_responses_total{method=\"INVITE\","
		       "class=\"6xx\"} 0");
}

/* A value that equals a bound belongs to it, as Prometheus has it. */
static void a_histogram_is_cumulative_and_ends_in_infinity(void **state)
{
	struct made_up *m = *state;
	struct stats_histogram *h = &m->stats[0].setup;

	stats_observe(h, 0);
	stats_observe(h, 5);
	stats_observe(h, 6);
	stats_observe(&m->stats[1].setup, 185000);
	stats_observe(h, 185001);
	assert_line(m, "viaduct_invite_setup_seconds_bucket{le=\"0.005\"} 2");
	assert_line(m, "viaduct_invite_setup_seconds_bucket{le=\"0.01\"} 3");
	assert_line(m, "viaduct_invite_setup_seconds_bucket{le=\"120\"} 3");
	assert_line(m, "viaduct_invite_setup_seconds_bucket{le=\"185\"} 4");
	assert_line(m, "viaduct_invite_setup_seconds_bucket{le=\"+Inf\"} 5");
	assert_line(m, "viaduct_invite_setup_seconds_count 5");
	assert_line(m, "viaduct_invite_setup_seconds_sum 370.012");
	assert_line(m, "viaduct_transaction_seconds_count{request=\"invite\"} "
		       "0");
}

/* Every bound is met from both sides. */
static void each_bucket_gets_what_belongs_to_it(void **state)
{
	struct stats_histogram h;

	(void)state;
	memset(&h, 0, sizeof(h));
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		stats_observe(&h, stats_bounds_ms[i]);
		stats_observe(&h, stats_bounds_ms[i] + 1);
	}
	assert_int_equal(stats_get(&h.n[0]), 1);
	for (unsigned i = 1; i < STATS_BUCKETS; i++)
		assert_int_equal(stats_get(&h.n[i]), 2);
	assert_int_equal(stats_get(&h.n[STATS_BUCKETS]), 1);
}

static void a_reload_that_failed_shows(void **state)
{
	struct made_up *m = *state;

	assert_line(m, "viaduct_config_last_reload_success 1");
	m->view.is_reload_good = false;
	assert_line(m, "viaduct_config_last_reload_success 0");
	assert_line(m, "viaduct_uptime_seconds 90");
}

/* docs/operating.md; `make check` says where the sources are. */
static const char *manual(void)
{
	static char text[TEXT_MAX];
	const char *top = getenv("srcdir");
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/docs/operating.md",
		 top != NULL ? top : "..");
	f = fopen(path, "r");
	if (f == NULL)
		skip();
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* Each has its row, and there are no more rows. */
static void the_manual_has_every_metric_and_no_other(void **state)
{
	const char *rows = manual(), *text = print(*state), *at = text;
	char name[128], type[32], row[256];

	while ((at = strstr(at, "# TYPE ")) != NULL) {
		assert_int_equal(sscanf(at++, "# TYPE %127s %31s", name, type),
				 2);
		snprintf(row, sizeof(row), "\n| `%s` | %s |", name, type);
		if (count(rows, row) != 1)
			fail_msg("docs/operating.md wants one row%s", row);
	}
	assert_int_equal(count(rows, "` | counter |") +
				 count(rows, "` | gauge |") +
				 count(rows, "` | histogram |"),
			 count(text, "# TYPE "));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, made_up_open, made_up_close)
	const struct CMUnitTest tests[] = {
		TEST(what_workers_count_is_summed),
		TEST(no_counter_is_left_out),
		TEST(no_limit_and_no_gauge_is_left_out),
		TEST(final_responses_are_told_by_method_and_class),
		TEST(a_histogram_is_cumulative_and_ends_in_infinity),
		cmocka_unit_test(each_bucket_gets_what_belongs_to_it),
		TEST(a_reload_that_failed_shows),
		TEST(the_manual_has_every_metric_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
