#include "viaduct/transport/hop.h"

/* "tcp:192.0.2.7:5060" at `buf`; returns its length. */
static size_t print_end(enum sip_transport t, const union addr *a, char *buf)
{
	const char *name = sip_transport_name(t);
	size_t n = strlen(name);

	memcpy(buf, name, n);
	buf[n++] = ':';
	return n + addr_print(a, buf + n);
}

struct hop hop_back(const struct flow *f)
{
	return (struct hop){
		.transport = f->transport,
		.listener = f->listener,
		.local = f->local,
		.addr = f->remote,
		.conn = f->conn,
	};
}

struct str hop_print(const struct hop *h, char *buf)
{
	return (struct str){buf, print_end(h->transport, &h->addr, buf)};
}

static struct str print_both(enum sip_transport t, const union addr *local,
			     char arrow, const union addr *remote, char *buf)
{
	size_t n = print_end(t, local, buf);

	buf[n++] = arrow;
	n += addr_print(remote, buf + n);
	return (struct str){buf, n};
}

struct str flow_print(const struct flow *f, char *buf)
{
	return print_both(f->transport, &f->local, '<', &f->remote, buf);
}

struct str hop_print_from(const struct hop *h, const union addr *local,
			  char *buf)
{
	return print_both(h->transport, local, '>', &h->addr, buf);
}
