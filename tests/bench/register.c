/* The REGISTER scenario of the load generator: phones that register, are
 * challenged, and show digest credentials (RFC 3261 section 22, RFC 7616). A
 * phone keeps its Call-ID and counts its CSeq, and uses a nonce again with the
 * next count as long as it is taken. Its Contact is the address of the callees
 * that play the calls by location. */
#include "gen.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

enum {
	NONCE_MAX = 128,
	HEX_MAX = 64,
	MAX_TRIES = 2, /* requests of one registration: a challenge, a good one
			*/
	EXPIRES_S = 3600,
};

static const struct str password = STR_INIT("secret");

struct phone {
	struct call call;
	uint32_t cseq, nc; /* of the last request */
	uint8_t tries;
	bool sha256;
	size_t nonce_len; /* 0: none yet */
	char nonce[NONCE_MAX];
};

/* ---- Digest ------------------------------------------------------------ */

struct hex {
	char p[HEX_MAX];
	size_t len;
};

/* H(a:b:c) in hexadecimal. */
static void hash_of(bool sha256, const struct str *pieces, size_t n,
		    struct hex *out)
{
	char buf[MAX_MSG];
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len;
	struct text t = {buf, 0};

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			PUT(&t, ":");
		put(&t, pieces[i]);
	}
	if (EVP_Digest(t.p, t.len, md, &len, sha256 ? EVP_sha256() : EVP_md5(),
		       NULL) != 1)
		die(EXIT_SETUP, "no MD5 or SHA-256");
	out->len = (size_t)len * 2;
	for (unsigned i = 0; i < len; i++) {
		out->p[2 * i] = "0123456789abcdef"[md[i] >> 4];
		out->p[2 * i + 1] = "0123456789abcdef"[md[i] & 15];
	}
}

static struct str hex_str(const struct hex *h)
{
	return (struct str){h->p, h->len};
}

static void put_credentials(struct gen *g, struct text *t, struct phone *p)
{
	struct str nonce = {p->nonce, p->nonce_len}, nc;
	char user_buf[32], uri_buf[160], nc_buf[8];
	struct text user = {user_buf, 0}, uri = {uri_buf, 0},
		    count = {nc_buf, 0};
	struct hex ha1, ha2, response;

	PUT(&user, "bob");
	put_number(&user, p->call.user);
	PUT(&uri, "sip:");
	put_z(&uri, g->o.domain);
	put_hex8(&count, ++p->nc);
	nc = (struct str){count.p, count.len};

	hash_of(p->sha256,
		(struct str[]){{user.p, user.len},
			       {g->o.domain, strlen(g->o.domain)},
			       password},
		3, &ha1);
	hash_of(p->sha256, (struct str[]){STR("REGISTER"), {uri.p, uri.len}}, 2,
		&ha2);
	hash_of(p->sha256,
		(struct str[]){hex_str(&ha1), nonce, nc, STR("0a4f113b"),
			       STR("auth"), hex_str(&ha2)},
		6, &response);

	PUT(t, "Authorization: Digest username=\"");
	put(t, (struct str){user.p, user.len});
	PUT(t, "\", realm=\"");
	put_z(t, g->o.domain);
	PUT(t, "\", nonce=\"");
	put(t, nonce);
	PUT(t, "\", uri=\"");
	put(t, (struct str){uri.p, uri.len});
	PUT(t, "\", response=\"");
	put(t, hex_str(&response));
	put(t, p->sha256 ? STR("\", algorithm=SHA-256")
			 : STR("\", algorithm=MD5"));
	PUT(t, ", cnonce=\"0a4f113b\", qop=auth, nc=");
	put(t, nc);
	PUT(t, "\r\n");
}

/* The text of `name="..."` in a challenge. */
static struct str quoted_param(struct str challenge, struct str name)
{
	struct str v = {NULL, 0};
	const char *at = memmem(challenge.p, challenge.len, name.p, name.len);
	const char *end;

	if (at == NULL)
		return v;
	at += name.len;
	end = memchr(at, '"', (size_t)(challenge.p + challenge.len - at));
	if (end != NULL)
		v = (struct str){at, (size_t)(end - at)};
	return v;
}

/* Takes the nonce of the first challenge, which is the one that the registrar
 * likes best (RFC 8760 section 2.3). */
static bool take_challenge(struct phone *p, const struct msg *m)
{
	struct str c = m->challenge[0], nonce;

	if (m->n_challenges == 0 || !str_starts(c, STR("Digest ")))
		return false;
	nonce = quoted_param(c, STR("nonce=\""));
	if (nonce.len == 0 || nonce.len > NONCE_MAX)
		return false;
	memcpy(p->nonce, nonce.p, nonce.len);
	p->nonce_len = nonce.len;
	p->nc = 0;
	p->sha256 = memmem(c.p, c.len, "SHA-256", 7) != NULL;
	return true;
}

/* ---- Phones ------------------------------------------------------------ */

void phones_prepare(struct gen *g)
{
	g->phones = must_alloc(g->o.phones, sizeof(*g->phones));
}

struct call *phone_call(struct gen *g, uint32_t n)
{
	return &g->phones[number_spread(g, n)].call;
}

/* "c" and the id of the phone's call is its Call-ID; NULL if it is none. */
static struct phone *phone_find(struct gen *g, struct str call_id)
{
	uint32_t n = id_number(call_id);
	struct phone *p;

	if (n >= g->o.phones)
		return NULL;
	p = &g->phones[n];
	return p->call.kind != 0 && is_id(g, call_id, STR("c"), &p->call)
		       ? p
		       : NULL;
}

static void put_address(struct gen *g, struct text *t, const struct call *c)
{
	PUT(t, "<");
	put_user(t, CALLEE, c);
	PUT(t, "@");
	put_z(t, g->o.domain);
	PUT(t, ">");
}

static void put_cseq(struct text *t, const struct phone *p)
{
	put_number(t, p->cseq);
	PUT(t, " REGISTER");
}

static void put_branch(struct gen *g, struct text *t, const struct phone *p)
{
	PUT(t, "z9hG4bKr");
	put_hex8(t, p->cseq);
	put_id(g, t, &p->call);
}

static void put_register(struct gen *g, struct text *t, const struct phone *p)
{
	const struct call *c = &p->call;

	PUT(t, "REGISTER sip:");
	put_z(t, g->o.domain);
	PUT(t, " SIP/2.0\r\n");
	put_via_head(g, t);
	put_branch(g, t, p);
	PUT(t, "\r\nMax-Forwards: 70\r\nFrom: ");
	put_address(g, t, c);
	PUT(t, ";tag=f");
	put_id(g, t, c);
	PUT(t, "\r\nTo: ");
	put_address(g, t, c);
	PUT(t, "\r\nCall-ID: c");
	put_id(g, t, c);
	PUT(t, "\r\nCSeq: ");
	put_cseq(t, p);
	PUT(t, "\r\nContact: <");
	put_contact(g, t, CALLEE, c);
	PUT(t, ">\r\nExpires: ");
	put_number(t, EXPIRES_S);
	PUT(t, "\r\nUser-Agent: loadgen\r\n");
}

static void phone_send(struct gen *g, struct phone *p)
{
	struct text t = port_text(g, p->call.port);

	p->cseq++;
	p->tries++;
	put_register(g, &t, p);
	if (p->nonce_len > 0)
		put_credentials(g, &t, p);
	put_body(&t, STR(""));
	port_send(g, p->call.port, &t);
}

void phone_start(struct gen *g, struct call *c)
{
	struct phone *p = (struct phone *)c;

	p->tries = 0;
	if (g->o.challenge)
		p->nonce_len = 0;
	phone_send(g, p);
}

/* ---- Answers ----------------------------------------------------------- */

/* Its own binding alone, with what is left of an hour. */
static bool is_bound(struct gen *g, const struct phone *p, const struct msg *m)
{
	char buf[MAX_MSG];
	struct text t = {buf, 0};
	unsigned long expires =
		str_number(str_param(m->contact, STR(";expires=")));

	PUT(&t, "<");
	put_contact(g, &t, CALLEE, &p->call);
	PUT(&t, ">");
	return str_starts(m->contact, (struct str){t.p, t.len}) &&
	       expires > EXPIRES_S - 60 && expires <= EXPIRES_S;
}

/* NULL, or what is wrong with `m`. */
static const char *check_answer(struct gen *g, const struct phone *p,
				const struct port *port, const struct msg *m)
{
	char buf[MAX_MSG];
	struct text branch = {buf, 0};

	put_branch(g, &branch, p);
	if (port != p->call.port)
		return "response on another connection than the request";
	if (m->n_via != 1 || !str_is(str_param(m->via[0], STR(";branch=")),
				     (struct str){branch.p, branch.len}))
		return "not the Via value of the request";
	if (str_param(m->to, STR(";tag=")).len == 0)
		return "no To tag";
	if (m->status == 401 && p->tries == MAX_TRIES)
		return "credentials were refused";
	if (m->status == 200 && !is_bound(g, p, m))
		return "the Contact is not the phone's";
	return m->status == 200 || m->status == 401 ? NULL : "unexpected";
}

static bool is_due(const struct phone *p, const struct msg *m)
{
	char buf[32];
	struct text t = {buf, 0};

	put_cseq(&t, p);
	return p->call.pending && str_is(m->cseq, (struct str){t.p, t.len});
}

void phone_answered(struct gen *g, struct port *port, const struct msg *m)
{
	struct phone *p = phone_find(g, m->call_id);
	const char *wrong;

	if (p == NULL) {
		violation(g, port, m->all, "no such phone");
		return;
	}
	if (!is_due(p, m)) {
		g->n.retransmissions[CALLER]++;
		return;
	}
	wrong = check_answer(g, p, port, m);
	if (wrong == NULL && m->status == 401 && !take_challenge(p, m))
		wrong = "a challenge without Digest or nonce";
	if (wrong != NULL) {
		violation(g, port, m->all, wrong);
		call_settle(g, &p->call, false);
	} else if (m->status == 401) {
		g->n.challenges++;
		phone_send(g, p);
	} else {
		call_setup_done(g, &p->call);
		call_settle(g, &p->call, true);
	}
}
