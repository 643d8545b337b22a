/* What is asked: a name and a type, as the cache and the queries know it. */
#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

int dns_key_init(struct dns_key *k, struct str name, int type)
{
	if (name.len > 0 && name.p[name.len - 1] == '.')
		name.len--;
	if (!dns_name_is_ok(name))
		return VD_EINVAL;
	k->type = (uint16_t)type;
	k->len = (uint16_t)name.len;
	for (size_t i = 0; i < name.len; i++)
		k->name[i] = ascii_lower(name.p[i]);
	k->name[name.len] = '\0';
	k->hash = hash_bytes(hash_process_key(), &k->type,
			     offsetof(struct dns_key, name) -
				     offsetof(struct dns_key, type) + name.len);
	return 0;
}
