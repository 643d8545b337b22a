/* From, To, Contact, Route: a list of addresses with parameters. */
#include "fuzz.h"

#include "viaduct/sip/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, rest = text, value;

	while (sip_value_split(&rest, &value)) {
		struct str params, name, v;
		struct sip_addr a;

		claim_inside(value, text);
		if (sip_addr_parse(value, &a) != 0)
			continue;
		CLAIM(a.uri.len != 0);
		claim_inside(a.display, value);
		claim_inside(a.uri, value);
		claim_inside(a.params, value);
		claim_inside(a.tag, a.params);
		for (params = a.params; sip_param_next(&params, &name, &v);)
			claim_inside(v, a.params);
		CLAIM(sip_param_find(a.params, STR("TAG"), &v) ==
		      (a.tag.p != NULL));
	}
	return 0;
}
