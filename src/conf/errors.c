#include "conf/conf_priv.h"

#include <stdarg.h>

#include "viaduct/util/mem.h"

static const char no_room[] = "more mistakes than can be shown";

int conf_errors_new(struct conf_errors **out)
{
	struct conf_errors *e;
	struct mem *mem;
	int err;

	err = mem_new(0, &mem);
	if (err != 0)
		return err;
	e = mem_zalloc(mem, sizeof(*e));
	if (e == NULL) {
		mem_free_all(mem);
		return VD_ENOMEM;
	}
	e->mem = mem;
	arena_init(&e->arena, mem);
	*out = e;
	return 0;
}

void conf_errors_free(struct conf_errors *e)
{
	struct mem *mem;

	if (e == NULL)
		return;
	mem = e->mem;
	arena_fini(&e->arena);
	mem_free(mem, e, sizeof(*e));
	mem_free_all(mem);
}

size_t conf_errors_count(const struct conf_errors *e)
{
	return e->n;
}

bool conf_errors_no_memory(const struct conf_errors *e)
{
	return e->no_memory;
}

const char *conf_errors_text(const struct conf_errors *e, size_t i)
{
	return i < e->kept ? e->texts[i] : no_room;
}

/* Append to a text in buf, cut at its end; returns the new length. */
static size_t __attribute__((format(printf, 3, 0)))
append(char *buf, size_t len, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf + len, CONF_ERROR_TEXT_MAX - len, fmt, ap);

	if (n < 0)
		return len;
	len += (size_t)n;
	return len < CONF_ERROR_TEXT_MAX ? len : CONF_ERROR_TEXT_MAX - 1;
}

static size_t __attribute__((format(printf, 3, 4)))
append_f(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	len = append(buf, len, fmt, ap);
	va_end(ap);
	return len;
}

static size_t place_append(char *buf, const struct conf_place *place)
{
	if (place == NULL)
		return 0;
	if (place->line == 0)
		return append_f(buf, 0, "%s: ", place->file);
	return append_f(buf, 0, "%s:%u:%u: ", place->file, place->line,
			place->column);
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* A copy on one line: values come from files and may hold anything. */
static char *escaped_copy(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, 4 * len + 1);
	char *at = copy;

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (is_control(text[i]))
			at += sprintf(at, "\\x%02x", (unsigned char)text[i]);
		else
			*at++ = text[i];
	}
	*at = '\0';
	return copy;
}

/* Two keys that share an anchor share its mistakes: once is enough. */
static bool is_known(const struct conf_errors *e, const char *text)
{
	for (size_t i = 0; i < e->kept; i++)
		if (strcmp(e->texts[i], text) == 0)
			return true;
	return false;
}

static void keep(struct conf_errors *e, const char *text, size_t len)
{
	const char *copy;

	if (e->kept == CONF_ERRORS_MAX) {
		e->n++;
		return;
	}
	copy = escaped_copy(&e->arena, text, len);
	if (copy == NULL) {
		e->no_memory = true;
		e->n++;
		return;
	}
	if (is_known(e, copy))
		return;
	e->texts[e->kept++] = copy;
	e->n++;
}

void conf_error(struct conf_errors *e, const struct conf_place *place,
		const char *path, const char *fmt, ...)
{
	char text[CONF_ERROR_TEXT_MAX];
	size_t len = place_append(text, place);
	va_list ap;

	if (path != NULL && path[0] != '\0')
		len = append_f(text, len, "%s: ", path);
	va_start(ap, fmt);
	len = append(text, len, fmt, ap);
	va_end(ap);
	keep(e, text, len);
}
