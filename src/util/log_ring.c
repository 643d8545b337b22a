#include "util/log_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	RING_SIZE = 1 << 20,
	RECORD_ALIGN = 8,
	SKIP = -1, /* the rest up to the end of the ring is not used */
};

struct record_head {
	int32_t len; /* of the line, or SKIP */
	int32_t level;
};

/* Positions count bytes since the start and never wrap. */
struct log_ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the producer */
	uint64_t tail_seen;
	struct log_ring *next;
	_Atomic bool has_ended;
	_Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
	_Alignas(RECORD_ALIGN) char bytes[RING_SIZE];
};

/* The consumer follows `next` without the lock: it alone takes rings out, and
 * new ones come in only at the front. */
static pthread_mutex_t rings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_ring *rings;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local struct log_ring *mine;

static void thread_has_ended(void *arg)
{
	struct log_ring *r = arg;

	mine = NULL;
	atomic_store_explicit(&r->has_ended, true, memory_order_release);
}

static void key_make(void)
{
	if (pthread_key_create(&key, thread_has_ended) != 0)
		abort();
}

static struct log_ring *ring_new(void)
{
	struct log_ring *r = aligned_alloc(64, sizeof(*r));

	if (r == NULL)
		return NULL;
	atomic_init(&r->head, 0);
	atomic_init(&r->tail, 0);
	atomic_init(&r->has_ended, false);
	r->tail_seen = 0;
	pthread_once(&key_once, key_make);
	if (pthread_setspecific(key, r) != 0) {
		free(r);
		return NULL;
	}
	pthread_mutex_lock(&rings_lock);
	r->next = rings;
	rings = r;
	pthread_mutex_unlock(&rings_lock);
	return r;
}

static size_t record_size(size_t len)
{
	size_t size = sizeof(struct record_head) + len;

	return (size + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

static struct record_head *head_at(struct log_ring *r, uint64_t pos)
{
	return (struct record_head *)(r->bytes + pos % RING_SIZE);
}

static bool has_room(struct log_ring *r, uint64_t head, size_t size)
{
	if (head + size - r->tail_seen <= RING_SIZE)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head + size - r->tail_seen <= RING_SIZE;
}

/* The store of `head` is sequentially consistent: the caller then looks
 * whether the consumer sleeps, and the consumer looks the other way round. */
static bool ring_put(struct log_ring *r, enum log_level level, struct str line)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t size = record_size(line.len);
	size_t to_end = RING_SIZE - head % RING_SIZE;
	size_t skip = size > to_end ? to_end : 0;

	if (!has_room(r, head, skip + size))
		return false;
	if (skip > 0)
		head_at(r, head)->len = SKIP;
	head += skip;
	*head_at(r, head) = (struct record_head){(int32_t)line.len, level};
	memcpy(head_at(r, head) + 1, line.p, line.len);
	atomic_store(&r->head, head + size);
	return true;
}

bool log_ring_put(enum log_level level, struct str line)
{
	if (mine == NULL)
		mine = ring_new();
	return mine != NULL && ring_put(mine, level, line);
}

struct log_ring *log_ring_first(void)
{
	struct log_ring *r;

	pthread_mutex_lock(&rings_lock);
	r = rings;
	pthread_mutex_unlock(&rings_lock);
	return r;
}

struct log_ring *log_ring_next(struct log_ring *r)
{
	return r->next;
}

static bool ring_is_empty(struct log_ring *r)
{
	return atomic_load(&r->head) ==
	       atomic_load_explicit(&r->tail, memory_order_relaxed);
}

bool log_ring_peek(struct log_ring *r, struct log_record *out)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct record_head *h = head_at(r, tail);

	if (ring_is_empty(r))
		return false;
	if (h->len == SKIP)
		h = head_at(r, 0);
	out->level = (enum log_level)h->level;
	out->line = (struct str){(const char *)(h + 1), (size_t)h->len};
	return true;
}

void log_ring_pop(struct log_ring *r, const struct log_record *rec)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (head_at(r, tail)->len == SKIP)
		tail += RING_SIZE - tail % RING_SIZE;
	atomic_store_explicit(&r->tail, tail + record_size(rec->line.len),
			      memory_order_release);
}

bool log_rings_are_empty(void)
{
	for (struct log_ring *r = log_ring_first(); r != NULL; r = r->next) {
		if (!ring_is_empty(r))
			return false;
	}
	return true;
}

/* `has_ended` is read first: what the thread put in before is then seen. */
static bool ring_is_done(struct log_ring *r)
{
	return atomic_load_explicit(&r->has_ended, memory_order_acquire) &&
	       ring_is_empty(r);
}

void log_rings_reap(void)
{
	struct log_ring **at;

	pthread_mutex_lock(&rings_lock);
	for (at = &rings; *at != NULL;) {
		struct log_ring *r = *at;

		if (ring_is_done(r)) {
			*at = r->next;
			free(r);
		} else {
			at = &r->next;
		}
	}
	pthread_mutex_unlock(&rings_lock);
}
