/*
 * SIP over WebSocket (RFC 7118, RFC 6455): an upgrade, then each message in one
 * message of the WebSocket's.
 */
#include "transport/conn.h"
#include "transport/ws_upgrade.h"
#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

/* --- what goes out besides messages --- */

static void send_bytes(struct conn *c, struct str head, struct str rest)
{
	struct buf *b = buf_new(c->t->mem, head.len + rest.len);
	int err = VD_ENOMEM;

	if (b != NULL) {
		memcpy(b->data, head.p, head.len);
		if (rest.len > 0)
			memcpy(b->data + head.len, rest.p, rest.len);
		b->len = b->cap;
		err = conn_send_raw(c, b);
		buf_unref(b);
	}
	if (err == VD_ENOMEM)
		conn_abort(c, STAT_connections_failed);
}

static void send_control(struct conn *c, enum ws_opcode opcode,
			 struct str payload)
{
	char head[WS_HEAD_OUT_MAX];
	size_t n = ws_frame_head(opcode, payload.len, head);

	send_bytes(c, (struct str){head, n}, payload);
}

/* Our close frame is the last (RFC 6455 section 5.5.1). */
static void send_close(struct conn *c, unsigned code)
{
	char payload[2];
	size_t n = ws_close_payload(code, payload);

	if (c->ws.is_closing)
		return;
	c->ws.is_closing = true;
	send_control(c, WS_OP_CLOSE, (struct str){payload, n});
}

static void ws_close(struct conn *c, unsigned code)
{
	send_close(c, code);
	conn_finish(c);
}

/* --- the upgrade --- */

static void ws_refuse(struct conn *c, const struct ws_answer *a)
{
	stats_add(c->t->stats, STAT_handshakes_failed, 1);
	log_debug(STR_NONE, "conn.upgrade", KV_ADDR("remote", &c->flow.remote),
		  KV_UINT("status", a->status), KV_TEXT("why", a->why));
	conn_finish(c);
}

static size_t ws_upgrade(struct conn *c, struct str bytes)
{
	const struct listener_conf *l =
		c->t->set->listeners[c->flow.listener].conf;
	struct ws_answer a;
	char text[WS_ANSWER_MAX];
	size_t n;

	if (!ws_upgrade_read(&c->ws.scanned, bytes, l->origins.v, l->origins.n,
			     &a))
		return 0;
	n = ws_upgrade_print(&a, text);
	if (n == 0) {
		conn_abort(c, STAT_connections_failed);
		return 0;
	}
	send_bytes(c, (struct str){text, n}, STR_NONE);
	if (a.status != 101) {
		ws_refuse(c, &a);
		return 0;
	}
	if (c->state == CONN_HANDSHAKING)
		conn_opened(c);
	return a.used;
}

/* --- messages --- */

static struct str skip_crlf(struct str s)
{
	while (str_starts(s, STR("\r\n")))
		s = str_skip(s, 2);
	return s;
}

/* CRLF CRLF is a ping (RFC 7118 section 6, RFC 5626 section 3.5.1), CRLF or
 * nothing is nothing. What follows the body that Content-Length declares is
 * cut off later, as where each message has a datagram (RFC 3261 section 18.3).
 */
static void ws_message(struct conn *c, struct str bytes)
{
	struct str message = skip_crlf(bytes);

	if (message.len > 0)
		conn_message(c, message);
	else if (bytes.len >= 4 && conn_send(c, c->t->pong) == VD_ENOMEM)
		conn_abort(c, STAT_connections_failed);
}

static void ws_fail(struct conn *c, unsigned code)
{
	stats_add(c->t->stats, STAT_messages_malformed, 1);
	log_debug(STR_NONE, "conn.websocket",
		  KV_ADDR("remote", &c->flow.remote),
		  KV_UINT("close_code", code));
	ws_close(c, code);
}

static size_t ws_step(struct conn *c, char *bytes, size_t len)
{
	struct ws_frame f;

	switch (ws_frame_next(c->t->ws, &c->ws.partial, bytes, len,
			      conn_message_max(c), &f)) {
	case WS_MORE:
	case WS_FRAGMENT:
		break;
	case WS_MESSAGE:
		ws_message(c, f.data);
		ws_partial_drop(c->t->ws, &c->ws.partial);
		break;
	case WS_PING:
		send_control(c, WS_OP_PONG, f.data);
		break;
	case WS_CLOSE:
		ws_close(c, f.code);
		break;
	case WS_FAIL:
		ws_fail(c, f.code);
		break;
	}
	return f.used;
}

static size_t ws_deliver(struct conn *c, char *bytes, size_t len)
{
	size_t used = 0;

	while (used < len && conn_reads(c)) {
		size_t n = c->state == CONN_HANDSHAKING
				   ? ws_upgrade(c, (struct str){bytes + used,
								len - used})
				   : ws_step(c, bytes + used, len - used);

		if (n == 0)
			break;
		used += n;
	}
	return used;
}

/* The upgrade has the handshake's deadline. */
static bool ws_has_begun(const struct conn *c, struct str rest)
{
	return c->state == CONN_OPEN &&
	       (rest.len > 0 || c->ws.partial.opcode != 0);
}

static size_t ws_head(struct conn *c, const struct buf *b,
		      char head[FRAMING_HEAD_MAX])
{
	(void)c;
	return ws_frame_head(ws_is_utf8(buf_str(b)) ? WS_TEXT : WS_BINARY,
			     b->len, head);
}

static void ws_ping(struct conn *c)
{
	send_control(c, WS_OP_PING, STR_NONE);
}

static void ws_finish(struct conn *c)
{
	if (c->state == CONN_OPEN)
		send_close(c, WS_GOING_AWAY);
}

static void ws_free(struct conn *c)
{
	ws_partial_drop(c->t->ws, &c->ws.partial);
}

const struct conn_framing framing_ws = {
	.has_upgrade = true,
	.deliver = ws_deliver,
	.has_begun = ws_has_begun,
	.head = ws_head,
	.ping = ws_ping,
	.finish = ws_finish,
	.free = ws_free,
};
