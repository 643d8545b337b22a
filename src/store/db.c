/*
 * SQLite in WAL mode. With synchronous=NORMAL a commit is a write to the log
 * without a sync: it survives the end of the process, and not a loss of power;
 * FULL syncs the log.
 */
#include <sqlite3.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "viaduct/util/err.h"
#include "store/store_priv.h"

enum {
	APPLICATION_ID = 0x56494144, /* "VIAD" */
	/* user_version: of the schema, and of what stands in the records */
	VERSION = 2,
	BUSY_MS = 1000, /* an operator's shell may hold the file for a moment */
	PAGE = 4096,
	LOG_PAGES_MAX = (64 << 20) / PAGE,
};

enum { BEGIN, COMMIT, ROLLBACK, PUT, REMOVE, N_STATEMENTS };

#define SQL_PUT                                                                \
	"INSERT INTO record(key, value) VALUES(?1, ?2)"                        \
	" ON CONFLICT(key) DO UPDATE SET value = excluded.value"

static const char *const statements[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PUT] = SQL_PUT,
	[REMOVE] = "DELETE FROM record WHERE key = ?1",
};

struct db {
	sqlite3 *sql;
	sqlite3_stmt *st[N_STATEMENTS];
	int log_pages;
	char why[256]; /* the last failure */
};

const char *db_why(const struct db *d)
{
	return d->why;
}

static int failed(struct db *d, int rc)
{
	snprintf(d->why, sizeof(d->why), "%s (%d)", sqlite3_errmsg(d->sql),
		 sqlite3_extended_errcode(d->sql));
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return VD_EINVAL;
	case SQLITE_NOMEM:
		return VD_ENOMEM;
	default:
		return VD_ESYS;
	}
}

static int run_sql(struct db *d, const char *sql)
{
	int rc = sqlite3_exec(d->sql, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : failed(d, rc);
}

/* A pragma's answer, as text of at most 63 bytes. */
static int ask(struct db *d, const char *sql, char out[64])
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(d->sql, sql, -1, &st, NULL);
	const unsigned char *text;
	int err;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	err = rc == SQLITE_ROW ? 0 : failed(d, rc);
	text = err == 0 ? sqlite3_column_text(st, 0) : NULL;
	if (text != NULL)
		snprintf(out, 64, "%s", (const char *)text);
	sqlite3_finalize(st);
	return err == 0 && text == NULL ? VD_ENOMEM : err;
}

static int ask_int(struct db *d, const char *sql, int *out)
{
	char text[64];
	int err = ask(d, sql, text);

	if (err == 0)
		*out = atoi(text);
	return err;
}

static int foreign(struct db *d, const char *why)
{
	snprintf(d->why, sizeof(d->why), "%s", why);
	return VD_EINVAL;
}

static int schema_begin(struct db *d)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE;"
		 "CREATE TABLE record(key BLOB PRIMARY KEY,"
		 " value BLOB NOT NULL) WITHOUT ROWID;"
		 "PRAGMA application_id = %d; PRAGMA user_version = %d;"
		 "COMMIT",
		 APPLICATION_ID, VERSION);
	return run_sql(d, sql);
}

static int set_version(struct db *d)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", VERSION);
	return run_sql(d, sql);
}

/* quick_check reads every page once; a broken page met half-way through the
 * loading would be too late to set the file aside. */
static int schema_check(struct db *d)
{
	char answer[64];
	int id, version, changes, err;

	err = ask_int(d, "PRAGMA schema_version", &changes);
	if (err == 0)
		err = ask_int(d, "PRAGMA application_id", &id);
	if (err == 0)
		err = ask_int(d, "PRAGMA user_version", &version);
	if (err != 0)
		return err;
	if (changes == 0 && id == 0 && version == 0)
		return schema_begin(d);
	if (id != APPLICATION_ID || version < 1)
		return foreign(d, "it was not written by viaductd");
	if (version > VERSION) {
		snprintf(d->why, sizeof(d->why),
			 "it is of version %d, written by a newer viaductd; "
			 "this one knows %d",
			 version, VERSION);
		return VD_EUNSUP;
	}
	err = ask(d, "PRAGMA quick_check(1)", answer);
	if (err == 0 && strcmp(answer, "ok") != 0)
		return foreign(d, answer);
	return err == 0 && version < VERSION ? set_version(d) : err;
}

/* SQLite takes over the mode of the file for its log. */
static int file_begin(struct db *d, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		snprintf(d->why, sizeof(d->why), "%m");
		return VD_ESYS;
	}
	close(fd);
	return 0;
}

static int log_begin(struct db *d, bool is_full)
{
	char mode[64], limit[64];
	int err = ask(d, "PRAGMA journal_mode = WAL", mode);

	if (err != 0)
		return err;
	if (strcmp(mode, "wal") != 0) {
		snprintf(d->why, sizeof(d->why),
			 "the file system has no shared memory for its log");
		return VD_ESYS;
	}
	/* Where a reader had kept it from beginning again. */
	snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit = %d",
		 LOG_PAGES_MAX * PAGE);
	err = run_sql(d, limit);
	if (err != 0)
		return err;
	return run_sql(d, is_full ? "PRAGMA synchronous = FULL"
				  : "PRAGMA synchronous = NORMAL");
}

static int on_log_growth(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct db *d = arg;

	(void)sql;
	(void)name;
	d->log_pages = pages;
	return SQLITE_OK;
}

/* A missing table is found here: then the file is none of ours. */
static int prepare_all(struct db *d)
{
	for (int i = 0; i < N_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(d->sql, statements[i], -1,
					    SQLITE_PREPARE_PERSISTENT,
					    &d->st[i], NULL);

		if (rc == SQLITE_ERROR)
			return foreign(d, sqlite3_errmsg(d->sql));
		if (rc != SQLITE_OK)
			return failed(d, rc);
	}
	return 0;
}

static int open_steps(struct db *d, const char *path, bool is_full)
{
	int err = file_begin(d, path);
	int rc;

	if (err != 0)
		return err;
	rc = sqlite3_open_v2(path, &d->sql,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return d->sql != NULL ? failed(d, rc) : VD_ENOMEM;
	sqlite3_busy_timeout(d->sql, BUSY_MS);
	sqlite3_wal_hook(d->sql, on_log_growth, d);
	err = log_begin(d, is_full);
	if (err == 0)
		err = schema_check(d);
	return err == 0 ? prepare_all(d) : err;
}

static int say(const struct db *d, const char *path, int err, char why[512])
{
	if (err != 0)
		snprintf(why, 512, "%.200s: %s", path,
			 d->why[0] != '\0' ? d->why : vd_strerror(err));
	return err;
}

int db_open(const char *path, bool is_full, struct db **out, char why[512])
{
	struct db *d = calloc(1, sizeof(*d));
	int err;

	if (d == NULL) {
		snprintf(why, 512, "%s", vd_strerror(VD_ENOMEM));
		return VD_ENOMEM;
	}
	err = say(d, path, open_steps(d, path, is_full), why);
	if (err != 0) {
		db_close(d);
		return err;
	}
	*out = d;
	return 0;
}

void db_close(struct db *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(d->st[i]);
	sqlite3_close(d->sql);
	free(d);
}

static int run_statement(struct db *d, int which)
{
	int rc = sqlite3_step(d->st[which]);
	int err = rc == SQLITE_DONE ? 0 : failed(d, rc);

	sqlite3_reset(d->st[which]);
	return err;
}

/* An empty blob is not NULL: SQLite wants a pointer for it. */
static void bind(sqlite3_stmt *st, int i, struct str s)
{
	sqlite3_bind_blob64(st, i, s.len > 0 ? s.p : "", s.len, SQLITE_STATIC);
}

static int remove_key(struct db *d, struct str key)
{
	bind(d->st[REMOVE], 1, key);
	return run_statement(d, REMOVE);
}

static int apply(struct db *d, const struct op *op)
{
	struct str key = {op->data, op->key_len};

	if (op->is_removal)
		return remove_key(d, key);
	bind(d->st[PUT], 1, key);
	bind(d->st[PUT], 2,
	     (struct str){op->data + op->key_len, op->value_len});
	return run_statement(d, PUT);
}

/* After some errors SQLite has rolled back by itself. */
static void roll_back(struct db *d)
{
	if (sqlite3_get_autocommit(d->sql) != 0)
		return;
	sqlite3_step(d->st[ROLLBACK]);
	sqlite3_reset(d->st[ROLLBACK]);
}

/*
 * While commits never pause, the log always has a page that the checkpointer
 * has not seen, and is not begun again: so now and then the writer does it,
 * when little is left to move. Does not wait for a reader; the next commit
 * tries again. The file keeps its size, up to that limit: to write over it
 * costs less than to have it grow again.
 */
static void limit_log(struct db *d)
{
	if (d->log_pages < LOG_PAGES_MAX)
		return;
	sqlite3_busy_timeout(d->sql, 0);
	if (sqlite3_wal_checkpoint_v2(d->sql, NULL, SQLITE_CHECKPOINT_RESTART,
				      NULL, NULL) == SQLITE_OK)
		d->log_pages = 0;
	sqlite3_busy_timeout(d->sql, BUSY_MS);
}

int db_commit(struct db *d, const struct op *ops)
{
	int err = run_statement(d, BEGIN);

	for (; err == 0 && ops != NULL; ops = ops->next)
		err = apply(d, ops);
	if (err == 0)
		err = run_statement(d, COMMIT);
	if (err != 0) {
		roll_back(d);
		return VD_ESYS;
	}
	limit_log(d);
	return 0;
}

/* Writes the file's first page as it is. */
int db_probe(struct db *d)
{
	return set_version(d) == 0 ? 0 : VD_ESYS;
}

static struct str column(sqlite3_stmt *st, int i)
{
	const char *p = sqlite3_column_blob(st, i);

	return (struct str){p, (size_t)sqlite3_column_bytes(st, i)};
}

/* What cannot be removed now (the disk is full) will not be wanted at the next
 * start either. */
static int load_rows(struct db *d, sqlite3_stmt *all, store_load_fn *load,
		     void *arg)
{
	int rc;

	while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
		struct str key = column(all, 0), value = column(all, 1);

		if (!load(arg, key, value))
			remove_key(d, key);
	}
	return rc == SQLITE_DONE ? 0 : failed(d, rc);
}

int db_load(struct db *d, store_load_fn *load, void *arg, char why[512])
{
	sqlite3_stmt *all = NULL;
	int rc = sqlite3_prepare_v2(d->sql, "SELECT key, value FROM record", -1,
				    &all, NULL);
	bool is_begun;
	int err;

	if (rc != SQLITE_OK)
		return say(d, "viaduct.db", failed(d, rc), why);
	is_begun = run_statement(d, BEGIN) == 0;
	err = load_rows(d, all, load, arg);
	sqlite3_finalize(all);
	if (is_begun && run_statement(d, COMMIT) != 0)
		roll_back(d);
	return say(d, "viaduct.db", err, why);
}
