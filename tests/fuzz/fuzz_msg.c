/* A message from the network: index, check, every accessor, and what a proxy
 * prints from it. Whatever it sends on must be a good message again. */
#include "fuzz.h"

#include "viaduct/sip/edit.h"

static const struct sip_limits limits = {
	.headers = 64, .uri_size = 256, .vias = 20};

static struct mem *mem;

static void read_values(struct sip_msg *m)
{
	struct sip_values it;

	for (unsigned id = 0; id < SIP_HDR_COUNT; id++) {
		unsigned n = 0;
		const struct sip_hdr *h;

		for (h = sip_msg_first(m, id); h != NULL;
		     h = sip_msg_next(m, h), n++)
			claim_inside(sip_hdr_value(m, h), m->bytes);
		CLAIM(n == m->count[id]);
		for (sip_values_start(&it, m, id); sip_values_next(&it);)
			claim_inside(it.value, sip_hdr_value(m, it.hdr));
	}
}

static void read_all(struct sip_msg *m)
{
	const struct sip_addr *from = sip_msg_from(m), *to = sip_msg_to(m);
	const struct sip_via *via = sip_msg_top_via(m);
	const struct sip_uri *uri = sip_msg_uri(m);
	struct sip_uri other;

	read_values(m);
	sip_msg_max_forwards(m, 70);
	sip_msg_find(m, STR("Subject"));
	if (from != NULL && sip_uri_parse(from->uri, &other) == 0)
		CLAIM(sip_uri_eq(&other, &other));
	if (to != NULL)
		claim_inside(to->params, m->bytes);
	if (via != NULL)
		claim_inside(via->params, m->bytes);
	if (uri != NULL)
		CLAIM(sip_uri_eq(uri, uri));
}

/* Index and check again what was printed; takes the buffer. */
static void claim_good(struct buf *b, bool checked)
{
	static struct sip_hdr hdrs[64 + 8];
	static const struct sip_limits more = {
		.headers = 64 + 7, .uri_size = 512, .vias = 21};
	struct sip_msg m;

	CLAIM(b != NULL && b->len == b->cap);
	CLAIM(sip_msg_index(buf_str(b), &more, hdrs, &m) == 0);
	CLAIM(!checked || sip_msg_check(&m, &more) == 0);
	buf_unref(b);
}

static void forward_request(struct sip_msg *m)
{
	const struct sip_hdr *h = sip_msg_first(m, SIP_HDR_MAX_FORWARDS);
	struct sip_edits e, copy;
	struct arena arena;

	arena_init(&arena, mem);
	sip_edits_init(&e, &arena);
	sip_edit_uri(&e, m, STR("sip:bob@192.0.2.4"));
	sip_edit_push(&e, m, SIP_HDR_VIA,
		      STR("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"));
	sip_edit_push(&e, m, SIP_HDR_RECORD_ROUTE,
		      STR("Record-Route: <sip:192.0.2.1;lr>\r\n"));
	sip_edit_pop(&e, m, SIP_HDR_ROUTE, 1);
	sip_edit_via_params(&e, m, STR(";received=192.0.2.9;rport=9"));
	if (h != NULL)
		sip_edit_value(&e, h, STR("69"));
	else
		sip_edit_append(&e, m, STR("Max-Forwards: 70\r\n"));
	sip_edits_copy(&copy, &e);
	CLAIM(sip_edits_size(&copy, m) == sip_edits_size(&e, m));
	claim_good(sip_edits_print(&copy, m, mem), true);
	arena_fini(&arena);
}

/* Every value of every kind taken out, one after the other. */
static void remove_values(struct sip_msg *m)
{
	struct sip_values it;
	struct sip_edits e;
	struct arena arena;
	struct buf *b;

	arena_init(&arena, mem);
	sip_edits_init(&e, &arena);
	for (sip_values_start(&it, m, SIP_HDR_CONTACT); sip_values_next(&it);)
		sip_edit_remove_value(&e, &it);
	sip_edit_pop(&e, m, SIP_HDR_VIA, m->count[SIP_HDR_VIA] / 2 + 1);
	b = sip_edits_print(&e, m, mem);
	CLAIM(b != NULL && b->len == sip_edits_size(&e, m));
	claim_good(b, false);
	arena_fini(&arena);
}

static void print_requests(struct sip_msg *m)
{
	claim_good(sip_cancel_print(m, STR("Reason: SIP;cause=200\r\n"), mem),
		   true);
	claim_good(sip_ack_print(m, STR("<sip:bob@biloxi.com>;tag=1"), mem),
		   true);
}

static void answer(struct sip_msg *m)
{
	struct sip_response r = {
		.status = m->bad_status != 0 ? m->bad_status : 404,
		.reason = str_from(m->bad),
		.to_tag = STR("z"),
		.top_via_params = STR(";received=192.0.2.9;rport=9"),
		.extra = STR("Server: x\r\n"),
	};

	claim_good(sip_response_print(m, &r, mem), m->bad == NULL);
	r.status = 100;
	r.top_via_params = STR_NONE;
	claim_good(sip_response_print(m, &r, mem), m->bad == NULL);
}

static void claim_untouched(struct sip_msg *m)
{
	struct sip_edits none;
	struct buf *b;

	sip_edits_init(&none, NULL);
	b = sip_edits_print(&none, m, mem);
	CLAIM(b != NULL && str_eq(buf_str(b), m->bytes));
	buf_unref(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	static struct sip_hdr hdrs[64 + 1];
	struct sip_msg m;
	struct str id;

	if (mem == NULL)
		CLAIM(mem_new(0, &mem) == 0);
	id = sip_bytes_call_id(bytes);
	if (sip_msg_index(bytes, &limits, hdrs, &m) == 0) {
		CLAIM(str_eq(id, sip_msg_call_id(&m)));
		claim_untouched(&m);
		remove_values(&m);
	}
	sip_msg_check(&m, &limits);
	CLAIM((m.bad == NULL) == (m.bad_status == 0));
	read_all(&m);
	if (sip_msg_can_answer(&m))
		answer(&m);
	if (m.bad == NULL && m.is_request) {
		forward_request(&m);
		print_requests(&m);
	}
	return 0;
}
