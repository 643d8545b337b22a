/*
 * Matching requests to server transactions, RFC 3261 section 17.2.3. What peers
 * send, however long, is not kept: keys are compared by two numbers of 64 bits,
 * a SipHash, with which nobody outside can play, and a sum of another kind,
 * which makes sure that chance does not either.
 */
#include <endian.h>

#include "txn/match.h"

/* This bit makes tokens and hosts equal without regard to case (section 7.3.1):
 * of their bytes it changes capital letters only, and none into another that
 * they may have. */
#define ANY_CASE UINT64_C(0x2020202020202020)

enum {
	WORDS_MAX = 32,
};

/* What goes into a key. */
struct words {
	uint64_t v[WORDS_MAX];
	size_t n;
};

static uint64_t words_hash(const struct words *w)
{
	return hash_bytes(hash_process_key(), w->v, w->n * sizeof(w->v[0]));
}

static uint64_t words_sum(const struct words *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->n; i++) {
		sum = (sum + w->v[i]) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 32;
	}
	return sum;
}

/* What is longer than the place for it goes on after its hash. */
static inline void add_word(struct words *w, uint64_t word)
{
	if (w->n == WORDS_MAX) {
		w->v[0] = words_hash(w);
		w->n = 1;
	}
	w->v[w->n++] = word;
}

/* The last bytes of a text, fewer than a word; `len` is that of all. */
static inline uint64_t last_bytes(const char *end, size_t len)
{
	size_t n = len % sizeof(uint64_t);
	uint64_t word = 0;

	if (len < sizeof(word)) {
		memcpy(&word, end - n, n);
		return word;
	}
	memcpy(&word, end - sizeof(word), sizeof(word));
	return le64toh(word) >> (64 - 8 * n);
}

/* The length of a piece must be added, too, so that two pieces cannot be taken
 * for others. */
static void add_piece(struct words *w, struct str s, uint64_t bits)
{
	const char *end = s.p + s.len;
	size_t left = s.len;
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, end - left, sizeof(word));
		add_word(w, word | bits);
	}
	if (left != 0)
		add_word(w, last_bytes(end, s.len) | bits);
}

static void add_text(struct words *w, struct str s)
{
	add_word(w, s.len);
	if (s.len != 0)
		add_piece(w, s, 0);
}

static uint32_t tag_hash(struct str tag)
{
	if (tag.p == NULL)
		return 0;
	return (uint32_t)hash_bytes(hash_process_key(), tag.p, tag.len);
}

static void add_branch(struct words *w, const struct sip_via *via)
{
	uint16_t port =
		via->port != 0 ? via->port : sip_transport_port(via->transport);

	add_word(w, (uint64_t)via->branch.len << 32 ^
			    (uint64_t)via->host.len << 16 ^ port);
	add_piece(w, via->branch, ANY_CASE);
	add_piece(w, via->host, ANY_CASE);
}

/* The To tag stands apart: an ACK has another one than its INVITE. */
static bool add_2543(struct words *w, struct sip_msg *req,
		     const struct sip_via *via, uint32_t *to_tag)
{
	const struct sip_addr *from = sip_msg_from(req);
	const struct sip_addr *to = sip_msg_to(req);
	const struct sip_cseq *cseq = sip_msg_cseq(req);

	if (from == NULL || to == NULL || cseq == NULL)
		return false;
	*to_tag = tag_hash(to->tag);
	add_text(w, req->uri_text);
	add_text(w, from->tag);
	add_text(w, sip_msg_call_id(req));
	add_text(w, via->text);
	add_word(w, cseq->number);
	return true;
}

void txn_key_make(struct txn_table *t, struct sip_msg *req, struct txn_key *key)
{
	const struct sip_via *via = sip_msg_top_via(req);
	struct words w;

	w.n = 0;
	key->is_usable = false;
	if (via == NULL)
		return;
	key->method = txn_method_key(req->method, req->method_name);
	key->to_tag = 0;
	key->is_2543 = !branch_has_cookie(via->branch);
	if (!key->is_2543)
		add_branch(&w, via);
	else if (!add_2543(&w, req, via, &key->to_tag))
		return;
	key->hash = words_hash(&w);
	key->check = words_sum(&w);
	key->is_usable = true;
	hash_table_fetch(&t->servers, key->hash);
}

void server_insert(struct server_txn *st, const struct txn_key *key)
{
	struct txn *t = &st->txn;

	t->method = key->method;
	st->check = key->check;
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

		if (st->check == key->check && is_wanted(st, key))
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

struct server_txn *txn_find_server(struct txn_table *t, enum sip_method method,
				   const struct txn_key *key)
{
	struct server_txn *st;

	if (!key->is_usable)
		return NULL;
	if (method != SIP_ACK)
		return server_find(t, key, is_same);
	st = server_find(t, key, is_invite_of_ack);
	/* RFC 6026: the ACK to a 2xx is for the owner. */
	return st != NULL && st->txn.state != ST_ACCEPTED ? st : NULL;
}

struct server_txn *txn_find_cancelled(struct txn_table *t,
				      const struct txn_key *cancel)
{
	return cancel->is_usable ? server_find(t, cancel, is_cancelled) : NULL;
}
