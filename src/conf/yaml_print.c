/* Text as YAML that reads back as the same text, also in programs that take
 * `no` for a boolean and 22:22 for a number. */
#include "conf/conf_priv.h"

/* What other YAML programs read as something else. */
static bool is_word_special(struct str s)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on",
					    "off",  "null",  "y",   "n"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(s, str_from(words[i])))
			return true;
	return false;
}

static bool is_alnum(char c)
{
	char lower = (char)(c | 0x20);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

static bool all_in(struct str s, const char *set)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && strchr(set, s.p[i]) == NULL)
			return false;
	return true;
}

/* Numbers, dates, base 60: anything that begins like one and holds no letter
 * past what hexadecimal, octal and exponents need. */
static bool is_number_like(struct str s)
{
	if (s.p[0] != '.' && (s.p[0] < '0' || s.p[0] > '9'))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (strchr("0123456789abcdefABCDEFxXoO._:+-", s.p[i]) == NULL)
			return false;
	return true;
}

static bool is_plain(struct str s, bool in_flow)
{
	if (s.len == 0 || memchr(s.p, '\0', s.len) != NULL ||
	    (!is_alnum(s.p[0]) && strchr("/_.", s.p[0]) == NULL))
		return false;
	return all_in(s, in_flow ? "_./@;=+-*" : "_./@:;=+-*") &&
	       s.p[s.len - 1] != ':' && !is_word_special(s) &&
	       !is_number_like(s) && !str_eq(s, STR("..."));
}

static void escape_print(FILE *to, uint32_t cp)
{
	if (cp == '\n')
		fputs("\\n", to);
	else if (cp == '\t')
		fputs("\\t", to);
	else if (cp < 0x100)
		fprintf(to, "\\x%02X", (unsigned)cp);
	else if (cp < 0x10000)
		fprintf(to, "\\u%04X", (unsigned)cp);
	else
		fprintf(to, "\\U%08X", (unsigned)cp);
}

/* Line ends of any kind would be folded. */
static bool is_escaped(uint32_t cp)
{
	return cp < 0x20 || cp == 0x85 || cp == 0x2028 || cp == 0x2029 ||
	       !conf_is_printable(cp);
}

static void quoted_print(FILE *to, struct str s, bool is_key)
{
	fputc('"', to);
	while (s.len > 0) {
		uint32_t cp = (unsigned char)s.p[0];
		size_t len = conf_utf8_get(s, &cp);

		len = len > 0 ? len : 1; /* no character: as its byte */
		if (cp == '"' || cp == '\\')
			fprintf(to, "\\%c", (char)cp);
		else if (is_escaped(cp))
			escape_print(to, cp);
		else
			fwrite(s.p, 1, len, to);
		s = str_skip(s, len);
		/* ${ and $$ mean something else where values are read. */
		if (cp == '$' && !is_key && s.len > 0 &&
		    (s.p[0] == '{' || s.p[0] == '$'))
			fputc('$', to);
	}
	fputc('"', to);
}

void conf_print_text(FILE *to, struct str s, bool in_flow)
{
	if (is_plain(s, in_flow))
		fwrite(s.p, 1, s.len, to);
	else
		quoted_print(to, s, false);
}

void conf_print_key(FILE *to, struct str s)
{
	if (is_plain(s, true))
		fwrite(s.p, 1, s.len, to);
	else
		quoted_print(to, s, true);
}

void conf_print_str(FILE *to, struct str s)
{
	conf_print_text(to, s, true);
}
