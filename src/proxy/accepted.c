/*
 * After a 2xx to an INVITE the request and its context go, but for 64*T1 the
 * callee may send the 2xx again, and other callees theirs (RFC 6026 sections
 * 7.1 and 7.2). What that takes is this: which server transaction they go to.
 */
#include "proxy/proxy_priv.h"

struct accepted {
	struct proxy *proxy;
	struct server_txn *server; /* NULL: gone */
	unsigned n_clients;
	bool is_sender_trusted; /* of the request */
};

static void settle(struct accepted *a)
{
	if (a->n_clients > 0)
		return;
	if (a->server != NULL)
		server_txn_detach(a->server);
	mem_free(a->proxy->env.mem, a, sizeof(*a));
}

static void on_response(void *arg, struct sip_msg *msg, const struct flow *from)
{
	struct accepted *a = arg;
	struct proxy *p = a->proxy;
	struct arena arena;
	struct buf *b;

	if (a->server == NULL || msg->status < 200 || msg->status > 299)
		return;
	arena_init(&arena, p->env.mem);
	b = response_print(p->env.mem, &arena, msg, STR_NONE,
			   identity_forbidden_back(p, &p->use->snapshot->proxy,
						   msg, from,
						   a->is_sender_trusted));
	if (b != NULL) {
		stats_add(p->env.stats, STAT_responses_forwarded, 1);
		server_txn_respond(a->server, msg->status, b);
		buf_unref(b);
	}
	arena_fini(&arena);
}

static void on_client_failed(void *arg, int err)
{
	(void)arg;
	(void)err;
}

static void on_client_ended(void *arg)
{
	struct accepted *a = arg;

	a->n_clients--;
	settle(a);
}

static const struct client_txn_ops client_ops = {
	.on_response = on_response,
	.on_failed = on_client_failed,
	.on_ended = on_client_ended,
};

static void on_server_ended(void *arg)
{
	struct accepted *a = arg;

	a->server = NULL;
}

static const struct server_txn_ops server_ops = {
	.on_ended = on_server_ended,
};

struct accepted *accepted_new(const struct request *r)
{
	struct accepted *a = mem_zalloc(r->proxy->env.mem, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->proxy = r->proxy;
	a->server = r->txn;
	a->is_sender_trusted = r->is_sender_trusted;
	server_txn_set_owner(r->txn, &server_ops, a);
	return a;
}

void accepted_add(struct accepted *a, struct client_txn *ct)
{
	a->n_clients++;
	client_txn_set_owner(ct, &client_ops, a);
}
