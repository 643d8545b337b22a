/* Which server transaction a request belongs to (RFC 3261 section 17.2.3). */
#ifndef VIADUCT_TXN_MATCH_H
#define VIADUCT_TXN_MATCH_H

#include "txn/txn_priv.h"

enum {
	KEY_WORDS_MAX = 32,
};

/* Branch and sent-by; or, for RFC 2543, what the request says of itself. The
 * method is not in it: ACK and CANCEL look for others than their own. */
struct txn_key {
	uint64_t words[KEY_WORDS_MAX];
	size_t n;
	uint64_t hash;
	uint32_t method;
	uint32_t to_tag; /* RFC 2543 */
	bool is_2543;
};

/* False: no usable top Via. */
bool txn_key_make(struct txn_key *key, struct sip_msg *req);

void server_insert(struct server_txn *st, const struct txn_key *key);

/* RFC 2543: an ACK has the To tag of the response that it acknowledges. */
void server_learn_tag(struct server_txn *st, const struct buf *response);

#endif
