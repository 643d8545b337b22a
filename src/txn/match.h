/* Which server transaction a request belongs to (RFC 3261 section 17.2.3). */
#ifndef VIADUCT_TXN_MATCH_H
#define VIADUCT_TXN_MATCH_H

#include "txn/txn_priv.h"

void server_insert(struct server_txn *st, const struct txn_key *key);

/* RFC 2543: an ACK has the To tag of the response that it acknowledges. */
void server_learn_tag(struct server_txn *st, const struct buf *response);

#endif
