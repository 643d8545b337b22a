/* Bytes as characters: what may stand in a file, what a message shows. */
#include "conf/conf_priv.h"

static const struct {
	unsigned char mask, lead;
	uint32_t least; /* code point; smaller ones have shorter forms */
} forms[] = {{0x80, 0x00, 0},
	     {0xe0, 0xc0, 0x80},
	     {0xf0, 0xe0, 0x800},
	     {0xf8, 0xf0, 0x10000}};

/* The length that the first byte promises; 0: none. */
static size_t form_len(unsigned char c)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if ((c & forms[i].mask) == forms[i].lead)
			return i + 1;
	return 0;
}

size_t conf_utf8_get(struct str s, uint32_t *cp)
{
	size_t len = form_len((unsigned char)s.p[0]);
	uint32_t v;

	if (len == 0 || len > s.len)
		return 0;
	v = (unsigned char)s.p[0] & (unsigned char)~forms[len - 1].mask;
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (v < forms[len - 1].least || v > 0x10ffff ||
	    (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return len;
}

/* YAML 1.1 section 4.1.1, as libyaml reads it. */
bool conf_is_printable(uint32_t cp)
{
	if (cp < 0x20)
		return cp == '\t' || cp == '\n' || cp == '\r';
	return cp <= 0x7e || cp == 0x85 || (cp >= 0xa0 && cp <= 0xd7ff) ||
	       (cp >= 0xe000 && cp <= 0xfffd && cp != 0xfeff) ||
	       (cp >= 0x10000 && cp <= 0x10ffff);
}

size_t conf_text_check(struct str s)
{
	size_t at = 0;

	while (at < s.len) {
		uint32_t cp;
		size_t len = conf_utf8_get(str_skip(s, at), &cp);

		if (len == 0 || !conf_is_printable(cp))
			break;
		at += len;
	}
	return at;
}

const char *conf_show(struct str value, struct conf_shown *buf)
{
	enum { SHOWN = 60 };
	size_t len = value.len < SHOWN ? value.len : SHOWN;

	if (value.len == 0)
		return "\"\"";
	/* Never half a character. */
	while (len < value.len && len > 0 &&
	       ((unsigned char)value.p[len] & 0xc0) == 0x80)
		len--;
	snprintf(buf->text, sizeof(buf->text), "%.*s%s", (int)len, value.p,
		 len < value.len ? "..." : "");
	return buf->text;
}
