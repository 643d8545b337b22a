/* Our own messages, read again: the request for its ACK or CANCEL, a response
 * for its tag. And methods as numbers. */
#include "txn/txn_priv.h"

/* As many fields as the message has lines: it has met the limits before. */
static unsigned count_lines(struct str s)
{
	const char *end = s.p + s.len;
	const char *p = s.p;
	unsigned n = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		n++;
	}
	return n;
}

int txn_index(struct mem *mem, const struct buf *b, struct txn_indexed *out)
{
	unsigned n = count_lines(buf_str(b)) + 1;
	struct sip_limits limits = {
		.headers = n, .uri_size = b->len, .vias = b->len};
	size_t size = (n + 1) * sizeof(struct sip_hdr);
	struct sip_hdr *hdrs = mem_alloc(mem, size);

	if (hdrs == NULL)
		return VD_ENOMEM;
	out->hdrs = hdrs;
	out->size = size;
	/* We made it, so it is good, but for a Content-Length that speaks of a
	 * body which has been let go. */
	sip_msg_index(buf_str(b), &limits, hdrs, &out->msg);
	return 0;
}

void txn_unindex(struct mem *mem, struct txn_indexed *x)
{
	mem_free(mem, x->hdrs, x->size);
}

uint32_t txn_method_key(enum sip_method method, struct str name)
{
	uint64_t hash;

	if (method != SIP_METHOD_OTHER)
		return method;
	hash = hash_bytes(hash_process_key(), name.p, name.len);
	return (uint32_t)hash | UINT32_C(1) << 31;
}
