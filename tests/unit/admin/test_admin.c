/* What needs no HTTP: health, names of the Host field, sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "admin/bind.h"
#include "admin/view.h"
#include "viaduct/util/err.h"

static void assert_well(const char *why)
{
	if (why != NULL)
		fail_msg("not well: %s", why);
}

static void a_worker_that_keeps_silent_is_stuck(void **state)
{
	struct made_up *m = *state;

	assert_well(health_live(&m->view, VIEW_NOW_MS));
	m->workers[1].asked_ms = VIEW_NOW_MS - ADMIN_SILENCE_MS;
	assert_well(health_live(&m->view, VIEW_NOW_MS));
	m->workers[1].asked_ms--;
	assert_string_equal(health_live(&m->view, VIEW_NOW_MS),
			    "a worker does not answer");
	assert_non_null(health_ready(&m->view, VIEW_NOW_MS));
}

static void ready_is_after_the_start_and_before_the_end(void **state)
{
	struct made_up *m = *state;

	assert_well(health_ready(&m->view, VIEW_NOW_MS));
	m->view.is_draining = true;
	assert_string_equal(health_ready(&m->view, VIEW_NOW_MS), "draining");
	assert_well(health_live(&m->view, VIEW_NOW_MS));
	m->view.is_draining = m->view.is_ready = false;
	assert_string_equal(health_ready(&m->view, VIEW_NOW_MS), "starting");
}

static void the_host_is_ours(void **state)
{
	static const struct {
		const char *addr, *host;
		bool is_ours;
	} t[] = {
		{"127.0.0.1", "127.0.0.1:8060", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "LocalHost:8060", true},
		{"127.0.0.1", "localhost", true},
		{"127.0.0.1", "[::1]:8060", true},
		{"::1", "[::1]", true},
		{"::1", "[::1]:8060", true},
		{"192.0.2.4", "192.0.2.4:8060", true},
		{"192.0.2.4", "192.0.2.5:8060", false},
		{"0.0.0.0", "192.0.2.5:8060", true},
		{"127.0.0.1", "rebound.example:8060", false},
		{"0.0.0.0", "rebound.example", false},
		{"127.0.0.1", "localhost.example", false},
		{"127.0.0.1", "127.0.0.1.example:8060", false},
		{"127.0.0.1", "", false},
		{"127.0.0.1", ":8060", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		union addr a;

		addr_parse(str_from(t[i].addr), 8060, &a);
		if (host_is_ours(str_from(t[i].host), &a) != t[i].is_ours)
			fail_msg("%s at %s", t[i].host, t[i].addr);
	}
}

static void a_socket_that_nobody_answers_on_is_replaced(void **state)
{
	struct made_up *m = *state;
	bool has_made;
	char path[100], why[256];
	int first, second;

	snprintf(path, sizeof(path), "%s/deep/a.sock", m->desk.dir);
	first = bind_unix(path, &has_made, why);
	assert_true(first >= 0 && has_made);
	assert_int_equal(bind_unix(path, &has_made, why), VD_ESYS);
	assert_non_null(strstr(why, "a.sock: address already in use"));
	close(first);
	second = bind_unix(path, &has_made, why);
	assert_true(second >= 0 && !has_made);
	close(second);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static void a_file_that_is_no_socket_stays(void **state)
{
	struct made_up *m = *state;
	char path[100], why[256];
	bool has_made;

	snprintf(path, sizeof(path), "%s/precious", m->desk.dir);
	fclose(fopen(path, "w"));
	assert_int_equal(bind_unix(path, &has_made, why), VD_ESYS);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, made_up_open, made_up_close)
	const struct CMUnitTest tests[] = {
		TEST(a_worker_that_keeps_silent_is_stuck),
		TEST(ready_is_after_the_start_and_before_the_end),
		cmocka_unit_test(the_host_is_ours),
		TEST(a_socket_that_nobody_answers_on_is_replaced),
		TEST(a_file_that_is_no_socket_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
