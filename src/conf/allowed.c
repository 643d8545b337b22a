/* "What is allowed": the second half of a message, and the reference. */
#include "conf/conf_priv.h"

const char *conf_range(const struct conf_measure *m, uint64_t min, uint64_t max,
		       struct conf_allowed *buf)
{
	struct conf_number low, high;

	if (max < m->max)
		snprintf(buf->text, sizeof(buf->text), "%s to %s",
			 conf_measure_print(m, min, &low),
			 conf_measure_print(m, max, &high));
	else if (min > 0)
		snprintf(buf->text, sizeof(buf->text), "%s or more",
			 conf_measure_print(m, min, &low));
	else
		return m->example;
	return buf->text;
}

/* "a", "a or b", "a, b or c". */
static const char *words_join(const char *const *names,
			      struct conf_allowed *buf)
{
	size_t len = 0;

	buf->text[0] = '\0';
	for (size_t i = 0; names[i] != NULL && len < sizeof(buf->text); i++) {
		const char *glue = i == 0                 ? ""
				   : names[i + 1] == NULL ? " or "
							  : ", ";

		len += (size_t)snprintf(buf->text + len,
					sizeof(buf->text) - len, "%s%s", glue,
					names[i]);
	}
	return buf->text;
}

const char *const *conf_words(const struct conf_option *o)
{
	bool has_unset = o->names[0] != NULL && o->names[0][0] == '\0';

	return has_unset ? o->names + 1 : o->names;
}

/* "a, b or a path". */
static const char *word_or_path(const struct conf_option *o,
				struct conf_allowed *buf)
{
	struct conf_allowed words = {""};

	for (size_t i = 0; o->names[i] != NULL; i++) {
		size_t len = strlen(words.text);

		snprintf(words.text + len, sizeof(words.text) - len, "%s%s",
			 i > 0 ? ", " : "", o->names[i]);
	}
	snprintf(buf->text, sizeof(buf->text), "%.300s or a path", words.text);
	return buf->text;
}

const char *conf_allowed(const struct conf_option *o, struct conf_allowed *buf)
{
	switch (o->type) {
	case CONF_BOOL:
		return "true or false";
	case CONF_UINT:
	case CONF_DURATION:
	case CONF_SIZE:
		return conf_range(conf_measure_of(o->type), (uint64_t)o->min,
				  conf_option_max(o), buf);
	case CONF_ENUM:
		return words_join(conf_words(o), buf);
	case CONF_PATH:
		return o->names == NULL ? "a path" : word_or_path(o, buf);
	case CONF_SECTION:
	case CONF_MAP_OF:
		return "a map";
	case CONF_LIST_OF:
		return "a list";
	case CONF_TEXT:
	case CONF_SECRET:
		return "text";
	case CONF_CUSTOM:
		break;
	}
	return "a value";
}
