#include "util/log_priv.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "viaduct/util/err.h"

enum {
	STOP_MAX_MS = 2000, /* how long a stuck place may hold up the end */
};

/* Shared by all threads of the process; the writer thread owns what is not
 * atomic. */
static struct {
	pthread_t thread;
	sem_t wake;
	_Atomic bool is_running; /* lines go into the rings */
	_Atomic bool is_stopping, must_reopen;
	_Atomic bool is_asleep;
	struct log_sink *_Atomic next_sink; /* to change over to */
	struct log_sink *sink;
	_Atomic uint64_t n_lost;
	uint64_t n_lost_told;
} writer;

/* Made once and never destroyed: a thread may be about to post when the writer
 * ends. One post too many costs the writer one look. */
static pthread_once_t wake_once = PTHREAD_ONCE_INIT;

static void wake_make(void)
{
	sem_init(&writer.wake, 0, 0);
}

void log_lost_add(uint64_t n)
{
	atomic_fetch_add_explicit(&writer.n_lost, n, memory_order_relaxed);
}

uint64_t log_n_lost(void)
{
	return atomic_load_explicit(&writer.n_lost, memory_order_relaxed);
}

static void writer_wake(void)
{
	if (atomic_load(&writer.is_asleep) &&
	    atomic_exchange(&writer.is_asleep, false))
		sem_post(&writer.wake);
}

static void stderr_put(struct str line)
{
	while (line.len > 0) {
		ssize_t n = write(STDERR_FILENO, line.p, line.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		line = str_skip(line, (size_t)n);
	}
}

void log_put(enum log_level level, struct str line)
{
	if (!atomic_load_explicit(&writer.is_running, memory_order_acquire))
		stderr_put(line);
	else if (log_ring_put(level, line))
		writer_wake();
	else
		log_lost_add(1);
}

/* The writer's own lines do not go through a ring. */
static void sink_tell(enum log_level level, const char *event,
		      const struct log_kv *kv)
{
	struct log_record rec = {.level = level};
	struct log_line l;

	log_line_start(&l, level, event);
	log_line_pairs(&l, kv);
	rec.line = log_line_end(&l);
	log_lost_add(log_sink_put(writer.sink, &rec));
}

static void tell_lost(void)
{
	uint64_t n = log_n_lost();
	const struct log_kv kv[] = {
		KV_UINT("lines", n - writer.n_lost_told),
		{0},
	};

	if (n == writer.n_lost_told)
		return;
	sink_tell(LOG_WARNING, "log.lost", kv);
	writer.n_lost_told = n;
}

static void ring_drain(struct log_ring *r)
{
	struct log_record rec;

	while (log_ring_peek(r, &rec)) {
		log_lost_add(log_sink_put(writer.sink, &rec));
		log_ring_pop(r, &rec);
	}
}

static void drain(void)
{
	struct log_ring *r;

	for (r = log_ring_first(); r != NULL; r = log_ring_next(r))
		ring_drain(r);
	tell_lost();
	log_lost_add(log_sink_flush(writer.sink));
	log_rings_reap();
}

static void reopen(void)
{
	if (log_sink_reopen(writer.sink) == 0)
		return;
	sink_tell(
		LOG_ERROR, "log.reopen_failed",
		(const struct log_kv[]){KV_TEXT("why", strerror(errno)), {0}});
}

static bool has_orders(void)
{
	return atomic_load(&writer.is_stopping) ||
	       atomic_load(&writer.must_reopen) ||
	       atomic_load(&writer.next_sink) != NULL;
}

static void sleep_until_woken(void)
{
	atomic_store(&writer.is_asleep, true);
	if (has_orders() || !log_rings_are_empty()) {
		atomic_store(&writer.is_asleep, false);
		return;
	}
	while (sem_wait(&writer.wake) != 0)
		;
}

static void take_orders(void)
{
	struct log_sink *next = atomic_exchange(&writer.next_sink, NULL);

	if (next != NULL) {
		log_sink_close(writer.sink);
		writer.sink = next;
	}
	if (atomic_exchange(&writer.must_reopen, false))
		reopen();
}

static void *writer_main(void *arg)
{
	(void)arg;
	while (!atomic_load(&writer.is_stopping)) {
		take_orders();
		drain();
		sleep_until_woken();
	}
	take_orders();
	drain();
	return NULL;
}

/* Signals are the main thread's; a closed pipe is an error of write(). */
static int writer_start(void)
{
	sigset_t all, old;
	int err;

	atomic_store(&writer.is_stopping, false);
	atomic_store(&writer.is_asleep, false);
	log_sink_give_up_at(0);
	pthread_once(&wake_once, wake_make);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&writer.thread, NULL, writer_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0) {
		errno = err;
		return VD_ESYS;
	}
	atomic_store(&writer.is_running, true);
	return 0;
}

int log_configure(const struct log_conf *conf)
{
	struct log_sink *sink;
	int err = log_sink_open(conf->to, &sink);

	if (err != 0)
		return err;
	log_sink_close(atomic_exchange(&writer.next_sink, sink));
	if (!atomic_load(&writer.is_running))
		err = writer_start();
	if (err != 0) {
		log_sink_close(atomic_exchange(&writer.next_sink, NULL));
		return err;
	}
	log_max_level = conf->level;
	trace_max_level = conf->trace;
	log_format_now = conf->format;
	writer_wake();
	return 0;
}

void log_reopen(void)
{
	if (!atomic_load(&writer.is_running))
		return;
	atomic_store(&writer.must_reopen, true);
	writer_wake();
}

void log_stop(void)
{
	if (!atomic_exchange(&writer.is_running, false))
		return;
	log_sink_give_up_at(log_clock_ms() + STOP_MAX_MS);
	atomic_store(&writer.is_stopping, true);
	writer_wake();
	pthread_join(writer.thread, NULL);
	log_sink_close(writer.sink);
	writer.sink = NULL;
}
