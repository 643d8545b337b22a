/* The order in which SRV records are tried (RFC 2782, "Usage rules"). */
#include "resolver/resolver_priv.h"

/* Priorities rise; inside one, records of weight 0 come first. */
static bool comes_before(const struct dns_record *a, const struct dns_record *b)
{
	if (a->srv.priority != b->srv.priority)
		return a->srv.priority < b->srv.priority;
	return a->srv.weight == 0 && b->srv.weight != 0;
}

static void arrange(const struct dns_record *records, size_t n, uint8_t *order)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		while (at > 0 &&
		       comes_before(&records[i], &records[order[at - 1]])) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = (uint8_t)i;
	}
}

/* The first whose running sum of weights reaches the random number. */
static size_t choose(const struct dns_record *records, const uint8_t *order,
		     size_t n, srv_random_fn *random, void *arg)
{
	uint32_t sum = 0, wanted;
	size_t i;

	for (i = 0; i < n; i++)
		sum += records[order[i]].srv.weight;
	wanted = random(arg, sum);
	sum = 0;
	for (i = 0; i < n - 1; i++) {
		sum += records[order[i]].srv.weight;
		if (sum >= wanted)
			break;
	}
	return i;
}

/* Move the chosen one to the front; the others keep their arrangement. */
static void draw(const struct dns_record *records, uint8_t *order, size_t n,
		 srv_random_fn *random, void *arg)
{
	size_t at = choose(records, order, n, random, arg);
	uint8_t chosen = order[at];

	memmove(order + 1, order, at);
	order[0] = chosen;
}

void srv_order(const struct dns_record *records, size_t n,
	       srv_random_fn *random, void *arg, uint8_t *order)
{
	size_t end;

	arrange(records, n, order);
	for (size_t i = 0; i < n; i++) {
		uint16_t priority = records[order[i]].srv.priority;

		for (end = i + 1; end < n; end++)
			if (records[order[end]].srv.priority != priority)
				break;
		draw(records, order + i, end - i, random, arg);
	}
}
