#include "util/log_priv.h"

#include <time.h>

#include "util/util_priv.h"

enum {
	/* closing quote, truncation marker, brace, newline */
	TAIL_ROOM = 32,
	TIME_TEXT_LEN = 24,
	SECONDS_LEN = 19,
};

static bool line_add(struct log_line *l, const char *p, size_t len)
{
	if (l->is_cut || len > (size_t)(l->limit - l->at)) {
		l->is_cut = true;
		return false;
	}
	memcpy(l->at, p, len);
	l->at += len;
	return true;
}

static void two_digits(char *out, int v)
{
	out[0] = (char)('0' + v / 10);
	out[1] = (char)('0' + v % 10);
}

static void seconds_print(time_t s, char out[SECONDS_LEN])
{
	struct tm tm;

	gmtime_r(&s, &tm);
	memcpy(out, "0000-00-00T00:00:00", SECONDS_LEN);
	two_digits(out, (tm.tm_year + 1900) / 100);
	two_digits(out + 2, (tm.tm_year + 1900) % 100);
	two_digits(out + 5, tm.tm_mon + 1);
	two_digits(out + 8, tm.tm_mday);
	two_digits(out + 11, tm.tm_hour);
	two_digits(out + 14, tm.tm_min);
	two_digits(out + 17, tm.tm_sec);
}

/* "2026-11-25T12:00:00.123Z"; each thread keeps the text of its last second. */
static void time_print(char out[TIME_TEXT_LEN])
{
	static _Thread_local time_t cached_s = -1;
	static _Thread_local char cached[SECONDS_LEN];
	struct timespec now;
	int ms;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != cached_s) {
		seconds_print(now.tv_sec, cached);
		cached_s = now.tv_sec;
	}
	memcpy(out, cached, SECONDS_LEN);
	ms = (int)(now.tv_nsec / 1000000);
	out[19] = '.';
	out[20] = (char)('0' + ms / 100);
	two_digits(out + 21, ms % 100);
	out[23] = 'Z';
}

static void add_text(struct log_line *l, const char *z)
{
	line_add(l, z, strlen(z));
}

void log_line_start(struct log_line *l, enum log_level level, const char *event)
{
	static const char *const levels[] = {"error", "warning", "info",
					     "debug"};
	char now[TIME_TEXT_LEN];

	l->is_json = log_format_now == LOG_FORMAT_JSON;
	l->is_cut = l->is_open = l->is_quoted = false;
	l->at = l->text;
	l->limit = l->text + sizeof(l->text) - TAIL_ROOM;
	time_print(now);
	add_text(l, l->is_json ? "{\"time\":\"" : "");
	line_add(l, now, sizeof(now));
	add_text(l, l->is_json ? "\",\"level\":\"" : " ");
	add_text(l, levels[level]);
	add_text(l, l->is_json ? "\",\"event\":\"" : " ");
	add_text(l, event);
	add_text(l, l->is_json ? "\"" : "");
}

struct str log_line_end(struct log_line *l)
{
	l->limit = l->text + sizeof(l->text);
	if (l->is_cut) {
		l->is_cut = false;
		add_text(l,
			 l->is_json ? ",\"truncated\":true" : " truncated=yes");
	}
	add_text(l, l->is_json ? "}\n" : "\n");
	return (struct str){l->text, (size_t)(l->at - l->text)};
}

/* The key, and what stands before the value, all or nothing. */
static void pair_start(struct log_line *l, const char *key, bool quoted)
{
	char *start = l->at;

	add_text(l, l->is_json ? ",\"" : " ");
	add_text(l, key);
	add_text(l, l->is_json ? "\":" : "=");
	add_text(l, quoted ? "\"" : "");
	l->is_open = !l->is_cut;
	l->is_quoted = quoted;
	if (l->is_cut)
		l->at = start;
}

enum char_kind {
	PLAIN,
	SPACE, /* and `=`: quoted */
	ESCAPED,
	HIGH, /* a byte of UTF-8, or not */
};

static inline enum char_kind kind_of(char ch)
{
	uint8_t c = (uint8_t)ch;

	if (c >= 0x80)
		return HIGH;
	if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
		return ESCAPED;
	return c == ' ' || c == '=' ? SPACE : PLAIN;
}

/* Length of the UTF-8 sequence that `s` starts with; 0 if it is not one
 * (RFC 3629), or is one of the control characters U+0080 to U+009F. */
static size_t utf8_len(struct str s)
{
	const uint8_t *b = (const uint8_t *)s.p;
	size_t n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	uint8_t low = 0x80, high = 0xbf;

	if (b[0] < 0xc2 || b[0] > 0xf4 || s.len < n)
		return 0;
	if (b[0] == 0xc2 || b[0] == 0xe0) /* a control, overlong */
		low = 0xa0;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xed) /* surrogates */
		high = 0x9f;
	else if (b[0] == 0xf4)
		high = 0x8f;
	if (b[1] < low || b[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

static void escape_number(struct log_line *l, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	const char *prefix = l->is_json ? "\\u00" : "\\x";
	size_t n = strlen(prefix);
	char code[6];

	memcpy(code, prefix, n);
	code[n++] = hex[c >> 4];
	code[n++] = hex[c & 15];
	line_add(l, code, n);
}

static void escape_add(struct log_line *l, char c)
{
	static const char from[] = "\r\n\t\"\\", to[] = "rnt\"\\";
	const char *hit = c != '\0' ? strchr(from, c) : NULL;

	if (hit == NULL)
		escape_number(l, (uint8_t)c);
	else
		line_add(l, (char[]){'\\', to[hit - from]}, 2);
}

/* How many bytes from the start of `s` can be copied as they are. */
static size_t plain_len(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		enum char_kind kind = kind_of(s.p[i]);
		size_t n = 1;

		if (kind == ESCAPED)
			break;
		if (kind == HIGH)
			n = utf8_len(str_skip(s, i));
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

/* Where a run must be cut so that it fits and no sequence is split. */
static size_t cut_len(struct str s, size_t room)
{
	if (s.len <= room)
		return s.len;
	while (room > 0 && ((uint8_t)s.p[room] & 0xc0) == 0x80)
		room--;
	return room;
}

void log_line_value_add(struct log_line *l, struct str s)
{
	while (l->is_open && !l->is_cut && s.len > 0) {
		size_t n = plain_len(s);
		size_t fits = cut_len((struct str){s.p, n},
				      (size_t)(l->limit - l->at));

		line_add(l, s.p, fits);
		l->is_cut = fits < n;
		s = str_skip(s, n);
		if (!l->is_cut && s.len > 0) {
			escape_add(l, s.p[0]);
			s = str_skip(s, 1);
		}
	}
}

void log_line_value_start(struct log_line *l, const char *key)
{
	pair_start(l, key, true);
}

void log_line_value_end(struct log_line *l)
{
	if (l->is_open && l->is_quoted)
		*l->at++ = '"'; /* into the room behind the limit, if need be */
	l->is_open = false;
}

static bool needs_quotes(struct str s)
{
	if (s.len == 0 || plain_len(s) < s.len)
		return true;
	for (size_t i = 0; i < s.len; i++) {
		if (kind_of(s.p[i]) == SPACE)
			return true;
	}
	return false;
}

void log_line_str(struct log_line *l, const char *key, struct str value)
{
	pair_start(l, key, l->is_json || needs_quotes(value));
	log_line_value_add(l, value);
	log_line_value_end(l);
}

static void add_number(struct log_line *l, const char *key, bool is_negative,
		       uint64_t v)
{
	char digits[21] = "-";
	char *start = l->at;
	size_t n = is_negative;

	n += u64_print(v, digits + n);
	pair_start(l, key, false);
	if (l->is_open && !line_add(l, digits, n))
		l->at = start; /* a key alone would be no JSON */
	l->is_open = false;
}

static void add_addr(struct log_line *l, const char *key, const union addr *a)
{
	char text[ADDR_TEXT_MAX] = "none";
	size_t n = a != NULL ? addr_print(a, text) : 4;

	log_line_str(l, key, (struct str){text, n});
}

void log_line_pairs(struct log_line *l, const struct log_kv *kv)
{
	for (; kv->key != NULL; kv++) {
		switch (kv->type) {
		case LOG_STR:
			log_line_str(l, kv->key, kv->s);
			break;
		case LOG_INT:
			add_number(l, kv->key, kv->i < 0,
				   kv->i < 0 ? -(uint64_t)kv->i
					     : (uint64_t)kv->i);
			break;
		case LOG_UINT:
			add_number(l, kv->key, false, kv->u);
			break;
		case LOG_ADDR:
			add_addr(l, kv->key, kv->a);
			break;
		}
	}
}
