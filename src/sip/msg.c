/*
 * Indexing: one pass over the head that finds where each field begins and ends
 * and applies the strict line rule on the way, 64 bytes at a time.
 */
#include <assert.h>

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

/* The control bytes of a text. What is known is about the 64 bytes from `block`
 * on; it is looked up again when somebody asks about others. */
struct controls {
	const char *start, *end;
	const char *block;
	uint64_t mask;
};

static void controls_load(struct controls *c, const char *p)
{
	size_t left = (size_t)(c->end - p);

	c->block = p;
	if (left >= 64) {
		c->mask = control_mask64(p);
	} else if (c->end - c->start >= 64) { /* read what is before it, too */
		c->mask = left != 0 ? control_mask64(c->end - 64) >> (64 - left)
				    : 0;
	} else {
		c->mask = 0;
		for (size_t i = 0; i < left; i++)
			c->mask |= (uint64_t)is_class(p[i], CT_CONTROL) << i;
	}
}

/* First byte from p on that is below 0x20 or equal to 0x7f; the end when there
 * is none. */
static inline const char *find_control(struct controls *c, const char *p)
{
	size_t off = (size_t)(p - c->block);
	uint64_t mask;

	if (off >= 64) { /* or p stands before the block */
		controls_load(c, p);
		off = 0;
	}
	mask = c->mask >> off;
	while (mask == 0) {
		p = c->block + 64;
		if (p >= c->end)
			return c->end;
		controls_load(c, p);
		mask = c->mask;
	}
	return p + (unsigned)__builtin_ctzll(mask);
}

static inline bool is_crlf(const char *p)
{
	return memcmp(p, "\r\n", 2) == 0; /* one comparison of 16 bits */
}

static inline bool at_crlf(const char *p, const char *end)
{
	return end - p >= 2 && is_crlf(p);
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
static inline const char *field_end(struct controls *c, const char *p)
{
	const char *end = c->end;

	for (;;) {
		p = find_control(c, p);
		if (end - p > 2 && is_crlf(p) && p[2] > ' ')
			return p; /* as most of the time */
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
	struct controls controls;
	unsigned max_hdrs;
	unsigned room; /* max_hdrs, and 0 once there were more: what no answer
			* needs is left out then */
	uint16_t last[SIP_HDR_COUNT]; /* index of the last field of a kind */
};

/* Count the newest field, chain it to the one of its kind before it. */
static inline void chain_field(struct indexer *ix, enum sip_hdr_id id)
{
	struct sip_msg *m = ix->msg;
	unsigned at = m->n_hdrs++;

	if (m->count[id]++ == 0) {
		m->first[id] = (uint16_t)(at + 1);
	} else {
		unsigned distance = at - ix->last[id];

		m->hdrs[ix->last[id]].next =
			(uint8_t)(distance < UINT8_MAX ? distance : UINT8_MAX);
	}
	ix->last[id] = (uint16_t)at;
}

#define COMMON(lit, hdr_id)                                                    \
	if (is_lower(p, lit, sizeof(lit) - 1)) {                               \
		*id = hdr_id;                                                  \
		return p + sizeof(lit) - 2;                                    \
	}

/* The names that most messages are made of, at a look; `p` has 16 bytes to
 * read. Returns the colon, NULL for all other names. */
static inline const char *common_name(const char *p, enum sip_hdr_id *id)
{
	switch (*p | 0x20) {
	case 'c':
		COMMON("call-id:", SIP_HDR_CALL_ID);
		COMMON("cseq:", SIP_HDR_CSEQ);
		COMMON("contact:", SIP_HDR_CONTACT);
		COMMON("content-length:", SIP_HDR_CONTENT_LENGTH);
		COMMON("content-type:", SIP_HDR_CONTENT_TYPE);
		break;
	case 'f':
		COMMON("from:", SIP_HDR_FROM);
		break;
	case 'm':
		COMMON("max-forwards:", SIP_HDR_MAX_FORWARDS);
		break;
	case 'r':
		COMMON("record-route:", SIP_HDR_RECORD_ROUTE);
		COMMON("route:", SIP_HDR_ROUTE);
		break;
	case 't':
		COMMON("to:", SIP_HDR_TO);
		break;
	case 'v':
		COMMON("via:", SIP_HDR_VIA);
		break;
	}
	return NULL;
}

/* Any name, white space before its colon allowed. NULL: malformed. */
static const char *any_name(const char *p, const char *crlf,
			    const char **name_end, enum sip_hdr_id *id)
{
	const char *colon = find_colon(p, crlf), *end = colon;

	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (colon == crlf || end == p || end - p > UINT16_MAX)
		return NULL;
	*id = sip_hdr_lookup(p, (size_t)(end - p));
	if (*id == SIP_HDR_OTHER && span_long(p, end, CT_TOKEN) < end)
		return NULL;
	*name_end = end;
	return colon;
}

static bool is_in_answers(enum sip_hdr_id id)
{
	return id == SIP_HDR_VIA || id == SIP_HDR_FROM || id == SIP_HDR_TO ||
	       id == SIP_HDR_CALL_ID || id == SIP_HDR_CSEQ;
}

/* Too many fields: the message is refused, and of it only what the refusal is
 * made of is kept. */
static void make_room(struct indexer *ix)
{
	struct sip_msg *m = ix->msg;
	unsigned n = m->n_hdrs;

	sip_msg_blame(m, 513, "Too Many Header Fields");
	ix->room = 0;
	memset(m->first, 0, sizeof(m->first));
	memset(m->count, 0, sizeof(m->count));
	m->n_hdrs = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!is_in_answers(m->hdrs[i].id))
			continue;
		m->hdrs[m->n_hdrs] = m->hdrs[i];
		m->hdrs[m->n_hdrs].next = 0;
		chain_field(ix, m->hdrs[i].id);
	}
}

/* False: the field is left out. */
static bool has_room(struct indexer *ix, enum sip_hdr_id id)
{
	if (ix->room != 0)
		make_room(ix);
	return is_in_answers(id) && ix->msg->n_hdrs < ix->max_hdrs;
}

/* The value in a field: the CR after it ends every search. */
static inline struct str trim_value(const char *p, const char *crlf)
{
	if (*p == ' ') /* one is usual */
		p++;
	return *p > ' ' && crlf[-1] > ' ' ? slice(p, crlf) : sip_trim(p, crlf);
}

static inline void add_field(struct indexer *ix, const char *p,
			     const char *crlf)
{
	struct sip_msg *m = ix->msg;
	const char *start, *colon = NULL, *name_end;
	enum sip_hdr_id id;
	struct sip_hdr *h;
	struct str value;

	if (ix->end - p >= 16)
		name_end = colon = common_name(p, &id);
	if (colon == NULL)
		colon = any_name(p, crlf, &name_end, &id);
	if (colon == NULL) {
		sip_msg_blame(m, 400, "Malformed Header Field Name");
		return;
	}
	if (m->n_hdrs >= ix->room && !has_room(ix, id))
		return;
	value = trim_value(colon + 1, crlf);
	start = ix->start;
	h = &m->hdrs[m->n_hdrs];
	h->at = (uint32_t)(p - start);
	h->end = (uint32_t)(crlf + 2 - start);
	h->value_at = (uint32_t)(value.p - start);
	h->value_len = (uint32_t)value.len;
	h->name_len = (uint16_t)(name_end - p);
	h->id = (uint8_t)id;
	h->next = 0;
	chain_field(ix, id);
}

static bool has_comments(const char *p, const char *colon)
{
	struct str name = sip_trim(p, colon);

	return IS_NAME(name, "server") || IS_NAME(name, "user-agent") ||
	       IS_NAME(name, "retry-after");
}

/* The same as field_end(), for a field in which that found a control byte. */
static const char *odd_field_end(struct controls *c, const char *p)
{
	const char *end = c->end, *colon = find_colon(p, end);

	if (find_control(c, p) < colon || colon == end)
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

/* Returns what follows the empty line, or the end when there is none. */
static const char *index_fields(struct indexer *ix, const char *p)
{
	const char *end = ix->end;

	while (!at_crlf(p, end)) {
		const char *crlf = field_end(&ix->controls, p);

		if (crlf == NULL)
			crlf = odd_field_end(&ix->controls, p);
		if (crlf == NULL) {
			sip_msg_blame(ix->msg, 400, "Control Byte in Header");
			p = resync(p, end);
			continue;
		}
		if (crlf == end) {
			sip_msg_blame(ix->msg, 400, "Header Does Not End");
			return end;
		}
		add_field(ix, p, crlf);
		p = crlf + 2;
	}
	return p + 2;
}

static const char *index_start_line(struct indexer *ix)
{
	const char *p = ix->start, *end = find_control(&ix->controls, p);
	bool is_response = sip_bytes_are_response(ix->msg->bytes);

	/* Reason-Phrase is the only place here that may hold a TAB. */
	while (is_response && at_char(end, ix->end, '\t'))
		end = find_control(&ix->controls, end + 1);
	sip_start_line(ix->msg, slice(p, end));
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
	ix.max_hdrs = ix.room = limits->headers;
	ix.controls = (struct controls){.start = ix.start, .end = ix.end};
	controls_load(&ix.controls, ix.start);

	body = index_fields(&ix, index_start_line(&ix));
	msg->head_len = (uint32_t)(body - bytes.p);
	index_body(msg);
	return msg->bad != NULL ? VD_EINVAL : 0;
}
