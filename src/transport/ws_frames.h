/*
 * WebSocket frames (RFC 6455 section 5), the server's side, over wslay. Pure:
 * bytes in, events out. What is wrong shows in a frame's first two bytes, what
 * is too big in the size that it declares: neither is collected first.
 */
#ifndef VIADUCT_TRANSPORT_WS_FRAMES_H
#define VIADUCT_TRANSPORT_WS_FRAMES_H

#include "viaduct/util/buf.h"

enum {
	WS_CONTROL_MAX = 125, /* payload of a control frame */
	WS_HEAD_OUT_MAX = 10, /* before the payload of what we send */
};

enum ws_opcode {
	WS_CONTINUATION = 0x0,
	WS_TEXT = 0x1,
	WS_BINARY = 0x2,
	WS_OP_CLOSE = 0x8,
	WS_OP_PING = 0x9,
	WS_OP_PONG = 0xa,
};

/* Close codes (RFC 6455 section 7.4.1) */
enum {
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL_ERROR = 1002,
	WS_NO_CODE = 1005, /* never sent: a close frame without a code */
	WS_BAD_TEXT = 1007,
	WS_TOO_BIG = 1009,
	WS_INTERNAL_ERROR = 1011,
};

/* Unmasks one frame at a time and keeps nothing between frames, so that one
 * of them serves all connections of a worker. */
struct ws_decoder;

/* mem: for messages in fragments; borrowed. Returns 0 or VD_ENOMEM. */
int ws_decoder_new(struct mem *mem, struct ws_decoder **out);
void ws_decoder_free(struct ws_decoder *d); /* NULL allowed */

/* A message that comes in fragments, as far as it has come. All zero: none. */
struct ws_partial {
	char *p;
	uint32_t len, cap;
	uint8_t opcode; /* of its first frame; 0: none has begun */
};

void ws_partial_drop(struct ws_decoder *d, struct ws_partial *m);

enum ws_event {
	WS_MORE,     /* the frame is not whole */
	WS_FRAGMENT, /* kept; or a pong: nothing to do */
	WS_MESSAGE,  /* text or binary: `data`; then ws_partial_drop() */
	WS_PING,     /* answer with `data` */
	WS_CLOSE,    /* answer with `code` */
	WS_FAIL,     /* the connection, with `code` */
};

struct ws_frame {
	size_t used;     /* bytes; 0 after MORE and FAIL */
	struct str data; /* until the next call, and as long as `bytes` */
	unsigned code;
};

/*
 * The frame at the start of `bytes`, which are written to once it is whole;
 * call again with more after WS_MORE. Whatever was cut how, the events are the
 * same.
 *
 * m    of this connection
 * max  bytes of a message; above: WS_FAIL with 1009, by what is declared
 */
enum ws_event ws_frame_next(struct ws_decoder *d, struct ws_partial *m,
			    char *bytes, size_t len, size_t max,
			    struct ws_frame *out);

/* The head of an unmasked frame of our own that is not in fragments; returns
 * its length. */
size_t ws_frame_head(enum ws_opcode opcode, size_t len,
		     char head[WS_HEAD_OUT_MAX]);

/* The payload of a close frame: 2 bytes, or none for WS_NO_CODE. */
size_t ws_close_payload(unsigned code, char payload[2]);

/* Well-formed UTF-8 (RFC 3629): no surrogates, nothing longer than needed. */
bool ws_is_utf8(struct str s);

#endif
