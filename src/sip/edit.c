/* The list of edits, and printing a message through it. */
#include <assert.h>

#include "sip_priv.h"
#include "viaduct/sip/edit.h"

void sip_edits_init(struct sip_edits *e, struct arena *arena)
{
	e->arena = arena;
	e->v = e->inline_v;
	e->n = 0;
	e->cap = SIP_EDITS_INLINE;
	e->failed = false;
}

/* Room for one more. */
static bool edits_grow(struct sip_edits *e)
{
	struct sip_edit *v;

	if (e->n < e->cap)
		return true;
	v = arena_alloc(e->arena, 2 * e->cap * sizeof(*v));
	if (v == NULL) {
		e->failed = true;
		return false;
	}
	memcpy(v, e->v, e->n * sizeof(*v));
	e->v = v;
	e->cap *= 2;
	return true;
}

void sip_edits_copy(struct sip_edits *e, const struct sip_edits *from)
{
	sip_edits_init(e, from->arena);
	e->failed = from->failed;
	if (from->n > e->cap) {
		struct sip_edit *v =
			arena_alloc(e->arena, from->n * sizeof(*v));

		if (v == NULL) {
			e->failed = true;
			return;
		}
		e->v = v;
		e->cap = from->n;
	}
	memcpy(e->v, from->v, from->n * sizeof(*e->v));
	e->n = from->n;
}

static void insert_at(struct sip_edits *e, unsigned i, struct sip_edit edit)
{
	if (!edits_grow(e))
		return;
	for (unsigned j = e->n; j > i; j--)
		e->v[j] = e->v[j - 1];
	e->v[i] = edit;
	e->n++;
}

void sip_edit_replace(struct sip_edits *e, uint32_t at, uint32_t cut,
		      struct str text)
{
	unsigned i = e->n;

	while (i > 0 && e->v[i - 1].at > at)
		i--;
	insert_at(e, i, (struct sip_edit){at, cut, text});
}

/* Before all edits at the same place. */
static void replace_first(struct sip_edits *e, uint32_t at, struct str text)
{
	unsigned i = e->n;

	while (i > 0 && e->v[i - 1].at >= at)
		i--;
	insert_at(e, i, (struct sip_edit){at, 0, text});
}

static uint32_t offset(const struct sip_msg *m, const char *p)
{
	return (uint32_t)(p - m->bytes.p);
}

void sip_edit_uri(struct sip_edits *e, const struct sip_msg *m, struct str uri)
{
	sip_edit_replace(e, offset(m, m->uri_text.p), (uint32_t)m->uri_text.len,
			 uri);
}

void sip_edit_version(struct sip_edits *e, const struct sip_msg *m)
{
	const struct str version = STR("SIP/2.0");
	const char *p = m->is_request ? str_end(m->uri_text) + 1 : m->bytes.p;

	if (memcmp(p, version.p, version.len) != 0)
		sip_edit_replace(e, offset(m, p), (uint32_t)version.len,
				 version);
}

void sip_edit_push(struct sip_edits *e, const struct sip_msg *m,
		   enum sip_hdr_id id, struct str field)
{
	const struct sip_hdr *h = sip_msg_first(m, id);

	if (h == NULL) /* the first field begins where the start line ends */
		h = m->hdrs;
	replace_first(e, m->n_hdrs != 0 ? h->at : m->head_len - 2, field);
}

void sip_edit_append(struct sip_edits *e, const struct sip_msg *m,
		     struct str field)
{
	sip_edit_replace(e, m->head_len - 2, 0, field);
}

void sip_edit_value(struct sip_edits *e, const struct sip_hdr *h,
		    struct str value)
{
	sip_edit_replace(e, h->value_at, h->value_len, value);
}

void sip_edit_remove(struct sip_edits *e, const struct sip_hdr *h)
{
	sip_edit_replace(e, h->at, h->end - h->at, STR_NONE);
}

/* The removal that ends exactly here and began in this field. What lies before
 * another cut ends even earlier: no need to look further. */
static struct sip_edit *removal_before(struct sip_edits *e,
				       const struct sip_hdr *h, uint32_t end)
{
	for (unsigned i = e->n; i > 0; i--) {
		struct sip_edit *x = &e->v[i - 1];

		if (x->at >= end || x->cut == 0)
			continue;
		return x->at >= h->value_at && x->text.len == 0 &&
				       x->at + x->cut == end
			       ? x
			       : NULL;
	}
	return NULL;
}

/* Where the white space and the comma before a value begin. */
static uint32_t comma_before(const struct sip_msg *m, uint32_t at)
{
	while (is_class(m->bytes.p[at - 1], CT_LWS))
		at--;
	assert(m->bytes.p[at - 1] == ',');
	do
		at--;
	while (is_class(m->bytes.p[at - 1], CT_LWS));
	return at;
}

/* A value with others after it takes its comma along; the last one takes the
 * comma before it. Neighbours that go one after the other become one edit. */
void sip_edit_remove_value(struct sip_edits *e, const struct sip_values *it)
{
	const struct sip_hdr *h = it->hdr;
	uint32_t at = offset(it->msg, it->value.p);
	uint32_t end = at + (uint32_t)it->value.len;
	struct sip_edit *before = removal_before(e, h, at);

	if (!it->is_last_in_hdr)
		end = offset(it->msg, skip_lws(it->rest.p, str_end(it->rest)));
	if (before != NULL)
		at = before->at;
	if (it->is_last_in_hdr && at == h->value_at) {
		at = h->at;
		end = h->end;
	} else if (it->is_last_in_hdr) {
		at = comma_before(it->msg, at);
	}
	if (before != NULL)
		*before = (struct sip_edit){at, end - at, STR_NONE};
	else
		sip_edit_replace(e, at, end - at, STR_NONE);
}

void sip_edit_pop(struct sip_edits *e, const struct sip_msg *m,
		  enum sip_hdr_id id, unsigned n)
{
	struct sip_values it;

	sip_values_start(&it, m, id);
	while (n-- > 0 && sip_values_next(&it))
		sip_edit_remove_value(e, &it);
}

void sip_edit_via_params(struct sip_edits *e, struct sip_msg *m,
			 struct str params)
{
	const struct sip_via *via = sip_msg_top_via(m);
	struct str cuts[2];
	unsigned n;

	if (via == NULL)
		return;
	n = sip_via_cuts(via, cuts);
	for (unsigned i = 0; i < n; i++)
		sip_edit_replace(e, offset(m, cuts[i].p), (uint32_t)cuts[i].len,
				 STR_NONE);
	sip_edit_replace(e, offset(m, str_end(via->text)), 0, params);
}

size_t sip_edits_size(const struct sip_edits *e, const struct sip_msg *m)
{
	size_t size = 0, at = 0;

	for (unsigned i = 0; i < e->n; i++) {
		const struct sip_edit *x = &e->v[i];

		if (x->at > at) {
			size += x->at - at;
			at = x->at;
		}
		size += x->text.len;
		if (x->at + x->cut > at)
			at = x->at + x->cut;
	}
	return size + m->bytes.len - at;
}

static inline char *put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

struct buf *sip_edits_print(const struct sip_edits *e, const struct sip_msg *m,
			    struct mem *mem)
{
	size_t size = e->failed ? 0 : sip_edits_size(e, m), at = 0;
	struct buf *b = e->failed ? NULL : buf_new(mem, size);
	char *to;

	if (b == NULL)
		return NULL;
	to = b->data;
	for (unsigned i = 0; i < e->n; i++) {
		const struct sip_edit *x = &e->v[i];

		if (x->at > at) {
			to = put(to, m->bytes.p + at, x->at - at);
			at = x->at;
		}
		if (x->text.len != 0)
			to = put(to, x->text.p, x->text.len);
		if (x->at + x->cut > at)
			at = x->at + x->cut;
	}
	to = put(to, m->bytes.p + at, m->bytes.len - at);
	b->len = (uint32_t)(to - b->data);
	return b;
}
