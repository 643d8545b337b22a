/* What all workers share. */
#include "auth/auth_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"

static void digester_free(void *p)
{
	digester_fini(p);
	free(p);
}

static int open_nonces(struct auth *a, const uint8_t secret[MAC_KEY_LEN])
{
	struct str s = {(const char *)secret, MAC_KEY_LEN};
	uint8_t key[MAC_KEY_LEN];
	int err = mac_derive_key(s, "digest nonce", key);

	if (err != 0)
		return err;
	random_bytes(&a->process, sizeof(a->process));
	return mac_new(key, &a->mac);
}

/* Hexadecimal like an HA1, and nobody's. */
static void set_nobody(struct auth *a)
{
	random_bytes(a->nobody, sizeof(a->nobody));
	for (size_t i = 0; i < sizeof(a->nobody); i++)
		a->nobody[i] = "0123456789abcdef"[a->nobody[i] & 15];
}

int auth_new(const uint8_t secret[32], struct auth **out)
{
	struct auth *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return VD_ENOMEM;
	set_nobody(a);
	err = open_nonces(a, secret);
	if (err == 0)
		err = counts_new(&a->counts);
	if (err == 0)
		err = failures_new(&a->failures);
	if (err == 0 && pthread_key_create(&a->digesters, digester_free) != 0)
		err = VD_ENOMEM;
	if (err != 0) {
		auth_free(a);
		return err;
	}
	a->has_digesters = true;
	*out = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	if (a->has_digesters) {
		void *own = pthread_getspecific(a->digesters);

		if (own != NULL) /* threads that have ended freed theirs */
			digester_free(own);
		pthread_key_delete(a->digesters);
	}
	failures_free(a->failures);
	counts_free(a->counts);
	mac_free(a->mac);
	free(a);
}

struct digester *auth_digester(struct auth *a)
{
	struct digester *d = pthread_getspecific(a->digesters);

	if (d != NULL)
		return d;
	d = malloc(sizeof(*d));
	if (d == NULL)
		return NULL;
	if (digester_init(d) != 0) {
		free(d);
		return NULL;
	}
	if (pthread_setspecific(a->digesters, d) != 0) {
		digester_free(d);
		return NULL;
	}
	return d;
}
