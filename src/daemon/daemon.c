/*
 * Start, reload, drain, stop. The main thread has a loop of its own for
 * signals; it shares nothing with the workers but what the inboxes carry.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/state.h"
#include "daemon/tls_watch.h"
#include "config.h"
#include "daemon/worker.h"
#include "viaduct/admin/admin.h"
#include "viaduct/util/err.h"
#include "viaduct/util/wall.h"

enum {
	QUEUED_MAX = 16384, /* parcels that one worker may have out */
	WHY_LEN = 512,
	SWEEP_MS = 1000,
};

struct daemon {
	const char *path;
	struct config *running; /* as started: what needs a restart */
	struct config *current; /* as reloaded */
	struct state state;
	struct post *post;
	struct transport_set *transports;
	struct auth *auth;
	struct location *location;
	uint8_t gruu_key[MAC_KEY_LEN];
	struct source_limiter *sources;
	struct worker **workers;
	struct admin *admin;
	struct admin_view view;             /* what admin shows */
	struct admin_worker *admin_workers; /* of the view */
	unsigned n_workers, n_drained;
	struct loop *loop;
	struct timer deadline; /* of the drain */
	struct timer sweep;    /* of expired registrations */
	struct timer reloaded; /* to say so */
	struct timer reload;   /* asked for, and not done yet */
	struct tls_watch tls_watch;
	bool is_serving, is_draining;
};

/* systemd(1) --------------------------------------------------------------- */

/* sd_notify(3): a datagram to the socket that the manager named. */
static void tell_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) <
	    0)
		log_warning(STR_NONE, "systemd.notify",
			    KV_TEXT("error", strerror(errno)));
	close(fd);
}

/* Telling the workers ------------------------------------------------------ */

static void tell_all(struct daemon *d, uint16_t kind, struct config *config)
{
	for (unsigned i = 0; i < d->n_workers; i++) {
		struct parcel *p = parcel_new(d->post, (uint16_t)d->n_workers,
					      kind, sizeof(void *));
		struct snapshot *s;

		if (p == NULL) {
			log_error(STR_NONE, "worker.unreachable",
				  KV_UINT("worker", i));
			continue;
		}
		if (config != NULL) {
			s = snapshot_ref(&config->snapshot);
			memcpy(p->data, &s, sizeof(s));
		}
		parcel_send(d->post, i, p);
	}
}

static void on_parcel(void *arg, struct parcel *p)
{
	struct daemon *d = arg;

	if (p->kind >= PARCEL_STORE_FIRST && p->kind <= PARCEL_STORE_LAST) {
		location_parcel(d->location, p); /* of the sweep */
		return;
	}
	if (p->kind == PARCEL_PONG)
		d->admin_workers[p->from].asked_ms = 0;
	if (p->kind != PARCEL_DRAINED)
		return;
	d->n_drained++;
	if (d->n_drained == d->n_workers)
		loop_stop(d->loop);
}

/* Counters ----------------------------------------------------------------- */

static uint64_t sum_of(const struct daemon *d, enum stat i)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < d->n_workers; w++)
		sum += stats_read(worker_stats(d->workers[w]), i);
	return sum;
}

/* Those that are not zero, since the start. */
static void log_stats(const struct daemon *d)
{
	struct log_kv kv[STAT_COUNT + 1] = {0};
	size_t n = 0;

	for (int i = 0; i < STAT_COUNT; i++) {
		uint64_t sum = sum_of(d, (enum stat)i);

		if (sum != 0)
			kv[n++] = KV_UINT(stats_name((enum stat)i), sum);
	}
	if (LOG_INFO <= log_max_level)
		log_write(LOG_INFO, STR_NONE, "stats", kv);
}

/* What admin shows --------------------------------------------------------- */

/* One that has not answered yet is not asked again. */
static void ping_workers(struct daemon *d)
{
	for (unsigned i = 0; i < d->n_workers; i++) {
		struct parcel *p;

		if (d->admin_workers[i].asked_ms != 0)
			continue;
		p = parcel_new(d->post, d->n_workers, PARCEL_PING, 0);
		if (p == NULL)
			continue;
		d->admin_workers[i].asked_ms = loop_now_ms(d->loop);
		parcel_send(d->post, i, p);
	}
}

static void show_reload(struct daemon *d, bool is_good)
{
	d->view.is_reload_good = is_good;
	if (!is_good)
		return;
	d->view.reload_s = wall_now_s();
	d->view.deadline_ms = d->current->settings.limits.message_timeout;
}

static int show_workers(struct daemon *d)
{
	d->admin_workers = calloc(d->n_workers, sizeof(*d->admin_workers));
	if (d->admin_workers == NULL)
		return VD_ENOMEM;
	for (unsigned i = 0; i < d->n_workers; i++)
		d->admin_workers[i].stats = worker_stats(d->workers[i]);
	d->view.workers = d->admin_workers;
	d->view.n_workers = d->n_workers;
	d->view.location = d->location;
	d->view.start_s = wall_now_s();
	d->view.start_ms = loop_now_ms(d->loop);
	show_reload(d, true);
	return 0;
}

/* Signals ------------------------------------------------------------------ */

static void on_deadline(struct timer *t)
{
	struct daemon *d = CONTAINER_OF(t, struct daemon, deadline);

	log_warning(STR_NONE, "drain.timeout",
		    KV_UINT("after_ms", d->current->settings.server.drain));
	loop_stop(d->loop);
}

static void begin_drain(struct daemon *d, int signo)
{
	uint32_t most = d->current->settings.server.drain;

	d->is_draining = d->view.is_draining = true;
	log_info(STR_NONE, "stopping", KV_TEXT("signal", strsignal(signo)),
		 KV_UINT("drain_ms", most));
	tell_manager("STOPPING=1");
	tell_all(d, PARCEL_DRAIN, NULL);
	timer_arm(loop_wheel(d->loop), &d->deadline, most);
}

static void on_stop(void *arg, int signo)
{
	struct daemon *d = arg;

	if (d->is_draining) {
		log_warning(STR_NONE, "stopping.now",
			    KV_TEXT("signal", strsignal(signo)));
		loop_stop(d->loop);
		return;
	}
	begin_drain(d, signo);
}

static int apply_log(const struct config *c)
{
	struct log_conf conf;

	config_log(c, &conf);
	return log_configure(&conf);
}

/* All or nothing: what cannot be applied changes nothing. */
static void reload(struct timer *t)
{
	struct daemon *d = CONTAINER_OF(t, struct daemon, reload);
	struct transport_limits limits;
	struct config *next;

	if (config_load(d->path, true, &next) != 0) {
		log_error(STR_NONE, "reload.failed", KV_TEXT("file", d->path),
			  KV_TEXT("why", "the old configuration stays"));
		show_reload(d, false);
		return;
	}
	if (apply_log(next) != 0) {
		log_error(STR_NONE, "reload.failed", KV_TEXT("file", d->path),
			  KV_STR("log", next->settings.log.to),
			  KV_TEXT("error", strerror(errno)));
		snapshot_unref(&next->snapshot);
		show_reload(d, false);
		return;
	}
	config_warn(next, d->path);
	config_attach(next, d->auth, d->location, d->gruu_key);
	config_keep_name(next, d->running);
	config_log_restarts(d->running, next);
	config_transport_limits(next, &limits);
	transport_set_limits(d->transports, &limits);
	transport_set_tls(d->transports, &next->settings.tls);
	tls_watch_set(&d->tls_watch, &next->settings.tls);
	tell_all(d, PARCEL_SNAPSHOT, next);
	snapshot_unref(&d->current->snapshot);
	d->current = next;
	show_reload(d, true);
	timer_arm(loop_wheel(d->loop), &d->reloaded, 0);
}

/* A turn later: the workers have been told at the end of the last one, and
 * whoever reads this line finds the new configuration in force. */
static void on_reloaded(struct timer *t)
{
	struct daemon *d = CONTAINER_OF(t, struct daemon, reloaded);

	log_info(STR_NONE, "reloaded", KV_TEXT("file", d->path));
}

/* Signals that came together are one reload: the file is read after the last of
 * them. */
static void on_reload(void *arg, int signo)
{
	struct daemon *d = arg;

	(void)signo;
	if (!timer_is_armed(&d->reload))
		timer_arm(loop_wheel(d->loop), &d->reload, 0);
}

static void on_reopen(void *arg, int signo)
{
	struct daemon *d = arg;

	(void)signo;
	log_reopen();
	log_stats(d);
}

static int watch_signals(struct daemon *d)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow: EFBIG */
	err = loop_on_signal(d->loop, SIGTERM, on_stop, d);
	if (err == 0)
		err = loop_on_signal(d->loop, SIGINT, on_stop, d);
	if (err == 0)
		err = loop_on_signal(d->loop, SIGHUP, on_reload, d);
	if (err == 0)
		err = loop_on_signal(d->loop, SIGUSR1, on_reopen, d);
	return err;
}

/* Start -------------------------------------------------------------------- */

static void raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r); /* the accept path lives with less */
}

static int drop_privileges(struct daemon *d, char *why)
{
	const struct server_section *s = &d->running->settings.server;
	const struct passwd *pw;

	if (s->user.len == 0)
		return 0;
	pw = getpwnam(s->user.p);
	if (pw == NULL) {
		snprintf(why, WHY_LEN, "server.user: there is no user %s",
			 s->user.p);
		return VD_ENOENT;
	}
	if (state_chown(s->state.p, pw->pw_uid, pw->pw_gid) == 0 &&
	    admin_chown(d->admin, pw->pw_uid, pw->pw_gid) == 0 &&
	    initgroups(s->user.p, pw->pw_gid) == 0 && setgid(pw->pw_gid) == 0 &&
	    setuid(pw->pw_uid) == 0)
		return 0;
	snprintf(why, WHY_LEN, "cannot become user %s: %s", s->user.p,
		 strerror(errno));
	return VD_ESYS;
}

static int open_listeners(struct daemon *d, char *why)
{
	const struct settings *s = &d->running->settings;
	struct transport_limits limits;
	int err;

	config_transport_limits(d->running, &limits);
	err = transport_set_open(s->listen.v, s->listen.n, d->n_workers,
				 &limits, d->post, &d->transports, why);
	if (err == 0)
		transport_set_tls(d->transports, &s->tls);
	return err;
}

static int open_main(struct daemon *d, char *why)
{
	int err;

	snprintf(why, WHY_LEN, "no memory");
	err = loop_new(&d->loop);
	if (err == 0)
		err = post_new(d->n_workers + 2, QUEUED_MAX, &d->post);
	if (err == 0)
		err = post_join(d->post, d->n_workers, d->loop, on_parcel, d);
	if (err == 0)
		err = watch_signals(d);
	return err;
}

static int start_workers(struct daemon *d, char *why)
{
	int err = 0;

	for (unsigned i = 0; i < d->n_workers && err == 0; i++)
		err = worker_start(d->workers[i]);
	if (err != 0)
		snprintf(why, WHY_LEN, "cannot start a thread: %s",
			 strerror(errno));
	return err;
}

static void on_sweep(struct timer *t)
{
	struct daemon *d = CONTAINER_OF(t, struct daemon, sweep);

	location_sweep(d->location, loop_now_ms(d->loop));
	ping_workers(d);
	timer_arm(loop_wheel(d->loop), &d->sweep, SWEEP_MS);
}

/* Users and registrations: what outlives a snapshot. The store's place among
 * the inboxes is behind the main thread's. */
static int open_registrar(struct daemon *d, char *why)
{
	struct str secret = {(const char *)d->state.secret, MAC_KEY_LEN};
	struct store_conf conf;
	int err;

	config_store(d->running, &conf);
	snprintf(why, WHY_LEN, "no memory");
	err = auth_new(d->state.secret, &d->auth);
	if (err == 0)
		err = mac_derive_key(secret, "temporary GRUU", d->gruu_key);
	if (err == 0)
		err = location_open(&conf, d->post, d->n_workers + 1,
				    d->transports, loop_now_ms(d->loop),
				    &d->location, why);
	if (err != 0)
		return err;
	config_attach(d->running, d->auth, d->location, d->gruu_key);
	timer_init(&d->sweep, on_sweep);
	timer_arm(loop_wheel(d->loop), &d->sweep, SWEEP_MS);
	return 0;
}

static int open_workers(struct daemon *d, char *why)
{
	struct worker_env env = {
		.post = d->post,
		.transports = d->transports,
		.location = d->location,
		.n_workers = d->n_workers,
		.secret = d->state.secret,
	};
	int err;

	snprintf(why, WHY_LEN, "no memory");
	d->workers = calloc(d->n_workers, sizeof(struct worker *));
	if (d->workers == NULL)
		return VD_ENOMEM;
	err = source_limiter_new(&d->sources);
	env.sources = d->sources;
	for (unsigned i = 0; i < d->n_workers && err == 0; i++)
		err = worker_new(&env, i, d->running, &d->workers[i], why);
	if (err == 0)
		err = show_workers(d);
	if (err == 0)
		err = start_workers(d, why);
	return err;
}

static int start(struct daemon *d, char *why)
{
	const struct server_section *s = &d->running->settings.server;
	int err;

	d->n_workers = config_n_workers(d->running);
	if (apply_log(d->running) != 0) {
		snprintf(why, WHY_LEN, "log.to: %s: %s",
			 d->running->settings.log.to.p, strerror(errno));
		return VD_ESYS;
	}
	config_warn(d->running, d->path);
	err = state_open(s->state.p, s->secret, &d->state, why);
	if (err == 0)
		err = open_main(d, why);
	if (err == 0)
		err = open_listeners(d, why);
	if (err == 0)
		err = admin_open(&d->running->settings.admin,
				 d->running->is_socket_asked, d->loop, &d->view,
				 &d->admin, why);
	if (err == 0)
		err = drop_privileges(d, why);
	if (err == 0)
		err = open_registrar(d, why);
	if (err == 0)
		err = open_workers(d, why);
	if (err == 0)
		tls_watch_start(&d->tls_watch, d->loop, d->transports,
				&d->current->settings.tls);
	return err;
}

/* Stop
 * ----------------------------------------------------------------------------------
 */

/* The store ends between the threads and what they used: it still tells them
 * what was committed. */
static void stop_workers(struct daemon *d)
{
	tell_all(d, PARCEL_STOP, NULL);
	for (unsigned i = 0; i < d->n_workers; i++)
		if (d->workers[i] != NULL)
			worker_join(d->workers[i]);
	if (d->is_serving)
		log_stats(d);
	location_close(d->location);
	d->location = NULL;
	for (unsigned i = 0; i < d->n_workers; i++)
		if (d->workers[i] != NULL)
			worker_close(d->workers[i]);
}

static void stop(struct daemon *d)
{
	admin_close(d->admin);
	tls_watch_stop(&d->tls_watch);
	if (d->workers != NULL)
		stop_workers(d);
	location_close(d->location);
	if (d->transports != NULL)
		transport_set_close(d->transports);
	post_free(d->post);
	for (unsigned i = 0; d->workers != NULL && i < d->n_workers; i++)
		worker_free(d->workers[i]);
	free(d->workers);
	free(d->admin_workers);
	source_limiter_free(d->sources);
	loop_free(d->loop);
	auth_free(d->auth);
	state_close(&d->state);
	if (d->current != NULL)
		snapshot_unref(&d->current->snapshot);
	snapshot_unref(&d->running->snapshot);
}

int daemon_run(const char *config_path)
{
	struct daemon d = {.path = config_path, .state = {.lock_fd = -1}};
	char why[WHY_LEN] = "no memory";
	int code = EXIT_STOPPED;

	if (config_load(config_path, false, &d.running) != 0)
		return EXIT_CONFIGURATION;
	d.current = d.running;
	snapshot_ref(&d.current->snapshot);
	raise_descriptor_limit();
	timer_init(&d.deadline, on_deadline);
	timer_init(&d.reloaded, on_reloaded);
	timer_init(&d.reload, reload);
	if (start(&d, why) != 0) {
		fprintf(stderr, "viaductd: %s\n", why);
		code = EXIT_START;
	} else {
		log_info(STR_NONE, "ready", KV_TEXT("version", PACKAGE_VERSION),
			 KV_UINT("workers", d.n_workers),
			 KV_UINT("listeners",
				 transport_n_listeners(d.transports)));
		tell_manager("READY=1");
		d.is_serving = d.view.is_ready = true;
		loop_run(d.loop);
	}
	stop(&d);
	if (d.is_serving)
		log_info(STR_NONE, "stopped");
	log_stop();
	return code;
}
