/* Numbers with and without units. */
#include "conf/conf_priv.h"

static const struct conf_unit duration_units[] = {
	{"ms", 1},      {"s", 1000},     {"m", 60000},
	{"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static const struct conf_unit size_units[] = {
	{"", 1},          {"KiB", 1 << 10}, {"MiB", 1 << 20},
	{"GiB", 1 << 30}, {NULL, 0},
};

static const struct conf_unit count_units[] = {{"", 1}, {NULL, 0}};

const struct conf_measure conf_durations = {
	.noun = "a duration",
	.example = "a duration such as 500ms",
	.units_text = "a duration such as 500ms, 5s, 10m, 1h or 2d",
	.units = duration_units,
	.max = UINT32_MAX,
};

const struct conf_measure conf_sizes = {
	.noun = "a size",
	.example = "a size such as 64KiB",
	.units_text = "bytes, or a size such as 64KiB, 4MiB or 1GiB",
	.units = size_units,
	.max = (uint64_t)1 << 53, /* what a double holds exactly */
};

const struct conf_measure conf_counts = {
	.noun = "a number",
	.example = "a whole number",
	.units_text = "a whole number without a unit",
	.units = count_units,
	.max = UINT32_MAX,
};

const struct conf_measure *conf_measure_of(enum conf_type type)
{
	switch (type) {
	case CONF_UINT:
		return &conf_counts;
	case CONF_DURATION:
		return &conf_durations;
	case CONF_SIZE:
		return &conf_sizes;
	default:
		return NULL;
	}
}

static enum conf_fault digits_parse(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return FAULT_OVERFLOW;
		v = v * 10 + digit;
	}
	*out = v;
	return FAULT_NONE;
}

static size_t count_digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

static const struct conf_unit *unit_find(const struct conf_measure *m,
					 struct str name)
{
	const struct conf_unit *u = m->units;

	while (u->name != NULL && !str_eq(str_from(u->name), name))
		u++;
	return u->name != NULL ? u : NULL;
}

enum conf_fault conf_measure_parse(const struct conf_measure *m, struct str s,
				   uint64_t *out)
{
	size_t n = count_digits(s);
	const struct conf_unit *unit;
	enum conf_fault fault;
	uint64_t v;

	/* YAML 1.1 reads 010 as eight: nobody should have to know. */
	if (n == 0 || (n > 1 && s.p[0] == '0'))
		return FAULT_NUMBER;
	fault = digits_parse((struct str){s.p, n}, &v);
	if (fault != FAULT_NONE)
		return fault;
	unit = unit_find(m, str_skip(s, n));
	if (unit == NULL && n == s.len && v == 0)
		unit = m->units; /* nothing needs no unit */
	if (unit == NULL)
		return n == s.len ? FAULT_NO_UNIT : FAULT_UNIT;
	if (v > UINT64_MAX / unit->factor)
		return FAULT_OVERFLOW;
	*out = v * unit->factor;
	return FAULT_NONE;
}

const char *conf_measure_print(const struct conf_measure *m, uint64_t v,
			       struct conf_number *buf)
{
	const struct conf_unit *u = m->units;

	for (size_t i = 1; m->units[i].name != NULL && v > 0; i++)
		if (v % m->units[i].factor == 0)
			u = &m->units[i];
	snprintf(buf->text, sizeof(buf->text), "%llu%s",
		 (unsigned long long)(v / u->factor), v > 0 ? u->name : "");
	return buf->text;
}

uint64_t conf_option_max(const struct conf_option *o)
{
	return o->max > 0 ? (uint64_t)o->max : conf_measure_of(o->type)->max;
}
