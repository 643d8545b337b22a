/*
 * YAML text as a tree whose every node knows its file, line and column.
 * Handles what is the same for all options: include globs,
 * ${NAME} expansion, anchors and aliases with a bound on their expansion,
 * duplicate keys as errors.
 */
#ifndef VIADUCT_CONF_YAML_H
#define VIADUCT_CONF_YAML_H

#include "viaduct/util/str.h"

struct conf_place {
	const char *file;      /* lives as long as the tree */
	unsigned line, column; /* from 1; line 0: the file as a whole */
};

/* All mistakes of a run, in the order in which they were found. The same text
 * is kept once, and at most 500 texts. */
struct conf_errors;

/* Returns 0 or VD_ENOMEM. */
int conf_errors_new(struct conf_errors **out);
void conf_errors_free(struct conf_errors *e); /* NULL allowed */
size_t conf_errors_count(const struct conf_errors *e);

/* "FILE:LINE:COL: path.to.key: what is wrong; what is allowed" on one line,
 * without a newline, control characters escaped; i below the count. Lives as
 * long as `e`; never NULL (texts that were not kept share one sentence). */
const char *conf_errors_text(const struct conf_errors *e, size_t i);

/* place may be NULL (a mistake of no place), path may be NULL. Nothing is
 * kept of the arguments. Without memory the mistake still counts. */
void conf_error(struct conf_errors *e, const struct conf_place *place,
		const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_kind kind;
	struct conf_place place;
	bool is_quoted;  /* a scalar in quotes is text, never a number; one that
			  * held a ${NAME} counts as unquoted */
	bool is_bad;     /* a mistake in it was reported; ask no more of it */
	struct str text; /* scalar; NUL after the last byte, none before */
	size_t n;        /* entries of a list or map */
	struct conf_node **items; /* list items, map values */
	struct conf_node **keys;  /* map keys: scalars, each once unless that
				   * was reported; NULL for a list */
};

struct conf_tree;

/*
 * Read a file (and what it includes). On mistakes the tree is still returned
 * where it can be, so that further mistakes are found in the same run.
 *
 * path    as the user wrote it: messages show it so.
 * errors  mistakes are added; those that were there stay.
 * out     the caller's, until conf_tree_free(). An empty file is an empty map;
 *         a root of another kind is left to conf_fill() to report.
 *
 * Bounds: 16 MiB a file, 1000 files, 16 includes inside each other, 64 levels,
 * a million values, 100,000 of them made by aliases; keys of 255 bytes, texts
 * of 64 KiB.
 *
 * Returns 0, VD_EINVAL (reported; no tree: not YAML at all, unreadable) or
 * VD_ENOMEM.
 */
int conf_tree_load(const char *path, struct conf_errors *errors,
		   struct conf_tree **out);
/* The same for a file that another one names: where it cannot be read, that is
 * a mistake of `from`, the value of "path.to.key". */
int conf_tree_load_for(const struct conf_node *from, const char *key,
		       const char *path, struct conf_errors *errors,
		       struct conf_tree **out);
/* The same from memory; `name` stands in for the file, and includes are
 * looked for beside it. Neither is needed afterwards. */
int conf_tree_parse(struct str text, const char *name,
		    struct conf_errors *errors, struct conf_tree **out);
void conf_tree_free(struct conf_tree *t); /* NULL allowed */

/* Never NULL; lives as long as the tree. */
const struct conf_node *conf_tree_root(const struct conf_tree *t);

/* A map's value by key; NULL when absent or n is no map (or NULL). */
const struct conf_node *conf_get(const struct conf_node *n, const char *key);

/* `path` relative to the directory of the file in which `place` lies, as an
 * absolute path. malloc()ed, the caller's; NULL: no memory, or no working
 * directory. */
char *conf_relative(const struct conf_place *place, struct str path);

#endif
