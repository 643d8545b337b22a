/*
 * The n-th call of a kind fails, for n = 1, 2, 3 ... until a whole life of the
 * daemon (start, calls, a fork, a reload, stop) meets no failure any more. It
 * may refuse to start, with one line that says why. Once it runs, one step may
 * fail, the same one must then succeed, and it ends as asked and leaks nothing.
 *
 *   test_faults              as much as fits into VIADUCT_FAULTS seconds
 *                            (default 20); VIADUCT_FAULTS=all: every n
 *   test_faults KIND N       one run, its log on the terminal
 *
 * VIADUCT_FAULTS_SEED chooses the error codes and, where time is short, which
 * n.
 */
#include "fault/scenario.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/daemon.h"
#include "fault/inject.h"

enum {
	DEFAULT_S = 20,
	STOP_MS = 5000,
	SAID_MAX = 16384,
};

static struct stage stage;
static bool is_verbose;

static unsigned env_number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* The daemon, in a child
 * ----------------------------------------------------- */

static void serve(void)
{
	char path[128];
	int code;

	snprintf(path, sizeof(path), "%s/stderr", stage.dir);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!is_verbose && freopen(path, "w", stderr) == NULL)
		_exit(99);
	setlinebuf(stderr);
	peer_close(&stage.alice);
	peer_close(&stage.bob);
	peer_close(&stage.bill);
	peer_close(&stage.tom);
	peer_close(&stage.names);
	inject_begin();
	code = daemon_run(stage.conf);
	inject_end();
	exit(code); /* which looks for leaks */
}

static void start(void)
{
	fflush(NULL);
	peer_child = fork();
	assert_true(peer_child >= 0);
	if (peer_child == 0)
		serve();
}

/* The last part of a file in the stage's directory. */
static const char *end_of_file(const char *name)
{
	static char text[SAID_MAX];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", stage.dir, name);
	f = fopen(path, "r");
	text[0] = '\0';
	if (f == NULL)
		return text;
	if (fseek(f, -(long)sizeof(text) + 1, SEEK_END) != 0)
		rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static const char *said(void)
{
	return end_of_file("stderr");
}

static void fail_run(const char *what)
{
	kill(peer_child, SIGKILL);
	waitpid(peer_child, NULL, 0);
	print_error("%s\n", end_of_file("log"));
	fail_msg("%s %u (%s, seed %u): %s; it said:\n%s",
		 fault_name(inject->kind), inject->nth, inject->where,
		 inject->seed, what, said());
}

/* Its exit code; it must come by itself. */
static int wait_exit(void)
{
	long until = peer_now_ms() + STOP_MS;
	int status;

	while (!peer_child_is_gone() && peer_now_ms() < until)
		usleep(2000);
	if (!peer_child_is_gone())
		fail_run("it does not end");
	waitpid(peer_child, &status, 0);
	if (!WIFEXITED(status))
		fail_run("it crashed");
	if (strstr(said(), "Sanitizer") != NULL ||
	    strstr(said(), "runtime error") != NULL)
		fail_run("a sanitizer complains");
	return WEXITSTATUS(status);
}

/* One life
 * -------------------------------------------------------------------- */

/* A line that ends with more than the name of the program. */
static bool says_why(void)
{
	static const char name[] = "viaductd: ";
	const char *text = said();

	if (strncmp(text, name, strlen(name)) == 0)
		text += strlen(name);
	return text[strcspn(text, "\n")] == '\n' && *text != '\n';
}

/* A start may be refused, with a reason. */
static void judge_refused_start(void)
{
	int code = wait_exit();

	if (!atomic_load(&inject->is_hit))
		fail_run("it does not start");
	if (code != EXIT_CONFIGURATION && code != EXIT_START)
		fail_run("it did not start, with a wrong exit code");
	if (!is_verbose && !says_why())
		fail_run("it did not start and does not say why");
}

/* It may fail while the failure is met, and then not again. */
static bool run_patiently(const struct step *step)
{
	peer_is_patient = atomic_load(&inject->is_hit);
	if (step->run(&stage))
		return true;
	if (peer_is_patient || !atomic_load(&inject->is_hit))
		return false;
	peer_is_patient = true;
	return !peer_child_is_gone() && step->run(&stage);
}

static void run_step(const struct step *step)
{
	char what[128];

	if (run_patiently(step))
		return;
	snprintf(what, sizeof(what), "failed: %s", step->name);
	fail_run(what);
}

static void stop(void)
{
	kill(peer_child, SIGTERM);
	if (wait_exit() != EXIT_STOPPED)
		fail_run("a wrong exit code");
}

/* True if the failure was met. */
static bool run_once(enum fault kind, unsigned n)
{
	memset(inject, 0, sizeof(*inject));
	inject->kind = kind;
	inject->nth = n;
	inject->seed = env_number("VIADUCT_FAULTS_SEED", 1);
	start();
	if (run_patiently(&steps[0])) {
		for (const struct step *s = steps + 1; s->name != NULL; s++)
			run_step(s);
		stop();
	} else if (peer_child_is_gone()) {
		judge_refused_start();
	} else {
		fail_run("it does not answer");
	}
	return atomic_load(&inject->is_hit);
}

/* All kinds
 * ------------------------------------------------------------------- */

static bool has_time(long began_ms)
{
	const char *text = getenv("VIADUCT_FAULTS");
	long s = env_number("VIADUCT_FAULTS", DEFAULT_S);

	if (text != NULL && strcmp(text, "all") == 0)
		return true;
	return peer_now_ms() - began_ms < s * 1000 / (N_FAULTS - 1);
}

static unsigned gcd(unsigned a, unsigned b)
{
	return b == 0 ? a : gcd(b, a % b);
}

/* Steps of about 0.618 of all, that come by every one: wherever time ends, what
 * was done is spread evenly. */
static unsigned stride_of(unsigned total)
{
	unsigned stride = total * 618 / 1000 + 1;

	while (gcd(stride, total) != 1)
		stride++;
	return stride;
}

/* Lives differ a little in what they call, so the end is looked for. */
static void run_beyond(enum fault kind, unsigned total)
{
	unsigned n = total + 1;

	while (run_once(kind, n))
		n++;
}

static void run_kind(enum fault kind)
{
	long began_ms = peer_now_ms();
	unsigned total, stride, n, n_done = 0;

	run_once(FAULT_NONE, 0);
	total = inject->count[kind];
	assert_true(total > 0);
	stride = stride_of(total);
	n = inject->seed % total;
	for (; n_done < total && has_time(began_ms); n_done++) {
		run_once(kind, n + 1);
		n = (n + stride) % total;
	}
	if (n_done == total)
		run_beyond(kind, total);
	print_message("%s: %u of %u calls failed, one in each run\n",
		      fault_name(kind), n_done, total);
	assert_true(n_done > 0);
}

#define KIND(name, kind)                                                       \
	static void name(void **state)                                         \
	{                                                                      \
		(void)state;                                                   \
		run_kind(kind);                                                \
	}

KIND(no_memory_fails_one_request, FAULT_MEMORY)
KIND(a_full_pool_fails_one_request, FAULT_POOL)
KIND(no_memory_for_a_library_fails_one_request, FAULT_LIBRARY)
KIND(what_cannot_be_sent_fails_one_request, FAULT_SEND)
KIND(what_cannot_be_read_fails_one_request, FAULT_RECEIVE)
KIND(who_cannot_be_accepted_comes_again, FAULT_ACCEPT)
KIND(a_socket_that_cannot_be_made_fails_one_request, FAULT_SOCKET)
KIND(a_descriptor_that_cannot_be_watched_fails_one_request, FAULT_WATCH)
KIND(a_thread_that_cannot_be_made_ends_the_start, FAULT_THREAD)
KIND(a_file_that_fails_ends_the_start_or_nothing, FAULT_FILE)
KIND(a_disk_that_fails_ends_the_start_or_fails_one_request, FAULT_DISK)

static int open_stage(void **state)
{
	(void)state;
	stage_open(&stage);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

/* KIND N */
static int run_one(char **argv)
{
	enum fault kind = FAULT_NONE;

	for (int i = 0; i < N_FAULTS; i++)
		if (strcmp(argv[1], fault_name((enum fault)i)) == 0)
			kind = (enum fault)i;
	is_verbose = true;
	stage_open(&stage);
	run_once(kind, (unsigned)strtoul(argv[2], NULL, 10));
	stage_close(&stage);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_fails_one_request),
		cmocka_unit_test(a_full_pool_fails_one_request),
		cmocka_unit_test(no_memory_for_a_library_fails_one_request),
		cmocka_unit_test(what_cannot_be_sent_fails_one_request),
		cmocka_unit_test(what_cannot_be_read_fails_one_request),
		cmocka_unit_test(who_cannot_be_accepted_comes_again),
		cmocka_unit_test(
			a_socket_that_cannot_be_made_fails_one_request),
		cmocka_unit_test(
			a_descriptor_that_cannot_be_watched_fails_one_request),
		cmocka_unit_test(a_thread_that_cannot_be_made_ends_the_start),
		cmocka_unit_test(a_file_that_fails_ends_the_start_or_nothing),
		cmocka_unit_test(
			a_disk_that_fails_ends_the_start_or_fails_one_request),
	};

	inject = mmap(NULL, sizeof(*inject), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (inject == MAP_FAILED)
		return 1;
	if (argc == 3)
		return run_one(argv);
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
