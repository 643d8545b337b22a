#include "transport/local.h"

#include <ifaddrs.h>
#include <sys/socket.h>
#include <time.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

/* Loops of several workers ask, each with its own idea of now. */
static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void ifaces_init(struct ifaces *f)
{
	pthread_mutex_init(&f->lock, NULL);
	f->list = NULL;
	f->until_ms = 0;
}

void ifaces_fini(struct ifaces *f)
{
	if (f->list != NULL)
		freeifaddrs(f->list);
	pthread_mutex_destroy(&f->lock);
}

/* When the system refuses, what was known stays. */
static void ifaces_refresh(struct ifaces *f)
{
	struct ifaddrs *list;

	if (f->until_ms > now_ms())
		return;
	f->until_ms = now_ms() + ROUTES_TTL_MS;
	if (getifaddrs(&list) != 0)
		return;
	if (f->list != NULL)
		freeifaddrs(f->list);
	f->list = list;
}

static bool iface_is(const struct ifaddrs *i, const union addr *a)
{
	union addr it;

	if (i->ifa_addr == NULL || i->ifa_addr->sa_family != addr_family(a))
		return false;
	memset(&it, 0, sizeof(it));
	memcpy(&it, i->ifa_addr, addr_len(a));
	return addr_ip_eq(&it, a);
}

bool ifaces_have(struct ifaces *f, const union addr *a)
{
	bool found = false;

	pthread_mutex_lock(&f->lock);
	ifaces_refresh(f);
	for (struct ifaddrs *i = f->list; i != NULL && !found; i = i->ifa_next)
		found = iface_is(i, a);
	pthread_mutex_unlock(&f->lock);
	return found;
}

/* All of 127.0.0.0/8 leads to this machine, though an interface names only one
 * address of it; and so does the wildcard as a destination. */
static bool leads_here(const union addr *a)
{
	if (addr_is_any(a))
		return true;
	return addr_family(a) == AF_INET &&
	       (ntohl(a->in4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
}

static bool listener_may_be(const struct listener *l, enum sip_transport t,
			    const union addr *a)
{
	return (t == SIP_TRANSPORT_NONE || l->conf->transport == t) &&
	       addr_family(&l->conf->addr) == addr_family(a) &&
	       addr_port(&l->conf->addr) == addr_port(a);
}

bool transport_is_ours(struct transport_set *s, enum sip_transport t,
		       const union addr *a)
{
	bool has_wildcard = false;

	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct listener *l = &s->listeners[i];

		if (!listener_may_be(l, t, a))
			continue;
		if (addr_ip_eq(&l->conf->addr, a) || addr_is_any(a))
			return true;
		has_wildcard = has_wildcard || l->is_any;
	}
	return has_wildcard && (leads_here(a) || ifaces_have(&s->ifaces, a));
}

/* Connecting a datagram socket sends nothing; it asks the routing table. */
static int route_source(const union addr *to, union addr *out)
{
	union addr a;
	socklen_t len = sizeof(a);
	int fd = socket(addr_family(to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = VD_EUNREACH;

	if (fd < 0)
		return err;
	memset(&a, 0, sizeof(a));
	if (connect(fd, &to->sa, addr_len(to)) == 0 &&
	    getsockname(fd, &a.sa, &len) == 0) {
		*out = a;
		err = 0;
	}
	socket_close(fd);
	return err;
}

static struct source_choice *choice_slot(struct transport *t,
					 const union addr *to)
{
	const void *ip = &to->in4.sin_addr;
	size_t len = sizeof(to->in4.sin_addr);

	if (addr_family(to) == AF_INET6) {
		ip = &to->in6.sin6_addr;
		len = sizeof(to->in6.sin6_addr);
	}
	return &t->choices[hash_bytes(hash_process_key(), ip, len) %
			   SOURCE_CACHE];
}

static int routed_source(struct transport *t, const union addr *to,
			 union addr *out)
{
	struct source_choice *c = choice_slot(t, to);
	uint64_t now = loop_now_ms(t->loop);
	int err;

	if (c->until_ms <= now || !addr_ip_eq(&c->to, to)) {
		err = route_source(to, &c->from);
		if (err != 0) {
			c->until_ms = 0;
			return err;
		}
		c->to = *to;
		c->until_ms = now + ROUTES_TTL_MS;
	}
	*out = c->from;
	return 0;
}

int transport_source(struct transport *t, const struct hop *to, union addr *out)
{
	const struct listener *l = &t->set->listeners[to->listener];
	union addr from = l->conf->addr;
	int err;

	if (l->is_any && addr_family(&to->local) != AF_UNSPEC) {
		from = to->local;
	} else if (l->is_any) {
		err = routed_source(t, &to->addr, &from);
		if (err != 0)
			return err;
	}
	addr_set_port(&from, addr_port(&l->conf->addr));
	*out = from;
	return 0;
}
