/* What a reload cannot change. Values are compared as they would be printed:
 * two that read the same are the same. */
#include "conf/conf_priv.h"

#include <stdlib.h>

struct diff {
	struct conf_path path;
	void (*fn)(void *arg, const char *path);
	void *arg;
};

static void table_diff(struct diff *d, const struct conf_option *options,
		       const void *a, const void *b);

/* malloc()ed; NULL: no memory. */
static char *value_text(const struct conf_option *o, const void *field)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	conf_print_value(o, field, to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* In doubt (no memory) it does. */
static bool is_different(const struct conf_option *o, const void *a,
			 const void *b)
{
	char *ta = value_text(o, a);
	char *tb = value_text(o, b);
	bool differs = ta == NULL || tb == NULL || strcmp(ta, tb) != 0;

	free(ta);
	free(tb);
	return differs;
}

static const char *entry_find(const struct conf_option *o,
			      const struct conf_array *in, struct str key)
{
	const char *element = in->v;

	for (size_t i = 0; i < in->n; i++, element += conf_element_size(o))
		if (str_eq(*(const struct str *)element, key))
			return element;
	return NULL;
}

/* Entries that came or went need no restart of their own accord. */
static void map_diff(struct diff *d, const struct conf_option *o,
		     const struct conf_array *a, const struct conf_array *b)
{
	const char *element = a->v;

	for (size_t i = 0; i < a->n; i++, element += conf_element_size(o)) {
		struct str key = *(const struct str *)element;
		const char *other = entry_find(o, b, key);

		if (other == NULL)
			continue;
		conf_path_enter(&d->path, key);
		table_diff(d, o->section, element, other);
		conf_path_leave(&d->path);
	}
}

static void option_diff(struct diff *d, const struct conf_option *o,
			const void *a, const void *b)
{
	conf_path_enter(&d->path, str_from(o->name));
	if (o->needs_restart) {
		if (is_different(o, a, b))
			d->fn(d->arg, d->path.text);
	} else if (o->type == CONF_SECTION) {
		table_diff(d, o->section, a, b);
	} else if (o->type == CONF_MAP_OF && o->section != NULL &&
		   o->parse == NULL) {
		map_diff(d, o, a, b);
	}
	conf_path_leave(&d->path);
}

static void table_diff(struct diff *d, const struct conf_option *options,
		       const void *a, const void *b)
{
	for (const struct conf_option *o = options; o->name != NULL; o++)
		option_diff(d, o, (const char *)a + o->offset,
			    (const char *)b + o->offset);
}

void conf_diff_restart(const struct conf_option *options, const void *a,
		       const void *b, void (*fn)(void *arg, const char *path),
		       void *arg)
{
	struct diff d = {.fn = fn, .arg = arg};

	conf_path_init(&d.path, NULL);
	table_diff(&d, options, a, b);
}
