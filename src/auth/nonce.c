/*
 * Nonces: base64url of
 *
 *   8 bytes   milliseconds of the monotonic clock << 20, and a number
 *   4 bytes   the holder: a hash of the address that it was given to
 *   12 bytes  MAC over these, the process and the realm
 *
 * The holder does not bind a nonce to an address, which may change behind a
 * NAT or a farm of proxies. It tells whom a failure counts against: a source
 * address can be forged, but who answers a nonce has received it.
 */
#include "auth/auth_priv.h"

#include "viaduct/util/hash.h"

enum {
	NUMBER_BITS = 20,
	STAMP_LEN = 12,
	RAW_LEN = STAMP_LEN + MAC_LEN,
	SKEW_MS = 5000, /* by which another worker's clock may be ahead */
};

uint32_t nonce_holder(const union addr *a)
{
	const struct hash_key *key = hash_process_key();

	if (addr_family(a) == AF_INET6) /* one subscriber: a /64 */
		return (uint32_t)hash_bytes(key, &a->in6.sin6_addr, 8);
	return (uint32_t)hash_bytes(key, &a->in4.sin_addr, 4);
}

static void tag_of(struct auth *a, const uint8_t *stamp, struct str realm,
		   uint8_t tag[MAC_LEN])
{
	const struct str pieces[] = {
		{(const char *)&a->process, sizeof(a->process)},
		{(const char *)stamp, STAMP_LEN},
		realm,
	};

	mac_tag(a->mac, pieces, ARRAY_LEN(pieces), tag);
}

void nonce_make(struct auth *a, struct str realm, uint32_t holder,
		uint64_t now_ms, char out[NONCE_LEN])
{
	uint64_t number =
		atomic_fetch_add_explicit(&a->next, 1, memory_order_relaxed);
	uint64_t stamp =
		now_ms << NUMBER_BITS | (number & ((1u << NUMBER_BITS) - 1));
	uint8_t raw[RAW_LEN];

	memcpy(raw, &stamp, sizeof(stamp));
	memcpy(raw + sizeof(stamp), &holder, sizeof(holder));
	tag_of(a, raw, realm, raw + STAMP_LEN);
	base64url_encode(raw, sizeof(raw), out);
}

bool nonce_read(struct auth *a, struct str text, struct str realm,
		uint64_t now_ms, uint32_t lifetime_ms, struct nonce *out)
{
	uint8_t raw[RAW_LEN], tag[MAC_LEN];
	uint64_t stamp;

	if (text.len != NONCE_LEN ||
	    base64url_decode(text, raw, sizeof(raw)) != RAW_LEN)
		return false;
	tag_of(a, raw, realm, tag);
	if (!mac_eq(tag, raw + STAMP_LEN, MAC_LEN))
		return false;
	memcpy(&stamp, raw, sizeof(stamp));
	memcpy(&out->holder, raw + sizeof(stamp), sizeof(out->holder));
	memcpy(&out->id, tag, sizeof(out->id));
	out->made_ms = stamp >> NUMBER_BITS;
	return out->made_ms <= now_ms + SKEW_MS &&
	       now_ms <= out->made_ms + lifetime_ms;
}
