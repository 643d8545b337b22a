/* Scalars, lists and maps; merge keys. */
#include "conf/reader_priv.h"

static void report(struct reader *r, const struct conf_node *n,
		   const char *what)
{
	conf_error(r->b->errors, &n->place, r->b->path.text, "%s", what);
}

struct conf_node *reader_node_new(struct reader *r, enum conf_kind kind,
				  const struct conf_place *place)
{
	struct conf_node *n;

	if (r->b->n_nodes++ == CONF_NODES_MAX) {
		conf_error(r->b->errors, place, r->b->path.text,
			   "more than %d values; split the file",
			   CONF_NODES_MAX);
		return reader_stop(r, VD_EINVAL);
	}
	n = arena_zalloc(r->b->arena, sizeof(*n));
	if (n == NULL)
		return reader_stop(r, VD_ENOMEM);
	n->kind = kind;
	n->place = *place;
	n->text = STR("");
	return n;
}

static bool grow(struct reader *r, struct entries *e)
{
	size_t cap = e->cap == 0 ? 4 : 2 * e->cap;
	struct conf_node **v =
		arena_alloc(r->b->arena, 2 * cap * sizeof(struct conf_node *));

	if (v == NULL) {
		return reader_fail(r, VD_ENOMEM);
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

bool entries_add(struct reader *r, struct entries *e, struct conf_node *key,
		 struct conf_node *item)
{
	if (e->n == e->cap && !grow(r, e))
		return false;
	e->keys[e->n] = key;
	e->items[e->n] = item;
	e->n++;
	return true;
}

void entries_to_node(const struct entries *e, struct conf_node *n)
{
	n->n = e->n;
	n->items = e->items;
	n->keys = n->kind == CONF_MAP ? e->keys : NULL;
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
		return reader_fail(r, VD_ENOMEM);
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
		return reader_fail(r, err);
	}
	n->is_bad = n->is_bad || err != 0;
	/* In [ ] and { } an expansion must be quoted; it may be a number. */
	n->is_quoted = n->is_quoted && !has_name;
	return true;
}

static struct conf_node *scalar_read(struct reader *r, bool is_key)
{
	struct conf_place place = reader_place(r, r->event.start_mark);
	struct conf_node *n = reader_node_new(r, CONF_SCALAR, &place);
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
	return reader_fail(r, VD_EINVAL);
}

static bool items_read(struct reader *r, struct entries *e)
{
	while (reader_next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
		struct conf_node *item;

		conf_path_enter_index(&r->b->path, e->n);
		item = reader_node(r, false);
		conf_path_leave(&r->b->path);
		if (item == NULL || !entries_add(r, e, NULL, item))
			return false;
	}
	return r->err == 0;
}

static struct conf_node *list_read(struct reader *r)
{
	struct conf_place place = reader_place(r, r->event.start_mark);
	struct conf_node *n = reader_node_new(r, CONF_LIST, &place);
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
		    !entries_add(r, e, from->keys[i], from->items[i]))
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
	value = reader_next(r) ? reader_node(r, false) : NULL;
	conf_path_leave(&r->b->path);
	return value;
}

static bool pairs_read(struct reader *r, struct entries *e,
		       struct entries *merges)
{
	while (reader_next(r) && r->event.type != YAML_MAPPING_END_EVENT) {
		struct conf_node *key = reader_node(r, true);
		struct conf_node *value;

		if (key == NULL)
			return false;
		value = value_read(r, key);
		if (value == NULL)
			return false;
		if (check_key(r, key) &&
		    !entries_add(r, is_merge_key(key) ? merges : e, key, value))
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
		return reader_fail(r, err);
	for (size_t i = 0; i < merges->n; i++)
		if (!merge(r, e, merges->items[i]))
			return false;
	entries_to_node(e, n);
	return true;
}

static struct conf_node *map_read(struct reader *r)
{
	struct conf_place place = reader_place(r, r->event.start_mark);
	struct conf_node *n = reader_node_new(r, CONF_MAP, &place);
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
struct conf_node *reader_node(struct reader *r, bool is_key)
{
	switch (r->event.type) {
	case YAML_ALIAS_EVENT:
		return reader_alias(r);
	case YAML_SEQUENCE_START_EVENT:
		return list_read(r);
	case YAML_MAPPING_START_EVENT:
		return map_read(r);
	default:
		return scalar_read(r, is_key);
	}
}
