/*
 * The table of one worker's transactions, and what waits for the end of the
 * turn: events that a step caused, and transactions that have ended. Nothing
 * is freed before, so a caller higher up the stack may still hold it.
 */
#include "viaduct/util/mac.h"
#include "txn/txn_priv.h"

int txn_table_new(const struct txn_env *env, const uint8_t secret[16],
		  struct txn_table **out)
{
	struct txn_table *t = mem_zalloc(env->mem, sizeof(*t));

	if (t == NULL)
		return VD_ENOMEM;
	t->env = *env;
	t->todo_tail = &t->todo;
	memcpy(&t->branch_key, secret, sizeof(t->branch_key));
	/* Not from 0: what was sent before a restart is not met again. */
	random_bytes(&t->next_seq, sizeof(t->next_seq));
	if (hash_table_init(&t->servers) != 0 ||
	    hash_table_init(&t->clients) != 0 ||
	    hash_table_init(&t->conns) != 0) {
		txn_table_free(t);
		return VD_ENOMEM;
	}
	*out = t;
	return 0;
}

static struct hash_node *bucket_take(struct hash_node **buckets, size_t n,
				     size_t *at)
{
	for (; *at < n; ++*at) {
		struct hash_node *node = buckets[*at];

		if (node == NULL)
			continue;
		buckets[*at] = node->next;
		return node;
	}
	return NULL;
}

static void txns_free(struct hash_node **buckets, size_t n)
{
	struct hash_node *node;
	size_t at = 0;

	if (buckets == NULL) /* there is none, whatever n was */
		return;
	while ((node = bucket_take(buckets, n, &at)) != NULL)
		txn_free(CONTAINER_OF(node, struct txn, node));
}

static void todo_free_terminated(struct txn_table *t)
{
	struct txn *x, *next;

	for (x = t->todo; x != NULL; x = next) {
		next = x->next_todo;
		if (x->state == ST_TERMINATED)
			txn_free(x);
	}
}

void txn_table_free(struct txn_table *t)
{
	if (t == NULL)
		return;
	todo_free_terminated(t);
	txns_free(t->servers.buckets, t->servers.n_buckets);
	txns_free(t->servers.old, t->servers.n_old);
	txns_free(t->clients.buckets, t->clients.n_buckets);
	txns_free(t->clients.old, t->clients.n_old);
	hash_table_fini(&t->servers);
	hash_table_fini(&t->clients);
	hash_table_fini(&t->conns);
	t->is_freed = true;
	if (!t->is_deferred)
		mem_free(t->env.mem, t, sizeof(*t));
}

size_t txn_n_open(const struct txn_table *t)
{
	return t->n_open;
}

size_t txn_n_lingering(const struct txn_table *t)
{
	return t->n_lingering;
}

static size_t txn_size(const struct txn_machine *m)
{
	return m->is_client ? sizeof(struct client_txn)
			    : sizeof(struct server_txn);
}

/* The transaction is the first member of either struct. */
struct txn *txn_alloc(struct txn_table *table, const struct txn_machine *m,
		      const struct txn_timers *timers)
{
	struct txn *t = mem_zalloc(table->env.mem, txn_size(m));
	uint64_t seq = table->next_seq++ & TXN_SEQ_MASK;

	_Static_assert(offsetof(struct client_txn, txn) == 0, "first");
	_Static_assert(offsetof(struct server_txn, txn) == 0, "first");
	if (t == NULL)
		return NULL;
	t->table = table;
	t->machine = m;
	t->timers = *timers;
	t->id = (uint64_t)table->env.worker << TXN_SEQ_BITS | seq;
	timer_init(&t->timer, txn_timer_fired);
	table->n_open++;
	return t;
}

/* Gives back its memory; it is in no hash table any more. */
void txn_free(struct txn *t)
{
	struct mem *mem = t->table->env.mem;

	timer_cancel(t->table->env.wheel, &t->timer);
	txn_leave_conn(t);
	buf_unref(t->last);
	mem_free(mem, t, txn_size(t->machine));
}

/* The end of the turn ------------------------------------------------------ */

static void txn_run_due(struct txn *t)
{
	static const struct txn_input nothing;
	uint32_t due = t->due;

	t->due = 0;
	for (; due != 0; due &= due - 1)
		txn_step(t, due & -due, &nothing);
}

static void txn_finish(struct txn *t)
{
	if (t->machine->is_client)
		client_ended(t);
	else
		server_ended(t);
	txn_free(t);
}

static void turn_end(void *arg)
{
	struct txn_table *table = arg;
	struct txn *t = table->todo, *next;

	table->is_deferred = false;
	if (table->is_freed) {
		mem_free(table->env.mem, table, sizeof(*table));
		return;
	}
	table->todo = NULL;
	table->todo_tail = &table->todo;
	for (; t != NULL; t = next) {
		next = t->next_todo;
		txn_run_due(t); /* it counts as in the list meanwhile */
		if (t->state == ST_TERMINATED) {
			txn_finish(t);
			continue;
		}
		t->is_todo = false;
		if (t->due != 0)
			txn_todo(t, 0);
	}
}

void txn_todo(struct txn *t, uint32_t events)
{
	struct txn_table *table = t->table;

	t->due |= events;
	if (t->is_todo)
		return;
	t->is_todo = true;
	t->next_todo = NULL;
	*table->todo_tail = t;
	table->todo_tail = &t->next_todo;
	if (table->is_deferred)
		return;
	table->is_deferred = true;
	table->env.defer(table->env.arg, turn_end, table);
}

void txn_fail_later(struct txn *t, uint32_t event, int err)
{
	t->err = (int16_t)err;
	txn_todo(t, event);
}
