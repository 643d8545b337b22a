/*
 * Matching requests to server transactions, RFC 3261 section 17.2.3. What peers
 * send, however long, is not kept: keys are compared by two numbers of 64 bits,
 * a SipHash, with which nobody outside can play, and a sum of another kind,
 * which makes sure that chance does not either.
 */
#include "txn/match.h"

/* This bit makes tokens and hosts equal without regard to case (section 7.3.1):
 * of their bytes it changes capital letters only, and none into another that
 * they may have. */
#define ANY_CASE UINT64_C(0x2020202020202020)

static uint64_t words_hash(const struct txn_key *key)
{
	return hash_bytes(hash_process_key(), key->words,
			  key->n * sizeof(key->words[0]));
}

/* What is longer than the place for it goes on after its hash. */
static void add_word(struct txn_key *key, uint64_t word)
{
	if (key->n == KEY_WORDS_MAX) {
		key->words[0] = words_hash(key);
		key->n = 1;
	}
	key->words[key->n++] = word;
}

/* The length of a piece must be added, too, so that two pieces cannot be taken
 * for others. */
static void add_piece(struct txn_key *key, struct str s, uint64_t bits)
{
	uint64_t word;

	for (; s.len >= sizeof(word); s = str_skip(s, sizeof(word))) {
		memcpy(&word, s.p, sizeof(word));
		add_word(key, word | bits);
	}
	if (s.len == 0)
		return;
	word = 0;
	memcpy(&word, s.p, s.len);
	add_word(key, word | bits);
}

static void add_text(struct txn_key *key, struct str s)
{
	add_word(key, s.len);
	add_piece(key, s, 0);
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

	add_word(key, (uint64_t)via->branch.len << 32 ^
			      (uint64_t)via->host.len << 16 ^ port);
	add_piece(key, via->branch, ANY_CASE);
	add_piece(key, via->host, ANY_CASE);
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
	add_text(key, req->uri_text);
	add_text(key, from->tag);
	add_text(key, sip_msg_call_id(req));
	add_text(key, via->text);
	add_word(key, cseq->number);
	return true;
}

bool txn_key_make(struct txn_key *key, struct sip_msg *req)
{
	const struct sip_via *via = sip_msg_top_via(req);

	if (via == NULL)
		return false;
	key->n = 0;
	key->method = txn_method_key(req->method, req->method_name);
	key->to_tag = 0;
	key->is_2543 = !branch_has_cookie(via->branch);
	if (!key->is_2543)
		key_add_branch(key, via);
	else if (!key_add_2543(key, req, via))
		return false;
	key->hash = words_hash(key);
	return true;
}

static uint64_t words_sum(const struct txn_key *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < key->n; i++) {
		sum = (sum + key->words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 32;
	}
	return sum;
}

void server_insert(struct server_txn *st, const struct txn_key *key)
{
	struct txn *t = &st->txn;

	t->method = key->method;
	st->check = words_sum(key);
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

static struct server_txn *server_find(struct txn_table *t, struct txn_key *key,
				      wanted_fn *is_wanted)
{
	struct hash_node *n = hash_table_find(&t->servers, key->hash);

	for (; n != NULL; n = hash_table_next(n)) {
		struct txn *x = CONTAINER_OF(n, struct txn, node);
		struct server_txn *st = SERVER_OF(x);

		if (st->check == words_sum(key) && is_wanted(st, key))
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
