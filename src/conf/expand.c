/* ${NAME}, ${NAME:-default} and $$. Any other dollar stands for itself: `$1`
 * in a rewrite and `$` in a regular expression need no escape. */
#include "conf/conf_priv.h"

#include <stdlib.h>

#define ALLOWED "${NAME}, ${NAME:-default}, or $$ for a dollar"

/* Two passes over the same text: the first measures (out is NULL) and
 * reports, the second writes. */
struct expansion {
	struct conf_build *b;
	const struct conf_place *place;
	char *out;
	size_t len;
	bool has_name, is_bad;
};

static void put(struct expansion *x, struct str s)
{
	if (x->out != NULL)
		memcpy(x->out + x->len, s.p, s.len);
	x->len += s.len;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		char lower = (char)(c | 0x20);

		if (c != '_' && !(lower >= 'a' && lower <= 'z') &&
		    !(c >= '0' && c <= '9' && i > 0))
			return false;
	}
	return s.len > 0;
}

static void report(struct expansion *x, const char *what, struct str inside,
		   const char *allowed)
{
	struct conf_shown buf;

	x->is_bad = true;
	conf_error(x->b->errors, x->place, x->b->path.text, "${%s} %s; %s",
		   conf_show(inside, &buf), what, allowed);
}

/* The environment's word for it; NULL: unset. */
static const char *environment(struct str name)
{
	char z[128];

	if (name.len >= sizeof(z))
		return NULL;
	memcpy(z, name.p, name.len);
	z[name.len] = '\0';
	return getenv(z);
}

/* What stands between the braces: NAME or NAME:-default. As in a shell, the
 * default also stands in for an empty value. */
static void put_name(struct expansion *x, struct str inside)
{
	size_t colon = str_find(inside, ':');
	struct str name = {inside.p, colon};
	struct str rest = str_skip(inside, colon);
	bool has_default = str_starts(rest, STR(":-"));
	struct str value;

	x->has_name = true;
	if (!is_name(name) || (rest.len > 0 && !has_default)) {
		report(x, "is not a name", inside, ALLOWED);
		return;
	}
	value = str_from(environment(name));
	if (value.len == 0 && has_default)
		value = str_skip(rest, 2);
	if (value.p == NULL)
		report(x, "is not set", inside,
		       "set it in the environment, or give a default as in "
		       "${NAME:-default}");
	else if (conf_text_check(value) < value.len)
		report(x, "is not UTF-8 text", inside,
		       "printable characters only");
	else
		put(x, value);
}

/* `in` begins with a dollar; returns how many bytes were used. */
static size_t put_dollar(struct expansion *x, struct str in)
{
	size_t end;

	if (str_starts(in, STR("$$"))) {
		put(x, STR("$"));
		return 2;
	}
	if (!str_starts(in, STR("${"))) {
		put(x, STR("$"));
		return 1;
	}
	end = str_find(in, '}');
	if (end == in.len) {
		x->is_bad = true;
		conf_error(x->b->errors, x->place, x->b->path.text,
			   "\"${\" has no \"}\"; " ALLOWED);
		return in.len;
	}
	put_name(x, (struct str){in.p + 2, end - 2});
	return end + 1;
}

static void put_all(struct expansion *x, struct str in)
{
	x->len = 0;
	while (in.len > 0) {
		size_t n = str_find(in, '$');

		put(x, (struct str){in.p, n});
		in = str_skip(in, n);
		if (in.len > 0)
			in = str_skip(in, put_dollar(x, in));
	}
}

int conf_expand(struct conf_build *b, const struct conf_place *place,
		struct str in, struct str *out, bool *has_name)
{
	struct expansion x = {.b = b, .place = place};

	put_all(&x, in);
	if (!x.is_bad && x.len > CONF_TEXT_MAX) {
		conf_error(b->errors, place, b->path.text,
			   "the text is %zu bytes long; at most %d", x.len,
			   CONF_TEXT_MAX);
		x.is_bad = true;
	}
	if (x.is_bad)
		return VD_EINVAL;
	x.out = arena_alloc(b->arena, x.len + 1);
	if (x.out == NULL)
		return VD_ENOMEM;
	put_all(&x, in);
	x.out[x.len] = '\0';
	*out = (struct str){x.out, x.len};
	*has_name = x.has_name;
	return 0;
}
