#include "conf/run_priv.h"

#include <stdarg.h>

void conf_run_error(struct conf_run *run, const struct conf_node *n,
		    const char *fmt, ...)
{
	char text[CONF_ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	run->has_failed = true;
	conf_error(run->errors, n != NULL ? &n->place : run->place,
		   run->path.text, "%s", text);
}

bool conf_run_is_bad(struct conf_run *run, const struct conf_node *n)
{
	run->has_failed = run->has_failed || n->is_bad;
	return n->is_bad;
}

void conf_run_no_memory(struct conf_run *run)
{
	run->no_memory = true;
}

struct arena *conf_run_arena(struct conf_run *run)
{
	return run->arena;
}

void conf_run_enter(struct conf_run *run, const char *key)
{
	conf_path_enter(&run->path, str_from(key));
}

void conf_run_enter_index(struct conf_run *run, size_t i)
{
	conf_path_enter_index(&run->path, i);
}

void conf_run_leave(struct conf_run *run)
{
	conf_path_leave(&run->path);
}

const char *conf_run_suggest(struct conf_run *run, struct str word,
			     const char *const *names)
{
	const char *name = conf_nearest(word, names);
	struct str s;

	if (name == NULL)
		return "";
	s = arena_printf(run->arena, " (did you mean \"%s\")", name);
	if (s.p != NULL)
		return s.p;
	conf_run_no_memory(run);
	return "";
}

static const char *kind_of(const struct conf_node *n)
{
	static const char *const kinds[] = {"text", "a list", "a map"};

	if (n->kind == CONF_SCALAR ? n->text.len == 0 : n->n == 0)
		return "empty";
	return kinds[n->kind];
}

void conf_run_wrong_kind(struct conf_run *run, const struct conf_node *n,
			 const char *allowed)
{
	if (conf_run_is_bad(run, n))
		return;
	conf_run_error(run, n, "is %s; %s", kind_of(n), allowed);
}

static bool scalar(struct conf_run *run, const struct conf_node *n,
		   const char *allowed)
{
	if (n->kind == CONF_SCALAR && !n->is_bad)
		return true;
	conf_run_wrong_kind(run, n, allowed);
	return false;
}

bool conf_run_copy(struct conf_run *run, struct str s, struct str *out)
{
	char *p = arena_alloc(run->arena, s.len + 1);

	if (p == NULL) {
		conf_run_no_memory(run);
		return false;
	}
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	*out = (struct str){p, s.len};
	return true;
}

bool conf_run_text(struct conf_run *run, const struct conf_node *n,
		   struct str *out)
{
	return scalar(run, n, "text") && conf_run_copy(run, n->text, out);
}

bool conf_run_path(struct conf_run *run, const struct conf_node *n,
		   struct str *out)
{
	int err;

	if (!scalar(run, n, "a path"))
		return false;
	if (n->text.len == 0)
		return conf_run_copy(run, n->text, out);
	err = conf_absolute(run->arena, n->place.file, n->text, out);
	if (err == VD_ENOMEM)
		conf_run_no_memory(run);
	else if (err != 0)
		conf_run_error(run, n,
			       "there is no working directory; an "
			       "absolute path");
	return err == 0;
}

/* Other YAML programs take these for booleans; the Norwegian domain "no" is
 * why we do not. */
static const char *boolean_meant(struct str s)
{
	static const struct {
		const char *word, *meant;
	} words[] = {{"yes", "true"},  {"on", "true"}, {"y", "true"},
		     {"true", "true"}, {"1", "true"},  {"no", "false"},
		     {"off", "false"}, {"n", "false"}, {"false", "false"},
		     {"0", "false"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(s, str_from(words[i].word)))
			return words[i].meant;
	return NULL;
}

static void report_bool(struct conf_run *run, const struct conf_node *n)
{
	const char *meant = boolean_meant(n->text);
	struct conf_shown buf;

	conf_run_error(run, n, "%s%s; true or false%s%s%s",
		       conf_show(n->text, &buf),
		       n->is_quoted ? " in quotes is text"
				    : " is neither true nor false",
		       meant != NULL ? " (did you mean \"" : "",
		       meant != NULL ? meant : "", meant != NULL ? "\")" : "");
}

bool conf_run_bool(struct conf_run *run, const struct conf_node *n, bool *out)
{
	if (!scalar(run, n, "true or false"))
		return false;
	if (!n->is_quoted && str_eq(n->text, STR("true"))) {
		*out = true;
	} else if (!n->is_quoted && str_eq(n->text, STR("false"))) {
		*out = false;
	} else {
		report_bool(run, n);
		return false;
	}
	return true;
}

bool conf_run_enum(struct conf_run *run, const struct conf_node *n,
		   const char *const *names, int *out)
{
	const struct conf_option o = {.type = CONF_ENUM, .names = names};
	struct conf_allowed allowed;
	struct conf_shown buf;

	if (!scalar(run, n, conf_allowed(&o, &allowed)))
		return false;
	for (int i = 0; names[i] != NULL; i++) {
		if (str_eq(n->text, str_from(names[i]))) {
			*out = i;
			return true;
		}
	}
	conf_run_error(run, n, "%s is not known; %s%s",
		       conf_show(n->text, &buf), conf_allowed(&o, &allowed),
		       conf_run_suggest(run, n->text, names));
	return false;
}

/* The unit's word for a wrong one: 5sec, 64KB. */
static const char *unit_suggest(struct conf_run *run, struct str s,
				const struct conf_measure *m)
{
	const char *names[8] = {NULL};
	size_t n = 0, digits = 0;

	for (; m->units[n].name != NULL; n++)
		names[n] = m->units[n].name;
	while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	return conf_run_suggest(run, str_trim(str_skip(s, digits)), names);
}

static void report_fault(struct conf_run *run, const struct conf_node *n,
			 const struct conf_measure *m, enum conf_fault fault,
			 const char *range)
{
	struct conf_shown buf;
	const char *value = conf_show(n->text, &buf);

	switch (fault) {
	case FAULT_NO_UNIT:
		conf_run_error(run, n, "%s has no unit; %s", value, m->example);
		break;
	case FAULT_UNIT:
		conf_run_error(run, n, "%s has no unit that is known; %s%s",
			       value, m->units_text,
			       unit_suggest(run, n->text, m));
		break;
	case FAULT_NUMBER:
		conf_run_error(run, n, "%s is not %s; %s", value, m->noun,
			       range);
		break;
	case FAULT_OVERFLOW:
	case FAULT_NONE:
		conf_run_error(run, n, "%s is out of range; %s", value, range);
		break;
	}
}

static bool is_all_digits(struct str s)
{
	size_t i = 0;

	while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i == s.len && s.len > 0;
}

bool conf_run_measure(struct conf_run *run, const struct conf_node *n,
		      const struct conf_measure *m, uint64_t min, uint64_t max,
		      uint64_t *out)
{
	struct conf_allowed allowed;
	const char *range = conf_range(m, min, max, &allowed);
	enum conf_fault fault;
	uint64_t v;

	if (!scalar(run, n, range))
		return false;
	if (n->is_quoted && is_all_digits(n->text)) {
		conf_run_error(run, n, "%s in quotes is text; %s", n->text.p,
			       range);
		return false;
	}
	fault = conf_measure_parse(m, n->text, &v);
	if (fault == FAULT_NONE && v >= min && v <= max) {
		*out = v;
		return true;
	}
	report_fault(run, n, m, fault, range);
	return false;
}

bool conf_run_duration(struct conf_run *run, const struct conf_node *n,
		       uint32_t min_ms, uint32_t max_ms, uint32_t *out)
{
	uint64_t v;

	if (!conf_run_measure(run, n, &conf_durations, min_ms,
			      max_ms > 0 ? max_ms : conf_durations.max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool conf_run_uint(struct conf_run *run, const struct conf_node *n,
		   uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (!conf_run_measure(run, n, &conf_counts, min,
			      max > 0 ? max : conf_counts.max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool conf_run_size(struct conf_run *run, const struct conf_node *n,
		   uint64_t min, uint64_t max, uint64_t *out)
{
	return conf_run_measure(run, n, &conf_sizes, min,
				max > 0 ? max : conf_sizes.max, out);
}
