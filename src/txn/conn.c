/*
 * Which transactions use which connection: an open one holds its connection
 * (it is not idle), and a client in wait for a response fails when its
 * connection is gone.
 */
#include "txn/txn_priv.h"

/* The clients that wait on one connection. */
struct conn_wait {
	struct hash_node node;
	struct conn_ref conn;
	struct list clients;
};

/* These numbers are our own, nobody can aim them at a bucket. */
static uint64_t conn_hash(struct conn_ref conn)
{
	uint64_t n = (uint64_t)conn.generation << 32 | conn.slot;

	n = (n ^ (uint64_t)conn.worker << 16) * UINT64_C(0x9e3779b97f4a7c15);
	return n ^ n >> 32;
}

static struct conn_wait *wait_find(struct txn_table *t, struct conn_ref conn)
{
	struct hash_node *n = hash_table_find(&t->conns, conn_hash(conn));

	for (; n != NULL; n = hash_table_next(n)) {
		struct conn_wait *w = CONTAINER_OF(n, struct conn_wait, node);

		if (conn_ref_eq(w->conn, conn))
			return w;
	}
	return NULL;
}

static struct conn_wait *wait_get(struct txn_table *t, struct conn_ref conn)
{
	struct conn_wait *w = wait_find(t, conn);

	if (w != NULL)
		return w;
	w = mem_alloc(t->env.mem, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->conn = conn;
	list_init(&w->clients);
	hash_table_insert(&t->conns, &w->node, conn_hash(conn));
	return w;
}

/* Without memory it is not told of the end of its connection, and waits for
 * Timer B or F like a client on UDP. */
static void wait_join(struct txn *t)
{
	struct conn_wait *w = wait_get(t->table, t->hop.conn);

	if (w != NULL)
		list_add_tail(&w->clients, &CLIENT_OF(t)->wait);
}

static void wait_leave(struct txn *t)
{
	struct list *link = &CLIENT_OF(t)->wait;
	struct list *head = link->next;
	bool is_last = head == link->prev && head != link;
	struct conn_wait *w;

	list_del(link);
	if (!is_last)
		return;
	w = LIST_ENTRY(head, struct conn_wait, clients);
	hash_table_remove(&t->table->conns, &w->node);
	mem_free(t->table->env.mem, w, sizeof(*w));
}

static void conn_hold(struct txn *t, bool is_held)
{
	const struct txn_env *env = &t->table->env;

	t->is_held = is_held;
	if (env->hold != NULL)
		env->hold(env->arg, t->hop.conn, is_held);
}

void txn_leave_conn(struct txn *t)
{
	if (!t->is_held)
		return;
	conn_hold(t, false);
	if (t->machine->is_client)
		wait_leave(t);
}

void txn_use_conn(struct txn *t, struct conn_ref conn)
{
	if (t->is_held && conn_ref_eq(t->hop.conn, conn))
		return;
	txn_leave_conn(t);
	t->hop.conn = conn;
	if (!txn_is_open(t))
		return;
	conn_hold(t, true);
	if (t->machine->is_client)
		wait_join(t);
}

void txn_conn_closed(struct txn_table *t, struct conn_ref conn)
{
	struct conn_wait *w = wait_find(t, conn);
	struct list *it, *tmp;

	if (w == NULL)
		return;
	LIST_FOREACH(it, tmp, &w->clients) {
		struct client_txn *ct = LIST_ENTRY(it, struct client_txn, wait);

		txn_fail_later(&ct->txn, EV_CONN_LOST, VD_ECONN);
	}
}
