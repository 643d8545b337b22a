/* A list of Via values. */
#include "fuzz.h"

#include "viaduct/sip/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, rest = text, value;

	while (sip_value_split(&rest, &value)) {
		struct sip_via v;
		struct str found;

		if (sip_via_parse(value, &v) != 0)
			continue;
		CLAIM(v.host.len != 0 && v.transport != SIP_TRANSPORT_NONE);
		claim_inside(v.host, value);
		claim_inside(v.branch, v.params);
		claim_inside(v.received, v.params);
		claim_inside(v.maddr, v.params);
		claim_inside(v.rport, v.params);
		CLAIM(sip_param_find(v.params, STR("branch"), &found) ==
		      (v.branch.p != NULL));
		CLAIM(v.branch.p == NULL || str_eq(found, v.branch));
	}
	return 0;
}
