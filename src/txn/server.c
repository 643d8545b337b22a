/* Server transactions: from the first request to the last timer. Finding them
 * is in match.c. */
#include "txn/match.h"

/* Each response goes where the request came from, over its connection. */
int server_txn_new(struct txn_table *table, const struct txn_key *key,
		   const struct hop *reply_to, const struct txn_timers *timers,
		   const struct server_txn_ops *ops, void *arg,
		   struct server_txn **out)
{
	bool is_invite = key->method == SIP_INVITE;
	struct server_txn *st;
	struct txn *t;

	if (!key->is_usable)
		return VD_EINVAL;
	t = txn_alloc(table, is_invite ? &txn_ist : &txn_nist, timers);
	if (t == NULL)
		return VD_ENOMEM;
	st = SERVER_OF(t);
	st->ops = ops;
	st->begun_ms = (uint32_t)timer_wheel_now_ms(table->env.wheel);
	t->arg = arg;
	t->state = is_invite ? ST_PROCEEDING : ST_TRYING;
	t->hop = *reply_to;
	server_insert(st, key);
	if (!conn_ref_is_none(reply_to->conn))
		txn_use_conn(t, reply_to->conn);
	stats_add(table->env.stats, STAT_requests_new, 1);
	*out = st;
	return 0;
}

void server_txn_receive(struct server_txn *st, struct sip_msg *req)
{
	static const struct txn_input nothing;
	struct txn *t = &st->txn;

	if (req->method == SIP_ACK) {
		txn_step(t, EV_ACK, &nothing);
		return;
	}
	stats_add(t->table->env.stats, STAT_requests_retransmitted, 1);
	txn_step(t, EV_REQUEST, &nothing);
}

/* The first final response: later ones are the same, or further 2xx. */
static void count_final(const struct server_txn *st, unsigned status)
{
	const struct txn_env *env = &st->txn.table->env;
	uint32_t ms = (uint32_t)timer_wheel_now_ms(env->wheel) - st->begun_ms;
	uint32_t method = st->txn.method;
	struct stats *s = env->stats;

	if (method > SIP_PRACK)
		method = SIP_METHOD_OTHER;
	stats_final(s, method, status);
	stats_observe(method == SIP_INVITE ? &s->invite : &s->other, ms);
	if (method == SIP_INVITE && status < 300)
		stats_observe(&s->setup, ms);
}

void server_txn_respond(struct server_txn *st, unsigned status, struct buf *b)
{
	struct txn_input in = {.buf = b};

	if (status >= 200 && txn_is_open(&st->txn))
		count_final(st, status);
	if (st->is_2543 && status >= 300 && txn_is_open(&st->txn))
		server_learn_tag(st, b);
	txn_step(&st->txn, txn_event_of_status(status), &in);
}

void server_txn_detach(struct server_txn *st)
{
	static const struct txn_input nothing;

	st->ops = NULL;
	st->txn.arg = NULL;
	txn_step(&st->txn, EV_DETACH, &nothing);
}

void server_txn_set_owner(struct server_txn *st,
			  const struct server_txn_ops *ops, void *arg)
{
	st->ops = ops;
	st->txn.arg = arg;
}

void *server_txn_arg(const struct server_txn *st,
		     const struct server_txn_ops *ops)
{
	return st->ops == ops ? st->txn.arg : NULL;
}

uint64_t server_txn_id(const struct server_txn *st)
{
	return st->txn.id;
}

void server_failed(struct txn *t, int err)
{
	const struct server_txn_ops *ops = SERVER_OF(t)->ops;

	if (ops != NULL && ops->on_failed != NULL)
		ops->on_failed(t->arg, err);
}

void server_ended(struct txn *t)
{
	const struct server_txn_ops *ops = SERVER_OF(t)->ops;

	if (ops != NULL && ops->on_ended != NULL)
		ops->on_ended(t->arg);
}
