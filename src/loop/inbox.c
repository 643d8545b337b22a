/*
 * Both the inboxes and the stacks of returned storage are linked stacks: any
 * thread pushes a chain with one compare-and-swap, and the owner takes all
 * there is with one exchange, so nothing can be popped and pushed again in
 * between (the ABA problem does not arise).
 */
#include "viaduct/loop/inbox.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "viaduct/util/err.h"
#include "loop/loop_priv.h"

enum {
	CACHE_LINE = 64,
};

/* Newest first. */
struct chain {
	struct parcel *newest, *oldest;
};

struct returns {
	struct chain small;
	unsigned n; /* large ones included */
};

/* Grouped by who writes: senders, receivers that give back, the owner. */
struct member {
	_Alignas(CACHE_LINE) struct parcel *_Atomic inbox;
	_Alignas(CACHE_LINE) struct parcel *_Atomic returned;
	_Atomic unsigned n_out; /* parcels of ours that are not back */
	_Alignas(CACHE_LINE) struct post *post;
	struct loop *loop; /* borrowed: outlives the post */
	struct loop_io *io;
	int fd;
	inbox_fn *fn;
	void *arg;
	struct parcel *free;  /* small ones */
	struct chain *outbox; /* for each member, what this turn sends */
	struct returns *back; /* for each member, what it gets back */
	unsigned n_unpublished;
};

struct post {
	unsigned n, max_queued;
	struct member members[];
};

static void chain_push(struct chain *c, struct parcel *p)
{
	p->next = c->newest;
	c->newest = p;
	if (c->oldest == NULL)
		c->oldest = p;
}

/* True if the stack was empty. Empties the chain. */
static bool stack_push(struct parcel *_Atomic *stack, struct chain *c)
{
	struct parcel *top = atomic_load_explicit(stack, memory_order_relaxed);

	do {
		c->oldest->next = top;
	} while (!atomic_compare_exchange_weak_explicit(stack, &top, c->newest,
							memory_order_release,
							memory_order_relaxed));
	*c = (struct chain){NULL, NULL};
	return top == NULL;
}

static struct parcel *stack_take(struct parcel *_Atomic *stack)
{
	if (atomic_load_explicit(stack, memory_order_relaxed) == NULL)
		return NULL;
	return atomic_exchange_explicit(stack, NULL, memory_order_acquire);
}

static void parcels_free(struct parcel *p)
{
	while (p != NULL) {
		struct parcel *next = p->next;

		free(p);
		p = next;
	}
}

static void member_fini(struct member *m, unsigned n)
{
	parcels_free(stack_take(&m->inbox));
	parcels_free(stack_take(&m->returned));
	parcels_free(m->free);
	for (unsigned i = 0; m->outbox != NULL && i < n; i++)
		parcels_free(m->outbox[i].newest);
	loop_io_del(m->io);
	if (m->fd >= 0)
		close(m->fd);
	free(m->outbox);
	free(m->back);
}

void post_free(struct post *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->n; i++)
		member_fini(&p->members[i], p->n);
	free(p);
}

static int member_init(struct member *m, struct post *p)
{
	atomic_init(&m->inbox, NULL);
	atomic_init(&m->returned, NULL);
	atomic_init(&m->n_out, 0);
	m->post = p;
	m->loop = NULL;
	m->io = NULL;
	m->fd = -1;
	m->free = NULL;
	m->n_unpublished = 0;
	m->outbox = calloc(p->n, sizeof(*m->outbox));
	m->back = calloc(p->n, sizeof(*m->back));
	return m->outbox != NULL && m->back != NULL ? 0 : VD_ENOMEM;
}

int post_new(unsigned n, unsigned max_queued, struct post **out)
{
	struct post *p = aligned_alloc(CACHE_LINE,
				       sizeof(*p) + n * sizeof(struct member));
	int err = 0;

	if (p == NULL)
		return VD_ENOMEM;
	p->n = n;
	p->max_queued = max_queued;
	for (unsigned i = 0; i < n; i++) {
		if (member_init(&p->members[i], p) != 0)
			err = VD_ENOMEM;
	}
	if (err != 0) {
		post_free(p);
		return err;
	}
	*out = p;
	return 0;
}

static struct parcel *reverse(struct parcel *newest)
{
	struct parcel *oldest = NULL;

	while (newest != NULL) {
		struct parcel *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* Storage of small parcels goes back to its owner, large ones end here. */
static void give_back(struct member *m, struct parcel *p)
{
	struct returns *r = &m->back[p->from];

	r->n++;
	if (p->cap > PARCEL_SMALL)
		free(p);
	else
		chain_push(&r->small, p);
}

static void give_back_publish(struct member *m)
{
	for (unsigned i = 0; i < m->post->n; i++) {
		struct member *owner = &m->post->members[i];
		struct returns *r = &m->back[i];

		if (r->n == 0)
			continue;
		if (r->small.newest != NULL)
			stack_push(&owner->returned, &r->small);
		atomic_fetch_sub_explicit(&owner->n_out, r->n,
					  memory_order_relaxed);
		r->n = 0;
	}
}

/* The wake-up is read before the inbox is emptied: who finds it empty
 * afterwards wakes us again. */
static void inbox_ready(void *arg, int fd, unsigned events)
{
	struct member *m = arg;
	struct parcel *p, *next;
	eventfd_t n;

	(void)events;
	eventfd_read(fd, &n);
	for (p = reverse(stack_take(&m->inbox)); p != NULL; p = next) {
		next = p->next;
		m->fn(m->arg, p);
		give_back(m, p);
	}
	give_back_publish(m);
}

static void publish_to(struct member *m, unsigned to)
{
	struct member *dest = &m->post->members[to];

	if (m->outbox[to].newest == NULL)
		return;
	if (stack_push(&dest->inbox, &m->outbox[to]))
		eventfd_write(dest->fd, 1);
}

static void publish(void *arg)
{
	struct member *m = arg;

	if (m->n_unpublished == 0)
		return;
	m->n_unpublished = 0;
	for (unsigned i = 0; i < m->post->n; i++)
		publish_to(m, i);
}

int post_join(struct post *p, unsigned me, struct loop *l, inbox_fn *fn,
	      void *arg)
{
	struct member *m = &p->members[me];
	int err;

	assert(me < p->n && m->loop == NULL);
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0)
		return VD_ESYS;
	m->fn = fn;
	m->arg = arg;
	err = loop_io_add(l, m->fd, LOOP_READ, inbox_ready, m, &m->io);
	if (err == 0)
		err = loop_on_turn_end(l, publish, m);
	if (err == 0)
		m->loop = l;
	return err;
}

static struct parcel *parcel_small(struct member *m)
{
	struct parcel *p;

	if (m->free == NULL)
		m->free = stack_take(&m->returned);
	p = m->free;
	if (p == NULL)
		return malloc(sizeof(*p) + PARCEL_SMALL);
	m->free = p->next;
	return p;
}

struct parcel *parcel_new(struct post *post, unsigned from, uint16_t kind,
			  size_t len)
{
	struct member *m = &post->members[from];
	struct parcel *p;

	if (len > UINT32_MAX - sizeof(*p) ||
	    atomic_load_explicit(&m->n_out, memory_order_relaxed) >=
		    post->max_queued)
		return NULL;
	p = len <= PARCEL_SMALL ? parcel_small(m) : malloc(sizeof(*p) + len);
	if (p == NULL)
		return NULL;
	atomic_fetch_add_explicit(&m->n_out, 1, memory_order_relaxed);
	p->next = NULL;
	p->kind = kind;
	p->from = (uint16_t)from;
	p->cap = len <= PARCEL_SMALL ? PARCEL_SMALL : (uint32_t)len;
	p->len = (uint32_t)len;
	return p;
}

void parcel_send(struct post *post, unsigned to, struct parcel *p)
{
	struct member *m = &post->members[p->from];

	chain_push(&m->outbox[to], p);
	m->n_unpublished++;
	if (m->loop == NULL || !loop_is_running(m->loop))
		publish(m);
}
