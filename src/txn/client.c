/* Client transactions: sending, responses, ACK, CANCEL, and the ways to fail.
 */
#include "txn/txn_priv.h"

static const struct txn_input nothing;

int client_txn_new(struct txn_table *table, enum sip_method method,
		   const struct txn_timers *timers,
		   const struct client_txn_ops *ops, void *arg,
		   struct client_txn **out)
{
	struct txn *t = txn_alloc(
		table, method == SIP_INVITE ? &txn_ict : &txn_nict, timers);

	if (t == NULL)
		return VD_ENOMEM;
	list_init(&CLIENT_OF(t)->wait);
	CLIENT_OF(t)->ops = ops;
	t->arg = arg;
	t->method = method;
	hash_table_insert(&table->clients, &t->node, t->id);
	*out = CLIENT_OF(t);
	return 0;
}

/* The name of an unknown method stands in the request only. */
static void client_learn_method(struct txn *t, struct str sent)
{
	struct str name = {sent.p, str_find(sent, ' ')};

	t->method = txn_method_key(SIP_METHOD_OTHER, name);
}

void client_txn_start(struct client_txn *ct, const struct hop *hop,
		      struct buf *sent)
{
	struct txn_input in = {.buf = sent};

	if (ct->txn.method == SIP_METHOD_OTHER)
		client_learn_method(&ct->txn, buf_str(sent));
	ct->txn.hop = *hop;
	txn_step(&ct->txn, EV_START, &in);
	ct->txn.hop.domain = NULL; /* borrowed; its connection is known */
}

void client_txn_detach(struct client_txn *ct)
{
	ct->ops = NULL;
	ct->txn.arg = NULL;
	txn_step(&ct->txn, EV_DETACH, &nothing);
}

void client_txn_set_owner(struct client_txn *ct,
			  const struct client_txn_ops *ops, void *arg)
{
	ct->ops = ops;
	ct->txn.arg = arg;
}

const struct hop *client_txn_hop(const struct client_txn *ct)
{
	return &ct->txn.hop;
}

bool client_txn_has_provisional(const struct client_txn *ct)
{
	return ct->txn.has_1xx;
}

uint64_t client_txn_id(const struct client_txn *ct)
{
	return ct->txn.id;
}

/* What the machines do ----------------------------------------------------- */

void client_tell(struct txn *t, const struct txn_input *in)
{
	struct client_txn *ct = CLIENT_OF(t);

	if (ct->ops != NULL)
		ct->ops->on_response(t->arg, in->msg, in->from);
}

void client_failed(struct txn *t, int err)
{
	struct client_txn *ct = CLIENT_OF(t);

	if (err == VD_ETIMEOUT)
		stats_add(t->table->env.stats, STAT_txn_timeouts, 1);
	if (ct->ops != NULL)
		ct->ops->on_failed(t->arg, err);
}

/* A CANCEL and its INVITE know each other until one of them ends; the CANCEL
 * never outlives the INVITE. */
void client_ended(struct txn *t)
{
	struct client_txn *ct = CLIENT_OF(t);
	struct client_txn *peer = ct->peer;

	if (peer != NULL) {
		peer->peer = NULL;
		if (t->method == SIP_INVITE)
			txn_terminate(&peer->txn);
	}
	if (ct->ops != NULL)
		ct->ops->on_ended(t->arg);
}

/* The first final response makes the ACK, which takes the place of the
 * request; the same ACK answers those that come again. */
void client_acknowledge(struct txn *t, struct sip_msg *resp)
{
	struct mem *mem = t->table->env.mem;
	struct buf *ack = NULL;
	struct txn_indexed x;

	if (t->is_acked) {
		txn_resend(t);
		return;
	}
	if (txn_index(mem, t->last, &x) != 0)
		return; /* no memory: the response will come again */
	ack = sip_ack_print(&x.msg, sip_msg_value(resp, SIP_HDR_TO), mem);
	txn_unindex(mem, &x);
	if (ack == NULL)
		return;
	buf_unref(t->last);
	t->last = ack;
	t->is_acked = true;
	txn_send(t);
}

/* Cancelling (9.1) --------------------------------------------------------- */

static struct buf *cancel_print(struct txn *t, struct str extra)
{
	struct mem *mem = t->table->env.mem;
	struct txn_indexed x;
	struct buf *b;

	if (txn_index(mem, t->last, &x) != 0)
		return NULL;
	b = sip_cancel_print(&x.msg, extra, mem);
	txn_unindex(mem, &x);
	return b;
}

/* Printed now and sent when it may be. */
static int cancel_new(struct client_txn *ct, struct str extra)
{
	struct txn *t = &ct->txn;
	struct client_txn *cancel;
	struct buf *b = cancel_print(t, extra);
	int err;

	if (b == NULL)
		return VD_ENOMEM;
	err = client_txn_new(t->table, SIP_CANCEL, &t->timers, NULL, NULL,
			     &cancel);
	if (err != 0) {
		buf_unref(b);
		return err;
	}
	cancel->txn.last = b;
	cancel->peer = ct;
	ct->peer = cancel;
	t->is_cancelled = true;
	return 0;
}

void client_txn_cancel(struct client_txn *ct, struct str extra)
{
	struct txn *t = &ct->txn;

	if (t->machine != &txn_ict || t->is_cancelled)
		return;
	if (t->state != ST_CALLING && t->state != ST_PROCEEDING)
		return;
	if (cancel_new(ct, extra) == 0)
		txn_step(t, EV_CANCEL, &nothing);
}

void client_send_cancel(struct txn *t)
{
	struct client_txn *cancel = CLIENT_OF(t)->peer;

	cancel->txn.hop = t->hop;
	txn_step(&cancel->txn, EV_START, &nothing);
}

void client_catch_up(struct txn *t)
{
	if (t->is_cancelled)
		txn_todo(t, EV_CANCEL);
	else if (CLIENT_OF(t)->ops == NULL)
		txn_todo(t, EV_DETACH);
}

/* Responses (17.1.3) ------------------------------------------------------- */

static struct client_txn *client_find(struct txn_table *t, struct str branch)
{
	uint64_t id, loop_hash;
	struct hash_node *n;

	if (!branch_read(t, branch, &id, &loop_hash))
		return NULL;
	n = hash_table_find(&t->clients, id);
	return n != NULL ? CLIENT_OF(CONTAINER_OF(n, struct txn, node)) : NULL;
}

void *client_txn_owner(struct txn_table *t, struct str branch,
		       const struct client_txn_ops *ops)
{
	struct client_txn *ct = client_find(t, branch);

	return ct != NULL && ct->ops == ops ? ct->txn.arg : NULL;
}

/* A CANCEL has the branch of its INVITE. */
static struct client_txn *client_of_method(struct client_txn *ct,
					   uint32_t method)
{
	if (ct->txn.method == method)
		return ct;
	return method == SIP_CANCEL ? ct->peer : NULL;
}

static struct client_txn *client_of_response(struct txn_table *t,
					     struct sip_msg *resp)
{
	const struct sip_via *via = sip_msg_top_via(resp);
	const struct sip_cseq *cseq = sip_msg_cseq(resp);
	struct client_txn *ct;

	if (via == NULL || cseq == NULL)
		return NULL;
	ct = client_find(t, via->branch);
	if (ct == NULL)
		return NULL;
	return client_of_method(
		ct,
		txn_method_key(sip_method_parse(cseq->method), cseq->method));
}

bool txn_receive_response(struct txn_table *t, struct sip_msg *resp,
			  const struct flow *from)
{
	struct client_txn *ct = client_of_response(t, resp);
	struct txn_input in = {.msg = resp, .from = from};

	if (ct == NULL ||
	    addr_family(&from->remote) != addr_family(&ct->txn.hop.addr)) {
		stats_add(t->env.stats, STAT_messages_stray, 1);
		return false;
	}
	if (resp->status < 200)
		ct->txn.has_1xx = true;
	txn_step(&ct->txn, txn_event_of_status(resp->status), &in);
	return true;
}

/* ICMP --------------------------------------------------------------------- */

/* Next line of a head that may be cut off. */
static bool line_next(struct str *rest, struct str *line)
{
	size_t len = str_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line = (struct str){rest->p, len};
	*rest = str_skip(*rest, len < rest->len ? len + 1 : len);
	return true;
}

static bool line_is_via(struct str line)
{
	struct str name = str_trim((struct str){line.p, str_find(line, ':')});

	return str_ieq(name, STR("Via")) || str_ieq(name, STR("v"));
}

/* The branch in the first Via of a request of ours; what is cut off of it will
 * not be read as one. */
static struct str payload_branch(struct str payload)
{
	struct str line, branch = STR_NONE;

	while (line_next(&payload, &line)) {
		if (!line_is_via(line))
			continue;
		line = str_trim(str_skip(line, str_find(line, ';')));
		sip_param_find(line, STR("branch"), &branch);
		return branch;
	}
	return branch;
}

/* The transaction that sent this; an ACK is its INVITE's. */
static struct client_txn *client_of_payload(struct txn_table *t,
					    struct str payload, bool *is_ack)
{
	struct client_txn *ct = client_find(t, payload_branch(payload));
	struct str name = {payload.p, str_find(payload, ' ')};
	enum sip_method method = sip_method_parse(name);

	*is_ack = method == SIP_ACK;
	if (ct == NULL)
		return NULL;
	return client_of_method(ct, *is_ack ? SIP_INVITE
					    : txn_method_key(method, name));
}

/* An ICMP message can be forged, but not the branch in it. One that comes late,
 * for a request that has been answered, says nothing about the ACK. */
void txn_udp_error(struct txn_table *t, const union addr *remote, int err,
		   struct str payload)
{
	struct client_txn *ct;
	bool is_ack;

	ct = client_of_payload(t, payload, &is_ack);
	if (ct == NULL || txn_is_reliable(&ct->txn) ||
	    !addr_eq(&ct->txn.hop.addr, remote) ||
	    is_ack != (ct->txn.state == ST_COMPLETED))
		return;
	ct->txn.err = (int16_t)err;
	txn_step(&ct->txn, EV_TPORT_ERR, &nothing);
}
