/* A stored record of the location service; what it says is written again. */
#include "fuzz.h"

#include "registrar/location_priv.h"
#include "viaduct/util/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct record_clock clock = {5000000, 1700000000000};
	struct bindings *b, *again;
	uint64_t n_expired = 0;
	size_t len;
	char *out;
	int err = record_parse((struct str){(const char *)data, size}, &clock,
			       NULL, &n_expired, &b);

	if (err != 0) {
		CLAIM(err == VD_EINVAL || err == VD_ENOENT);
		return 0;
	}
	CLAIM(b->n > 0);
	for (uint32_t i = 0; i < b->n; i++)
		CLAIM(b->v[i].expires_ms > clock.now_ms);
	len = record_size(b);
	CLAIM(len <= size + b->n * (size_t)9); /* of an older version */
	out = malloc(len);
	CLAIM(record_print(b, &clock, out) == 0);
	CLAIM(record_parse((struct str){out, len}, &clock, NULL, &n_expired,
			   &again) == 0);
	CLAIM(again->n == b->n && again->size == b->size);
	free(out);
	bindings_unref(again);
	bindings_unref(b);
	return 0;
}
