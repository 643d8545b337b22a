/* The value of an Authorization field. */
#include "fuzz.h"

#include "auth/auth_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct credentials c;
	uint32_t nc = 0;

	if (!credentials_parse(text, &c))
		return 0;
	claim_inside(c.username, text);
	claim_inside(c.realm, text);
	claim_inside(c.nonce, text);
	claim_inside(c.uri, text);
	claim_inside(c.response, text);
	claim_inside(c.algorithm, text);
	claim_inside(c.cnonce, text);
	claim_inside(c.qop, text);
	claim_inside(c.nc, text);
	if (!credentials_are_whole(&c, &nc))
		return 0;
	CLAIM(!c.is_bad && nc > 0 && c.username.len > 0);
	CLAIM(c.qop.p == NULL ? nc == 1 : c.nc.len == 8);
	return 0;
}
