/* What the trace says of messages that no request speaks for. */
#include "proxy/proxy_priv.h"

void proxy_trace_out(struct proxy *p, struct trace_tag tag,
		     const struct hop *to, struct buf *b)
{
	const union addr *local = &to->local;
	char text[FLOW_TEXT_MAX];

	if (!trace_is_on())
		return;
	if (addr_family(local) == AF_UNSPEC)
		local = &transport_listener(p->env.transports, to->listener)
				 ->addr;
	tag.flow = hop_print_from(to, local, text);
	trace_message(&tag, true, &to->addr, buf_str(b));
}

void proxy_trace_response(const struct flow *from, const struct sip_msg *msg,
			  struct str bytes)
{
	char text[FLOW_TEXT_MAX];
	struct trace_tag tag = {.call_id = sip_msg_call_id(msg),
				.flow = flow_print(from, text)};

	trace_message(&tag, false, &from->remote, bytes);
}

void proxy_trace_stray(const struct flow *from, const struct sip_msg *msg,
		       const char *why)
{
	char text[FLOW_TEXT_MAX];

	if (trace_is_on()) {
		struct trace_tag tag = {.call_id = sip_msg_call_id(msg),
					.flow = flow_print(from, text)};

		trace_step(&tag, "drop", "%s", why);
	}
}
