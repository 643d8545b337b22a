/* The walker: structs from a tree, by tables. */
#include "conf/run_priv.h"

enum {
	SECRET_FILE_MAX = 64 * 1024,
	KEYS_MAX = 128,
};

size_t conf_element_size(const struct conf_option *o)
{
	bool is_text = o->section == NULL && o->parse == NULL;

	if (o->size > 0)
		return o->size;
	return o->type == CONF_MAP_OF && is_text ? 2 * sizeof(struct str)
						 : sizeof(struct str);
}

/* Keys. */

static const struct conf_option *option_find(const struct conf_option *options,
					     struct str key)
{
	static const struct str suffix = {"_file", 5};

	for (const struct conf_option *o = options; o->name != NULL; o++) {
		struct str name = str_from(o->name);

		if (str_eq(name, key))
			return o;
		if (o->type == CONF_SECRET && str_starts(key, name) &&
		    str_eq(str_skip(key, name.len), suffix))
			return o;
	}
	return NULL;
}

/* All keys of a section, as words; returns how many. */
static size_t keys_list(const struct conf_option *options, const char **names)
{
	size_t n = 0;

	for (; options[n].name != NULL && n < KEYS_MAX; n++)
		names[n] = options[n].name;
	names[n] = NULL;
	return n;
}

/* " (did you mean ...)", the other names of secrets included. */
static const char *key_suggest(struct conf_run *run,
			       const struct conf_option *options,
			       struct str key)
{
	const char *names[2 * KEYS_MAX + 1];
	size_t n = keys_list(options, names);

	for (const struct conf_option *o = options;
	     o->name != NULL && n < 2 * KEYS_MAX; o++) {
		if (o->type != CONF_SECRET)
			continue;
		names[n] = arena_printf(run->arena, "%s_file", o->name).p;
		if (names[n] == NULL) {
			conf_run_no_memory(run);
			return "";
		}
		n++;
	}
	names[n] = NULL;
	return conf_run_suggest(run, key, names);
}

static void say_unknown(struct conf_run *run, const struct conf_node *key,
			const char *const *names, const char *suggestion)
{
	const struct conf_option o = {.type = CONF_ENUM, .names = names};
	struct conf_allowed buf;

	conf_path_enter(&run->path, key->text);
	conf_run_error(run, key, "unknown key; %s%s", conf_allowed(&o, &buf),
		       suggestion);
	conf_run_leave(run);
}

void conf_run_unknown_key(struct conf_run *run, const struct conf_node *key,
			  const char *const *names)
{
	say_unknown(run, key, names, conf_run_suggest(run, key->text, names));
}

static void report_unknown(struct conf_run *run,
			   const struct conf_option *options,
			   const struct conf_node *key)
{
	const char *names[KEYS_MAX + 1];

	keys_list(options, names);
	say_unknown(run, key, names, key_suggest(run, options, key->text));
}

static void report_unknowns(struct conf_run *run,
			    const struct conf_option *options,
			    const struct conf_node *map)
{
	for (size_t i = 0; i < map->n; i++)
		if (option_find(options, map->keys[i]->text) == NULL)
			report_unknown(run, options, map->keys[i]);
}

/* Lists and maps. */

static void *array_new(struct conf_run *run, const struct conf_option *o,
		       size_t n, struct conf_array *out)
{
	if (n == 0)
		return NULL;
	out->v = arena_zalloc(run->arena, n * conf_element_size(o));
	if (out->v == NULL)
		conf_run_no_memory(run);
	else
		out->n = n;
	return out->v;
}

/* `text` is where an element keeps its value when that is only text. */
static void element_fill(struct conf_run *run, const struct conf_option *o,
			 const struct conf_node *n, void *element, void *text)
{
	if (conf_run_is_bad(run, n))
		return;
	if (o->parse != NULL)
		o->parse(run, n, element);
	else if (o->section != NULL)
		conf_run_fill(run, o->section, n, element);
	else
		conf_run_text(run, n, text);
}

static void map_fill(struct conf_run *run, const struct conf_option *o,
		     const struct conf_node *n, struct conf_array *out)
{
	char *element;

	if (conf_is_null(n))
		return;
	if (n->kind != CONF_MAP) {
		conf_run_wrong_kind(run, n, "a map");
		return;
	}
	element = array_new(run, o, n->n, out);
	for (size_t i = 0; i < out->n; i++) {
		struct str *key = (struct str *)element;

		if (!conf_run_copy(run, n->keys[i]->text, key))
			return;
		conf_path_enter(&run->path, *key);
		element_fill(run, o, n->items[i], element, key + 1);
		conf_run_leave(run);
		element += conf_element_size(o);
	}
}

static void list_fill(struct conf_run *run, const struct conf_option *o,
		      const struct conf_node *n, struct conf_array *out)
{
	char *element;

	if (conf_is_null(n))
		return;
	if (n->kind == CONF_MAP) {
		conf_run_wrong_kind(run, n, "a list");
		return;
	}
	if (n->kind == CONF_SCALAR) {
		element = array_new(run, o, 1, out);
		if (element != NULL)
			element_fill(run, o, n, element, element);
		return;
	}
	element = array_new(run, o, n->n, out);
	for (size_t i = 0; i < out->n; i++) {
		conf_run_enter_index(run, i);
		element_fill(run, o, n->items[i], element, element);
		conf_run_leave(run);
		element += conf_element_size(o);
	}
}

/* Secrets. */

/* One line end after the secret is the editor's. */
static struct str chomp(struct str s)
{
	if (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	return s;
}

static void secret_take(struct conf_run *run, const struct conf_node *n,
			struct str path, struct str text, struct str *field)
{
	text = chomp(text);
	if (text.len == 0)
		conf_run_error(run, n, "%s: is empty", path.p);
	else if (memchr(text.p, '\0', text.len) != NULL)
		conf_run_error(run, n, "%s: holds a NUL", path.p);
	else
		conf_run_copy(run, text, field);
}

static void secret_read(struct conf_run *run, const struct conf_node *n,
			struct str *field)
{
	struct str path, text;
	const char *why;
	int err;

	if (!conf_run_path(run, n, &path))
		return;
	if (path.len == 0) {
		conf_run_error(run, n, "is empty; a path");
		return;
	}
	err = conf_file_read(path.p, SECRET_FILE_MAX, run->arena, &text, &why);
	if (err == 0)
		secret_take(run, n, path, text, field);
	else if (err == VD_ENOMEM)
		conf_run_no_memory(run);
	else
		conf_run_error(run, n, "%s: %s", path.p, why);
}

/* True when the secret is given by a file (or should be). */
static bool secret_file_fill(struct conf_run *run, const struct conf_option *o,
			     const struct conf_node *map, struct str *field)
{
	struct str key = arena_printf(run->arena, "%s_file", o->name);
	const struct conf_node *n;

	if (key.p == NULL) {
		conf_run_no_memory(run);
		return true;
	}
	n = conf_get(map, key.p);
	if (n == NULL)
		return false;
	conf_run_enter(run, key.p);
	if (conf_get(map, o->name) != NULL)
		conf_run_error(run, n, "is given together with %s; one of them",
			       o->name);
	secret_read(run, n, field);
	conf_run_leave(run);
	return true;
}

/* Defaults. */

static void value_fill(struct conf_run *run, const struct conf_option *o,
		       const struct conf_node *n, void *field);

static void default_parse(struct conf_run *run, const struct conf_option *o,
			  void *field)
{
	struct conf_build b;
	struct conf_node *n;
	int err;

	conf_build_init(&b, run->arena, run->errors);
	conf_path_init(&b.path, run->path.text);
	err = conf_text_build(&b, str_from(o->def), "default", &n);
	if (err == 0)
		value_fill(run, o, n, field);
	else if (err == VD_ENOMEM)
		conf_run_no_memory(run);
	else
		run->has_failed = true;
}

static void unset(struct conf_run *run, const struct conf_option *o,
		  void *field)
{
	switch (o->type) {
	case CONF_TEXT:
	case CONF_SECRET:
	case CONF_PATH:
		*(struct str *)field = STR("");
		break;
	case CONF_SECTION:
		conf_run_fill(run, o->section, NULL, field);
		break;
	default:
		break; /* zero */
	}
}

static void default_fill(struct conf_run *run, const struct conf_option *o,
			 void *field)
{
	struct conf_node n = {.kind = CONF_SCALAR, .place = {"default", 1, 1}};
	struct conf_allowed buf;

	if (o->def == NULL) {
		conf_run_error(run, NULL, "is missing; %s",
			       conf_allowed(o, &buf));
	} else if (o->def[0] == '\0') {
		unset(run, o, field);
	} else if (o->type >= CONF_SECTION) {
		default_parse(run, o, field);
	} else {
		n.text = str_from(o->def);
		value_fill(run, o, &n, field);
	}
}

/* Values. */

static void number_fill(struct conf_run *run, const struct conf_option *o,
			const struct conf_node *n, void *field)
{
	uint64_t v;

	if (!conf_run_measure(run, n, conf_measure_of(o->type),
			      (uint64_t)o->min, conf_option_max(o), &v))
		return;
	if (o->type == CONF_SIZE)
		*(uint64_t *)field = v;
	else
		*(uint32_t *)field = (uint32_t)v;
}

static bool is_word(const struct conf_option *o, const struct conf_node *n)
{
	for (size_t i = 0; o->names != NULL && o->names[i] != NULL; i++)
		if (str_eq(n->text, str_from(o->names[i])))
			return true;
	return false;
}

static void path_fill(struct conf_run *run, const struct conf_option *o,
		      const struct conf_node *n, struct str *field)
{
	struct conf_allowed buf;

	if (n->kind != CONF_SCALAR || (n->text.len == 0 && o->min > 0))
		conf_run_wrong_kind(run, n, conf_allowed(o, &buf));
	else if (is_word(o, n))
		conf_run_copy(run, n->text, field);
	else
		conf_run_path(run, n, field);
}

static void value_fill(struct conf_run *run, const struct conf_option *o,
		       const struct conf_node *n, void *field)
{
	if (conf_run_is_bad(run, n))
		return;
	switch (o->type) {
	case CONF_BOOL:
		conf_run_bool(run, n, field);
		break;
	case CONF_UINT:
	case CONF_DURATION:
	case CONF_SIZE:
		number_fill(run, o, n, field);
		break;
	case CONF_TEXT:
	case CONF_SECRET:
		conf_run_text(run, n, field);
		break;
	case CONF_PATH:
		path_fill(run, o, n, field);
		break;
	case CONF_ENUM:
		conf_run_enum(run, n, o->names, field);
		break;
	case CONF_SECTION:
		conf_run_fill(run, o->section, n, field);
		break;
	case CONF_MAP_OF:
		map_fill(run, o, n, field);
		break;
	case CONF_LIST_OF:
		list_fill(run, o, n, field);
		break;
	case CONF_CUSTOM:
		o->parse(run, n, field);
		break;
	}
}

/* A value that is no good leaves the default, so that checks across options do
 * not find a second mistake in it. */
static void given_fill(struct conf_run *run, const struct conf_option *o,
		       const struct conf_node *n, void *field)
{
	bool has_failed = run->has_failed;

	run->has_failed = false;
	value_fill(run, o, n, field);
	if (run->has_failed && o->type < CONF_SECTION && o->def != NULL)
		default_fill(run, o, field);
	run->has_failed = run->has_failed || has_failed;
}

static void option_fill(struct conf_run *run, const struct conf_option *o,
			const struct conf_node *map, void *field)
{
	const struct conf_node *n = conf_get(map, o->name);

	if (o->type == CONF_SECRET && secret_file_fill(run, o, map, field))
		return;
	conf_run_enter(run, o->name);
	if (n != NULL)
		given_fill(run, o, n, field);
	else
		default_fill(run, o, field);
	conf_run_leave(run);
}

void conf_run_fill(struct conf_run *run, const struct conf_option *options,
		   const struct conf_node *map, void *out)
{
	const struct conf_place *outer = run->place;

	if (map != NULL && map->kind != CONF_MAP && !conf_is_null(map)) {
		conf_run_wrong_kind(run, map, "a map");
		return;
	}
	if (map != NULL)
		run->place = &map->place;
	if (map != NULL && map->kind == CONF_MAP)
		report_unknowns(run, options, map);
	for (const struct conf_option *o = options; o->name != NULL; o++)
		option_fill(run, o, map, (char *)out + o->offset);
	run->place = outer;
}

int conf_fill(const struct conf_option *options, const struct conf_node *map,
	      const char *path, struct arena *arena, struct conf_errors *errors,
	      void *out)
{
	struct conf_run run = {.arena = arena, .errors = errors};

	conf_path_init(&run.path, path);
	conf_run_fill(&run, options, map, out);
	if (run.no_memory || conf_errors_no_memory(errors))
		return VD_ENOMEM;
	return run.has_failed ? VD_EINVAL : 0;
}
