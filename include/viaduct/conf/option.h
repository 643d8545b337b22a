/*
 * Options as tables. Each directory describes its section of the file as rows
 * of `struct conf_option`; one walker fills C structs from the tree, reports
 * every mistake with its place, prints defaults and the effective values, and
 * writes the reference and the JSON schema. It knows no option by name.
 */
#ifndef VIADUCT_CONF_OPTION_H
#define VIADUCT_CONF_OPTION_H

#include <stdio.h>

#include "viaduct/conf/yaml.h"
#include "viaduct/util/arena.h"

enum conf_type {
	CONF_BOOL,     /* bool: true or false only */
	CONF_UINT,     /* uint32_t, min..max */
	CONF_DURATION, /* uint32_t milliseconds, min..max: 500ms 5s 10m 1h 2d */
	CONF_SIZE, /* uint64_t bytes, min..max: 64KiB 4MiB 1GiB, plain bytes */
	CONF_TEXT, /* struct str */
	CONF_SECRET,  /* struct str; masked when printed; NAME_file too */
	CONF_PATH,    /* struct str, made absolute by the file that names it,
		       * unless it is one of `names`; min 1: not empty */
	CONF_ENUM,    /* int: index into `names` */
	CONF_SECTION, /* a struct inside the struct, `section` describes it */
	CONF_MAP_OF,  /* struct conf_array of structs, one per key; the key goes
		       * to the struct's first member, a struct str. Without
		       * `section` and `parse` the value is text and goes to
		       * a struct str right after it */
	CONF_LIST_OF, /* struct conf_array of structs (or struct str when
		       * `section` is NULL); a scalar counts as a list of one */
	CONF_CUSTOM,  /* `parse` does it */
};

/* A list in the arena. v is NULL when n is 0. */
struct conf_array {
	void *v;
	size_t n;
};

struct conf_run; /* one run of the walker, for parse functions */

/*
 * Fill *field (zeroed) from `n`, which is never NULL and never is_bad. Report
 * mistakes with conf_run_error() and go on. Never fails otherwise; no memory:
 * conf_run_no_memory(). `n` dies with the tree: copy what must stay.
 */
typedef void conf_parse_fn(struct conf_run *run, const struct conf_node *n,
			   void *field);
/* Print the value as YAML after "key: " (one line, flow style), for
 * --print-config. Read again it must give the same value. */
typedef void conf_print_fn(FILE *to, const void *field);

struct conf_option {
	const char *name;
	enum conf_type type;
	size_t offset;   /* of the field in its struct */
	size_t size;     /* of an element (MAP_OF, LIST_OF); 0: of a struct str,
			  * or of the pair of them in a map of text */
	const char *def; /* default as it would be written; NULL: required;
			  * "" with a LIST/MAP/SECTION: empty. With a number, an
			  * ENUM or a CUSTOM, "" leaves the field zero: not set,
			  * and not printed where zero could not be written */
	double min, max; /* UINT count, DURATION ms, SIZE bytes; max 0: as much
			  * as the type holds */
	const char *const *names; /* ENUM, PATH: words, NULL-terminated */
	const struct conf_option *section; /* NULL name ends it */
	conf_parse_fn *parse; /* CUSTOM: the value. MAP_OF, LIST_OF: when set it
			       * fills each element from its value (any kind of
			       * node), and `section` only documents it */
	conf_print_fn *print; /* its counterpart, given the field or element;
			       * NULL: by `section`, or not printed at all */
	bool needs_restart;   /* a reload that changes it says so */
	const char *help;     /* one or two sentences, with the unit */
};

/*
 * Fill `out` (zeroed by the caller) from a map node (NULL: all defaults) by
 * the rows of `options`. Text and arrays come from the arena, text with a NUL
 * after it, and outlive the tree.
 * Unknown keys are mistakes with "did you mean" suggestions.
 *
 * path  what the map is called in messages, NULL for the whole file.
 *
 * Returns 0, VD_EINVAL (there are mistakes in `errors`; `out` is filled as far
 * as possible, with the default where a value is no good, for further checks
 * and nothing else) or VD_ENOMEM. Duplicate
 * keys and other mistakes of the tree do not count here: a file is good when
 * conf_errors_count() is 0 at the end.
 */
int conf_fill(const struct conf_option *options, const struct conf_node *map,
	      const char *path, struct arena *arena, struct conf_errors *errors,
	      void *out);

/* For parse functions. A mistake is named "path.to.key: " by itself. */
void conf_run_error(struct conf_run *run, const struct conf_node *n,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* `n` is not what is expected: "is a list; ALLOWED". */
void conf_run_wrong_kind(struct conf_run *run, const struct conf_node *n,
			 const char *allowed);
void conf_run_no_memory(struct conf_run *run);
struct arena *conf_run_arena(struct conf_run *run);
/* Name the key (borrowed for the call) below which the next mistakes lie:
 * "match.source", "[2]". */
void conf_run_enter(struct conf_run *run, const char *key);
void conf_run_enter_index(struct conf_run *run, size_t i);
void conf_run_leave(struct conf_run *run);
/* Run the walker on a struct inside a custom value. */
void conf_run_fill(struct conf_run *run, const struct conf_option *options,
		   const struct conf_node *map, void *out);
/* ` (did you mean "word")`, to end a message, for a word among others; "" when
 * none is near. The text is in the run's arena. */
const char *conf_run_suggest(struct conf_run *run, struct str word,
			     const char *const *names);
/* A key that is none of these names, in a map that `parse` reads itself. */
void conf_run_unknown_key(struct conf_run *run, const struct conf_node *key,
			  const char *const *names);
/* The nearest of these names, NULL when none is near. */
const char *conf_nearest(struct str word, const char *const *names);
/* Scalars. Return false and report when it is not one, and then leave *out
 * alone. Text is copied into the arena. A max of 0 is no limit. */
bool conf_run_text(struct conf_run *run, const struct conf_node *n,
		   struct str *out);
bool conf_run_bool(struct conf_run *run, const struct conf_node *n, bool *out);
bool conf_run_duration(struct conf_run *run, const struct conf_node *n,
		       uint32_t min_ms, uint32_t max_ms, uint32_t *out);
bool conf_run_uint(struct conf_run *run, const struct conf_node *n,
		   uint32_t min, uint32_t max, uint32_t *out);
bool conf_run_size(struct conf_run *run, const struct conf_node *n,
		   uint64_t min, uint64_t max, uint64_t *out);
/* Made absolute by the file that names it; "" stays "". */
bool conf_run_path(struct conf_run *run, const struct conf_node *n,
		   struct str *out);
bool conf_run_enum(struct conf_run *run, const struct conf_node *n,
		   const char *const *names, int *out);

/* Text (or a key) as YAML, quoted when YAML would read it otherwise; fit for
 * flow style. For print functions. */
void conf_print_str(FILE *to, struct str s);

/* Print the effective values as YAML, secrets masked. Read again they give the
 * same values, but for the secrets. */
void conf_print(const struct conf_option *options, const void *values,
		FILE *to);
/* Print all keys with defaults and help as commented YAML: a file that says
 * what no file says, with required and unset keys behind a '#'. */
void conf_print_defaults(const struct conf_option *options, FILE *to);
/* The reference: a Markdown table per section; the heading above the first
 * one is the caller's. */
void conf_print_reference(const struct conf_option *options, FILE *to);
/* JSON Schema (draft 2020-12) of the whole file, `include` among its keys. */
void conf_print_schema(const struct conf_option *options, FILE *to);

/* Names (with their path) of needs_restart options that differ between two
 * filled structs of the same table; calls fn for each. Entries of maps are
 * compared by key, lists as a whole; a CUSTOM without `print` is not seen. The
 * path lives for the call. */
void conf_diff_restart(const struct conf_option *options, const void *a,
		       const void *b, void (*fn)(void *arg, const char *path),
		       void *arg);

#endif
