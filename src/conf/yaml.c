/* One text as nodes: libyaml's events, anchors, merge keys, duplicates. */
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <yaml.h>

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
	yaml_event_t event; /* the current one; deleted by next() */
	struct anchor *anchors;
	size_t n_anchors;
	size_t depth;
	int err; /* why reading stopped */
};

static struct conf_node *node_read(struct reader *r, bool is_key);

static void *stop(struct reader *r, int err)
{
	if (r->err == 0)
		r->err = err;
	return NULL;
}

static bool fail(struct reader *r, int err)
{
	stop(r, err);
	return false;
}

static struct conf_place place_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct conf_place){r->file, (unsigned)mark.line + 1,
				   (unsigned)mark.column + 1};
}

/* Is the line indented with a tab? libyaml says only that the character
 * "cannot start any token". */
static bool has_tab_indent(struct str text, size_t line)
{
	for (; line > 0; line--) {
		size_t end = str_find(text, '\n');

		if (end == text.len)
			return false;
		text = str_skip(text, end + 1);
	}
	while (text.len > 0 && text.p[0] == ' ')
		text = str_skip(text, 1);
	return text.len > 0 && text.p[0] == '\t';
}

static void report_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct conf_place place = place_of(r, p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR) {
		stop(r, VD_ENOMEM);
		return;
	}
	stop(r, VD_EINVAL);
	if (p->error == YAML_SCANNER_ERROR &&
	    has_tab_indent(r->text, p->problem_mark.line))
		conf_error(r->b->errors, &place, NULL,
			   "a tab cannot indent YAML; use spaces");
	else if (p->context != NULL)
		conf_error(r->b->errors, &place, NULL,
			   "%s, %s that began at line %u, column %u",
			   p->problem, p->context,
			   (unsigned)p->context_mark.line + 1,
			   (unsigned)p->context_mark.column + 1);
	else
		conf_error(r->b->errors, &place, NULL, "%s", p->problem);
}

/* Makes the next event the current one. False: r->err says why. */
static bool next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return true;
	report_syntax(r);
	return false;
}

static void report(struct reader *r, const struct conf_node *n,
		   const char *what)
{
	conf_error(r->b->errors, &n->place, r->b->path.text, "%s", what);
}

static struct conf_node *node_new(struct reader *r, enum conf_kind kind,
				  const struct conf_place *place)
{
	struct conf_node *n;

	if (r->b->n_nodes++ == CONF_NODES_MAX) {
		conf_error(r->b->errors, place, r->b->path.text,
			   "more than %d values; split the file",
			   CONF_NODES_MAX);
		return stop(r, VD_EINVAL);
	}
	n = arena_zalloc(r->b->arena, sizeof(*n));
	if (n == NULL)
		return stop(r, VD_ENOMEM);
	n->kind = kind;
	n->place = *place;
	n->text = STR("");
	return n;
}

/* Entries of a list (keys stay NULL) or map while they are counted. */
struct entries {
	struct conf_node **keys, **items;
	size_t n, cap;
};

static bool grow(struct reader *r, struct entries *e)
{
	size_t cap = e->cap == 0 ? 4 : 2 * e->cap;
	struct conf_node **v =
		arena_alloc(r->b->arena, 2 * cap * sizeof(struct conf_node *));

	if (v == NULL) {
		return fail(r, VD_ENOMEM);
	}
	if (e->n > 0) {
		memcpy(v, e->items, e->n * sizeof(*v));
		memcpy(v + cap, e->keys, e->n * sizeof(*v));
	}
	e->items = v;
	e->keys = v + cap;
	e->cap = cap;
	return true;
}

static bool add(struct reader *r, struct entries *e, struct conf_node *key,
		struct conf_node *item)
{
	if (e->n == e->cap && !grow(r, e))
		return false;
	e->keys[e->n] = key;
	e->items[e->n] = item;
	e->n++;
	return true;
}

static void entries_to_node(const struct entries *e, struct conf_node *n)
{
	n->n = e->n;
	n->items = e->items;
	n->keys = n->kind == CONF_MAP ? e->keys : NULL;
}

/* Anchors and aliases. */

/* Notes the name of a node that begins. *out is NULL without one. */
static bool anchor_open(struct reader *r, const yaml_char_t *name,
			const struct conf_place *place, struct anchor **out)
{
	struct anchor *a;

	*out = NULL;
	if (name == NULL)
		return true;
	if (r->n_anchors++ == CONF_ANCHORS_MAX) {
		conf_error(r->b->errors, place, r->b->path.text,
			   "more than %d anchors", CONF_ANCHORS_MAX);
		return fail(r, VD_EINVAL);
	}
	a = arena_zalloc(r->b->arena, sizeof(*a));
	if (a == NULL)
		return fail(r, VD_ENOMEM);
	a->name = arena_printf(r->b->arena, "%s", (const char *)name).p;
	if (a->name == NULL)
		return fail(r, VD_ENOMEM);
	a->next = r->anchors; /* a later one of that name hides it */
	r->anchors = a;
	*out = a;
	return true;
}

static struct conf_node *anchor_close(struct anchor *a, struct conf_node *n)
{
	if (a != NULL)
		a->node = n;
	return n;
}

static const struct anchor *anchor_find(const struct reader *r,
					const char *name)
{
	const struct anchor *a = r->anchors;

	while (a != NULL && strcmp(a->name, name) != 0)
		a = a->next;
	return a;
}

static bool count_copy(struct reader *r, const struct conf_place *alias)
{
	if (r->b->n_copies++ < CONF_COPIES_MAX)
		return true;
	conf_error(r->b->errors, alias, r->b->path.text,
		   "aliases expand to more than %d values", CONF_COPIES_MAX);
	return fail(r, VD_EINVAL);
}

/* A node of its own for each use: what walks the tree need not know. */
static struct conf_node *node_copy(struct reader *r, const struct conf_node *n,
				   const struct conf_place *alias, size_t depth)
{
	struct entries e = {0};
	struct conf_node *copy;

	if (depth > CONF_DEPTH_MAX) {
		conf_error(r->b->errors, alias, r->b->path.text,
			   "nested deeper than %d", CONF_DEPTH_MAX);
		return stop(r, VD_EINVAL);
	}
	if (!count_copy(r, alias))
		return NULL;
	copy = node_new(r, n->kind, &n->place);
	if (copy == NULL)
		return NULL;
	copy->is_quoted = n->is_quoted;
	copy->is_bad = n->is_bad;
	copy->text = n->text;
	for (size_t i = 0; i < n->n; i++) {
		struct conf_node *item =
			node_copy(r, n->items[i], alias, depth + 1);

		if (item == NULL ||
		    !add(r, &e, n->keys != NULL ? n->keys[i] : NULL, item))
			return NULL;
	}
	entries_to_node(&e, copy);
	return copy;
}

static struct conf_node *bad_node(struct reader *r,
				  const struct conf_place *place)
{
	struct conf_node *n = node_new(r, CONF_SCALAR, place);

	if (n != NULL)
		n->is_bad = true;
	return n;
}

static struct conf_node *alias_read(struct reader *r)
{
	struct conf_place place = place_of(r, r->event.start_mark);
	const char *name = (const char *)r->event.data.alias.anchor;
	const struct anchor *a = anchor_find(r, name);
	struct conf_shown buf;

	if (a != NULL && a->node != NULL)
		return node_copy(r, a->node, &place, r->depth);
	conf_error(r->b->errors, &place, r->b->path.text,
		   a == NULL ? "*%s has no anchor &%s above it"
			     : "*%s stands inside its own anchor &%s",
		   conf_show(str_from(name), &buf), buf.text);
	return bad_node(r, &place);
}

/* Scalars. */

static bool is_tag_known(const yaml_char_t *tag, const char *own)
{
	return tag == NULL || strcmp((const char *)tag, "!") == 0 ||
	       strcmp((const char *)tag, own) == 0;
}

static void check_tag(struct reader *r, struct conf_node *n,
		      const yaml_char_t *tag, const char *own)
{
	struct conf_shown buf;

	if (is_tag_known(tag, own))
		return;
	conf_error(r->b->errors, &n->place, r->b->path.text,
		   "the tag %s means nothing here; remove it",
		   conf_show(str_from((const char *)tag), &buf));
	n->is_bad = true;
}

static bool scalar_copy(struct reader *r, struct conf_node *n)
{
	struct str s = {(const char *)r->event.data.scalar.value,
			r->event.data.scalar.length};
	char *p = arena_alloc(r->b->arena, s.len + 1);

	if (p == NULL) {
		return fail(r, VD_ENOMEM);
	}
	memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	n->text = (struct str){p, s.len};
	return true;
}

static bool scalar_expand(struct reader *r, struct conf_node *n)
{
	struct str s = {(const char *)r->event.data.scalar.value,
			r->event.data.scalar.length};
	bool has_name = false;
	int err = conf_expand(r->b, &n->place, s, &n->text, &has_name);

	if (err == VD_ENOMEM) {
		return fail(r, err);
	}
	n->is_bad = n->is_bad || err != 0;
	/* In [ ] and { } an expansion must be quoted; it may be a number. */
	n->is_quoted = n->is_quoted && !has_name;
	return true;
}

static struct conf_node *scalar_read(struct reader *r, bool is_key)
{
	struct conf_place place = place_of(r, r->event.start_mark);
	struct conf_node *n = node_new(r, CONF_SCALAR, &place);
	struct anchor *a;

	if (n == NULL ||
	    !anchor_open(r, r->event.data.scalar.anchor, &place, &a))
		return NULL;
	check_tag(r, n, r->event.data.scalar.tag, YAML_STR_TAG);
	n->is_quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (memchr(r->event.data.scalar.value, '\0',
		   r->event.data.scalar.length) != NULL) {
		report(r, n, "holds a NUL; text without it");
		n->is_bad = true;
		return anchor_close(a, n);
	}
	if (!(is_key ? scalar_copy(r, n) : scalar_expand(r, n)))
		return NULL;
	return anchor_close(a, n);
}

/* Lists. */

static bool enter(struct reader *r, const struct conf_place *place)
{
	if (r->depth++ < CONF_DEPTH_MAX)
		return true;
	conf_error(r->b->errors, place, r->b->path.text,
		   "nested deeper than %d", CONF_DEPTH_MAX);
	return fail(r, VD_EINVAL);
}

static bool items_read(struct reader *r, struct entries *e)
{
	while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
		struct conf_node *item;

		conf_path_enter_index(&r->b->path, e->n);
		item = node_read(r, false);
		conf_path_leave(&r->b->path);
		if (item == NULL || !add(r, e, NULL, item))
			return false;
	}
	return r->err == 0;
}

static struct conf_node *list_read(struct reader *r)
{
	struct conf_place place = place_of(r, r->event.start_mark);
	struct conf_node *n = node_new(r, CONF_LIST, &place);
	struct entries e = {0};
	struct anchor *a;

	if (n == NULL || !enter(r, &place) ||
	    !anchor_open(r, r->event.data.sequence_start.anchor, &place, &a))
		return NULL;
	check_tag(r, n, r->event.data.sequence_start.tag, YAML_SEQ_TAG);
	if (!items_read(r, &e))
		return NULL;
	entries_to_node(&e, n);
	r->depth--;
	return anchor_close(a, n);
}

/* Maps. */

static bool is_merge_key(const struct conf_node *key)
{
	return !key->is_quoted && str_eq(key->text, STR("<<"));
}

static bool has_key(const struct entries *e, struct str key)
{
	for (size_t i = 0; i < e->n; i++)
		if (str_eq(e->keys[i]->text, key))
			return true;
	return false;
}

/* What `<<` brings gives way to what is written, and to earlier maps. */
static bool merge_map(struct reader *r, struct entries *e,
		      const struct conf_node *from)
{
	if (from->is_bad)
		return true;
	if (from->kind != CONF_MAP) {
		report(r, from, "<< takes a map or a list of maps");
		return true;
	}
	for (size_t i = 0; i < from->n; i++)
		if (!has_key(e, from->keys[i]->text) &&
		    !add(r, e, from->keys[i], from->items[i]))
			return false;
	return true;
}

static bool merge(struct reader *r, struct entries *e,
		  const struct conf_node *from)
{
	if (from->kind != CONF_LIST)
		return merge_map(r, e, from);
	for (size_t i = 0; i < from->n; i++)
		if (!merge_map(r, e, from->items[i]))
			return false;
	return true;
}

/* May the key be used? If not, that is reported. */
static bool check_key(struct reader *r, const struct conf_node *key)
{
	if (key->is_bad)
		return false;
	if (key->kind != CONF_SCALAR)
		report(r, key, "a key must be text");
	else if (key->text.len > CONF_KEY_MAX)
		report(r, key, "the key is longer than 255 bytes");
	else
		return true;
	return false;
}

static struct conf_node *value_read(struct reader *r,
				    const struct conf_node *key)
{
	struct conf_node *value;
	struct conf_shown buf;

	conf_path_enter(&r->b->path,
			key->kind == CONF_SCALAR
				? str_from(conf_show(key->text, &buf))
				: STR("?"));
	value = next(r) ? node_read(r, false) : NULL;
	conf_path_leave(&r->b->path);
	return value;
}

static bool pairs_read(struct reader *r, struct entries *e,
		       struct entries *merges)
{
	while (next(r) && r->event.type != YAML_MAPPING_END_EVENT) {
		struct conf_node *key = node_read(r, true);
		struct conf_node *value;

		if (key == NULL)
			return false;
		value = value_read(r, key);
		if (value == NULL)
			return false;
		if (check_key(r, key) &&
		    !add(r, is_merge_key(key) ? merges : e, key, value))
			return false;
	}
	return r->err == 0;
}

static bool map_finish(struct reader *r, struct conf_node *n, struct entries *e,
		       const struct entries *merges)
{
	int err;

	entries_to_node(e, n);
	err = conf_check_keys(r->b, n);
	if (err != 0)
		return fail(r, err);
	for (size_t i = 0; i < merges->n; i++)
		if (!merge(r, e, merges->items[i]))
			return false;
	entries_to_node(e, n);
	return true;
}

static struct conf_node *map_read(struct reader *r)
{
	struct conf_place place = place_of(r, r->event.start_mark);
	struct conf_node *n = node_new(r, CONF_MAP, &place);
	struct entries e = {0}, merges = {0};
	struct anchor *a;

	if (n == NULL || !enter(r, &place) ||
	    !anchor_open(r, r->event.data.mapping_start.anchor, &place, &a))
		return NULL;
	check_tag(r, n, r->event.data.mapping_start.tag, YAML_MAP_TAG);
	if (!pairs_read(r, &e, &merges) || !map_finish(r, n, &e, &merges))
		return NULL;
	r->depth--;
	return anchor_close(a, n);
}

/* The node that the current event begins. */
static struct conf_node *node_read(struct reader *r, bool is_key)
{
	switch (r->event.type) {
	case YAML_ALIAS_EVENT:
		return alias_read(r);
	case YAML_SEQUENCE_START_EVENT:
		return list_read(r);
	case YAML_MAPPING_START_EVENT:
		return map_read(r);
	default:
		return scalar_read(r, is_key);
	}
}

/* Streams. */

static struct conf_node *empty_map(struct reader *r)
{
	struct conf_place start = {r->file, 1, 1};

	return node_new(r, CONF_MAP, &start);
}

static struct conf_node *stream_read(struct reader *r)
{
	struct conf_node *root;

	if (!next(r) || !next(r)) /* the stream's start, the document's */
		return NULL;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return empty_map(r);
	if (!next(r))
		return NULL;
	root = node_read(r, false);
	if (root == NULL || !next(r) || !next(r)) /* the document's end */
		return NULL;
	if (r->event.type != YAML_STREAM_END_EVENT) {
		struct conf_place place = place_of(r, r->event.start_mark);

		conf_error(r->b->errors, &place, NULL,
			   "a second document begins; a file holds one");
	}
	return conf_is_null(root) ? empty_map(r) : root;
}

/* Line and column of a byte, for text that libyaml would not read. */
static struct conf_place place_at(const char *file, struct str text, size_t at)
{
	struct conf_place place = {file, 1, 1};

	for (size_t i = 0; i < at; i++) {
		if (text.p[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

static int check_text(struct conf_build *b, const char *name, struct str text)
{
	size_t at = conf_text_check(text);
	struct conf_place place;
	uint32_t cp;

	if (at == text.len)
		return 0;
	place = place_at(name, text, at);
	if (conf_utf8_get(str_skip(text, at), &cp) == 0)
		conf_error(b->errors, &place, NULL,
			   "byte 0x%02x is not UTF-8; save the file as UTF-8",
			   (unsigned char)text.p[at]);
	else if (cp == 0)
		conf_error(b->errors, &place, NULL, "a NUL byte; text only");
	else
		conf_error(b->errors, &place, NULL,
			   "control character U+%04X; write it as an escape "
			   "in double quotes",
			   (unsigned)cp);
	return VD_EINVAL;
}

int conf_text_build(struct conf_build *b, struct str text, const char *name,
		    struct conf_node **out)
{
	struct reader r = {.b = b, .file = name};
	struct conf_node *root;
	int err;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_skip(text, 3);
	r.text = text;
	err = check_text(b, name, text);
	if (err != 0)
		return err;
	if (!yaml_parser_initialize(&r.parser))
		return VD_ENOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p,
				     text.len);
	root = stream_read(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (root == NULL)
		return r.err;
	*out = root;
	return 0;
}
