/*
 * Matching requests to server transactions, RFC 3261 section 17.2.3. A key is
 * compared as 128 bits of SipHash under a key of this process: one half finds
 * the bucket, the other confirms. What peers send, however long, is not kept.
 */
#include "txn/match.h"

/* Tokens and hosts without regard to case (section 7.3.1): all their bytes
 * that this changes are capital letters, or are in no token and no host. */
static void hash_add_caseless(struct hash_state *h, struct str s)
{
	uint64_t words[8];
	size_t len;

	for (; s.len > 0; s = str_skip(s, len)) {
		len = s.len < sizeof(words) ? s.len : sizeof(words);
		words[(len - 1) / 8] = 0;
		memcpy(words, s.p, len);
		for (size_t i = 0; i <= (len - 1) / 8; i++)
			words[i] |= UINT64_C(0x2020202020202020);
		hash_add(h, (struct str){(const char *)words, len});
	}
}

static void hash_add_u32(struct hash_state *h, uint32_t v)
{
	hash_add(h, (struct str){(const char *)&v, sizeof(v)});
}

static uint32_t tag_hash(struct str tag)
{
	if (tag.p == NULL)
		return 0;
	return (uint32_t)hash_bytes(hash_process_key(), tag.p, tag.len);
}

static void key_add_branch(struct txn_key *key, const struct sip_via *via)
{
	uint16_t port =
		via->port != 0 ? via->port : sip_transport_port(via->transport);

	hash_add_caseless(&key->state, via->branch);
	hash_add_caseless(&key->state, via->host);
	hash_add_u32(&key->state, port);
}

/* The To tag stands apart: an ACK has another one than its INVITE. */
static bool key_add_2543(struct txn_key *key, struct sip_msg *req,
			 const struct sip_via *via)
{
	const struct sip_addr *from = sip_msg_from(req);
	const struct sip_addr *to = sip_msg_to(req);
	const struct sip_cseq *cseq = sip_msg_cseq(req);

	if (from == NULL || to == NULL || cseq == NULL)
		return false;
	key->to_tag = tag_hash(to->tag);
	hash_add(&key->state, req->uri_text);
	hash_add(&key->state, from->tag);
	hash_add(&key->state, sip_msg_call_id(req));
	hash_add_u32(&key->state, cseq->number);
	hash_add(&key->state, via->text);
	return true;
}

bool txn_key_make(struct txn_key *key, struct sip_msg *req)
{
	const struct sip_via *via = sip_msg_top_via(req);
	struct hash_state end;

	if (via == NULL)
		return false;
	hash_start(&key->state, hash_process_key());
	key->method = txn_method_key(req->method, req->method_name);
	key->to_tag = 0;
	key->is_2543 = !branch_has_cookie(via->branch);
	if (!key->is_2543)
		key_add_branch(key, via);
	else if (!key_add_2543(key, req, via))
		return false;
	end = key->state;
	key->hash = hash_end(&end);
	return true;
}

/* One piece more makes a hash that has nothing to do with the first. */
static uint64_t key_check(const struct txn_key *key)
{
	struct hash_state end = key->state;

	hash_add(&end, STR("check"));
	return hash_end(&end);
}

void server_insert(struct server_txn *st, const struct txn_key *key)
{
	struct txn *t = &st->txn;

	t->method = key->method;
	st->check = key_check(key);
	st->is_2543 = key->is_2543;
	st->request_tag = key->to_tag;
	hash_table_insert(&t->table->servers, &t->node, key->hash);
}

void server_learn_tag(struct server_txn *st, const struct buf *response)
{
	struct mem *mem = st->txn.table->env.mem;
	const struct sip_addr *to;
	struct txn_indexed x;

	if (txn_index(mem, response, &x) != 0)
		return;
	to = sip_msg_to(&x.msg);
	if (to != NULL)
		st->response_tag = tag_hash(to->tag);
	txn_unindex(mem, &x);
}

typedef bool wanted_fn(const struct server_txn *st, const struct txn_key *key);

static struct server_txn *server_find(struct txn_table *t,
				      const struct txn_key *key,
				      wanted_fn *is_wanted)
{
	struct hash_node *n = hash_table_find(&t->servers, key->hash);

	for (; n != NULL; n = hash_table_next(n)) {
		struct txn *x = CONTAINER_OF(n, struct txn, node);
		struct server_txn *st = SERVER_OF(x);

		if (st->check == key_check(key) && is_wanted(st, key))
			return st;
	}
	return NULL;
}

static bool is_same(const struct server_txn *st, const struct txn_key *key)
{
	return st->txn.method == key->method && st->request_tag == key->to_tag;
}

static bool is_invite_of_ack(const struct server_txn *st,
			     const struct txn_key *key)
{
	return st->txn.method == SIP_INVITE &&
	       (!st->is_2543 || st->response_tag == key->to_tag);
}

static bool is_cancelled(const struct server_txn *st, const struct txn_key *key)
{
	return st->txn.method != SIP_ACK && st->txn.method != SIP_CANCEL &&
	       st->request_tag == key->to_tag;
}

struct server_txn *txn_find_server(struct txn_table *t, struct sip_msg *req)
{
	struct server_txn *st;
	struct txn_key key;

	if (!txn_key_make(&key, req))
		return NULL;
	if (req->method != SIP_ACK)
		return server_find(t, &key, is_same);
	st = server_find(t, &key, is_invite_of_ack);
	/* RFC 6026: the ACK to a 2xx is for the owner. */
	return st != NULL && st->txn.state != ST_ACCEPTED ? st : NULL;
}

struct server_txn *txn_find_cancelled(struct txn_table *t,
				      struct sip_msg *cancel)
{
	struct txn_key key;

	if (!txn_key_make(&key, cancel))
		return NULL;
	return server_find(t, &key, is_cancelled);
}
