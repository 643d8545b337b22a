/*
 * The little of STUN that a SIP server must speak on its UDP ports (RFC 5626
 * section 8; RFC 8489): a phone's Binding request keeps its NAT's mapping, and
 * the answer tells it whether the mapping is still the same. Pure: bytes in,
 * bytes out, nothing is kept.
 */
#ifndef VIADUCT_TRANSPORT_STUN_H
#define VIADUCT_TRANSPORT_STUN_H

#include <stdint.h>

#include "viaduct/util/addr.h"
#include "viaduct/util/str.h"

enum {
	STUN_ANSWER_MAX = 44, /* a header and an IPv6 address */
};

/* No SIP message begins so. */
static inline bool is_stun(struct str bytes)
{
	return bytes.len > 0 && (unsigned char)bytes.p[0] <= 1;
}

/*
 * The answer to a datagram that is_stun(): where it came from (section 14.2),
 * or 420 for an attribute that must be understood and is not (6.3.1). Returns
 * its length; 0: it is no well-formed Binding request, and no answer is due.
 *
 * out: STUN_ANSWER_MAX bytes.
 */
size_t stun_answer(struct str request, const union addr *from, uint8_t *out);

#endif
