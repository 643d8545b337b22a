/* SIP messages on a stream of bytes (RFC 3261 section 18.3). */
#include "transport/conn.h"
#include "viaduct/util/err.h"

static void sip_pong(struct conn *c)
{
	if (conn_send(c, c->t->pong) == VD_ENOMEM)
		conn_abort(c, STAT_connections_failed);
}

/* Handle what stands at the start of `bytes`. Returns how many bytes it took;
 * 0: the rest of it has not come, or never matters. */
static size_t sip_step(struct conn *c, struct str bytes)
{
	struct sip_framer f;
	enum sip_frame frame =
		sip_frame_next(&c->framer, bytes, conn_message_max(c));

	f = c->framer;
	if (frame != SIP_FRAME_MORE)
		memset(&c->framer, 0, sizeof(c->framer));
	switch (frame) {
	case SIP_FRAME_MORE:
		return 0;
	case SIP_FRAME_READY:
		conn_message(c, (struct str){bytes.p, f.need});
		return f.need;
	case SIP_FRAME_PING:
		sip_pong(c);
		return 4;
	case SIP_FRAME_SKIP:
		return 2;
	case SIP_FRAME_BAD:
		conn_broken(c, bytes, 400);
		return 0;
	case SIP_FRAME_TOO_BIG:
		conn_broken(c, bytes, 513);
		return 0;
	}
	return 0;
}

static size_t sip_deliver(struct conn *c, char *bytes, size_t len)
{
	size_t used = 0;

	while (used < len && conn_reads(c)) {
		size_t n = sip_step(c, (struct str){bytes + used, len - used});

		if (n == 0)
			break;
		used += n;
	}
	return used;
}

/* White space before a message is a keep-alive. */
static bool sip_has_begun(const struct conn *c, struct str rest)
{
	(void)c;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.p[i] != '\r' && rest.p[i] != '\n')
			return true;
	return false;
}

const struct conn_framing framing_sip = {
	.may_half_close = true,
	.deliver = sip_deliver,
	.has_begun = sip_has_begun,
};
