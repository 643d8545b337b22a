#include "transport/ws_frames.h"

#include <wslay/wslay.h>

#include "viaduct/util/err.h"

enum {
	PARTIAL_MIN = 1024, /* room for a message in fragments */
	MASK_LEN = 4,
};

struct ws_decoder {
	struct mem *mem;
	wslay_frame_context_ptr wslay; /* between two frames; NULL: none */
	struct str input;              /* what wslay has not taken */
};

/* --- UTF-8 --- */

static bool is_ascii(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return (word & 0x8080808080808080u) == 0;
}

/* The length of the character at p, 0 when it is none. The second byte's range
 * depends on the first (RFC 3629 section 4). */
static size_t utf8_len(const unsigned char *p, size_t room)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (room < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool ws_is_utf8(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t n;

		if (s.len - i >= 8 && is_ascii(s.p + i)) {
			i += 8;
			continue;
		}
		n = utf8_len((const unsigned char *)s.p + i, s.len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* --- wslay --- */

/* There is always what it asks for: it is given whole frames. */
static ssize_t give(uint8_t *to, size_t len, int flags, void *arg)
{
	struct ws_decoder *d = arg;
	size_t n = d->input.len < len ? d->input.len : len;

	(void)flags;
	memcpy(to, d->input.p, n);
	d->input = str_skip(d->input, n);
	return (ssize_t)n;
}

static bool wslay_ready(struct ws_decoder *d)
{
	static const struct wslay_frame_callbacks callbacks = {.recv_callback =
								       give};

	return d->wslay != NULL ||
	       wslay_frame_context_init(&d->wslay, &callbacks, d) == 0;
}

/* After an error it stands in the middle of a frame. */
static void wslay_drop(struct ws_decoder *d)
{
	wslay_frame_context_free(d->wslay);
	d->wslay = NULL;
}

int ws_decoder_new(struct mem *mem, struct ws_decoder **out)
{
	struct ws_decoder *d = mem_zalloc(mem, sizeof(*d));

	if (d == NULL)
		return VD_ENOMEM;
	d->mem = mem;
	if (!wslay_ready(d)) {
		ws_decoder_free(d);
		return VD_ENOMEM;
	}
	*out = d;
	return 0;
}

void ws_decoder_free(struct ws_decoder *d)
{
	if (d == NULL)
		return;
	if (d->wslay != NULL)
		wslay_drop(d);
	mem_free(d->mem, d, sizeof(*d));
}

/*
 * Unmask the whole frame in `bytes`. wslay hands out what it has room for, 4
 * KiB at a time: a short payload stays there, a long one is put together where
 * it came from.
 *
 * Returns 0 or the close code.
 */
static unsigned unmask(struct ws_decoder *d, char *bytes, size_t head_len,
		       size_t payload_len, struct str *payload)
{
	struct wslay_frame_iocb f;
	size_t at = 0;

	if (!wslay_ready(d))
		return WS_INTERNAL_ERROR;
	d->input = (struct str){bytes, head_len + payload_len};
	do {
		if (wslay_frame_recv(d->wslay, &f) < 0) {
			wslay_drop(d);
			return WS_PROTOCOL_ERROR;
		}
		*payload = (struct str){(const char *)f.data, f.data_length};
		if (f.data_length == payload_len)
			return 0;
		memcpy(bytes + head_len + at, f.data, f.data_length);
		at += f.data_length;
	} while (at < payload_len);
	*payload = (struct str){bytes + head_len, payload_len};
	return 0;
}

/* --- heads --- */

struct head {
	uint8_t opcode;
	bool is_final;
	size_t len;
	uint64_t payload_len;
};

static bool is_control(uint8_t opcode)
{
	return opcode >= WS_OP_CLOSE;
}

static bool is_opcode(uint8_t opcode)
{
	return opcode <= WS_BINARY ||
	       (opcode >= WS_OP_CLOSE && opcode <= WS_OP_PONG);
}

/* Sections 5.1 (masked), 5.2 (no extension, so no RSV; opcodes), 5.4, 5.5. */
static bool is_allowed(const uint8_t *b, const struct ws_partial *m)
{
	uint8_t opcode = b[0] & 0xf;
	bool is_masked = (b[1] & 0x80) != 0;

	if (!is_masked || (b[0] & 0x70) != 0 || !is_opcode(opcode))
		return false;
	if (is_control(opcode))
		return (b[0] & 0x80) != 0 && (b[1] & 0x7f) <= WS_CONTROL_MAX;
	return (opcode == WS_CONTINUATION) == (m->opcode != 0);
}

static uint64_t read_number(const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | p[i];
	return n;
}

/* WS_FRAGMENT: there it is. */
static enum ws_event read_head(const uint8_t *b, size_t len,
			       const struct ws_partial *m, struct head *h)
{
	size_t ext;

	if (len < 2)
		return WS_MORE;
	if (!is_allowed(b, m))
		return WS_FAIL;
	h->opcode = b[0] & 0xf;
	h->is_final = (b[0] & 0x80) != 0;
	h->payload_len = b[1] & 0x7f;
	ext = h->payload_len == 126 ? 2 : h->payload_len == 127 ? 8 : 0;
	if (len < 2 + ext)
		return WS_MORE;
	if (ext != 0)
		h->payload_len = read_number(b + 2, ext);
	if (h->payload_len >> 63 != 0)
		return WS_FAIL;
	h->len = 2 + ext + MASK_LEN;
	return WS_FRAGMENT;
}

/* --- messages --- */

void ws_partial_drop(struct ws_decoder *d, struct ws_partial *m)
{
	mem_free(d->mem, m->p, m->cap);
	memset(m, 0, sizeof(*m));
}

/* Grows with what has arrived, whatever was declared. */
static bool partial_grow(struct ws_decoder *d, struct ws_partial *m, size_t len)
{
	size_t want = m->cap * 2 > len ? m->cap * 2 : len;
	size_t cap = mem_good_size(want > PARTIAL_MIN ? want : PARTIAL_MIN);
	char *p = mem_alloc(d->mem, cap);

	if (p == NULL)
		return false;
	if (m->len > 0)
		memcpy(p, m->p, m->len);
	mem_free(d->mem, m->p, m->cap);
	m->p = p;
	m->cap = (uint32_t)cap;
	return true;
}

static bool partial_add(struct ws_decoder *d, struct ws_partial *m,
			struct str data)
{
	if (data.len > m->cap - m->len &&
	    !partial_grow(d, m, m->len + data.len))
		return false;
	if (data.len > 0)
		memcpy(m->p + m->len, data.p, data.len);
	m->len += (uint32_t)data.len;
	return true;
}

static enum ws_event fail(struct ws_frame *out, unsigned code)
{
	*out = (struct ws_frame){.code = code};
	return WS_FAIL;
}

static enum ws_event whole(struct ws_frame *out, uint8_t opcode)
{
	if (opcode == WS_TEXT && !ws_is_utf8(out->data))
		return fail(out, WS_BAD_TEXT);
	return WS_MESSAGE;
}

static enum ws_event on_data(struct ws_decoder *d, struct ws_partial *m,
			     const struct head *h, struct ws_frame *out)
{
	if (h->is_final && m->opcode == 0)
		return whole(out, h->opcode);
	if (!partial_add(d, m, out->data))
		return fail(out, WS_INTERNAL_ERROR);
	if (m->opcode == 0)
		m->opcode = h->opcode;
	if (!h->is_final)
		return WS_FRAGMENT;
	out->data = (struct str){m->p, m->len};
	return whole(out, m->opcode);
}

/* Those that may be sent (section 7.4; 1012 to 1014 came later). */
static bool is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
		code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

static enum ws_event on_close(struct ws_frame *out)
{
	struct str p = out->data;

	out->code = WS_NO_CODE;
	if (p.len == 0)
		return WS_CLOSE;
	if (p.len == 1)
		return fail(out, WS_PROTOCOL_ERROR);
	out->code = (unsigned)read_number((const uint8_t *)p.p, 2);
	if (!is_close_code(out->code))
		return fail(out, WS_PROTOCOL_ERROR);
	if (!ws_is_utf8(str_skip(p, 2)))
		return fail(out, WS_BAD_TEXT);
	return WS_CLOSE;
}

static enum ws_event on_frame(struct ws_decoder *d, struct ws_partial *m,
			      const struct head *h, struct ws_frame *out)
{
	switch (h->opcode) {
	case WS_OP_CLOSE:
		return on_close(out);
	case WS_OP_PING:
		return WS_PING;
	case WS_OP_PONG:
		return WS_FRAGMENT;
	default:
		return on_data(d, m, h, out);
	}
}

enum ws_event ws_frame_next(struct ws_decoder *d, struct ws_partial *m,
			    char *bytes, size_t len, size_t max,
			    struct ws_frame *out)
{
	struct head h;
	enum ws_event ev = read_head((uint8_t *)bytes, len, m, &h);
	unsigned code;

	*out = (struct ws_frame){0};
	if (ev == WS_FAIL)
		return fail(out, WS_PROTOCOL_ERROR);
	if (ev == WS_MORE)
		return WS_MORE;
	if (!is_control(h.opcode) &&
	    (h.payload_len > max || m->len > max - h.payload_len))
		return fail(out, WS_TOO_BIG);
	if (len < h.len || len - h.len < h.payload_len)
		return WS_MORE;
	code = unmask(d, bytes, h.len, h.payload_len, &out->data);
	if (code != 0)
		return fail(out, code);
	out->used = h.len + h.payload_len;
	return on_frame(d, m, &h, out);
}

/* --- what we send --- */

size_t ws_frame_head(enum ws_opcode opcode, size_t len,
		     char head[WS_HEAD_OUT_MAX])
{
	size_t ext = len <= WS_CONTROL_MAX ? 0 : len <= UINT16_MAX ? 2 : 8;

	head[0] = (char)(0x80 | opcode);
	head[1] = (char)(ext == 0 ? len : ext == 2 ? 126 : 127);
	for (size_t i = 0; i < ext; i++)
		head[2 + i] = (char)(len >> 8 * (ext - 1 - i));
	return 2 + ext;
}

size_t ws_close_payload(unsigned code, char payload[2])
{
	if (code == WS_NO_CODE)
		return 0;
	payload[0] = (char)(code >> 8);
	payload[1] = (char)code;
	return 2;
}
