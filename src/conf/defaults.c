/* The whole default file, annotated. */
#include "conf/conf_priv.h"

#include <ctype.h>

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
	unsigned depth = w->is_item ? w->depth - 1 : w->depth;
	const char *lead = is_comment ? "#" : w->is_item ? "- " : "";

	if (!is_comment)
		w->is_item = false;
	return fprintf(w->to, "%s%*s%s", w->is_template ? "#" : "",
		       (int)(2 * depth), "", lead);
}

/* Words of a comment, wrapped; *width 0 begins it. */
static void words_write(struct writer *w, int *width, const char *text)
{
	while (*text != '\0') {
		int len = (int)strcspn(text, " ");

		if (*width > 0 && *width + 1 + len > LINE_WIDTH) {
			fputc('\n', w->to);
			*width = 0;
		}
		if (*width == 0)
			*width = line(w, true);
		*width += fprintf(w->to, " %.*s", len, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* What is allowed, as a sentence; "" where the value says it. */
static void allowed_sentence(const struct conf_option *o, char *buf,
			     size_t size)
{
	struct conf_allowed allowed;
	const char *text = conf_allowed(o, &allowed);

	buf[0] = '\0';
	if (o->type == CONF_SECRET)
		snprintf(buf, size, "Text, or %s_file: a path.", o->name);
	else if (o->type == CONF_ENUM)
		snprintf(buf, size, "One of %s.", text);
	else if (o->type < CONF_SECTION && o->type != CONF_TEXT)
		snprintf(buf, size, "%c%s.", toupper((unsigned char)text[0]),
			 text + 1);
}

static void help_write(struct writer *w, const struct conf_option *o)
{
	char allowed[sizeof(struct conf_allowed) + 32];
	int width = 0;

	if (o->help != NULL)
		words_write(w, &width, o->help);
	allowed_sentence(o, allowed, sizeof(allowed));
	words_write(w, &width, allowed);
	if (o->needs_restart)
		words_write(w, &width, "A change needs a restart.");
	if (width > 0)
		fputc('\n', w->to);
}

/* What an entry of a map or list would look like. */
static void entry_template(struct writer *w, const struct conf_option *o)
{
	struct writer t = *w;

	t.is_template = true;
	t.depth++;
	if (o->type == CONF_MAP_OF) {
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

/* A key that has nothing to show; inside a template it is behind a '#'
 * anyway. */
static void placeholder_write(struct writer *w, const struct conf_option *o)
{
	line(w, !w->is_template);
	fprintf(w->to, "%s: %s\n", o->name,
		o->def == NULL ? "(required)" : "(not set)");
}

static void option_write(struct writer *w, const struct conf_option *o)
{
	help_write(w, o);
	if (has_value(o))
		value_write(w, o);
	else
		placeholder_write(w, o);
	if ((o->type == CONF_MAP_OF || o->type == CONF_LIST_OF) &&
	    o->section != NULL)
		entry_template(w, o);
}

static void table_write(struct writer *w, const struct conf_option *options)
{
	for (const struct conf_option *o = options; o->name != NULL; o++) {
		if (w->depth == 0 && o > options)
			fputc('\n', w->to);
		option_write(w, o);
	}
}

void conf_print_defaults(const struct conf_option *options, FILE *to)
{
	struct writer w = {.to = to};

	table_write(&w, options);
}
