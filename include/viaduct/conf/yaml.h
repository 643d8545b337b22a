/*
 * YAML text as a tree whose every node knows its file, line and column.
 * Handles what CONFIG.md section 1 fixes for all options alike: include globs,
 * ${NAME} expansion, anchors and aliases with a bound on their expansion,
 * duplicate keys as errors.
 */
#ifndef VIADUCT_CONF_YAML_H
#define VIADUCT_CONF_YAML_H

#include "viaduct/util/str.h"

struct conf_place {
	const char *file;      /* lives as long as the tree */
	unsigned line, column; /* from 1 */
};

/* All mistakes of a run, in the order in which they were found. */
struct conf_errors;

int conf_errors_new(struct conf_errors **out);
void conf_errors_free(struct conf_errors *e);
size_t conf_errors_count(const struct conf_errors *e);

/* "FILE:LINE:COL: path.to.key: what is wrong; what is allowed" without a
 * newline; i below the count. */
const char *conf_errors_text(const struct conf_errors *e, size_t i);

/* place may be NULL (a mistake of no place), path may be NULL. */
void conf_error(struct conf_errors *e, const struct conf_place *place,
		const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_kind kind;
	struct conf_place place;
	bool is_quoted;  /* a scalar in quotes is text, never a number */
	struct str text; /* scalar; NUL after the last byte */
	size_t n;        /* entries of a list or map */
	struct conf_node **items; /* list items, map values */
	struct conf_node **keys;  /* map keys (scalars) */
};

struct conf_tree;

/*
 * Read a file (and what it includes). On mistakes the tree is still returned
 * where it can be, so that further mistakes are found in the same run.
 * Returns 0, VD_EINVAL (no tree: not YAML at all, unreadable) or VD_ENOMEM.
 */
int conf_tree_load(const char *path, struct conf_errors *errors,
		   struct conf_tree **out);
/* The same from memory; `name` stands in for the file. */
int conf_tree_parse(struct str text, const char *name,
		    struct conf_errors *errors, struct conf_tree **out);
void conf_tree_free(struct conf_tree *t);

const struct conf_node *conf_tree_root(const struct conf_tree *t);

/* A map's value by key; NULL when absent or n is no map. */
const struct conf_node *conf_get(const struct conf_node *n, const char *key);

/* `path` relative to the directory of the file in which `place` lies.
 * malloc()ed; NULL: no memory. */
char *conf_relative(const struct conf_place *place, struct str path);

#endif
