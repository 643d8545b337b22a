/*
 * Counters as Prometheus text (version 0.0.4): a family has HELP and TYPE, then
 * its samples. What workers count is summed over them.
 */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdarg.h>

#include "config.h"
#include "admin/admin_priv.h"
#include "admin/process.h"
#include "viaduct/sip/msg.h"
#include "viaduct/util/err.h"

_Static_assert((int)SIP_PRACK < (int)STATS_METHODS,
	       "each method has a counter");
_Static_assert((int)SIP_TRANSPORT_OTHER < (int)STATS_TRANSPORTS,
	       "and each transport");

struct printer {
	struct evbuffer *out;
	const struct admin_view *view;
	uint64_t now_ms;
	bool is_failed;
};

__attribute__((format(printf, 2, 3))) static void put(struct printer *p,
						      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (evbuffer_add_vprintf(p->out, format, ap) < 0)
		p->is_failed = true;
	va_end(ap);
}

static void family(struct printer *p, const char *name, const char *type,
		   const char *help)
{
	put(p, "# HELP viaduct_%s %c%s\n# TYPE viaduct_%s %s\n", name,
	    help[0] >= 'a' && help[0] <= 'z' ? help[0] - 'a' + 'A' : help[0],
	    help + 1, name, type);
}

static void one(struct printer *p, const char *name, const char *type,
		const char *help, uint64_t value)
{
	family(p, name, type, help);
	put(p, "viaduct_%s %" PRIu64 "\n", name, value);
}

/* `offset` of a counter in struct stats. */
static uint64_t sum(const struct printer *p, size_t offset)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < p->view->n_workers; i++) {
		const char *stats = (const char *)p->view->workers[i].stats;

		n += stats_get((const _Atomic uint64_t *)(stats + offset));
	}
	return n;
}

#define SUM(p, member) sum(p, offsetof(struct stats, member))

/* Plain counters, and those that share a name ------------------------------ */

static const struct group {
	const char *name, *help, *label;
	struct {
		enum stat stat;
		const char *value;
	} members[10];
} groups[] = {
	/* clang-format off */
	{ "auth_failures_total", "requests whose credentials did not do", "reason", {
		{ STAT_auth_failures,  "wrong" },
		{ STAT_auth_stale,     "stale" },
		{ STAT_auth_malformed, "malformed" },
		{ STAT_auth_banned,    "banned" },
	} },
	{ "registrations_total", "REGISTERs that reached the registrar", "result", {
		{ STAT_register_accepted,  "accepted" },
		{ STAT_register_queried,   "queried" },
		{ STAT_register_bad,       "malformed" },
		{ STAT_register_forbidden, "forbidden" },
		{ STAT_register_unknown,   "unknown_user" },
		{ STAT_register_brief,     "too_brief" },
		{ STAT_register_order,     "out_of_order" },
		{ STAT_register_limit,     "no_room" },
		{ STAT_register_store,     "not_stored" },
	} },
	{ "dns_cache_total", "names looked up in the cache", "result", {
		{ STAT_dns_cache_hits,   "hit" },
		{ STAT_dns_cache_misses, "miss" },
	} },
	/* By transport below. */
	{ .members = { { STAT_messages_in, "" }, { STAT_messages_out, "" } } },
	/* clang-format on */
};

static bool is_grouped(enum stat stat)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		for (size_t j = 0; j < ARRAY_LEN(groups[i].members); j++)
			if (groups[i].members[j].value != NULL &&
			    groups[i].members[j].stat == stat)
				return true;
	return false;
}

static void print_group(struct printer *p, const struct group *g)
{
	family(p, g->name, "counter", g->help);
	for (size_t j = 0; j < ARRAY_LEN(g->members); j++)
		if (g->members[j].value != NULL)
			put(p, "viaduct_%s{%s=\"%s\"} %" PRIu64 "\n", g->name,
			    g->label, g->members[j].value,
			    SUM(p, v[g->members[j].stat]));
}

static void print_counters(struct printer *p)
{
	char name[64];

	for (unsigned i = 0; i < STAT_COUNT; i++) {
		if (is_grouped((enum stat)i))
			continue;
		snprintf(name, sizeof(name), "%s_total",
			 stats_name((enum stat)i));
		one(p, name, "counter", stats_help((enum stat)i), SUM(p, v[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (groups[i].name != NULL)
			print_group(p, &groups[i]);
}

/* By transport, method, limit ---------------------------------------------- */

static void by_transport(struct printer *p, const char *name, const char *type,
			 const char *help, size_t offset)
{
	static const enum sip_transport ours[] = {SIP_UDP, SIP_TCP, SIP_TLS,
						  SIP_WS, SIP_WSS};

	family(p, name, type, help);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		put(p, "viaduct_%s{transport=\"%s\"} %" PRIu64 "\n", name,
		    sip_transport_name(ours[i]),
		    sum(p, offset + ours[i] * sizeof(uint64_t)));
}

static void print_transports(struct printer *p)
{
	by_transport(p, "messages_received_total", "counter",
		     "messages received, keep-alives not counted",
		     offsetof(struct stats, in));
	by_transport(p, "messages_sent_total", "counter", "messages sent",
		     offsetof(struct stats, out));
	by_transport(p, "connections", "gauge",
		     "connections, those that are being made included",
		     offsetof(struct stats, connections));
}

static void print_methods(struct printer *p)
{
	family(p, "requests_total", "counter",
	       "requests received; retransmissions, and ACKs to final "
	       "responses other than 2xx, are not counted");
	for (unsigned m = 0; m < STATS_METHODS; m++)
		put(p, "viaduct_requests_total{method=\"%s\"} %" PRIu64 "\n",
		    sip_method_name((enum sip_method)m), SUM(p, requests[m]));
	family(p, "responses_total", "counter",
	       "final responses sent, the first to each request");
	for (unsigned m = 0; m < STATS_METHODS; m++)
		for (unsigned c = 0; c < STATS_CLASSES; c++)
			put(p,
			    "viaduct_responses_total{method=\"%s\","
			    "class=\"%uxx\"} %" PRIu64 "\n",
			    sip_method_name((enum sip_method)m), c + 2,
			    SUM(p, finals[m][c]));
}

static void print_limits(struct printer *p)
{
	family(p, "limit_reached_total", "counter",
	       "times that a ceiling was reached");
	for (unsigned i = 0; i < LIMIT_COUNT; i++)
		put(p,
		    "viaduct_limit_reached_total{limit=\"%s\"} %" PRIu64 "\n",
		    stats_limit_name((enum limit)i), SUM(p, limits[i]));
}

/* Histograms --------------------------------------------------------------- */

/* labels: "" or ones that end in a comma. Milliseconds, printed as seconds. */
static void histogram(struct printer *p, const char *name, const char *labels,
		      size_t offset)
{
	size_t n_at = offset + offsetof(struct stats_histogram, n);
	uint64_t n = 0, ms;
	int len = (int)strlen(labels);

	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		n += sum(p, n_at + i * sizeof(uint64_t));
		put(p, "viaduct_%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name,
		    labels, stats_bounds_ms[i] / 1000.0, n);
	}
	n += sum(p, n_at + STATS_BUCKETS * sizeof(uint64_t));
	ms = sum(p, offset + offsetof(struct stats_histogram, sum_ms));
	put(p, "viaduct_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels,
	    n);
	len -= len > 0; /* the comma */
	put(p, "viaduct_%s_sum%s%.*s%s %" PRIu64 ".%03u\n", name,
	    len > 0 ? "{" : "", len, labels, len > 0 ? "}" : "", ms / 1000,
	    (unsigned)(ms % 1000));
	put(p, "viaduct_%s_count%s%.*s%s %" PRIu64 "\n", name,
	    len > 0 ? "{" : "", len, labels, len > 0 ? "}" : "", n);
}

static void print_histograms(struct printer *p)
{
	family(p, "invite_setup_seconds", "histogram",
	       "from an INVITE to the 2xx that was passed on, ringing "
	       "included");
	histogram(p, "invite_setup_seconds", "", offsetof(struct stats, setup));
	family(p, "transaction_seconds", "histogram",
	       "from a request to its final response");
	histogram(p, "transaction_seconds", "request=\"invite\",",
		  offsetof(struct stats, invite));
	histogram(p, "transaction_seconds", "request=\"other\",",
		  offsetof(struct stats, other));
}

/* What there is ------------------------------------------------------------ */

static void by_worker(struct printer *p, const char *name, const char *help,
		      enum gauge g)
{
	family(p, name, "gauge", help);
	for (unsigned i = 0; i < p->view->n_workers; i++)
		put(p, "viaduct_%s{worker=\"%u\"} %" PRIu64 "\n", name, i,
		    stats_get(&p->view->workers[i].stats->gauges[g]));
}

static void print_gauges(struct printer *p)
{
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		if (i != GAUGE_memory_used && i != GAUGE_memory_held)
			one(p, stats_gauge_name((enum gauge)i), "gauge",
			    stats_gauge_help((enum gauge)i), SUM(p, gauges[i]));
	by_worker(p, "memory_used_bytes",
		  "memory of calls and connections that is in use",
		  GAUGE_memory_used);
	by_worker(p, "memory_held_bytes",
		  "memory of calls and connections taken from the system",
		  GAUGE_memory_held);
}

static void print_location(struct printer *p)
{
	struct location_counts n;

	location_counts(p->view->location, &n);
	one(p, "addresses_of_record", "gauge",
	    "addresses with at least one contact", n.aors);
	one(p, "contacts", "gauge", "contacts registered", n.contacts);
	one(p, "store_up", "gauge",
	    "1 if the last commit succeeded; else changes are refused",
	    location_is_well(p->view->location));
	one(p, "store_queue", "gauge", "changes that wait for their commit",
	    n.store.queued);
	one(p, "store_commits_total", "counter", "commits", n.store.commits);
	one(p, "store_records_total", "counter", "records committed",
	    n.store.records);
	one(p, "store_failures_total", "counter",
	    "commits that failed, and attempts to recover", n.store.failures);
	one(p, "store_refused_total", "counter",
	    "changes that found too much queued", n.store.refused);
}

static void print_process(struct printer *p)
{
	struct process_usage u;

	process_usage(&u);
	one(p, "process_resident_bytes", "gauge", "resident memory",
	    u.resident);
	one(p, "process_open_fds", "gauge", "open descriptors", u.n_fds);
	one(p, "process_max_fds", "gauge", "descriptors allowed", u.max_fds);
	family(p, "process_cpu_seconds_total", "counter",
	       "user and system time of all threads");
	put(p, "viaduct_process_cpu_seconds_total %" PRIu64 ".%03u\n",
	    u.cpu_ms / 1000, (unsigned)(u.cpu_ms % 1000));
}

static void print_daemon(struct printer *p)
{
	const struct admin_view *v = p->view;

	family(p, "build_info", "gauge", "always 1; what runs");
	put(p, "viaduct_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	one(p, "workers", "gauge", "threads that handle calls", v->n_workers);
	one(p, "start_time_seconds", "gauge", "Unix time of the start",
	    v->start_s);
	one(p, "uptime_seconds", "gauge", "time since the start",
	    (p->now_ms - v->start_ms) / 1000);
	one(p, "ready", "gauge", "1 if /readyz says so",
	    health_ready(v, p->now_ms) == NULL);
	one(p, "config_last_reload_success", "gauge",
	    "1 if the last reload, or the start, took the file",
	    v->is_reload_good);
	one(p, "config_last_reload_success_timestamp_seconds", "gauge",
	    "Unix time at which a file was last taken", v->reload_s);
}

int metrics_print(const struct admin_view *view, uint64_t now_ms,
		  struct evbuffer *out)
{
	struct printer p = {.out = out, .view = view, .now_ms = now_ms};

	print_daemon(&p);
	print_transports(&p);
	print_methods(&p);
	print_counters(&p);
	print_limits(&p);
	print_histograms(&p);
	print_gauges(&p);
	print_location(&p);
	print_process(&p);
	return p.is_failed ? VD_ENOMEM : 0;
}
