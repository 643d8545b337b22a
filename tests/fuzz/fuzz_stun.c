/* A datagram that is not SIP: the answer stays in its bounds, and repeats what
 * makes it that request's. */
#include "fuzz.h"

#include "transport/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	uint8_t out[STUN_ANSWER_MAX];
	union addr from;
	size_t len;

	CLAIM(addr_parse(STR("[2001:db8::1]"), 5060, &from) == 0);
	len = stun_answer(bytes, &from, out);
	CLAIM(len == 0 || (size >= 20 && memcmp(out + 4, data + 4, 16) == 0));
	CLAIM(len <= sizeof(out) && (len == 0 || len == 20u + out[3]));
	return 0;
}
