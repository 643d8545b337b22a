/* Anchors and aliases. */
#include "conf/reader_priv.h"

bool anchor_open(struct reader *r, const yaml_char_t *name,
		 const struct conf_place *place, struct anchor **out)
{
	struct anchor *a;

	*out = NULL;
	if (name == NULL)
		return true;
	if (r->n_anchors++ == CONF_ANCHORS_MAX) {
		conf_error(r->b->errors, place, r->b->path.text,
			   "more than %d anchors", CONF_ANCHORS_MAX);
		return reader_fail(r, VD_EINVAL);
	}
	a = arena_zalloc(r->b->arena, sizeof(*a));
	if (a == NULL)
		return reader_fail(r, VD_ENOMEM);
	a->name = arena_printf(r->b->arena, "%s", (const char *)name).p;
	if (a->name == NULL)
		return reader_fail(r, VD_ENOMEM);
	a->next = r->anchors; /* a later one of that name hides it */
	r->anchors = a;
	*out = a;
	return true;
}

struct conf_node *anchor_close(struct anchor *a, struct conf_node *n)
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
	return reader_fail(r, VD_EINVAL);
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
		return reader_stop(r, VD_EINVAL);
	}
	if (!count_copy(r, alias))
		return NULL;
	copy = reader_node_new(r, n->kind, &n->place);
	if (copy == NULL)
		return NULL;
	copy->is_quoted = n->is_quoted;
	copy->is_bad = n->is_bad;
	copy->text = n->text;
	for (size_t i = 0; i < n->n; i++) {
		struct conf_node *item =
			node_copy(r, n->items[i], alias, depth + 1);

		if (item == NULL ||
		    !entries_add(r, &e, n->keys != NULL ? n->keys[i] : NULL,
				 item))
			return NULL;
	}
	entries_to_node(&e, copy);
	return copy;
}

static struct conf_node *bad_node(struct reader *r,
				  const struct conf_place *place)
{
	struct conf_node *n = reader_node_new(r, CONF_SCALAR, place);

	if (n != NULL)
		n->is_bad = true;
	return n;
}

struct conf_node *reader_alias(struct reader *r)
{
	struct conf_place place = reader_place(r, r->event.start_mark);
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
