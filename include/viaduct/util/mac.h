/*
 * Message authentication for what we hand out and want to recognise: tokens in
 * Record-Route. SipHash-2-4 with a 128-bit key and tag, cut to 96 bits: a MAC
 * for short messages by design. A token takes 500 instructions; HMAC-SHA256
 * takes 8,700, and a call needs three.
 */
#ifndef VIADUCT_UTIL_MAC_H
#define VIADUCT_UTIL_MAC_H

#include "viaduct/util/str.h"

enum {
	MAC_LEN = 12, /* bytes of a tag */
	MAC_KEY_LEN = 32,
};

struct mac;

/* key: MAC_KEY_LEN bytes, copied. Returns 0 or VD_ENOMEM. */
int mac_new(const uint8_t key[MAC_KEY_LEN], struct mac **out);
void mac_free(struct mac *m);

/* One tag over `n` pieces, each preceded by its length so that pieces cannot
 * run into each other, and filled up with zeros to a multiple of 8 bytes. */
void mac_tag(struct mac *m, const struct str *pieces, size_t n,
	     uint8_t tag[MAC_LEN]);

/* Compares in constant time. */
bool mac_eq(const uint8_t *a, const uint8_t *b, size_t len);

/* Derive a key of MAC_KEY_LEN bytes from a secret of any length, for one
 * purpose (a short text). Returns 0 or VD_ENOMEM. */
int mac_derive_key(struct str secret, const char *purpose,
		   uint8_t key[MAC_KEY_LEN]);

/* Random bytes of the system's generator; aborts the start if there are none.
 */
void random_bytes(void *p, size_t len);

/* base64url without padding. enc: returns the length written, 4*len/3 rounded
 * up; dec: returns the number of bytes or VD_EINVAL / VD_ETOOBIG. */
size_t base64url_encode(const void *p, size_t len, char *out);
int base64url_decode(struct str text, void *out, size_t cap);

#endif
