/* The whole default file, annotated. */
#include "conf/conf_priv.h"

enum { LINE_WIDTH = 78 };

struct writer {
	FILE *to;
	unsigned depth;
	bool is_template; /* of an entry that is not there: behind a '#' */
	bool is_item;     /* the next key begins a list's item */
};

static void table_write(struct writer *w, const struct conf_option *options);

/* Begins a line; returns its width so far. */
static int line(struct writer *w, bool is_comment)
{
	unsigned depth = w->is_item && !is_comment ? w->depth - 1 : w->depth;
	const char *dash = w->is_item && !is_comment ? "- " : "";
	int n = fprintf(w->to, "%s%*s%s%s", w->is_template ? "#" : "",
			(int)(2 * depth), "", dash, is_comment ? "# " : "");

	if (!is_comment)
		w->is_item = false;
	return n;
}

/* Words of a comment, wrapped. */
static void words_write(struct writer *w, int *width, const char *text)
{
	while (*text != '\0') {
		int len = (int)strcspn(text, " ");

		if (*width + len > LINE_WIDTH) {
			fputc('\n', w->to);
			*width = line(w, true);
		}
		*width += fprintf(w->to, "%.*s ", len, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* Help, then what is allowed where the key's value does not show it. */
static void help_write(struct writer *w, const struct conf_option *o)
{
	struct conf_allowed buf;
	int width = line(w, true);

	words_write(w, &width, o->help != NULL ? o->help : o->name);
	if (o->type < CONF_SECTION && o->type != CONF_TEXT &&
	    o->type != CONF_BOOL) {
		words_write(w, &width, "Takes");
		words_write(w, &width, conf_allowed(o, &buf));
		words_write(w, &width, "here.");
	}
	if (o->needs_restart)
		words_write(w, &width, "A change needs a restart.");
	fputc('\n', w->to);
}

static void entry_template(struct writer *w, const struct conf_option *o)
{
	struct writer t = *w;

	t.is_template = true;
	if (o->type == CONF_MAP_OF) {
		t.depth++;
		line(&t, false);
		fputs("NAME:\n", t.to);
	} else {
		t.is_item = true;
	}
	t.depth++;
	table_write(&t, o->section);
}

static void scalar_write(struct writer *w, const struct conf_option *o)
{
	bool is_text = o->type == CONF_TEXT || o->type == CONF_SECRET ||
		       o->type == CONF_PATH;

	if (is_text)
		conf_print_text(w->to, str_from(o->def), false);
	else
		fputs(o->def, w->to);
	fputc('\n', w->to);
}

static void array_write(struct writer *w, const struct conf_option *o)
{
	if (o->def[0] != '\0')
		fprintf(w->to, " %s\n", o->def);
	else
		fputs(o->type == CONF_MAP_OF ? " {}\n" : " []\n", w->to);
}

/* Has a default that can be written down? */
static bool has_value(const struct conf_option *o)
{
	if (o->def == NULL)
		return false;
	return o->def[0] != '\0' ||
	       (o->type != CONF_CUSTOM && o->type != CONF_ENUM &&
		o->type != CONF_BOOL && conf_measure_of(o->type) == NULL);
}

static void value_write(struct writer *w, const struct conf_option *o)
{
	line(w, false);
	fprintf(w->to, "%s:", o->name);
	if (o->type == CONF_SECTION) {
		fputc('\n', w->to);
		w->depth++;
		table_write(w, o->section);
		w->depth--;
	} else if (o->type == CONF_MAP_OF || o->type == CONF_LIST_OF) {
		array_write(w, o);
	} else {
		fputc(' ', w->to);
		scalar_write(w, o);
	}
}

static void option_write(struct writer *w, const struct conf_option *o)
{
	help_write(w, o);
	if (has_value(o)) {
		value_write(w, o);
	} else {
		line(w, true);
		fprintf(w->to, "%s:%s\n", o->name,
			o->def == NULL ? " (required)" : " (not set)");
	}
	if ((o->type == CONF_MAP_OF || o->type == CONF_LIST_OF) &&
	    o->section != NULL)
		entry_template(w, o);
}

static void table_write(struct writer *w, const struct conf_option *options)
{
	for (const struct conf_option *o = options; o->name != NULL; o++)
		option_write(w, o);
}

void conf_print_defaults(const struct conf_option *options, FILE *to)
{
	struct writer w = {.to = to};

	table_write(&w, options);
}
