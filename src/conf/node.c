/* Questions to nodes. */
#include "conf/conf_priv.h"

#include <stdlib.h>

bool conf_is_null(const struct conf_node *n)
{
	return n->kind == CONF_SCALAR && !n->is_quoted && !n->is_bad &&
	       n->text.len == 0;
}

const struct conf_node *conf_get(const struct conf_node *n, const char *key)
{
	struct str k = str_from(key);

	if (n == NULL || n->kind != CONF_MAP)
		return NULL;
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->keys[i]->text, k))
			return n->items[i];
	return NULL;
}

size_t conf_key_index(const struct conf_node *map, struct str key)
{
	size_t i = 0;

	while (i < map->n && !str_eq(map->keys[i]->text, key))
		i++;
	return i;
}

struct str conf_place_text(struct arena *arena, const struct conf_place *p)
{
	return arena_printf(arena, "%s:%u:%u", p->file, p->line, p->column);
}

static int compare_places(const struct conf_place *a,
			  const struct conf_place *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

/* By text, and where that is equal by place. */
static int compare_keys(const void *va, const void *vb)
{
	const struct conf_node *a = *(struct conf_node *const *)va;
	const struct conf_node *b = *(struct conf_node *const *)vb;
	size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
	int order = memcmp(a->text.p, b->text.p, len);

	if (order != 0)
		return order;
	if (a->text.len != b->text.len)
		return a->text.len < b->text.len ? -1 : 1;
	return compare_places(&a->place, &b->place);
}

static void report_twice(struct conf_build *b, const struct conf_node *key,
			 const struct conf_node *first)
{
	conf_path_enter(&b->path, key->text);
	conf_error(b->errors, &key->place, b->path.text,
		   "is written twice; first at line %u, column %u",
		   first->place.line, first->place.column);
	conf_path_leave(&b->path);
}

/* Sorted, since a users file may hold a hundred thousand keys. */
int conf_check_keys(struct conf_build *b, const struct conf_node *map)
{
	const struct conf_node **sorted, *first;

	if (map->n < 2)
		return 0;
	sorted = arena_alloc(b->arena, map->n * sizeof(*sorted));
	if (sorted == NULL)
		return VD_ENOMEM;
	memcpy(sorted, map->keys, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), compare_keys);
	first = sorted[0];
	for (size_t i = 1; i < map->n; i++) {
		if (str_eq(sorted[i]->text, first->text))
			report_twice(b, sorted[i], first);
		else
			first = sorted[i];
	}
	return 0;
}
