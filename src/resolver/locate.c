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

enum {
	GO_ON = 1, /* a step led to another */
};

enum search_state {
	ASK_NAPTR,
	ASK_SRV,
	NEXT_TARGET,
	NEXT_ADDRESS,
	NUMERIC,
	NEXT_SUSPECT,
	END,
	ENDED,
};

struct suspect {
	struct list link;
	struct locate_hop hop;
};

struct locate {
	struct resolver *r; /* borrowed; NULL: it is gone */
	struct mem *mem;    /* borrowed */
	struct list link;   /* in r->searches */
	struct list ready_link;
	locate_ready_fn *ready;
	void *arg;
	struct timer deadline; /* armed while one hop is waited for */
	enum search_state state;
	int error; /* the most telling so far */
	bool is_waiting;
	bool is_late; /* the deadline is over: what is known must do */
	bool has_hop; /* one was given */
	bool has_srv; /* SRV records were found */
	bool has_failed_srv;
	bool has_other; /* services over transports that we lack */
	struct locate_target target;
	union addr numeric;

	struct lookup question; /* NAPTR, then SRV by SRV */
	struct dns_answer *naptr;
	struct service services[RESOLVER_TARGETS_MAX];
	size_t n_services, service;
	enum sip_transport fallback; /* when there is no SRV record */

	struct dns_answer *srv; /* of services[service] */
	uint8_t order[RESOLVER_TARGETS_MAX];
	size_t next_target;

	enum sip_transport transport; /* of the addresses at hand */
	uint16_t port;
	struct str name; /* whose; in `srv` or `host` */
	int families[2];
	size_t n_families, family, next_address;
	struct lookup addresses[2]; /* by family */

	struct list suspects;
	size_t n_suspects;
	size_t host_len;
	char host[];
};

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
static int give_up(struct locate *l, int err)
{
	note(l, err);
	l->state = NEXT_SUSPECT;
	return GO_ON;
}

/* --- asking --- */

/* Its lookup is answered: the search that waits for it may go on. */
static void wake(struct locate *l)
{
	struct resolver *r = l->r;

	if (!l->is_waiting || !list_is_empty(&l->ready_link))
		return;
	list_add_tail(&r->ready, &l->ready_link);
	if (!timer_is_armed(&r->wake))
		timer_arm(loop_wheel(r->loop), &r->wake, 0);
}

static void question_done(struct lookup *lk)
{
	wake(CONTAINER_OF(lk, struct locate, question));
}

/* The other family's answer keeps until its turn. */
static void first_addresses_done(struct lookup *lk)
{
	struct locate *l = CONTAINER_OF(lk, struct locate, addresses[0]);

	if (l->family == 0)
		wake(l);
}

static void second_addresses_done(struct lookup *lk)
{
	struct locate *l = CONTAINER_OF(lk, struct locate, addresses[1]);

	if (l->family == 1)
		wake(l);
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
		return GO_ON;
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
		return GO_ON;
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
	return GO_ON;
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
		return GO_ON;
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
		return give_up(l, VD_EUNSUP);
	l->transport = transport;
	l->port = l->target.port;
	if (l->port == 0)
		l->port = sip_transport_port(transport);
	if (addr_family(&l->numeric) != AF_UNSPEC)
		l->state = NUMERIC;
	else
		enter_addresses(l, l->target.host);
	return GO_ON;
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
		return give_up(l, VD_ENOENT);
	if (l->has_other)
		return give_up(l, VD_EUNSUP);
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
		return GO_ON;
	}
	l->has_srv = true;
	l->srv = take(&l->question);
	srv_order(l->srv->records, l->srv->n, random_upto, l->r, l->order);
	l->next_target = 0;
	l->state = NEXT_TARGET;
	return GO_ON;
}

static int leave_targets(struct locate *l)
{
	dns_answer_unref(l->srv);
	l->srv = NULL;
	l->service++;
	l->state = ASK_SRV;
	return GO_ON;
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
		return GO_ON;
	l->transport = l->services[l->service].transport;
	l->port = rec->srv.port;
	enter_addresses(l, name);
	return GO_ON;
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
		return give_up(l, err);
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
	return GO_ON;
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

static void choose_families(struct locate *l)
{
	for (size_t i = 0; i < ARRAY_LEN(l->r->conf.families); i++)
		if (has_family(&l->target, l->r->conf.families[i]))
			l->families[l->n_families++] = l->r->conf.families[i];
}

static void choose_start(struct locate *l)
{
	const struct locate_target *t = &l->target;
	bool is_numeric = addr_family(&l->numeric) != AF_UNSPEC;
	bool is_reachable = is_numeric ? has_family(t, addr_family(&l->numeric))
				       : l->n_families > 0;
	enum sip_transport transport;

	if (!is_reachable || service_demanded(t, &transport) != 0) {
		give_up(l, VD_EUNSUP);
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

/* --- waiting --- */

static void stop_waiting(struct locate *l)
{
	if (!l->is_waiting)
		return;
	l->is_waiting = false;
	l->r->n_waiting--;
	list_del(&l->ready_link);
}

static void tell_ready(struct locate *l)
{
	stop_waiting(l);
	l->ready(l->arg);
}

static void on_deadline(struct timer *t)
{
	struct locate *l = CONTAINER_OF(t, struct locate, deadline);

	l->is_late = true;
	if (l->is_waiting)
		tell_ready(l);
}

void locate_run_ready(struct resolver *r)
{
	timer_cancel(loop_wheel(r->loop), &r->wake);
	while (!list_is_empty(&r->ready))
		tell_ready(LIST_FIRST(&r->ready, struct locate, ready_link));
}

static int wait(struct locate *l)
{
	struct resolver *r = l->r;

	if (r->n_waiting >= r->conf.in_flight)
		return give_up(l, VD_ELIMIT);
	l->is_waiting = true;
	r->n_waiting++;
	if (!timer_is_armed(&l->deadline))
		timer_arm(loop_wheel(r->loop), &l->deadline,
			  r->conf.search_timeout_ms);
	return VD_EAGAIN;
}

/* --- the search as others see it --- */

static void release(struct locate *l)
{
	struct list *it, *tmp;

	lookup_drop(&l->question);
	lookup_drop(&l->addresses[0]);
	lookup_drop(&l->addresses[1]);
	dns_answer_unref(l->naptr);
	dns_answer_unref(l->srv);
	l->naptr = l->srv = NULL;
	LIST_FOREACH(it, tmp, &l->suspects)
	suspect_free(l, LIST_ENTRY(it, struct suspect, link));
}

/* Nothing is left to give. */
static int reach_end(struct locate *l, struct locate_hop *out)
{
	(void)out;
	release(l);
	if (!l->has_hop)
		stats_add(l->r->stats, STAT_dns_failures, 1);
	l->state = ENDED;
	return GO_ON;
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

int locate_next(struct locate *l, struct locate_hop *out)
{
	int err = GO_ON;

	stop_waiting(l);
	while (err == GO_ON) {
		err = steps[l->state](l, out);
		if (err == VD_EAGAIN)
			err = wait(l);
	}
	if (err == VD_EAGAIN)
		return err;
	l->has_hop |= err == 0;
	l->is_late = false;
	if (timer_is_armed(&l->deadline))
		timer_cancel(loop_wheel(l->r->loop), &l->deadline);
	return err;
}

static struct locate *locate_new(struct resolver *r,
				 const struct locate_target *target,
				 struct str host)
{
	struct locate *l = mem_zalloc(r->mem, sizeof(*l) + host.len);

	if (l == NULL)
		return NULL;
	l->r = r;
	l->mem = r->mem;
	l->error = VD_ENOENT;
	list_init(&l->ready_link);
	list_init(&l->suspects);
	timer_init(&l->deadline, on_deadline);
	memcpy(l->host, host.p, host.len);
	l->host_len = host.len;
	l->target = *target;
	l->target.host = (struct str){l->host, host.len};
	list_add(&r->searches, &l->link);
	return l;
}

int locate_start(struct resolver *r, const struct locate_target *target,
		 locate_ready_fn *ready, void *arg, struct locate **out)
{
	struct str host = target->host;
	union addr numeric = {0};
	struct locate *l;

	if (host.len > 0 && host.p[host.len - 1] == '.')
		host.len--;
	if (addr_parse(host, 0, &numeric) != 0) {
		if (!dns_name_is_ok(host))
			return VD_EINVAL;
		if (r->n_waiting >= r->conf.in_flight &&
		    hosts_find(&r->hosts, host, ns_t_a) == NULL)
			return VD_ELIMIT;
	}
	l = locate_new(r, target, host);
	if (l == NULL)
		return VD_ENOMEM;
	l->ready = ready;
	l->arg = arg;
	l->numeric = numeric;
	choose_families(l);
	choose_start(l);
	*out = l;
	return 0;
}

/* Off the resolver, which may go away. */
static void detach(struct locate *l)
{
	if (l->r == NULL)
		return;
	stop_waiting(l);
	timer_cancel(loop_wheel(l->r->loop), &l->deadline);
	release(l);
	list_del(&l->link);
	l->state = ENDED;
	l->r = NULL;
}

void locate_end(struct locate *l)
{
	if (l == NULL)
		return;
	detach(l);
	mem_free(l->mem, l, sizeof(*l) + l->host_len);
}

void locate_abandon_all(struct resolver *r)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &r->searches)
	detach(LIST_ENTRY(it, struct locate, link));
}
