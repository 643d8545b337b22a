/*
 * A WebSocket client's first words: the head of an HTTP/1.1 request that asks
 * for the upgrade (RFC 6455 section 4.2, RFC 7118 section 4), and our answer.
 * Pure: bytes in, bytes out. One strict line rule, as for SIP.
 */
#ifndef VIADUCT_TRANSPORT_WS_UPGRADE_H
#define VIADUCT_TRANSPORT_WS_UPGRADE_H

#include "viaduct/util/str.h"

enum {
	WS_HEAD_MAX = 8192,  /* bytes of a request's head */
	WS_FIELDS_MAX = 100, /* header fields */
	WS_ANSWER_MAX = 512, /* bytes of an answer */
};

struct ws_answer {
	unsigned status; /* 101, or the error */
	const char *why; /* the error in a sentence */
	struct str key;  /* of 101: Sec-WebSocket-Key, in the request */
	bool is_head;    /* the answer to a HEAD has no body */
	size_t used;     /* of 101: bytes of the request's head */
};

/*
 * `bytes` starts at the request; call again with more. The answer does not
 * depend on how they were cut into pieces.
 *
 * scanned  bytes already looked at; 0 at the start
 * origins  the values of Origin that are welcome; n_origins 0: any. A request
 *          without Origin is none of a browser's, and welcome.
 *
 * Returns false until the answer is clear.
 */
bool ws_upgrade_read(size_t *scanned, struct str bytes,
		     const struct str *origins, size_t n_origins,
		     struct ws_answer *out);

/* Returns the length of what it wrote; 0: no memory. */
size_t ws_upgrade_print(const struct ws_answer *a, char to[WS_ANSWER_MAX]);

#endif
