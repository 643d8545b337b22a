/* The effective values as YAML. */
#include "conf/conf_priv.h"

struct printer {
	FILE *to;
	unsigned depth; /* two spaces each */
	bool is_item;   /* the next line begins a list's item: "- " */
	bool in_clear;  /* secrets as they are */
};

static void table_print(struct printer *p, const struct conf_option *options,
			const void *values);

/* A line's indentation, and the dash if it is due. */
static void line(struct printer *p)
{
	unsigned depth = p->is_item ? p->depth - 1 : p->depth;

	fprintf(p->to, "%*s%s", (int)(2 * depth), "", p->is_item ? "- " : "");
	p->is_item = false;
}

static void key_print(struct printer *p, struct str key)
{
	line(p);
	conf_print_key(p->to, key);
	fputc(':', p->to);
}

static void secret_print(const struct printer *p, struct str s)
{
	if (p->in_clear || s.len == 0)
		conf_print_text(p->to, s, false);
	else
		fputs("\"********\"", p->to);
}

static uint64_t number_of(const struct conf_option *o, const void *field)
{
	return o->type == CONF_SIZE ? *(const uint64_t *)field
				    : *(const uint32_t *)field;
}

static void scalar_print(const struct printer *p, const struct conf_option *o,
			 const void *field)
{
	const struct conf_measure *m = conf_measure_of(o->type);
	struct conf_number buf;

	if (m != NULL)
		fputs(conf_measure_print(m, number_of(o, field), &buf), p->to);
	else if (o->type == CONF_BOOL)
		fputs(*(const bool *)field ? "true" : "false", p->to);
	else if (o->type == CONF_ENUM)
		conf_print_text(p->to, str_from(o->names[*(const int *)field]),
				false);
	else if (o->type == CONF_SECRET)
		secret_print(p, *(const struct str *)field);
	else if (o->type == CONF_CUSTOM)
		o->print(p->to, field);
	else
		conf_print_text(p->to, *(const struct str *)field, false);
}

/* A struct below its key or dash. */
static void section_print(struct printer *p, const struct conf_option *options,
			  const void *values)
{
	p->depth++;
	table_print(p, options, values);
	p->depth--;
}

static void entry_print(struct printer *p, const struct conf_option *o,
			const char *element)
{
	const struct str *key = (const struct str *)element;

	key_print(p, *key);
	if (o->print != NULL) {
		fputc(' ', p->to);
		o->print(p->to, element);
		fputc('\n', p->to);
	} else if (o->section != NULL) {
		fputc('\n', p->to);
		section_print(p, o->section, element);
	} else {
		fputc(' ', p->to);
		conf_print_text(p->to, key[1], false);
		fputc('\n', p->to);
	}
}

static void item_print(struct printer *p, const struct conf_option *o,
		       const char *element)
{
	p->is_item = true;
	p->depth++;
	if (o->print != NULL) {
		line(p);
		o->print(p->to, element);
		fputc('\n', p->to);
	} else {
		table_print(p, o->section, element);
	}
	if (p->is_item) { /* nothing to say */
		line(p);
		fputs("{}\n", p->to);
	}
	p->depth--;
}

/* [ a, b ] */
static void texts_print(const struct printer *p, const struct conf_array *a)
{
	const struct str *s = a->v;

	fputs(" [", p->to);
	for (size_t i = 0; i < a->n; i++) {
		fputs(i > 0 ? ", " : " ", p->to);
		conf_print_text(p->to, s[i], true);
	}
	fputs(" ]\n", p->to);
}

static void array_print(struct printer *p, const struct conf_option *o,
			const struct conf_array *a)
{
	bool is_list = o->type == CONF_LIST_OF;
	const char *element = a->v;

	if (a->n == 0) {
		fputs(is_list ? " []\n" : " {}\n", p->to);
		return;
	}
	if (is_list && o->print == NULL && o->section == NULL) {
		texts_print(p, a);
		return;
	}
	fputc('\n', p->to);
	p->depth++;
	for (size_t i = 0; i < a->n; i++, element += conf_element_size(o)) {
		if (is_list)
			item_print(p, o, element);
		else
			entry_print(p, o, element);
	}
	p->depth--;
}

/* Elements that only a parse function understands have no YAML without its
 * counterpart. */
static bool has_print(const struct conf_option *o)
{
	if (o->type == CONF_CUSTOM)
		return o->print != NULL;
	return o->parse == NULL || o->print != NULL || o->section != NULL;
}

/* Not set, and zero cannot be written. */
static bool is_unset(const struct conf_option *o, const void *field)
{
	if (conf_measure_of(o->type) == NULL)
		return false;
	return number_of(o, field) == 0 && o->min > 0;
}

static void option_print(struct printer *p, const struct conf_option *o,
			 const void *field)
{
	if (!has_print(o) || is_unset(o, field))
		return;
	line(p);
	fprintf(p->to, "%s:", o->name);
	if (o->type == CONF_SECTION) {
		fputc('\n', p->to);
		section_print(p, o->section, field);
	} else if (o->type == CONF_MAP_OF || o->type == CONF_LIST_OF) {
		array_print(p, o, field);
	} else {
		fputc(' ', p->to);
		scalar_print(p, o, field);
		fputc('\n', p->to);
	}
}

static void table_print(struct printer *p, const struct conf_option *options,
			const void *values)
{
	for (const struct conf_option *o = options; o->name != NULL; o++)
		option_print(p, o, (const char *)values + o->offset);
}

void conf_print(const struct conf_option *options, const void *values, FILE *to)
{
	struct printer p = {.to = to};

	table_print(&p, options, values);
}

void conf_print_value(const struct conf_option *o, const void *field, FILE *to)
{
	struct printer p = {.to = to, .in_clear = true};

	option_print(&p, o, field);
}
