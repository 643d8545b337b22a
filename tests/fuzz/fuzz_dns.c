/* Answers of name servers. The first byte chooses what was asked for. */
#include <arpa/nameser.h>

#include "fuzz.h"

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

/* What everybody who gets an answer relies on. */
static void check_answer(const struct dns_answer *a, int type)
{
	CLAIM(a->n <= RESOLVER_TARGETS_MAX);
	CLAIM((a->n == 0) == (a->err == VD_ENOENT));
	CLAIM(a->ttl_s <= DNS_TTL_MAX_S);
	CLAIM(a->n > 0 || a->ttl_s <= RESOLVER_NEGATIVE_MAX_S);
	for (size_t i = 0; i < a->n; i++) {
		const struct dns_record *rec = &a->records[i];
		struct str name = dns_answer_name(a, rec);

		if (type == ns_t_a || type == ns_t_aaaa)
			CLAIM(addr_family(&rec->addr) ==
			      (type == ns_t_a ? AF_INET : AF_INET6));
		else
			CLAIM(name.len == 0 || dns_name_is_ok(name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = {ns_t_a, ns_t_aaaa, ns_t_srv, ns_t_naptr};
	static struct mem *mem;
	struct dns_answer *a = NULL;
	struct dns_chain chain;
	int type, err;

	if (size == 0 || (mem == NULL && mem_new(0, &mem) != 0))
		return 0;
	type = types[data[0] % ARRAY_LEN(types)];
	dns_chain_init(&chain, STR("a.test"));
	err = dns_answer_parse(mem, data + 1, size - 1, type, &chain, &a);
	CLAIM(chain.n_cnames <= RESOLVER_CNAMES_MAX + 1);
	CLAIM(dns_name_is_ok(str_from(chain.name)));
	if (err == 0)
		check_answer(a, type);
	dns_answer_unref(a);
	return 0;
}
