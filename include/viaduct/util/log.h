/*
 * Log and trace events. A line is for the person on call: an event name, the
 * call it belongs to, and key=value pairs with units. Values may hold hostile
 * bytes: they are escaped here and nowhere else, and a line ends at 4 KiB.
 *
 * No file is written on the caller's thread: lines go into a bounded ring of
 * the calling thread and a writer thread empties them. When a ring is full the
 * line is dropped and counted, and a later line says how many.
 */
#ifndef VIADUCT_UTIL_LOG_H
#define VIADUCT_UTIL_LOG_H

#include "viaduct/util/addr.h"
#include "viaduct/util/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum trace_level { TRACE_OFF, TRACE_SUMMARY, TRACE_HEADERS, TRACE_FULL };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* One pair. Keys are literals. A pair whose key is NULL ends the list. */
struct log_kv {
	const char *key;
	enum { LOG_STR, LOG_INT, LOG_UINT, LOG_ADDR } type;
	union {
		struct str s;
		int64_t i;
		uint64_t u;
		const union addr *a;
	};
};

#define KV_STR(k, v) ((struct log_kv){.key = (k), .type = LOG_STR, .s = (v)})
#define KV_TEXT(k, z)                                                          \
	((struct log_kv){.key = (k), .type = LOG_STR, .s = str_from(z)})
#define KV_INT(k, v) ((struct log_kv){.key = (k), .type = LOG_INT, .i = (v)})
#define KV_UINT(k, v) ((struct log_kv){.key = (k), .type = LOG_UINT, .u = (v)})
#define KV_ADDR(k, v) ((struct log_kv){.key = (k), .type = LOG_ADDR, .a = (v)})

/* What is shown now; read on every event, set by log_configure(). */
extern _Atomic enum log_level log_max_level;
extern _Atomic enum trace_level trace_max_level;

/*
 * call_id  STR_NONE where there is no call.
 *
 * log_info(call_id, "txn.timeout", KV_STR("method", m), KV_UINT("ms", 32000));
 */
void log_write(enum log_level level, struct str call_id, const char *event,
	       const struct log_kv *kv);

#define LOG_AT(level, call_id, event, ...)                                     \
	do {                                                                   \
		if ((level) <= log_max_level)                                  \
			log_write(level, call_id, event,                       \
				  (const struct log_kv[]){                     \
					  __VA_ARGS__ __VA_OPT__(, ){0}});     \
	} while (0)
#define log_error(call_id, event, ...)                                         \
	LOG_AT(LOG_ERROR, call_id, event, ##__VA_ARGS__)
#define log_warning(call_id, event, ...)                                       \
	LOG_AT(LOG_WARNING, call_id, event, ##__VA_ARGS__)
#define log_info(call_id, event, ...)                                          \
	LOG_AT(LOG_INFO, call_id, event, ##__VA_ARGS__)
#define log_debug(call_id, event, ...)                                         \
	LOG_AT(LOG_DEBUG, call_id, event, ##__VA_ARGS__)

/*
 * Events that the network can provoke at will are limited per class: at most
 * `per_second` lines, then one that counts the suppressed.
 *
 *   static struct log_class malformed = LOG_CLASS(10);
 *   if (log_class_allows(&malformed)) log_warning(...);
 */
struct log_class {
	uint32_t per_second;
	_Atomic uint64_t window; /* second << 32 | lines in it */
	_Atomic uint64_t n_suppressed;
};
#define LOG_CLASS(n)                                                           \
	{                                                                      \
		.per_second = (n)                                              \
	}

/* True if the line may be written. When lines of this class were suppressed
 * in an earlier second, writes `log.suppressed event=... count=...` first. */
bool log_class_allows(struct log_class *c, const char *event);

/*
 * Trace: what happened to one message and why. Off costs one comparison.
 * `flow` and `txn` name the connection and the transaction, STR_NONE allowed.
 */
struct trace_tag {
	struct str call_id;
	struct str flow; /* "udp:192.0.2.4:5060<192.0.2.9:5060" */
	uint64_t txn;    /* 0: none */
};

static inline bool trace_is_on(void)
{
	return trace_max_level != TRACE_OFF;
}

/* A decision: `trace dir=step call_id=... step=<what> why=<printf>`. */
void trace_step(const struct trace_tag *tag, const char *what, const char *why,
		...) __attribute__((format(printf, 3, 4)));

/* A message that came in or goes out. Written by level: its first line, its
 * head, or all of it. Values of credentials are masked. */
void trace_message(const struct trace_tag *tag, bool is_out,
		   const union addr *peer, struct str bytes);

#define TRACE_STEP(tag, what, ...)                                             \
	do {                                                                   \
		if (trace_is_on())                                             \
			trace_step(tag, what, __VA_ARGS__);                    \
	} while (0)

struct log_conf {
	enum log_level level;
	enum log_format format;
	const char *to; /* "stderr", "syslog" or a file's path */
	enum trace_level trace;
};

/* Start the writer thread, or change its settings. Returns 0 or VD_ESYS (the
 * file cannot be opened; errno says why; the old settings stay). */
int log_configure(const struct log_conf *conf);
void log_reopen(void); /* SIGUSR1 */
void log_stop(void);   /* writes what is queued; then lines go to stderr */

/* Lines dropped because a ring was full. */
uint64_t log_n_lost(void);

#endif
