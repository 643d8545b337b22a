/* What the files of store share. */
#ifndef VIADUCT_STORE_PRIV_H
#define VIADUCT_STORE_PRIV_H

#include <pthread.h>

#include "viaduct/store/store.h"

/* One write on its way: from store_write() to the store's thread. */
struct op {
	struct op *next;
	store_done_fn *done;
	void *arg;
	unsigned from;
	bool is_removal;
	size_t key_len, value_len;
	char data[]; /* key, value */
};

static inline size_t op_size(const struct op *op)
{
	return sizeof(*op) + op->key_len + op->value_len;
}

/* --- db.c: the file. One thread at a time. --- */
struct db;

/* Opens, or begins, the file. Returns 0, VD_ENOMEM, VD_EUNSUP, VD_ESYS, or
 * VD_EINVAL: it is corrupt, or none of ours. With a sentence in `why`. */
int db_open(const char *path, bool is_full, struct db **out, char why[512]);
void db_close(struct db *d); /* NULL allowed */

/* Every record; those that `load` does not want are removed. As db_open(). */
int db_load(struct db *d, store_load_fn *load, void *arg, char why[512]);

/* All of these, or none. Returns 0 or VD_ESYS; then db_why() says more. */
int db_commit(struct db *d, const struct op *ops);

/* Whether the file can be written: a commit that changes nothing. */
int db_probe(struct db *d);
const char *db_why(const struct db *d);

/* --- aside.c --- */

/* Rename a file, and what SQLite keeps beside it, to <path>.corrupt-<time>, a
 * name that was free; it is put into `name`. Returns 0 or VD_ESYS. */
int aside(const char *path, char name[512]);

/* --- checkpoint.c: a thread that moves the log's pages into the file. --- */
struct checkpointer;

int checkpointer_new(const char *path, struct checkpointer **out);
void checkpointer_free(struct checkpointer *c); /* NULL allowed */

/* There is something to move. From the store's thread. */
void checkpointer_wake(struct checkpointer *c);

/* --- thread.c --- */

/* A thread that no signal interrupts. Returns 0 or VD_ESYS. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

/* A condition whose timed waits follow the monotonic clock. 0 or VD_ENOMEM. */
int cond_init(pthread_cond_t *cond);
struct timespec time_after_ms(unsigned ms);

#endif
