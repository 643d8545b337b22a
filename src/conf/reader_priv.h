/* A text while libyaml reads it: yaml.c (the text as a whole), yaml_node.c (its
 * nodes) and yaml_anchor.c (what is used more than once). */
#ifndef VIADUCT_CONF_READER_PRIV_H
#define VIADUCT_CONF_READER_PRIV_H

#include <yaml.h>

#include "conf/conf_priv.h"

struct anchor {
	struct anchor *next;
	const char *name;
	struct conf_node *node; /* NULL while it is being built */
};

struct reader {
	struct conf_build *b;
	const char *file;
	struct str text;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; deleted by reader_next() */
	struct anchor *anchors;
	size_t n_anchors;
	size_t depth;
	int err; /* why reading stopped */
};

/* Notes why reading stops (the first reason stays); NULL, and false. */
void *reader_stop(struct reader *r, int err);
bool reader_fail(struct reader *r, int err);

struct conf_place reader_place(const struct reader *r, yaml_mark_t mark);

/* Makes the next event the current one. False: r->err says why. */
bool reader_next(struct reader *r);

/* Nodes: each function reads what the current event begins, up to its end.
 * NULL: r->err says why. */
struct conf_node *reader_node(struct reader *r, bool is_key);
struct conf_node *reader_alias(struct reader *r);

/* An empty node of that kind. */
struct conf_node *reader_node_new(struct reader *r, enum conf_kind kind,
				  const struct conf_place *place);

/* Entries of a list (keys stay NULL) or map while they are counted. */
struct entries {
	struct conf_node **keys, **items;
	size_t n, cap;
};
bool entries_add(struct reader *r, struct entries *e, struct conf_node *key,
		 struct conf_node *item);
void entries_to_node(const struct entries *e, struct conf_node *n);

/* Notes the anchor of a node that begins. *out is NULL without one. */
bool anchor_open(struct reader *r, const yaml_char_t *name,
		 const struct conf_place *place, struct anchor **out);
/* The node is complete; returns it. */
struct conf_node *anchor_close(struct anchor *a, struct conf_node *n);

#endif
