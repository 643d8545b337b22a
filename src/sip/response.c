/* Messages of our own: responses, and the ACK and CANCEL of a hop. */
#include "sip_priv.h"
#include "viaduct/sip/edit.h"

/* Where bytes go; with `to` NULL they are only counted, so that one function
 * says both how long a message will be and what is in it. */
struct out {
	char *to;
	size_t len;
};

static inline void put(struct out *o, struct str s)
{
	if (o->to != NULL && s.len != 0)
		memcpy(o->to + o->len, s.p, s.len);
	o->len += s.len;
}

static void put_number(struct out *o, uint32_t n)
{
	char digits[10];
	unsigned i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	put(o, (struct str){digits + i, sizeof(digits) - i});
}

static void put_field(struct out *o, const struct sip_msg *m,
		      const struct sip_hdr *h)
{
	if (h != NULL)
		put(o, (struct str){m->bytes.p + h->at, h->end - h->at});
}

static void put_first(struct out *o, const struct sip_msg *m,
		      enum sip_hdr_id id)
{
	put_field(o, m, sip_msg_first(m, id));
}

/* The top Via value on its way back, and what is cut out of it because the new
 * parameters say it anew. value.p is NULL when nothing changes. */
struct top_via {
	struct str value;
	struct str params;
	struct str cuts[2];
	unsigned n_cuts;
};

static struct top_via top_via_plan(struct sip_msg *m, struct str params)
{
	const struct sip_via *via = sip_msg_top_via(m);
	struct top_via t = {.params = params};

	if (via != NULL && params.len != 0) {
		t.value = via->text;
		t.n_cuts = sip_via_cuts(via, t.cuts);
	}
	return t;
}

static void put_top_via(struct out *o, const struct sip_msg *m,
			const struct sip_hdr *h, const struct top_via *t)
{
	const char *p = m->bytes.p + h->at;

	for (unsigned i = 0; i < t->n_cuts; i++) {
		put(o, slice(p, t->cuts[i].p));
		p = str_end(t->cuts[i]);
	}
	put(o, slice(p, str_end(t->value)));
	put(o, t->params);
	put(o, slice(str_end(t->value), m->bytes.p + h->end));
}

static void put_vias(struct out *o, const struct sip_msg *m,
		     const struct top_via *top)
{
	const struct sip_hdr *h = sip_msg_first(m, SIP_HDR_VIA);

	if (h != NULL && top->value.p != NULL) {
		put_top_via(o, m, h, top);
		h = sip_msg_next(m, h);
	}
	for (; h != NULL; h = sip_msg_next(m, h))
		put_field(o, m, h);
}

static void put_to(struct out *o, struct sip_msg *m, struct str tag)
{
	const struct sip_hdr *h = sip_msg_first(m, SIP_HDR_TO);
	const struct sip_addr *to = sip_msg_to(m);
	struct str value;

	if (h == NULL || to == NULL || to->tag.p != NULL || tag.len == 0) {
		put_field(o, m, h);
		return;
	}
	value = sip_hdr_value(m, h);
	put(o, slice(m->bytes.p + h->at, str_end(value)));
	put(o, STR(";tag="));
	put(o, tag);
	put(o, slice(str_end(value), m->bytes.p + h->end));
}

static void put_response(struct out *o, struct sip_msg *request,
			 const struct sip_response *r,
			 const struct top_via *top)
{
	struct str reason = r->reason;

	if (reason.len == 0)
		reason = str_from(sip_reason_phrase(r->status));
	put(o, STR("SIP/2.0 "));
	put_number(o, r->status);
	put(o, STR(" "));
	put(o, reason);
	put(o, STR("\r\n"));
	put_vias(o, request, top);
	put_first(o, request, SIP_HDR_FROM);
	put_to(o, request, r->status > 100 ? r->to_tag : STR_NONE);
	put_first(o, request, SIP_HDR_CALL_ID);
	put_first(o, request, SIP_HDR_CSEQ);
	if (r->status == 100)
		put_first(o, request, SIP_HDR_TIMESTAMP);
	put(o, r->extra);
	put(o, STR("Content-Length: 0\r\n\r\n"));
}

struct buf *sip_response_print(struct sip_msg *request,
			       const struct sip_response *r, struct mem *mem)
{
	struct top_via top = top_via_plan(request, r->top_via_params);
	struct out o = {NULL, 0};
	struct buf *b;

	put_response(&o, request, r, &top);
	b = buf_new(mem, o.len);
	if (b == NULL)
		return NULL;
	o = (struct out){b->data, 0};
	put_response(&o, request, r, &top);
	b->len = (uint32_t)o.len;
	return b;
}

/* A request for the next hop alone, about one that it has got from us. */
struct hop_request {
	struct str method;
	struct str to; /* STR_NONE: that of the request */
	struct str extra;
};

static void put_hop_request(struct out *o, struct sip_msg *sent,
			    const struct hop_request *r)
{
	const struct sip_via *via = sip_msg_top_via(sent);
	const struct sip_cseq *cseq = sip_msg_cseq(sent);
	const struct sip_hdr *h;

	put(o, r->method);
	put(o, STR(" "));
	put(o, sent->uri_text);
	put(o, STR(" SIP/2.0\r\nVia: "));
	put(o, via != NULL ? via->text : STR_NONE);
	put(o, STR("\r\n"));
	for (h = sip_msg_first(sent, SIP_HDR_ROUTE); h != NULL;
	     h = sip_msg_next(sent, h))
		put_field(o, sent, h);
	put(o, STR("Max-Forwards: 70\r\n"));
	put_first(o, sent, SIP_HDR_FROM);
	put(o, STR("To: "));
	put(o, r->to.p != NULL ? r->to : sip_msg_value(sent, SIP_HDR_TO));
	put(o, STR("\r\n"));
	put_first(o, sent, SIP_HDR_CALL_ID);
	put(o, STR("CSeq: "));
	put_number(o, cseq != NULL ? cseq->number : 0);
	put(o, STR(" "));
	put(o, r->method);
	put(o, STR("\r\n"));
	put(o, r->extra);
	put(o, STR("Content-Length: 0\r\n\r\n"));
}

static struct buf *hop_request_print(struct sip_msg *sent,
				     const struct hop_request *r,
				     struct mem *mem)
{
	struct out o = {NULL, 0};
	struct buf *b;

	put_hop_request(&o, sent, r);
	b = buf_new(mem, o.len);
	if (b == NULL)
		return NULL;
	o = (struct out){b->data, 0};
	put_hop_request(&o, sent, r);
	b->len = (uint32_t)o.len;
	return b;
}

struct buf *sip_ack_print(struct sip_msg *sent, struct str to, struct mem *mem)
{
	struct hop_request r = {STR("ACK"), to, STR_NONE};

	return hop_request_print(sent, &r, mem);
}

struct buf *sip_cancel_print(struct sip_msg *sent, struct str extra,
			     struct mem *mem)
{
	struct hop_request r = {STR("CANCEL"), STR_NONE, extra};

	return hop_request_print(sent, &r, mem);
}

enum { KEPT_MAX = 16 }; /* start line, five fields, and Route */

struct kept {
	struct str v[KEPT_MAX];
	size_t n, len;
	bool has_via;
};

static bool keep(struct kept *k, struct str s)
{
	if (k->n == KEPT_MAX)
		return false;
	k->v[k->n++] = s;
	k->len += s.len;
	return true;
}

/* The first of the Via fields is ours. Most are passed over for their first
 * letter. */
static bool is_needed(struct str field, struct kept *k)
{
	enum sip_hdr_id id;
	bool is_first;

	if (strchr("VvFfTtCcIiRr", field.p[0]) == NULL)
		return false;
	id = sip_hdr_lookup(field.p,
			    span(field.p, str_end(field), CT_TOKEN) - field.p);
	is_first = id == SIP_HDR_VIA && !k->has_via;
	k->has_via |= is_first;
	return is_first || id == SIP_HDR_FROM || id == SIP_HDR_TO ||
	       id == SIP_HDR_CALL_ID || id == SIP_HDR_CSEQ ||
	       id == SIP_HDR_ROUTE;
}

/* False: there is more than has room. */
static bool keep_needed(struct kept *k, struct str sent)
{
	const char *end = str_end(sent), *p = sip_field_after(sent.p, end);

	keep(k, slice(sent.p, p));
	while (p < end && *p != '\r') {
		struct str field = slice(p, sip_field_after(p, end));

		if (is_needed(field, k) && !keep(k, field))
			return false;
		p = str_end(field);
	}
	return keep(k, STR("\r\n"));
}

struct buf *sip_sent_trim(struct str sent, struct mem *mem)
{
	struct kept k = {.n = 0};
	struct out o = {NULL, 0};
	struct buf *b;

	if (!keep_needed(&k, sent) || k.len >= sent.len)
		return NULL;
	b = buf_new(mem, k.len);
	if (b == NULL)
		return NULL;
	o.to = b->data;
	for (size_t i = 0; i < k.n; i++)
		put(&o, k.v[i]);
	b->len = (uint32_t)o.len;
	return b;
}
