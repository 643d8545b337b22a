/* The reference: a Markdown table per section. */
#include "conf/conf_priv.h"

static void table_write(FILE *to, const struct conf_option *options,
			const struct conf_path *path);

/* A bar would end the cell. */
static void cell_write(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			fputc('\\', to);
		fputc(*text == '\n' ? ' ' : *text, to);
	}
}

static const char *kind_of(const struct conf_option *o)
{
	switch (o->type) {
	case CONF_BOOL:
		return "boolean";
	case CONF_UINT:
		return "number";
	case CONF_DURATION:
		return "duration";
	case CONF_SIZE:
		return "size";
	case CONF_ENUM:
		return "one of";
	case CONF_PATH:
		return "path";
	case CONF_SECRET:
		return "secret";
	case CONF_SECTION:
		return "section";
	case CONF_MAP_OF:
		return "map";
	case CONF_LIST_OF:
		return "list";
	case CONF_TEXT:
	case CONF_CUSTOM:
		break;
	}
	return "text";
}

static void words_write(FILE *to, const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++)
		fprintf(to, "%s `%s`", i > 0 ? "," : "", names[i]);
}

static bool has_range(const struct conf_option *o)
{
	const struct conf_measure *m = conf_measure_of(o->type);

	return m != NULL && (o->min > 0 || conf_option_max(o) < m->max);
}

static void type_write(FILE *to, const struct conf_option *o)
{
	struct conf_allowed buf;

	if (o->type != CONF_CUSTOM)
		fputs(kind_of(o), to);
	else
		fputs("see text", to);
	if (o->type == CONF_PATH && o->names != NULL)
		fputs(", or", to);
	if (o->type == CONF_ENUM || (o->type == CONF_PATH && o->names != NULL))
		words_write(to, conf_words(o));
	else if (has_range(o))
		fprintf(to, ", %s", conf_allowed(o, &buf));
	else if (o->type == CONF_SECRET)
		fprintf(to, ", or `%s_file`: a path", o->name);
}

static void default_write(FILE *to, const struct conf_option *o)
{
	bool is_text = o->type == CONF_TEXT || o->type == CONF_PATH ||
		       o->type == CONF_SECRET;

	if (o->def == NULL) {
		fputs("required", to);
	} else if (o->def[0] != '\0') {
		fputc('`', to);
		cell_write(to, o->def);
		fputc('`', to);
	} else if (is_text) {
		fputs("`\"\"`", to);
	} else if (o->type == CONF_LIST_OF) {
		fputs("`[]`", to);
	} else if (o->type == CONF_MAP_OF) {
		fputs("`{}`", to);
	}
}

static void row_write(FILE *to, const struct conf_option *o)
{
	fprintf(to, "| `%s` | ", o->name);
	type_write(to, o);
	fputs(" | ", to);
	default_write(to, o);
	fputs(" | ", to);
	cell_write(to, o->help != NULL ? o->help : "");
	fputs(o->needs_restart ? " A change needs a restart. |\n" : " |\n", to);
}

static void section_write(FILE *to, const struct conf_option *o,
			  const struct conf_path *outer)
{
	struct conf_path path = *outer;

	conf_path_enter(&path, str_from(o->name));
	if (o->type == CONF_MAP_OF)
		conf_path_enter(&path, STR("NAME"));
	fprintf(to, "\n## `%s%s`\n\n", path.text,
		o->type == CONF_LIST_OF ? "[]" : "");
	if (o->help != NULL)
		fprintf(to, "%s\n\n", o->help);
	table_write(to, o->section, &path);
}

static void table_write(FILE *to, const struct conf_option *options,
			const struct conf_path *path)
{
	fputs("| Key | Type | Default | Meaning |\n|---|---|---|---|\n", to);
	for (const struct conf_option *o = options; o->name != NULL; o++)
		row_write(to, o);
	for (const struct conf_option *o = options; o->name != NULL; o++)
		if (o->section != NULL)
			section_write(to, o, path);
}

void conf_print_reference(const struct conf_option *options, FILE *to)
{
	struct conf_path path;

	conf_path_init(&path, NULL);
	table_write(to, options, &path);
}
