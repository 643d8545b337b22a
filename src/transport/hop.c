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

struct str hop_print(const struct hop *h, char *buf)
{
	return (struct str){buf, print_end(h->transport, &h->addr, buf)};
}

struct str flow_print(const struct flow *f, char *buf)
{
	size_t n = print_end(f->transport, &f->local, buf);

	buf[n++] = '<';
	n += addr_print(&f->remote, buf + n);
	return (struct str){buf, n};
}
