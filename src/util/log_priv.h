/* Inside the log: a line is made on the caller's thread (log_line), waits in
 * that thread's ring (log_ring), and is written by one thread (log_writer) to
 * one place (log_sink). */
#ifndef VIADUCT_UTIL_LOG_PRIV_H
#define VIADUCT_UTIL_LOG_PRIV_H

#include "viaduct/util/log.h"

enum {
	LOG_LINE_MAX = 4096, /* bytes, with the newline; PIPE_BUF on Linux */
	LOG_TIME_LEN = 25,   /* "2026-11-25T12:00:00.123Z " */
};

struct log_line {
	char *at, *limit; /* behind the limit is room for log_line_end() */
	bool is_json;
	bool is_cut;
	bool is_open, is_quoted; /* the value being written */
	char text[LOG_LINE_MAX];
};

void log_line_start(struct log_line *l, enum log_level level,
		    const char *event);
void log_line_str(struct log_line *l, const char *key, struct str value);
void log_line_pairs(struct log_line *l, const struct log_kv *kv);

/* A value in pieces; always quoted. */
void log_line_value_start(struct log_line *l, const char *key);
void log_line_value_add(struct log_line *l, struct str piece);
void log_line_value_end(struct log_line *l);

/* The whole line, with its newline; points into `l`. */
struct str log_line_end(struct log_line *l);

/* Hand a line to the writer, or to stderr while there is none. */
void log_put(enum log_level level, struct str line);

extern _Atomic enum log_format log_format_now;

/* Rings: one producer, which is the thread that it belongs to, and one
 * consumer. */
struct log_ring;

struct log_record {
	enum log_level level;
	struct str line; /* valid until log_ring_pop() */
};

/* Into the calling thread's ring. False: dropped. */
bool log_ring_put(enum log_level level, struct str line);

/* The consumer's side. */
struct log_ring *log_ring_first(void);
struct log_ring *log_ring_next(struct log_ring *r);
bool log_ring_peek(struct log_ring *r, struct log_record *out);
void log_ring_pop(struct log_ring *r, const struct log_record *rec);
bool log_rings_are_empty(void);
void log_rings_reap(void); /* free those whose thread has ended */

struct log_sink;

/* Returns 0 or VD_ESYS with errno set. */
int log_sink_open(const char *to, struct log_sink **out);
void log_sink_close(struct log_sink *s); /* NULL allowed */

/* Open a file again under its name. The old one stays in use on VD_ESYS. */
int log_sink_reopen(struct log_sink *s);

/* Lines are gathered and written by log_sink_flush(). Both return the number
 * of lines that could not be written. */
unsigned log_sink_put(struct log_sink *s, const struct log_record *rec);
unsigned log_sink_flush(struct log_sink *s);

/* From this moment on, a place that takes nothing is waited for only until
 * then (CLOCK_MONOTONIC; 0: for ever). */
void log_sink_give_up_at(uint64_t ms);

uint64_t log_clock_ms(void);

void log_lost_add(uint64_t n);

#endif
