#include "transport/slots.h"

#include <assert.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

enum {
	SLOT_NONE = UINT32_MAX,
};

/* state: generation << 32 | is its input at an end? << 31 | holders that wait;
 * bindings: generation << 32 | bindings that hold it. A free slot has
 * generation 0, so that no reference fits it. */
struct slot {
	_Atomic uint64_t state;
	_Atomic uint64_t bindings;
	struct conn *conn;
	uint32_t generation; /* of the last use */
	uint32_t next;       /* free slot */
};

static const uint64_t input_ended = UINT64_C(1) << 31;
static const uint64_t holders = (UINT64_C(1) << 31) - 1;

struct slot_chunk {
	struct slot slots[SLOTS_PER_CHUNK];
};

int slots_init(struct slots *s)
{
	s->n = 0;
	s->free = SLOT_NONE;
	for (size_t i = 0; i < SLOT_CHUNKS; i++)
		atomic_init(&s->chunks[i], NULL);
	return mem_new(0, &s->mem);
}

void slots_fini(struct slots *s)
{
	if (s->mem == NULL)
		return;
	for (size_t i = 0; i < s->n / SLOTS_PER_CHUNK; i++)
		mem_free(s->mem, atomic_load(&s->chunks[i]),
			 sizeof(struct slot_chunk));
	mem_free_all(s->mem);
	s->mem = NULL;
}

/* Any thread: a chunk is never moved, and published after it was filled. */
static struct slot *slot_at(struct slots *s, uint32_t i)
{
	struct slot_chunk *c;

	if (i / SLOTS_PER_CHUNK >= SLOT_CHUNKS)
		return NULL;
	c = atomic_load_explicit(&s->chunks[i / SLOTS_PER_CHUNK],
				 memory_order_acquire);
	return c != NULL ? &c->slots[i % SLOTS_PER_CHUNK] : NULL;
}

/* A reference may come back after a restart, in a token: it should then name
 * nobody, so each process begins its generations elsewhere. */
static uint32_t first_generation(uint32_t number)
{
	return (uint32_t)hash_bytes(hash_process_key(), &number,
				    sizeof(number));
}

static int slots_grow(struct slots *s)
{
	struct slot_chunk *c;
	uint32_t index = s->n / SLOTS_PER_CHUNK;

	if (index == SLOT_CHUNKS)
		return VD_ELIMIT;
	c = mem_zalloc(s->mem, sizeof(*c));
	if (c == NULL)
		return VD_ENOMEM;
	for (uint32_t i = SLOTS_PER_CHUNK; i-- > 0;) {
		c->slots[i].next = s->free;
		c->slots[i].generation = first_generation(s->n + i);
		s->free = s->n + i;
	}
	s->n += SLOTS_PER_CHUNK;
	atomic_store_explicit(&s->chunks[index], c, memory_order_release);
	return 0;
}

int slots_take(struct slots *s, struct conn *c, struct conn_ref *ref)
{
	struct slot *slot;
	int err;

	if (s->free == SLOT_NONE) {
		err = slots_grow(s);
		if (err != 0)
			return err;
	}
	ref->slot = s->free;
	slot = slot_at(s, ref->slot);
	s->free = slot->next;
	slot->conn = c;
	if (++slot->generation == 0) /* 0 means none */
		slot->generation = 1;
	ref->generation = slot->generation;
	atomic_store_explicit(&slot->bindings, (uint64_t)slot->generation << 32,
			      memory_order_relaxed);
	atomic_store_explicit(&slot->state, (uint64_t)slot->generation << 32,
			      memory_order_release);
	return 0;
}

void slots_give(struct slots *s, struct conn_ref ref)
{
	struct slot *slot = slot_at(s, ref.slot);

	assert(slot != NULL && slot->generation == ref.generation);
	atomic_store_explicit(&slot->state, 0, memory_order_release);
	atomic_store_explicit(&slot->bindings, 0, memory_order_relaxed);
	slot->conn = NULL;
	slot->next = s->free;
	s->free = ref.slot;
}

static bool state_fits(uint64_t state, struct conn_ref ref)
{
	return ref.generation != 0 && state >> 32 == ref.generation;
}

struct conn *slots_find(struct slots *s, struct conn_ref ref)
{
	struct slot *slot = slot_at(s, ref.slot);

	if (slot == NULL ||
	    !state_fits(
		    atomic_load_explicit(&slot->state, memory_order_relaxed),
		    ref))
		return NULL;
	return slot->conn;
}

void slots_end_input(struct slots *s, struct conn_ref ref)
{
	struct slot *slot = slot_at(s, ref.slot);

	assert(slot != NULL && slot->generation == ref.generation);
	atomic_fetch_or(&slot->state, input_ended);
}

static bool is_live_but(struct slots *s, struct conn_ref ref, uint64_t but)
{
	struct slot *slot = slot_at(s, ref.slot);
	uint64_t state;

	if (slot == NULL)
		return false;
	state = atomic_load_explicit(&slot->state, memory_order_acquire);
	return state_fits(state, ref) && (state & but) == 0;
}

bool slots_is_live(struct slots *s, struct conn_ref ref)
{
	return is_live_but(s, ref, 0);
}

bool slots_is_whole(struct slots *s, struct conn_ref ref)
{
	return is_live_but(s, ref, input_ended);
}

static void count(_Atomic uint64_t *word, struct conn_ref ref, int by)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

	do {
		if (!state_fits(old, ref))
			return;
		assert(by > 0 || (old & holders) != 0);
	} while (!atomic_compare_exchange_weak_explicit(
		word, &old, old + (uint64_t)(int64_t)by, memory_order_relaxed,
		memory_order_relaxed));
}

void slots_count(struct slots *s, struct conn_ref ref, int by)
{
	struct slot *slot = slot_at(s, ref.slot);

	if (slot != NULL)
		count(&slot->state, ref, by);
}

void slots_count_binding(struct slots *s, struct conn_ref ref, int by)
{
	struct slot *slot = slot_at(s, ref.slot);

	if (slot != NULL)
		count(&slot->bindings, ref, by);
}

static bool has_holders(_Atomic uint64_t *word, struct conn_ref ref)
{
	uint64_t n = atomic_load_explicit(word, memory_order_relaxed);

	return state_fits(n, ref) && (n & holders) != 0;
}

bool slots_is_awaited(struct slots *s, struct conn_ref ref)
{
	struct slot *slot = slot_at(s, ref.slot);

	return slot != NULL && has_holders(&slot->state, ref);
}

bool slots_is_held(struct slots *s, struct conn_ref ref)
{
	struct slot *slot = slot_at(s, ref.slot);

	return slot != NULL && (has_holders(&slot->state, ref) ||
				has_holders(&slot->bindings, ref));
}
