/* Our own answers: where they go, what they carry. */
#include "proxy/proxy_priv.h"

#include "viaduct/util/hash.h"
#include "viaduct/util/put.h"

/* "rport" asks for the answer at the real port (RFC 3581 section 4). */
static uint16_t answer_port(const struct sip_via *via, const struct flow *from)
{
	return via->rport.p != NULL ? addr_port(&from->remote)
				    : sip_via_port(via, from->transport);
}

void reply_hop(struct sip_msg *msg, const struct flow *from, bool obey_maddr,
	       struct hop *out)
{
	const struct sip_via *via = sip_msg_top_via(msg);
	union addr maddr;

	*out = hop_back(from);
	if (via == NULL)
		return;
	/* On a stream the answer goes back over its connection; the address
	 * serves when that is gone: the source, at the port of sent-by. */
	if (sip_transport_is_stream(from->transport)) {
		out->only_conn = from->transport == SIP_WS ||
				 from->transport == SIP_WSS; /* RFC 7118 */
		addr_set_port(&out->addr, sip_via_port(via, from->transport));
		return;
	}
	addr_set_port(&out->addr, answer_port(via, from));
	if (via->maddr.p != NULL && obey_maddr &&
	    addr_parse(via->maddr, via->port != 0 ? via->port : 5060, &maddr) ==
		    0 &&
	    addr_family(&maddr) == addr_family(&from->remote))
		out->addr = maddr;
}

/* 18.2.1: received is added when sent-by is a name, or another address than
 * the source. */
static bool needs_received(const struct sip_via *via, const struct flow *from)
{
	union addr sent_by;

	if (via->rport.p != NULL || via->received.p != NULL)
		return true;
	return addr_parse(via->host, 0, &sent_by) != 0 ||
	       !addr_ip_eq(&sent_by, &from->remote);
}

struct str reply_via_params(struct sip_msg *msg, const struct flow *from,
			    struct arena *arena)
{
	const struct sip_via *via = sip_msg_top_via(msg);
	char text[ADDR_TEXT_MAX + 32], ip[ADDR_TEXT_MAX];
	struct put p = put_into(text, sizeof(text));
	struct str addr;

	if (via == NULL || !needs_received(via, from))
		return STR("");
	/* received is an address without brackets (RFC 5118 section 4.5). */
	addr = (struct str){ip, addr_print_ip(&from->remote, ip)};
	if (ip[0] == '[')
		addr = (struct str){ip + 1, addr.len - 2};
	put_str(&p, STR(";received="));
	put_str(&p, addr);
	if (via->rport.p != NULL) {
		put_str(&p, STR(";rport="));
		put_uint(&p, addr_port(&from->remote));
	}
	return arena_str(arena, put_done(&p));
}

void reply_to_tag(struct sip_msg *msg, char *out)
{
	const struct sip_addr *from = sip_msg_from(msg);
	const struct sip_cseq *cseq = sip_msg_cseq(msg);
	uint32_t number = cseq != NULL ? cseq->number : 0;
	struct put p = put_into(out, TO_TAG_LEN);
	struct hash_state h;

	hash_start(&h, hash_process_key());
	hash_add(&h, sip_msg_call_id(msg));
	hash_add(&h, from != NULL ? from->tag : STR_NONE);
	hash_add(&h, (struct str){(const char *)&number, sizeof(number)});
	put_str(&p, STR("vd"));
	put_hex64(&p, hash_end(&h));
}

struct buf *reply_print(struct proxy *p, const struct proxy_conf *c,
			struct sip_msg *msg, const struct flow *from,
			struct arena *arena, unsigned status, struct str reason,
			struct str extra)
{
	char tag[TO_TAG_LEN];
	struct sip_response r = {
		.status = status,
		.reason = reason,
		.to_tag = {tag, TO_TAG_LEN},
		.top_via_params = reply_via_params(msg, from, arena),
		.extra = extra,
	};

	if (r.top_via_params.p == NULL)
		return NULL;
	if (c->server_header.len != 0)
		r.extra =
			arena_printf(arena, "%.*sServer: %.*s\r\n",
				     STR_FMT(extra), STR_FMT(c->server_header));
	if (r.extra.len != 0 && r.extra.p == NULL)
		return NULL;
	if (status > 100)
		reply_to_tag(msg, tag);
	return sip_response_print(msg, &r, p->env.mem);
}

void reply_stateless(struct request *r, unsigned status, struct str reason,
		     struct str extra)
{
	struct proxy *p = r->proxy;
	struct hop to;
	struct buf *b;

	reply_hop(r->msg, &r->flow, r->caller != CALLER_ANONYMOUS, &to);
	b = reply_print(p, r->conf, r->msg, &r->flow, &r->arena, status, reason,
			extra);
	if (b == NULL) {
		stats_add(p->env.stats, STAT_refused_memory, 1);
		return;
	}
	proxy_trace_out(p, r->tag, &to, b);
	stats_final(p->env.stats, r->msg->method, status);
	if (transport_send(p->env.transport, &to, b, NULL) != 0)
		stats_add(p->env.stats, STAT_send_errors, 1);
	buf_unref(b);
}
