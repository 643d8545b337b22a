/*
 * Durable records: a key, a value, and the promise that what was acknowledged
 * is there after a crash. One store per process; a thread of its own does the
 * writing, and the workers talk to it through the inboxes.
 *
 * `memory` keeps nothing and acknowledges at once. `sqlite` is a file in the
 * state directory, in WAL mode: what has been queued within a millisecond is
 * committed together, at most 100 records at a time.
 */
#ifndef VIADUCT_STORE_STORE_H
#define VIADUCT_STORE_STORE_H

#include "viaduct/loop/inbox.h"

enum store_kind { STORE_SQLITE, STORE_MEMORY };

struct store_conf {
	enum store_kind kind;
	const char *dir; /* server.state; the file is viaduct.db in it */
	bool is_full;    /* registrar.synchronous: full */
};

struct store;

/* One record that was kept; called from store_open(), before any thread runs.
 * Returns false to have it removed (expired, or not understood). */
typedef bool store_load_fn(void *arg, struct str key, struct str value);

/*
 * Open, load every record through `load`, and start the thread.
 *
 * post, me: the store's own place among the inboxes. It only sends, so nobody
 * joins there; members below `me` may write.
 *
 * A corrupt file, or one of another program, is set aside as
 * viaduct.db.corrupt-<time>, logged as an error, and a new one is begun.
 * Returns 0, VD_ENOMEM, VD_EUNSUP (the file is of a newer version) or VD_ESYS,
 * with one sentence in `why` that names the file.
 */
int store_open(const struct store_conf *conf, struct post *post, unsigned me,
	       store_load_fn *load, void *arg, struct store **out,
	       char why[512]);

/* Commits what is queued, ends the thread. When nobody writes any more, and
 * before post_free(). NULL allowed. */
void store_close(struct store *s);

/* Parcels of these kinds belong to store_parcel(), on the workers' side. */
enum {
	PARCEL_STORE_FIRST = 48,
	PARCEL_STORE_LAST = 55,
};
void store_parcel(struct store *s, struct parcel *p);

/* err: 0 when it is committed, VD_ESYS when it could not be (disk full, read
 * only): then nothing of it is kept. Runs on the worker that asked. */
typedef void store_done_fn(void *arg, int err);

/*
 * Write a record, or remove it (value.p NULL). Call on worker `from`; key and
 * value are copied. done runs later, never from within, and in the order of the
 * calls of one worker. What several workers write is committed in the order of
 * their calls: a lock held around the call makes an order.
 *
 * Returns 0, or VD_ELIMIT / VD_ENOMEM: too much is queued (8192 of one worker,
 * 64 MiB of all); done never runs.
 */
int store_write(struct store *s, unsigned from, struct str key,
		struct str value, store_done_fn *done, void *arg);

/* False: what is written is not looked at, and need not be made. */
bool store_keeps(const struct store *s);

/* Whether the last commit succeeded: for health. Any thread. */
bool store_is_well(const struct store *s);

struct store_counts {
	uint64_t commits, records;
	uint64_t failures; /* commits that failed, and attempts to recover */
	uint64_t refused;  /* writes that found too much queued */
	uint64_t queued;   /* that wait for their commit, now */
};
void store_counts(struct store *s, struct store_counts *out);

#endif
