/* One text as nodes: its start, its end, and what is no YAML. */
#include "conf/reader_priv.h"

void *reader_stop(struct reader *r, int err)
{
	if (r->err == 0)
		r->err = err;
	return NULL;
}

bool reader_fail(struct reader *r, int err)
{
	reader_stop(r, err);
	return false;
}

struct conf_place reader_place(const struct reader *r, yaml_mark_t mark)
{
	return (struct conf_place){r->file, (unsigned)mark.line + 1,
				   (unsigned)mark.column + 1};
}

/* Is the line indented with a tab? libyaml says only that the character
 * "cannot start any token". */
static bool has_tab_indent(struct str text, size_t line)
{
	for (; line > 0; line--) {
		size_t end = str_find(text, '\n');

		if (end == text.len)
			return false;
		text = str_skip(text, end + 1);
	}
	while (text.len > 0 && text.p[0] == ' ')
		text = str_skip(text, 1);
	return text.len > 0 && text.p[0] == '\t';
}

static void report_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct conf_place place = reader_place(r, p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR) {
		reader_stop(r, VD_ENOMEM);
		return;
	}
	reader_stop(r, VD_EINVAL);
	if (p->error == YAML_SCANNER_ERROR &&
	    has_tab_indent(r->text, p->problem_mark.line))
		conf_error(r->b->errors, &place, NULL,
			   "a tab cannot indent YAML; use spaces");
	else if (p->context != NULL)
		conf_error(r->b->errors, &place, NULL,
			   "%s, %s that began at line %u, column %u",
			   p->problem, p->context,
			   (unsigned)p->context_mark.line + 1,
			   (unsigned)p->context_mark.column + 1);
	else
		conf_error(r->b->errors, &place, NULL, "%s", p->problem);
}

bool reader_next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return true;
	report_syntax(r);
	return false;
}

/* Streams. */

static struct conf_node *empty_map(struct reader *r)
{
	struct conf_place start = {r->file, 1, 1};

	return reader_node_new(r, CONF_MAP, &start);
}

static struct conf_node *stream_read(struct reader *r)
{
	struct conf_node *root;

	if (!reader_next(r) ||
	    !reader_next(r)) /* the stream's start, the document's */
		return NULL;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return empty_map(r);
	if (!reader_next(r))
		return NULL;
	root = reader_node(r, false);
	if (root == NULL || !reader_next(r) ||
	    !reader_next(r)) /* the document's end */
		return NULL;
	if (r->event.type != YAML_STREAM_END_EVENT) {
		struct conf_place place = reader_place(r, r->event.start_mark);

		conf_error(r->b->errors, &place, NULL,
			   "a second document begins; a file holds one");
	}
	return conf_is_null(root) ? empty_map(r) : root;
}

/* Line and column of a byte, for text that libyaml would not read. */
static struct conf_place place_at(const char *file, struct str text, size_t at)
{
	struct conf_place place = {file, 1, 1};

	for (size_t i = 0; i < at; i++) {
		if (text.p[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

static int check_text(struct conf_build *b, const char *name, struct str text)
{
	size_t at = conf_text_check(text);
	struct conf_place place;
	uint32_t cp;

	if (at == text.len)
		return 0;
	place = place_at(name, text, at);
	if (conf_utf8_get(str_skip(text, at), &cp) == 0)
		conf_error(b->errors, &place, NULL,
			   "byte 0x%02x is not UTF-8; save the file as UTF-8",
			   (unsigned char)text.p[at]);
	else if (cp == 0)
		conf_error(b->errors, &place, NULL, "a NUL byte; text only");
	else
		conf_error(b->errors, &place, NULL,
			   "control character U+%04X; write it as an escape "
			   "in double quotes",
			   (unsigned)cp);
	return VD_EINVAL;
}

int conf_text_build(struct conf_build *b, struct str text, const char *name,
		    struct conf_node **out)
{
	struct reader r = {.b = b, .file = name};
	struct conf_node *root;
	int err;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_skip(text, 3);
	r.text = text;
	err = check_text(b, name, text);
	if (err != 0)
		return err;
	if (!yaml_parser_initialize(&r.parser))
		return VD_ENOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p,
				     text.len);
	root = stream_read(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (root == NULL)
		return r.err;
	*out = root;
	return 0;
}
