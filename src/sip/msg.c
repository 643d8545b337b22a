/*
 * Indexing: one pass over the head that finds where each field begins and ends
 * and applies the strict line rule on the way, eight bytes at a time.
 */
#include <assert.h>
#include <endian.h>

#include "sip_priv.h"
#include "viaduct/util/err.h"

#define ONES 0x0101010101010101u

int sip_msg_blame(struct sip_msg *m, unsigned status, const char *phrase)
{
	if (m->bad == NULL) {
		m->bad = phrase;
		m->bad_status = status;
	}
	return VD_EINVAL;
}

/* Index of the first byte of eight, as they lie in memory, that is not 0. */
static inline unsigned first_byte(uint64_t bytes)
{
	return (unsigned)__builtin_ctzll(le64toh(bytes)) / 8;
}

/* Sixteen bytes at a time; gcc and clang know the machine's way. */
typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* First byte below 0x20 or equal to 0x7f; `end` when there is none. */
static inline const char *find_control(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		bytes16 x;
		uint64_t hits[2];

		memcpy(&x, p, sizeof(x));
		x = (bytes16)((x < 0x20) | (x == 0x7f));
		memcpy(hits, &x, sizeof(hits));
		if ((hits[0] | hits[1]) == 0)
			continue;
		return hits[0] != 0 ? p + first_byte(hits[0])
				    : p + 8 + first_byte(hits[1]);
	}
	while (p < end && !is_class(*p, CT_CONTROL))
		p++;
	return p;
}

static inline bool at_crlf(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

static inline bool at_fold(const char *p, const char *end)
{
	return end - p >= 3 && at_crlf(p, end) && (p[2] == ' ' || p[2] == '\t');
}

/*
 * The end of a value that holds control characters: legal only as quoted-pair
 * in a quoted string or, where the field has comments, in a comment (RFC 3261
 * section 25.1). Once over the bytes, however many there are.
 */
static const char *quoted_field_end(const char *p, const char *end,
				    bool has_comments)
{
	bool in_quotes = false;
	unsigned depth = 0;

	for (; p < end; p++) {
		if (at_fold(p, end)) {
			p += 2;
		} else if (*p == '\r' || *p == '\n') {
			return at_crlf(p, end) ? p : NULL;
		} else if (*p == '\\' && (in_quotes || depth > 0)) {
			if (end - p > 1 && p[1] != '\r' && p[1] != '\n')
				p++;
		} else if (*p == '"' && depth == 0) {
			in_quotes = !in_quotes;
		} else if (*p == '(' && has_comments && !in_quotes) {
			depth++;
		} else if (*p == ')' && depth > 0) {
			depth--;
		} else if (is_class(*p, CT_CONTROL) && *p != '\t') {
			return NULL;
		}
	}
	return end;
}

/*
 * The CRLF that ends a field, folded lines being part of it. `end` when it
 * never comes, NULL when a byte stands in it that must not.
 */
static inline const char *field_end(const char *p, const char *end)
{
	for (;;) {
		p = find_control(p, end);
		if (at_crlf(p, end)) {
			if (end - p < 3 || (p[2] != ' ' && p[2] != '\t'))
				return p;
			p += 3;
		} else if (p == end) {
			return p;
		} else if (*p++ != '\t') {
			return NULL;
		}
	}
}

static inline const char *find_colon(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t x, hits;

		memcpy(&x, p, sizeof(x));
		x = le64toh(x) ^ (':' * ONES);
		hits = (x - ONES) & ~x & (0x80 * ONES);
		if (hits != 0)
			return p + (unsigned)__builtin_ctzll(hits) / 8;
		p += 8;
	}
	while (p < end && *p != ':')
		p++;
	return p;
}

/* What indexing carries along. */
struct indexer {
	struct sip_msg *msg;
	const char *start, *end;
	unsigned max_hdrs;
	uint16_t last[SIP_HDR_COUNT]; /* index of the last field of a kind */
};

/* Chain the newest field to the one of its kind before it. */
static inline void chain_field(struct indexer *ix, enum sip_hdr_id id)
{
	struct sip_msg *m = ix->msg;
	unsigned at = m->n_hdrs;

	if (m->count[id]++ == 0) {
		m->first[id] = (uint16_t)(at + 1);
	} else {
		unsigned distance = at - ix->last[id];

		m->hdrs[ix->last[id]].next =
			(uint8_t)(distance < UINT8_MAX ? distance : UINT8_MAX);
	}
	ix->last[id] = (uint16_t)at;
}

static inline struct str trim_value(const char *p, const char *end)
{
	p = skip_lws(p, end);
	return p < end && is_class(end[-1], CT_LWS) ? sip_trim(p, end)
						    : slice(p, end);
}

static void add_field(struct indexer *ix, const char *p, const char *crlf)
{
	struct sip_msg *m = ix->msg;
	struct sip_hdr *h = &m->hdrs[m->n_hdrs];
	const char *colon = find_colon(p, crlf), *name_end = colon;
	enum sip_hdr_id id;
	struct str value;

	while (name_end > p && (name_end[-1] == ' ' || name_end[-1] == '\t'))
		name_end--;
	id = sip_hdr_lookup(p, (size_t)(name_end - p));
	if (colon == crlf || name_end == p || name_end - p > UINT16_MAX ||
	    (id == SIP_HDR_OTHER && span(p, name_end, CT_TOKEN) < name_end)) {
		sip_msg_blame(m, 400, "Malformed Header Field Name");
		return;
	}
	value = trim_value(colon + 1, crlf);
	*h = (struct sip_hdr){
		.at = (uint32_t)(p - ix->start),
		.end = (uint32_t)(crlf + 2 - ix->start),
		.value_at = (uint32_t)(value.p - ix->start),
		.value_len = (uint32_t)value.len,
		.name_len = (uint16_t)(name_end - p),
		.id = (uint8_t)id,
	};
	chain_field(ix, id);
	m->n_hdrs++;
}

static bool has_comments(const char *p, const char *colon)
{
	struct str name = sip_trim(p, colon);

	return IS_NAME(name, "server") || IS_NAME(name, "user-agent") ||
	       IS_NAME(name, "retry-after");
}

/* The same as field_end(), for a field in which that found a control byte. */
static const char *odd_field_end(const char *p, const char *end)
{
	const char *colon = find_colon(p, end);

	if (find_control(p, colon) < colon || colon == end)
		return NULL;
	return quoted_field_end(colon + 1, end, has_comments(p, colon));
}

/* After the next LF, whatever stands before it: only to find what an answer
 * is made of. */
static const char *resync(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf + 1 : end;
}

static bool is_in_answers(enum sip_hdr_id id)
{
	return id == SIP_HDR_VIA || id == SIP_HDR_FROM || id == SIP_HDR_TO ||
	       id == SIP_HDR_CALL_ID || id == SIP_HDR_CSEQ;
}

/* Too many fields: the message is refused, and of it only what the refusal is
 * made of is kept. False when even that is too much. */
static bool make_room(struct indexer *ix)
{
	struct sip_msg *m = ix->msg;
	unsigned n = m->n_hdrs;

	sip_msg_blame(m, 513, "Too Many Header Fields");
	memset(m->first, 0, sizeof(m->first));
	memset(m->count, 0, sizeof(m->count));
	m->n_hdrs = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!is_in_answers(m->hdrs[i].id))
			continue;
		m->hdrs[m->n_hdrs] = m->hdrs[i];
		m->hdrs[m->n_hdrs].next = 0;
		chain_field(ix, m->hdrs[m->n_hdrs].id);
		m->n_hdrs++;
	}
	return m->n_hdrs < ix->max_hdrs;
}

/* Returns what follows the empty line, or the end when there is none. */
static const char *index_fields(struct indexer *ix, const char *p)
{
	while (!at_crlf(p, ix->end)) {
		const char *crlf = field_end(p, ix->end);

		if (crlf == NULL)
			crlf = odd_field_end(p, ix->end);
		if (crlf == NULL) {
			sip_msg_blame(ix->msg, 400, "Control Byte in Header");
			p = resync(p, ix->end);
			continue;
		}
		if (crlf == ix->end) {
			sip_msg_blame(ix->msg, 400, "Header Does Not End");
			return crlf;
		}
		if (ix->msg->n_hdrs == ix->max_hdrs && !make_room(ix))
			return ix->end;
		add_field(ix, p, crlf);
		p = crlf + 2;
	}
	return p + 2;
}

bool sip_bytes_are_response(struct str bytes)
{
	return bytes.len >= 4 && (bytes.p[0] | 0x20) == 's' &&
	       (bytes.p[1] | 0x20) == 'i' && (bytes.p[2] | 0x20) == 'p' &&
	       bytes.p[3] == '/';
}

/* SIP-Version, in any case (RFC 3261 section 7.1). */
static void index_version(struct sip_msg *m, struct str v, const char *phrase)
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

static void index_request_line(struct sip_msg *m, struct str line)
{
	static const char phrase[] = "Malformed Request-Line";
	const char *end = str_end(line), *p, *q;

	p = span(line.p, end, CT_TOKEN);
	m->is_request = true;
	m->method_name = slice(line.p, p);
	m->method = sip_method_parse(m->method_name);
	q = memrchr(line.p, ' ', line.len);
	if (p == line.p || q == NULL || *p != ' ' || q < p + 2) {
		sip_msg_blame(m, 400, phrase);
		return;
	}
	m->uri_text = slice(p + 1, q);
	index_version(m, slice(q + 1, end), phrase);
}

/* Exactly three digits, 100 to 699; the space after them may be missing. */
static void index_status_line(struct sip_msg *m, struct str line)
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
	index_version(m, slice(line.p, p), phrase);
}

static const char *index_start_line(struct indexer *ix)
{
	const char *p = ix->start, *end = find_control(p, ix->end);
	bool is_response = sip_bytes_are_response(ix->msg->bytes);

	/* Reason-Phrase is the only place here that may hold a TAB. */
	while (is_response && at_char(end, ix->end, '\t'))
		end = find_control(end + 1, ix->end);
	if (is_response)
		index_status_line(ix->msg, slice(p, end));
	else
		index_request_line(ix->msg, slice(p, end));
	if (at_crlf(end, ix->end))
		return end + 2;
	sip_msg_blame(ix->msg, 400, "Control Byte in Start Line");
	return resync(end, ix->end);
}

/* Content-Length against what is there (RFC 3261 section 18.3). */
static void index_body(struct sip_msg *m)
{
	const struct sip_hdr *h = sip_msg_first(m, SIP_HDR_CONTENT_LENGTH);
	uint32_t len;
	int err;

	m->body = str_skip(m->bytes, m->head_len);
	if (h == NULL)
		return;
	err = str_to_u32(sip_hdr_value(m, h), UINT32_MAX, &len);
	if (h->next != 0) {
		sip_msg_blame(m, 400, "Repeated Content-Length");
	} else if (err == VD_EINVAL) {
		sip_msg_blame(m, 400, "Malformed Content-Length");
	} else if (err != 0 || len > m->body.len) {
		sip_msg_blame(m, 400, "Content-Length Exceeds Message");
	} else {
		m->body.len = len;
		m->bytes.len = m->head_len + len;
	}
}

int sip_msg_index(struct str bytes, const struct sip_limits *limits,
		  struct sip_hdr *hdrs, struct sip_msg *msg)
{
	struct indexer ix;
	const char *body;

	assert(bytes.len < UINT32_MAX && limits->headers < UINT16_MAX);
	memset(msg, 0, offsetof(struct sip_msg, via));
	msg->bytes = bytes;
	msg->hdrs = hdrs;
	ix.msg = msg;
	ix.start = bytes.p;
	ix.end = bytes.p + bytes.len;
	ix.max_hdrs = limits->headers;

	body = index_fields(&ix, index_start_line(&ix));
	msg->head_len = (uint32_t)(body - bytes.p);
	index_body(msg);
	return msg->bad != NULL ? VD_EINVAL : 0;
}
