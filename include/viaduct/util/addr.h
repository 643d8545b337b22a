/* Network addresses: an IPv4 or IPv6 address with a port, and networks. */
#ifndef VIADUCT_UTIL_ADDR_H
#define VIADUCT_UTIL_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "viaduct/util/str.h"

/* All zero means "none": family AF_UNSPEC. Port in network byte order inside,
 * in host byte order in every function here. */
union addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

enum {
	ADDR_TEXT_MAX = 72, /* "[v6%scope]:port" and a NUL */
};

struct addr_net {
	union addr base;
	unsigned bits;
};

static inline int addr_family(const union addr *a)
{
	return a->sa.sa_family;
}

/* Size that bind() and sendmsg() want. */
socklen_t addr_len(const union addr *a);

uint16_t addr_port(const union addr *a);
void addr_set_port(union addr *a, uint16_t port);

/* "192.0.2.4", "2001:db8::4" or "[2001:db8::4]"; no name, no port.
 * Returns 0 or VD_EINVAL. */
int addr_parse(struct str host, uint16_t port, union addr *out);

/* "192.0.2.4:5060" or "[2001:db8::4]:5060"; the port may be left out when
 * default_port is not 0. Returns 0 or VD_EINVAL. */
int addr_parse_hostport(struct str text, uint16_t default_port,
			union addr *out);

/* "192.0.2.0/24", "2001:db8::/32", or a single address. 0 or VD_EINVAL (also
 * when bits beyond the prefix are set). */
int addr_net_parse(struct str text, struct addr_net *out);

/* An IPv4-mapped IPv6 address counts as the IPv4 address. */
bool addr_net_contains(const struct addr_net *net, const union addr *a);

bool addr_eq(const union addr *a, const union addr *b);    /* with port */
bool addr_ip_eq(const union addr *a, const union addr *b); /* without */
bool addr_is_any(const union addr *a);                     /* 0.0.0.0 or :: */
bool addr_is_multicast(const union addr *a); /* multicast or broadcast */

/* Text as SIP writes it: IPv6 in brackets. Returns its length; `buf` has
 * ADDR_TEXT_MAX bytes and is terminated. */
size_t addr_print(const union addr *a, char *buf);    /* host:port */
size_t addr_print_ip(const union addr *a, char *buf); /* host */

#endif
