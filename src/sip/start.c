/* The first line: Request-Line or Status-Line (RFC 3261 sections 7.1, 7.2). */
#include "sip_priv.h"

bool sip_bytes_are_response(struct str bytes)
{
	return bytes.len >= 4 && (bytes.p[0] | 0x20) == 's' &&
	       (bytes.p[1] | 0x20) == 'i' && (bytes.p[2] | 0x20) == 'p' &&
	       bytes.p[3] == '/';
}

/* SIP-Version, in any case (RFC 3261 section 7.1). */
static void check_version(struct sip_msg *m, struct str v, const char *phrase)
{
	const char *p, *end = str_end(v), *dot;

	if (IS_NAME(v, "sip/2.0"))
		return;
	if (!sip_bytes_are_response(v)) {
		sip_msg_blame(m, 400, phrase);
		return;
	}
	p = v.p + 4;
	dot = span(p, end, CT_DIGIT);
	if (dot == p || !at_char(dot, end, '.') || dot + 1 == end ||
	    span(dot + 1, end, CT_DIGIT) < end)
		sip_msg_blame(m, 400, phrase);
	else
		sip_msg_blame(m, 505, "Version Not Supported");
}

/* The last one, nearly always with seven bytes after it. */
static const char *space_before_version(struct str line)
{
	const char *end = str_end(line);

	if (line.len > 8 && end[-8] == ' ' && is_lower(end - 7, "sip/2.0", 7))
		return end - 8;
	return memrchr(line.p, ' ', line.len);
}

static void request_line(struct sip_msg *m, struct str line)
{
	static const char phrase[] = "Malformed Request-Line";
	const char *end = str_end(line), *p, *q;

	p = span(line.p, end, CT_TOKEN);
	m->is_request = true;
	m->method_name = slice(line.p, p);
	m->method = sip_method_parse(m->method_name);
	q = space_before_version(line);
	if (p == line.p || q == NULL || *p != ' ' || q < p + 2) {
		sip_msg_blame(m, 400, phrase);
		return;
	}
	m->uri_text = slice(p + 1, q);
	check_version(m, slice(q + 1, end), phrase);
}

/* Exactly three digits, 100 to 699; the space after them may be missing. */
static void status_line(struct sip_msg *m, struct str line)
{
	static const char phrase[] = "Malformed Status-Line";
	const char *end = str_end(line);
	const char *p = memchr(line.p, ' ', line.len);

	if (p == NULL || end - p < 4 || !is_class(p[1], CT_DIGIT) ||
	    p[1] < '1' || p[1] > '6' || !is_class(p[2], CT_DIGIT) ||
	    !is_class(p[3], CT_DIGIT) || (end - p > 4 && p[4] != ' ')) {
		sip_msg_blame(m, 400, phrase);
		return;
	}
	m->status = (unsigned)(p[1] - '0') * 100 + (unsigned)(p[2] - '0') * 10 +
		    (unsigned)(p[3] - '0');
	m->reason = end - p > 4 ? slice(p + 5, end) : slice(end, end);
	check_version(m, slice(line.p, p), phrase);
}

void sip_start_line(struct sip_msg *m, struct str line)
{
	if (sip_bytes_are_response(line))
		status_line(m, line);
	else
		request_line(m, line);
}
