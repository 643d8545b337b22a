#include "viaduct/util/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "viaduct/util/err.h"
#include "viaduct/util/list.h"
#include "util/util_priv.h"

/*
 * Classes: steps of 64 bytes up to 1024, then one for each number of blocks
 * that a slab can hold: a block is as large as it can be for the number, up to
 * MEM_CLASS_MAX.
 */
enum {
	SLAB_SIZE = 65536, /* and its alignment */
	SLAB_HEAD = 64,
	SLAB_ROOM = SLAB_SIZE - SLAB_HEAD,
	STEP = 64,
	N_LINEAR = 16, /* classes of 64 to 1024 bytes */
	GRAIN = 16,    /* of larger ones, and their alignment */
	MOST_BLOCKS = SLAB_ROOM / (N_LINEAR * STEP + GRAIN),
	FEWEST_BLOCKS = SLAB_ROOM / MEM_CLASS_MAX,
	N_CLASSES = N_LINEAR + MOST_BLOCKS - FEWEST_BLOCKS + 1,
};

struct free_block {
	struct free_block *next;
};

/* At the start of its slab. */
struct slab {
	struct list link; /* in its class while a block is free */
	struct free_block *free;
	char *fresh; /* blocks from here on were never given out */
	unsigned n_used, class;
};

_Static_assert(sizeof(struct slab) <= SLAB_HEAD, "blocks start after the head");

struct mem_class {
	struct list slabs; /* those that have a free block */
	unsigned size;
};

struct mem {
	struct mem_class classes[N_CLASSES];
	size_t ceiling, used, held;
	uint64_t n_refused;
	uint64_t fail_in;            /* 0: off */
	struct list full;            /* slabs without a free block */
	struct list spares;          /* empty slabs, for any class */
	size_t n_spares, spares_low; /* the fewest since mem_trim() */
};

static inline unsigned class_of(size_t size)
{
	unsigned grains;

	if (size <= N_LINEAR * STEP)
		return size == 0 ? 0 : (unsigned)((size - 1) / STEP);
	grains = (unsigned)((size + GRAIN - 1) / GRAIN);
	return N_LINEAR + MOST_BLOCKS - SLAB_ROOM / GRAIN / grains;
}

static inline unsigned class_size(unsigned class)
{
	unsigned size;

	if (class < N_LINEAR)
		return (class + 1) * STEP;
	size = SLAB_ROOM / GRAIN / (N_LINEAR + MOST_BLOCKS - class) * GRAIN;
	return size < MEM_CLASS_MAX ? size : MEM_CLASS_MAX;
}

size_t mem_good_size(size_t size)
{
	return size > MEM_CLASS_MAX ? size : class_size(class_of(size));
}

int mem_new(size_t ceiling, struct mem **out)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return VD_ENOMEM;
	for (unsigned i = 0; i < N_CLASSES; i++) {
		list_init(&m->classes[i].slabs);
		m->classes[i].size = class_size(i);
	}
	list_init(&m->full);
	list_init(&m->spares);
	m->ceiling = ceiling;
	*out = m;
	return 0;
}

void mem_set_ceiling(struct mem *m, size_t ceiling)
{
	m->ceiling = ceiling;
}

void mem_fail_nth(struct mem *m, uint64_t n)
{
	m->fail_in = n;
}

static void slab_release(struct mem *m, struct slab *s)
{
	list_del(&s->link);
	MEM_ROOT_DEL(s, SLAB_SIZE);
	MEM_UNPOISON(s, SLAB_SIZE);
	munmap(s, SLAB_SIZE);
	m->held -= SLAB_SIZE;
}

static void slabs_release(struct mem *m, struct list *slabs)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, slabs)
		slab_release(m, LIST_ENTRY(it, struct slab, link));
}

void mem_free_all(struct mem *m)
{
	if (m == NULL)
		return;
	for (unsigned i = 0; i < N_CLASSES; i++)
		slabs_release(m, &m->classes[i].slabs);
	slabs_release(m, &m->full);
	slabs_release(m, &m->spares);
	free(m);
}

static void *map_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The system puts maps next to each other, so after an aligned one the next is
 * mostly aligned too; when it is not, map twice the size and cut. */
static char *slab_map(void)
{
	char *p = map_pages(SLAB_SIZE);
	size_t before;

	if (p == NULL || (uintptr_t)p % SLAB_SIZE == 0)
		return p;
	munmap(p, SLAB_SIZE);
	p = map_pages(2 * SLAB_SIZE);
	if (p == NULL)
		return NULL;
	before = SLAB_SIZE - (uintptr_t)p % SLAB_SIZE;
	munmap(p, before);
	if (before < SLAB_SIZE)
		munmap(p + before + SLAB_SIZE, SLAB_SIZE - before);
	return p + before;
}

static bool has_room(const struct mem *m, size_t size)
{
	return m->ceiling == 0 ||
	       (m->held <= m->ceiling && size <= m->ceiling - m->held);
}

static struct slab *spare_take(struct mem *m)
{
	struct slab *s = LIST_FIRST(&m->spares, struct slab, link);

	list_del(&s->link);
	m->n_spares--;
	if (m->n_spares < m->spares_low)
		m->spares_low = m->n_spares;
	return s;
}

static void spares_release(struct mem *m, size_t n)
{
	while (n-- > 0)
		slab_release(m, spare_take(m));
}

void mem_trim(struct mem *m)
{
	spares_release(m, m->spares_low);
	m->spares_low = m->n_spares;
}

/* At the ceiling, the spare slabs are what can be had. */
static bool make_room(struct mem *m, size_t size)
{
	if (has_room(m, size))
		return true;
	spares_release(m, m->n_spares);
	return has_room(m, size);
}

static struct slab *slab_new(struct mem *m)
{
	struct slab *s;

	if (!make_room(m, SLAB_SIZE))
		return NULL;
	s = (struct slab *)slab_map();
	if (s == NULL)
		return NULL;
	MEM_ROOT_ADD(s, SLAB_SIZE);
	m->held += SLAB_SIZE;
	return s;
}

static struct slab *slab_add(struct mem *m, unsigned class)
{
	struct slab *s =
		list_is_empty(&m->spares) ? slab_new(m) : spare_take(m);

	if (s == NULL)
		return NULL;
	s->class = class;
	s->n_used = 0;
	s->free = NULL;
	s->fresh = (char *)s + SLAB_HEAD;
	MEM_POISON(s->fresh, SLAB_SIZE - SLAB_HEAD);
	list_init(&s->link);
	list_add(&m->classes[class].slabs, &s->link);
	return s;
}

static inline bool slab_is_full(const struct slab *s, unsigned size)
{
	return s->free == NULL && s->fresh + size > (char *)s + SLAB_SIZE;
}

static inline void *slab_take(struct slab *s, unsigned size)
{
	struct free_block *b = s->free;

	s->n_used++;
	if (b == NULL) {
		s->fresh += size;
		return s->fresh - size;
	}
	MEM_UNPOISON(b, sizeof(*b));
	s->free = b->next;
	return b;
}

static void *refuse(struct mem *m)
{
	m->n_refused++;
	return NULL;
}

static void *large_alloc(struct mem *m, size_t size)
{
	void *p;

	if (!make_room(m, size))
		return refuse(m);
	p = malloc(size);
	if (p == NULL)
		return refuse(m);
	m->held += size;
	m->used += size;
	return p;
}

static struct slab *slab_get(struct mem *m, unsigned class)
{
	struct mem_class *c = &m->classes[class];

	return list_is_empty(&c->slabs)
		       ? slab_add(m, class)
		       : LIST_FIRST(&c->slabs, struct slab, link);
}

void *mem_alloc(struct mem *m, size_t size)
{
	struct mem_class *c;
	struct slab *s;
	void *p;

	if (m->fail_in != 0 && --m->fail_in == 0)
		return refuse(m);
	if (size > MEM_CLASS_MAX)
		return large_alloc(m, size);
	c = &m->classes[class_of(size)];
	s = slab_get(m, class_of(size));
	if (s == NULL)
		return refuse(m);
	p = slab_take(s, c->size);
	if (slab_is_full(s, c->size)) {
		list_del(&s->link);
		list_add(&m->full, &s->link);
	}
	m->used += c->size;
	MEM_UNPOISON(p, size);
	return p;
}

void *mem_zalloc(struct mem *m, size_t size)
{
	void *p = mem_alloc(m, size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

/* To the system only by mem_trim(): a map and its page faults cost more than
 * all that is done with one slab. */
static void slab_emptied(struct mem *m, struct slab *s)
{
	list_del(&s->link);
	list_add(&m->spares, &s->link);
	m->n_spares++;
}

static void large_free(struct mem *m, void *p, size_t size)
{
	free(p);
	m->held -= size;
	m->used -= size;
}

void mem_free(struct mem *m, void *p, size_t size)
{
	struct free_block *b = p;
	struct mem_class *c;
	struct slab *s;
	bool was_full;

	if (p == NULL)
		return;
	if (size > MEM_CLASS_MAX) {
		large_free(m, p, size);
		return;
	}
	s = (struct slab *)((uintptr_t)p & ~(uintptr_t)(SLAB_SIZE - 1));
	c = &m->classes[s->class];
	was_full = slab_is_full(s, c->size);
	MEM_UNPOISON(b, sizeof(*b));
	b->next = s->free;
	s->free = b;
	MEM_POISON(b, c->size);
	m->used -= c->size;
	if (was_full) {
		list_del(&s->link);
		list_add(&c->slabs, &s->link);
	}
	if (--s->n_used == 0)
		slab_emptied(m, s);
}

void mem_usage(const struct mem *m, struct mem_usage *out)
{
	*out = (struct mem_usage){m->used, m->held, m->n_refused};
}
