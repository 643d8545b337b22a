/* Searches as others see them: begun, asked for the next hop, waiting, ended.
 */
#include <arpa/nameser.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

/* --- waiting --- */

void locate_wake(struct locate *l)
{
	if (l->is_waiting && list_is_empty(&l->ready_link))
		list_add_tail(&l->r->ready, &l->ready_link);
}

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
	while (!list_is_empty(&r->ready))
		tell_ready(LIST_FIRST(&r->ready, struct locate, ready_link));
}

static int wait(struct locate *l)
{
	struct resolver *r = l->r;

	if (r->n_waiting >= r->conf.in_flight) {
		stats_limit(r->stats, LIMIT_in_flight);
		return search_give_up(l, VD_ELIMIT);
	}
	l->is_waiting = true;
	r->n_waiting++;
	if (!timer_is_armed(&l->deadline))
		timer_arm(loop_wheel(r->loop), &l->deadline,
			  r->conf.search_timeout_ms);
	return VD_EAGAIN;
}

/* --- from the first call to the last --- */

int locate_next(struct locate *l, struct locate_hop *out)
{
	int err = SEARCH_GO_ON;

	stop_waiting(l);
	while (err == SEARCH_GO_ON) {
		err = search_step(l, out);
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
		    hosts_find(&r->hosts, host, ns_t_a) == NULL) {
			stats_limit(r->stats, LIMIT_in_flight);
			return VD_ELIMIT;
		}
	}
	l = locate_new(r, target, host);
	if (l == NULL)
		return VD_ENOMEM;
	l->ready = ready;
	l->arg = arg;
	l->numeric = numeric;
	search_begin(l);
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
	search_release(l);
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

	LIST_FOREACH(it, tmp, &r->searches) {
		detach(LIST_ENTRY(it, struct locate, link));
	}
}
