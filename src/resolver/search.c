/*
 * The search (RFC 3263 sections 4.1 to 4.3), one step at a time: a step is done
 * when somebody wants the next hop, and not before.
 *
 *   ASK_NAPTR -> ASK_SRV -> NEXT_TARGET -> NEXT_ADDRESS   a name alone
 *                ASK_SRV -> NEXT_TARGET -> NEXT_ADDRESS   with a transport
 *                                          NEXT_ADDRESS   with a port, or in
 *                                                         the hosts file
 *                                          NUMERIC        an address
 *
 * Addresses come after one SRV target, after that the next target; after its
 * targets, the next service. Hops that failed lately come at the end of all.
 */
#include <arpa/nameser.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

/* --- errors: what is said when no hop was found --- */

static int weight_of(int err)
{
	static const int by_weight[] = {
		VD_ENOENT,   VD_EUNSUP, VD_ESERVFAIL,
		VD_ETIMEOUT, VD_ELIMIT, VD_ENOMEM,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(by_weight) - 1; i++)
		if (by_weight[i] == err)
			break;
	return (int)i;
}

static void note(struct locate *l, int err)
{
	if (weight_of(err) > weight_of(l->error))
		l->error = err;
}

/* No more hops from the DNS. */
int search_give_up(struct locate *l, int err)
{
	note(l, err);
	l->state = NEXT_SUSPECT;
	return SEARCH_GO_ON;
}

/* --- asking --- */

static void question_done(struct lookup *lk)
{
	locate_wake(CONTAINER_OF(lk, struct locate, question));
}

/* The other family's answer keeps until its turn. */
static void first_addresses_done(struct lookup *lk)
{
	struct locate *l = CONTAINER_OF(lk, struct locate, addresses[0]);

	if (l->family == 0)
		locate_wake(l);
}

static void second_addresses_done(struct lookup *lk)
{
	struct locate *l = CONTAINER_OF(lk, struct locate, addresses[1]);

	if (l->family == 1)
		locate_wake(l);
}

/* Ask, or look for the answer. Returns 0 with lk->answer, VD_EAGAIN, or why
 * there is none. */
static int ask(struct locate *l, struct lookup *lk, struct str name, int type,
	       lookup_fn *done)
{
	int err = 0;

	if (!lk->is_asked)
		err = lookup_start(l->r, lk, name, type, !l->is_late, done);
	if (lk->answer != NULL)
		return lk->answer->err;
	if (err == 0 || err == VD_EAGAIN)
		return l->is_late ? VD_ETIMEOUT : VD_EAGAIN;
	return err;
}

/* The answer is taken out of the lookup, which may be asked again. */
static struct dns_answer *take(struct lookup *lk)
{
	struct dns_answer *a = lk->answer;

	lk->answer = NULL;
	lookup_drop(lk);
	return a;
}

/* --- hops --- */

/* Too many, or no memory: false, and it is given in its turn. */
static bool remember(struct locate *l, const struct locate_hop *hop)
{
	struct suspect *s;

	if (l->n_suspects == RESOLVER_TARGETS_MAX)
		return false;
	s = mem_alloc(l->mem, sizeof(*s));
	if (s == NULL)
		return false;
	s->hop = *hop;
	list_add_tail(&l->suspects, &s->link);
	l->n_suspects++;
	return true;
}

static int offer(struct locate *l, const union addr *addr, uint16_t port,
		 struct locate_hop *out)
{
	struct locate_hop hop = {.transport = l->transport, .addr = *addr};

	addr_set_port(&hop.addr, port);
	hop.is_suspect =
		health_is_suspect(&l->r->health, &hop, loop_now_ms(l->r->loop));
	if (hop.is_suspect && remember(l, &hop))
		return SEARCH_GO_ON;
	*out = hop;
	return 0;
}

static void suspect_free(struct locate *l, struct suspect *s)
{
	list_del(&s->link);
	mem_free(l->mem, s, sizeof(*s));
}

static int next_suspect(struct locate *l, struct locate_hop *out)
{
	struct suspect *s;

	if (list_is_empty(&l->suspects)) {
		l->state = END;
		return SEARCH_GO_ON;
	}
	s = LIST_FIRST(&l->suspects, struct suspect, link);
	*out = s->hop;
	suspect_free(l, s);
	return 0;
}

/* --- section 4.2: addresses --- */

static int ask_addresses(struct locate *l, size_t i)
{
	return ask(l, &l->addresses[i], l->name,
		   l->families[i] == AF_INET ? ns_t_a : ns_t_aaaa,
		   i == 0 ? first_addresses_done : second_addresses_done);
}

/* Both families are asked for at once; errors show when their turn comes. */
static void enter_addresses(struct locate *l, struct str name)
{
	l->name = name;
	l->family = l->next_address = 0;
	l->state = NEXT_ADDRESS;
	for (size_t i = 0; i < l->n_families; i++)
		ask_addresses(l, i);
}

static int leave_addresses(struct locate *l)
{
	for (size_t i = 0; i < l->n_families; i++)
		lookup_drop(&l->addresses[i]);
	l->state = l->srv != NULL ? NEXT_TARGET : NEXT_SUSPECT;
	return SEARCH_GO_ON;
}

static int next_address(struct locate *l, struct locate_hop *out)
{
	const struct dns_answer *a;
	int err;

	if (l->family == l->n_families)
		return leave_addresses(l);
	err = ask_addresses(l, l->family);
	if (err == VD_EAGAIN)
		return err;
	a = l->addresses[l->family].answer;
	if (err != 0 || l->next_address == a->n) {
		if (err != 0)
			note(l, err);
		l->family++;
		l->next_address = 0;
		return SEARCH_GO_ON;
	}
	return offer(l, &a->records[l->next_address++].addr, l->port, out);
}

static int give_numeric(struct locate *l, struct locate_hop *out)
{
	l->state = NEXT_SUSPECT;
	return offer(l, &l->numeric, l->port, out);
}

/* The host itself, at its port or the default one. */
static int enter_host(struct locate *l, enum sip_transport transport)
{
	if (!target_has(&l->target, transport))
		return search_give_up(l, VD_EUNSUP);
	l->transport = transport;
	l->port = l->target.port;
	if (l->port == 0)
		l->port = sip_transport_port(transport);
	if (addr_family(&l->numeric) != AF_UNSPEC)
		l->state = NUMERIC;
	else
		enter_addresses(l, l->target.host);
	return SEARCH_GO_ON;
}

/* --- sections 4.2 and 4.3: SRV --- */

static uint32_t random_upto(void *arg, uint32_t max)
{
	struct resolver *r = arg;
	uint64_t z = r->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9); /* SplitMix64 */
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (uint32_t)(((z >> 32) * ((uint64_t)max + 1)) >> 32);
}

static struct str service_srv_name(struct locate *l, char buf[DNS_NAME_MAX])
{
	const struct service *s = &l->services[l->service];

	if (s->record >= 0)
		return dns_answer_name(l->naptr, &l->naptr->records[s->record]);
	return (struct str){buf,
			    service_name(s->transport, l->target.host, buf)};
}

/* No SRV record anywhere: the host itself (the end of section 4.2). But not
 * when records may exist, or exist for what we cannot speak. */
static int leave_services(struct locate *l)
{
	if (l->has_srv || l->has_failed_srv)
		return search_give_up(l, VD_ENOENT);
	if (l->has_other)
		return search_give_up(l, VD_EUNSUP);
	return enter_host(l, l->fallback);
}

static int ask_srv(struct locate *l, struct locate_hop *out)
{
	char buf[DNS_NAME_MAX];
	int err;

	(void)out;
	if (l->service == l->n_services)
		return leave_services(l);
	err = ask(l, &l->question, service_srv_name(l, buf), ns_t_srv,
		  question_done);
	if (err == VD_EAGAIN)
		return err;
	if (err != 0) {
		note(l, err);
		l->has_failed_srv |= err != VD_ENOENT;
		lookup_drop(&l->question);
		l->service++;
		return SEARCH_GO_ON;
	}
	l->has_srv = true;
	l->srv = take(&l->question);
	srv_order(l->srv->records, l->srv->n, random_upto, l->r, l->order);
	l->next_target = 0;
	l->state = NEXT_TARGET;
	return SEARCH_GO_ON;
}

static int leave_targets(struct locate *l)
{
	dns_answer_unref(l->srv);
	l->srv = NULL;
	l->service++;
	l->state = ASK_SRV;
	return SEARCH_GO_ON;
}

/* RFC 2782: a target of "." says that there is no such service. */
static int next_target(struct locate *l, struct locate_hop *out)
{
	const struct dns_record *rec;
	struct str name;

	(void)out;
	if (l->next_target == l->srv->n)
		return leave_targets(l);
	rec = &l->srv->records[l->order[l->next_target++]];
	name = dns_answer_name(l->srv, rec);
	if (name.len == 0 || rec->srv.port == 0)
		return SEARCH_GO_ON;
	l->transport = l->services[l->service].transport;
	l->port = rec->srv.port;
	enter_addresses(l, name);
	return SEARCH_GO_ON;
}

/* --- section 4.1: the transport --- */

/* A name server that fails on NAPTR alone is asked for SRV; one that does not
 * answer is not asked again. */
static int ask_naptr(struct locate *l, struct locate_hop *out)
{
	const struct locate_target *t = &l->target;
	int err = ask(l, &l->question, t->host, ns_t_naptr, question_done);

	(void)out;
	if (err == VD_EAGAIN)
		return err;
	if (err != 0 && err != VD_ENOENT && err != VD_ESERVFAIL)
		return search_give_up(l, err);
	if (err != 0)
		note(l, err);
	l->fallback = service_default(t);
	l->naptr = take(&l->question);
	if (err == 0)
		l->n_services = services_of_naptr(t, l->naptr, l->services,
						  &l->has_other);
	if (l->n_services > 0)
		l->fallback = l->services[0].transport;
	else
		l->n_services = services_without_naptr(t, l->services);
	l->state = ASK_SRV;
	return SEARCH_GO_ON;
}

static bool is_in_hosts(const struct locate *l)
{
	return hosts_find(&l->r->hosts, l->target.host, ns_t_a) != NULL;
}

static bool has_family(const struct locate_target *t, int family)
{
	return (family == AF_INET && t->has_inet) ||
	       (family == AF_INET6 && t->has_inet6);
}

/* False: there is no way to send to it. */
static bool choose_families(struct locate *l)
{
	int numeric = addr_family(&l->numeric);

	for (size_t i = 0; i < ARRAY_LEN(l->r->conf.families); i++)
		if (has_family(&l->target, l->r->conf.families[i]))
			l->families[l->n_families++] = l->r->conf.families[i];
	return numeric != AF_UNSPEC ? has_family(&l->target, numeric)
				    : l->n_families > 0;
}

void search_begin(struct locate *l)
{
	const struct locate_target *t = &l->target;
	bool is_numeric = addr_family(&l->numeric) != AF_UNSPEC;
	enum sip_transport transport;

	if (!choose_families(l) || service_demanded(t, &transport) != 0) {
		search_give_up(l, VD_EUNSUP);
	} else if (is_numeric || t->port != 0 || is_in_hosts(l)) {
		if (transport == SIP_TRANSPORT_NONE)
			transport = service_default(t);
		enter_host(l, transport);
	} else if (transport != SIP_TRANSPORT_NONE) {
		l->services[0] = (struct service){(uint8_t)transport, -1};
		l->n_services = 1;
		l->fallback = transport;
		l->state = ASK_SRV;
	} else {
		l->state = ASK_NAPTR;
	}
}

/* --- the end --- */

void search_release(struct locate *l)
{
	struct list *it, *tmp;

	lookup_drop(&l->question);
	lookup_drop(&l->addresses[0]);
	lookup_drop(&l->addresses[1]);
	dns_answer_unref(l->naptr);
	dns_answer_unref(l->srv);
	l->naptr = l->srv = NULL;
	LIST_FOREACH(it, tmp, &l->suspects) {
		suspect_free(l, LIST_ENTRY(it, struct suspect, link));
	}
}

/* Nothing is left to give. */
static int reach_end(struct locate *l, struct locate_hop *out)
{
	(void)out;
	search_release(l);
	if (!l->has_hop)
		stats_add(l->r->stats, STAT_dns_failures, 1);
	l->state = ENDED;
	return SEARCH_GO_ON;
}

static int stay_ended(struct locate *l, struct locate_hop *out)
{
	(void)out;
	return l->has_hop ? VD_ENOENT : l->error;
}

typedef int step_fn(struct locate *l, struct locate_hop *out);

static step_fn *const steps[] = {
	[ASK_NAPTR] = ask_naptr,     [ASK_SRV] = ask_srv,
	[NEXT_TARGET] = next_target, [NEXT_ADDRESS] = next_address,
	[NUMERIC] = give_numeric,    [NEXT_SUSPECT] = next_suspect,
	[END] = reach_end,           [ENDED] = stay_ended,
};

int search_step(struct locate *l, struct locate_hop *out)
{
	return steps[l->state](l, out);
}
