#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void die(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	fputs("loadgen: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		die(EXIT_SETUP, "out of memory");
	return p;
}

/* ---- Text in and text out ---------------------------------------------- */
bool str_is(struct str a, struct str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

bool str_starts(struct str s, struct str with)
{
	return s.len >= with.len && memcmp(s.p, with.p, with.len) == 0;
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (unsigned char)s.p[s.len - 1] <= ' ')
		s.len--;
	return s;
}

struct str str_param(struct str s, struct str name)
{
	const char *at = memmem(s.p, s.len, name.p, name.len);
	struct str v = {s.p, 0};

	if (at == NULL)
		return v;
	v.p = at + name.len;
	while (v.p + v.len < s.p + s.len &&
	       strchr(";,> \t\r", v.p[v.len]) == NULL)
		v.len++;
	return v;
}

unsigned long str_number(struct str s)
{
	unsigned long v = 0;

	for (size_t i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (unsigned long)(s.p[i] - '0');
	return v;
}

void put(struct text *t, struct str s)
{
	if (t->len + s.len > MAX_MSG)
		die(EXIT_SETUP, "a message would be over %d bytes", MAX_MSG);
	memcpy(t->p + t->len, s.p, s.len);
	t->len += s.len;
}

void put_z(struct text *t, const char *z)
{
	put(t, (struct str){z, strlen(z)});
}

void put_hex8(struct text *t, uint32_t v)
{
	char hex[8];

	for (int i = 7; i >= 0; i--, v >>= 4)
		hex[i] = "0123456789abcdef"[v & 15];
	put(t, (struct str){hex, sizeof(hex)});
}

void put_number(struct text *t, unsigned long v)
{
	char dec[20];
	size_t i = sizeof(dec);

	do
		dec[--i] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	put(t, (struct str){dec + i, sizeof(dec) - i});
}
/* ---- Messages in ------------------------------------------------------- */

enum header {
	H_OTHER,
	H_VIA,
	H_RECORD_ROUTE,
	H_ROUTE,
	H_MAX_FORWARDS,
	H_CALL_ID,
	H_CSEQ,
	H_FROM,
	H_TO,
	H_CONTACT,
	H_CONTENT_LENGTH,
	H_WWW_AUTHENTICATE,
};

static enum header header_id(struct str name)
{
	static const struct {
		const char *name;
		size_t len;
		char compact;
	} known[] = {
		[H_OTHER] = {"", 0, 0},
		[H_VIA] = {"via", 3, 'v'},
		[H_RECORD_ROUTE] = {"record-route", 12, 0},
		[H_ROUTE] = {"route", 5, 0},
		[H_MAX_FORWARDS] = {"max-forwards", 12, 0},
		[H_CALL_ID] = {"call-id", 7, 'i'},
		[H_CSEQ] = {"cseq", 4, 0},
		[H_FROM] = {"from", 4, 'f'},
		[H_TO] = {"to", 2, 't'},
		[H_CONTACT] = {"contact", 7, 'm'},
		[H_CONTENT_LENGTH] = {"content-length", 14, 'l'},
		[H_WWW_AUTHENTICATE] = {"www-authenticate", 16, 0},
	};

	for (size_t i = 1; i < ARRAY_LEN(known); i++) {
		if (name.len == 1 && (name.p[0] | 32) == known[i].compact)
			return (enum header)i;
		if (name.len == known[i].len &&
		    strncasecmp(name.p, known[i].name, name.len) == 0)
			return (enum header)i;
	}
	return H_OTHER;
}

/* Adds the comma-separated values of a line to `out`; returns how many there
 * are now. One too many is counted but not kept. */
static size_t values_split(struct str v, struct str *out, size_t n)
{
	size_t start = 0;
	bool quoted = false, angle = false;

	for (size_t i = 0; i <= v.len; i++) {
		char ch = i < v.len ? v.p[i] : ',';

		if (ch == '"')
			quoted = !quoted;
		else if (ch == '<' || ch == '>')
			angle = ch == '<';
		if (i < v.len && (ch != ',' || quoted || angle))
			continue;
		if (n < MAX_VALUES)
			out[n] = str_trim((struct str){v.p + start, i - start});
		n++;
		start = i + 1;
	}
	return n < MAX_VALUES ? n : MAX_VALUES;
}

static bool msg_echo(struct msg *m, struct str line)
{
	if (m->n_echo == MAX_ECHO)
		return false;
	m->echo[m->n_echo++] = line;
	return true;
}

static bool msg_header(struct msg *m, struct str line)
{
	const char *colon = memchr(line.p, ':', line.len);
	struct str name, v, unused[MAX_VALUES];

	/* Nobody here folds lines. */
	if (colon == NULL || *line.p == ' ' || *line.p == '\t')
		return false;
	name = str_trim((struct str){line.p, (size_t)(colon - line.p)});
	v = str_trim((struct str){colon + 1,
				  line.len - (size_t)(colon + 1 - line.p)});
	switch (header_id(name)) {
	case H_VIA:
		m->n_via = values_split(v, m->via, m->n_via);
		return msg_echo(m, line);
	case H_RECORD_ROUTE:
		m->n_record_route =
			values_split(v, m->record_route, m->n_record_route);
		return msg_echo(m, line);
	case H_ROUTE:
		m->n_route = values_split(v, unused, m->n_route);
		return true;
	case H_MAX_FORWARDS:
		m->max_forwards = v;
		return true;
	case H_CALL_ID:
		m->call_id = v;
		return msg_echo(m, line);
	case H_CSEQ:
		m->cseq = v;
		return msg_echo(m, line);
	case H_FROM:
		m->from = v;
		return msg_echo(m, line);
	case H_TO:
		m->to = v;
		return true;
	case H_CONTACT:
		m->contact = v;
		return true;
	case H_CONTENT_LENGTH:
		m->content_length = v;
		return true;
	case H_WWW_AUTHENTICATE:
		if (m->n_challenges < MAX_VALUES)
			m->challenge[m->n_challenges++] = v;
		return true;
	case H_OTHER:
		return true;
	}
	return false;
}

static bool msg_start_line(struct msg *m, struct str line)
{
	const char *sp = memchr(line.p, ' ', line.len);

	line = str_trim(line);
	if (sp == NULL)
		return false;
	m->method = (struct str){line.p, (size_t)(sp - line.p)};
	m->uri = (struct str){sp + 1, line.len - m->method.len - 1};
	if (str_is(m->method, STR("SIP/2.0"))) {
		m->status = (unsigned)str_number(m->uri);
		return m->status >= 100 && m->status < 700;
	}
	if (m->uri.len < 9 || memcmp(line.p + line.len - 8, " SIP/2.0", 8))
		return false;
	m->uri.len -= 8;
	return true;
}

int msg_parse(struct str s, bool stream, struct msg *m)
{
	const char *p = s.p, *end = s.p + s.len, *nl;

	*m = (struct msg){0};
	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		struct str line = {p, (size_t)(nl + 1 - p)};

		if (line.len == 2 && p[0] == '\r')
			break;
		if (!(p == s.p ? msg_start_line(m, line) : msg_header(m, line)))
			return -1;
		p = nl + 1;
	}
	if (nl == NULL)
		return stream ? 0 : -1;
	m->body = (struct str){nl + 1, str_number(m->content_length)};
	if (!stream)
		m->body.len = (size_t)(end - m->body.p);
	if (m->body.len > (size_t)(end - m->body.p))
		return 0;
	m->all = (struct str){s.p, (size_t)(m->body.p - s.p) + m->body.len};
	return 1;
}
