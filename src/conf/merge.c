/* One map into another. */
#include "conf/conf_priv.h"

static int report_again(struct conf_build *b, const struct conf_node *key,
			const struct conf_node *first)
{
	struct str where = conf_place_text(b->arena, &first->place);

	if (where.p == NULL)
		return VD_ENOMEM;
	conf_error(b->errors, &key->place, b->path.text,
		   "is written twice; first at %s", where.p);
	return 0;
}

/* The key is in both: only maps go together. */
static int value_merge(struct conf_build *b, struct conf_node *into, size_t i,
		       const struct conf_node *from, size_t j)
{
	struct conf_node **have = &into->items[i];
	struct conf_node *more = from->items[j];
	int err = 0;

	conf_path_enter(&b->path, from->keys[j]->text);
	if (conf_is_null(*have))
		*have = more;
	else if ((*have)->kind == CONF_MAP && more->kind == CONF_MAP)
		err = conf_map_merge(b, *have, more);
	else if (!conf_is_null(more))
		err = report_again(b, from->keys[j], into->keys[i]);
	conf_path_leave(&b->path);
	return err;
}

static int make_room(struct conf_build *b, struct conf_node *map, size_t more)
{
	size_t n = map->n + more;
	struct conf_node **v = arena_alloc(b->arena, 2 * n * sizeof(*v));

	if (v == NULL)
		return VD_ENOMEM;
	for (size_t i = 0; i < map->n; i++) {
		v[i] = map->items[i];
		v[n + i] = map->keys[i];
	}
	map->items = v;
	map->keys = v + n;
	return 0;
}

int conf_map_merge(struct conf_build *b, struct conf_node *into,
		   const struct conf_node *from)
{
	int err = from->n > 0 ? make_room(b, into, from->n) : 0;

	for (size_t j = 0; j < from->n && err == 0; j++) {
		size_t i = conf_key_index(into, from->keys[j]->text);

		if (i < into->n) {
			err = value_merge(b, into, i, from, j);
			continue;
		}
		into->keys[into->n] = from->keys[j];
		into->items[into->n++] = from->items[j];
	}
	return err;
}
