/* What the sources of src/conf share. */
#ifndef VIADUCT_CONF_PRIV_H
#define VIADUCT_CONF_PRIV_H

#include <stdio.h>

#include "viaduct/conf/option.h"
#include "viaduct/conf/yaml.h"
#include "viaduct/util/arena.h"
#include "viaduct/util/err.h"

enum {
	CONF_DEPTH_MAX = 64,          /* maps and lists inside each other */
	CONF_NODES_MAX = 1000000,     /* of one tree, all files together */
	CONF_COPIES_MAX = 100000,     /* nodes made by aliases, of one tree */
	CONF_ANCHORS_MAX = 1000,      /* of one file */
	CONF_KEY_MAX = 255,           /* bytes */
	CONF_TEXT_MAX = 64 * 1024,    /* bytes of a scalar once expanded */
	CONF_FILE_MAX = 16 << 20,     /* bytes */
	CONF_FILES_MAX = 1000,        /* of one tree */
	CONF_INCLUDE_DEPTH_MAX = 16,  /* files that include each other */
	CONF_ERRORS_MAX = 500,        /* mistakes whose text is kept */
	CONF_ERROR_TEXT_MAX = 2048,   /* bytes of one text */
	CONF_PATH_MAX = 512,          /* bytes of "path.to.key" */
	CONF_MEMORY_MAX = 1024 << 20, /* bytes of one tree */
};

/* "path.to.key", as it grows and shrinks while a tree is walked. A path that
 * is too long is cut. */
struct conf_path {
	char text[CONF_PATH_MAX];
	size_t len;
	size_t depth;
	size_t ends[2 * CONF_DEPTH_MAX]; /* len before each step */
};
void conf_path_init(struct conf_path *p, const char *base); /* NULL: "" */
void conf_path_enter(struct conf_path *p, struct str key);
void conf_path_enter_index(struct conf_path *p, size_t i);
void conf_path_leave(struct conf_path *p);

struct conf_errors {
	struct mem *mem;
	struct arena arena;
	size_t n;    /* mistakes found */
	size_t kept; /* texts kept */
	bool no_memory;
	const char *texts[CONF_ERRORS_MAX];
};

/* Some mistake could not be kept for lack of memory. */
bool conf_errors_no_memory(const struct conf_errors *e);

/* A value as a message shows it: escaped later, cut to a line's length. The
 * text lives in the buffer. */
struct conf_shown {
	char text[72];
};
const char *conf_show(struct str value, struct conf_shown *buf);

/* UTF-8: length of the sequence at s.p (1 to 4) and its code point; 0 when it
 * is none. s is not empty. */
size_t conf_utf8_get(struct str s, uint32_t *cp);
/* May the code point stand in a YAML file as it is? */
bool conf_is_printable(uint32_t cp);
/* Offset of the first byte that may not stand in a YAML file, or s.len. */
size_t conf_text_check(struct str s);

/*
 * Read a regular file of at most `max` bytes into the arena, a NUL after it.
 * Returns 0, VD_ENOMEM or VD_ESYS, and then *why is a sentence.
 */
int conf_file_read(const char *path, size_t max, struct arena *arena,
		   struct str *out, const char **why);

/* `path` below the directory of `file`; as it is when it is absolute. In the
 * arena, terminated; p is NULL when there is no memory. */
struct str conf_beside(struct arena *arena, const char *file, struct str path);
/* The same as an absolute path. Returns 0, VD_ENOMEM, or VD_ESYS (there is no
 * working directory). */
int conf_absolute(struct arena *arena, const char *file, struct str path,
		  struct str *out);

/* A tree while it is built. */
struct conf_build {
	struct arena *arena;
	struct conf_errors *errors;
	struct conf_path path;
	size_t n_nodes, n_copies, n_files;
	struct conf_file *files; /* all that were read */
};

void conf_build_init(struct conf_build *b, struct arena *arena,
		     struct conf_errors *errors);

/* A file with all that it includes; as conf_tree_load_for(). */
int conf_file_build(struct conf_build *b, const char *path,
		    const struct conf_node *from, const char *key,
		    struct conf_node **out);

/* The same from memory; `name` must live as long as the nodes. */
int conf_memory_build(struct conf_build *b, struct str text, const char *name,
		      struct conf_node **out);

/*
 * ${NAME}, ${NAME:-default} and $$ in a scalar. False and reported when the
 * scalar is wrong; *has_name tells whether a name was replaced.
 * Returns 0, VD_EINVAL (reported) or VD_ENOMEM.
 */
int conf_expand(struct conf_build *b, const struct conf_place *place,
		struct str in, struct str *out, bool *has_name);

/* One text as nodes, without its includes. Returns 0, VD_EINVAL (reported) or
 * VD_ENOMEM. `name` must live as long as the nodes. */
int conf_text_build(struct conf_build *b, struct str text, const char *name,
		    struct conf_node **out);

/* Names the place of an earlier mention in a message: "FILE:LINE:COL". */
struct str conf_place_text(struct arena *arena, const struct conf_place *p);

/* Where the key is in a map, or map->n. */
size_t conf_key_index(const struct conf_node *map, struct str key);

/* Adds what `from` holds: maps go together, anything else that is in both is
 * a mistake. Returns 0 or VD_ENOMEM. */
int conf_map_merge(struct conf_build *b, struct conf_node *into,
		   const struct conf_node *from);

/* Nothing is written: "key:" and no more. */
bool conf_is_null(const struct conf_node *n);

/* Keys that `map` has more than once are mistakes. */
int conf_check_keys(struct conf_build *b, const struct conf_node *map);

/* Units. */
struct conf_unit {
	const char *name;
	uint64_t factor;
};
struct conf_measure {
	const char *noun;              /* "a duration" */
	const char *example;           /* "a duration such as 500ms" */
	const char *units_text;        /* all units, for a wrong one */
	const struct conf_unit *units; /* smallest first, NULL name ends it */
	uint64_t max;                  /* of the C type */
};
extern const struct conf_measure conf_durations, conf_sizes, conf_counts;
const struct conf_measure *conf_measure_of(enum conf_type type);

enum conf_fault {
	FAULT_NONE,
	FAULT_NUMBER,   /* does not begin with digits; a leading zero */
	FAULT_NO_UNIT,  /* and needs one */
	FAULT_UNIT,     /* unknown */
	FAULT_OVERFLOW, /* not even in 64 bits */
};
enum conf_fault conf_measure_parse(const struct conf_measure *m, struct str s,
				   uint64_t *out);

struct conf_number {
	char text[40];
};
/* In the largest unit that loses nothing. */
const char *conf_measure_print(const struct conf_measure *m, uint64_t v,
			       struct conf_number *buf);

/* min and max of an option, 0 as max meaning the type's own. */
uint64_t conf_option_max(const struct conf_option *o);

struct conf_allowed {
	char text[400];
};
/* What the option takes, for messages and the reference: "1 to 1000",
 * "a, b or c", "a list". */
const char *conf_allowed(const struct conf_option *o, struct conf_allowed *buf);
/* The words of an ENUM but for an empty first one, which stands for "not
 * set" and cannot be meant. */
const char *const *conf_words(const struct conf_option *o);
/* Between them; "100ms to 1m", "1 or more". */
const char *conf_range(const struct conf_measure *m, uint64_t min, uint64_t max,
		       struct conf_allowed *buf);

/* Size of an element of a list or map. */
size_t conf_element_size(const struct conf_option *o);

/* Text as YAML. in_flow: inside [ ] or { }. */
void conf_print_text(FILE *to, struct str s, bool in_flow);
void conf_print_key(FILE *to, struct str s);

/* One value as YAML, secrets in clear: to compare, never to show. */
void conf_print_value(const struct conf_option *o, const void *field, FILE *to);

#endif
