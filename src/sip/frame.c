/* Looking at bytes before there is a message: where it ends, whose it is. */
#include "viaduct/sip/frame.h"

#include "sip_priv.h"
#include "viaduct/util/err.h"

const char *sip_field_after(const char *p, const char *end)
{
	do {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		if (lf == NULL)
			return end;
		p = lf + 1;
	} while (p < end && (*p == ' ' || *p == '\t'));
	return p;
}

bool sip_field_next(struct str *rest, struct str *name, struct str *value)
{
	const char *p = rest->p, *end = str_end(*rest);

	while (p < end && *p != '\r' && *p != '\n') {
		const char *after = sip_field_after(p, end);
		const char *colon = memchr(p, ':', (size_t)(after - p));

		if (colon != NULL) {
			*name = sip_trim(p, colon);
			*value = sip_trim(colon + 1, after);
			*rest = slice(after, end);
			return true;
		}
		p = after;
	}
	return false;
}

/* Most lines are passed over for their first letter: the name's, or that of its
 * short form, both in small. */
static inline struct str bytes_find(struct str bytes, enum sip_hdr_id id,
				    char first, char brief)
{
	const char *end = str_end(bytes), *p = bytes.p;
	struct str rest, name, value;

	if (bytes.len == 0)
		return STR_NONE;
	while ((p = sip_field_after(p, end)) < end && *p != '\r' &&
	       *p != '\n') {
		if ((*p | 0x20) != first && (*p | 0x20) != brief)
			continue;
		rest = slice(p, sip_field_after(p, end));
		if (sip_field_next(&rest, &name, &value) &&
		    sip_hdr_lookup(name.p, name.len) == id)
			return value;
	}
	return STR_NONE;
}

struct str sip_bytes_call_id(struct str bytes)
{
	return bytes_find(bytes, SIP_HDR_CALL_ID, 'c', 'i');
}

int sip_bytes_via(struct str bytes, struct sip_via *out)
{
	struct str rest = bytes_find(bytes, SIP_HDR_VIA, 'v', 'v'), value;

	return sip_value_split(&rest, &value) ? sip_via_parse(value, out)
					      : VD_EINVAL;
}

/* CRLF alone before a message. One of them may still become a ping. */
static enum sip_frame frame_crlf(struct str bytes)
{
	static const char ping[] = "\r\n\r\n";
	size_t n = bytes.len < 4 ? bytes.len : 4;

	if (memcmp(bytes.p, ping, n) == 0)
		return n == 4 ? SIP_FRAME_PING : SIP_FRAME_MORE;
	return n >= 2 && bytes.p[1] == '\n' ? SIP_FRAME_SKIP : SIP_FRAME_BAD;
}

/* Looks at each LF once, as far as `max` allows. Sets head_len at the empty
 * line. */
static enum sip_frame frame_head(struct sip_framer *f, struct str bytes,
				 size_t max)
{
	size_t len = bytes.len < max ? bytes.len : max;

	while (f->head_len == 0) {
		const char *from = bytes.p + f->scanned;
		const char *lf = memchr(from, '\n', len - f->scanned);
		size_t at;

		if (lf == NULL) {
			f->scanned = len;
			return bytes.len > max ? SIP_FRAME_TOO_BIG
					       : SIP_FRAME_MORE;
		}
		at = (size_t)(lf - bytes.p);
		if (at == 0 || lf[-1] != '\r')
			return SIP_FRAME_BAD;
		if (at >= 3 && lf[-2] == '\n')
			f->head_len = at + 1;
		f->scanned = at + 1;
	}
	return SIP_FRAME_READY;
}

/* On a stream Content-Length must be there, once (RFC 3261 section 18.3). */
static enum sip_frame frame_body(struct sip_framer *f, struct str bytes,
				 size_t max)
{
	const char *end = bytes.p + f->head_len;
	struct str rest = slice(sip_field_after(bytes.p, end), end);
	struct str name, value, length = STR_NONE;
	uint32_t len;
	int err;

	while (sip_field_next(&rest, &name, &value)) {
		if (sip_hdr_lookup(name.p, name.len) != SIP_HDR_CONTENT_LENGTH)
			continue;
		if (length.p != NULL)
			return SIP_FRAME_BAD;
		length = value;
	}
	err = str_to_u32(length, UINT32_MAX, &len);
	if (err == VD_EINVAL)
		return SIP_FRAME_BAD;
	if (err != 0 || len > max || f->head_len + len > max)
		return SIP_FRAME_TOO_BIG;
	f->need = f->head_len + len;
	return SIP_FRAME_READY;
}

static enum sip_frame frame_message(struct sip_framer *f, struct str bytes,
				    size_t max)
{
	enum sip_frame frame;

	if (!is_class(bytes.p[0], CT_TOKEN))
		return SIP_FRAME_BAD;
	frame = frame_head(f, bytes, max);
	return frame == SIP_FRAME_READY ? frame_body(f, bytes, max) : frame;
}

enum sip_frame sip_frame_next(struct sip_framer *f, struct str bytes,
			      size_t max)
{
	enum sip_frame frame;

	if (bytes.len == 0)
		return SIP_FRAME_MORE;
	if (bytes.p[0] == '\r')
		return frame_crlf(bytes);
	if (f->need == 0) {
		frame = frame_message(f, bytes, max);
		if (frame != SIP_FRAME_READY)
			return frame;
	}
	return bytes.len < f->need ? SIP_FRAME_MORE : SIP_FRAME_READY;
}
