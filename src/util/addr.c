#include "viaduct/util/addr.h"

#include <arpa/inet.h>

#include "viaduct/util/err.h"
#include "util/util_priv.h"

socklen_t addr_len(const union addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return sizeof(a->in4);
	case AF_INET6:
		return sizeof(a->in6);
	default:
		return 0;
	}
}

/* The port stands at the same place in both families. */
uint16_t addr_port(const union addr *a)
{
	return addr_family(a) == AF_UNSPEC ? 0 : ntohs(a->in4.sin_port);
}

void addr_set_port(union addr *a, uint16_t port)
{
	if (addr_family(a) != AF_UNSPEC)
		a->in4.sin_port = htons(port);
}

/* inet_pton() wants a terminated string, and must not stop early at a NUL that
 * the peer has put inside. */
static bool host_copy(struct str host, char buf[INET6_ADDRSTRLEN])
{
	if (host.len == 0 || host.len >= INET6_ADDRSTRLEN ||
	    memchr(host.p, '\0', host.len) != NULL ||
	    memchr(host.p, ':', host.len) == NULL) /* a name, usually */
		return false;
	memcpy(buf, host.p, host.len);
	buf[host.len] = '\0';
	return true;
}

static bool has_brackets(struct str host)
{
	return host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']';
}

static inline bool take_digit(const char **p, const char *end, unsigned *n)
{
	unsigned digit = *p < end ? (unsigned)(unsigned char)**p - '0' : 10;

	if (digit > 9)
		return false;
	*n = *n * 10 + digit;
	++*p;
	return true;
}

/* Four numbers of one to three digits, up to 255, without leading zeros, as
 * inet_pton() has it; this one is on every message's path. */
static bool parse_ipv4(struct str host, struct in_addr *out)
{
	const char *p = host.p, *end = host.p + host.len;
	uint8_t bytes[4];

	for (int i = 0; i < 4; i++) {
		unsigned n = 0;

		if (i > 0 && (p == end || *p++ != '.'))
			return false;
		if (!take_digit(&p, end, &n))
			return false;
		if (n != 0 && take_digit(&p, end, &n))
			take_digit(&p, end, &n);
		if (n > 255)
			return false;
		bytes[i] = (uint8_t)n;
	}
	memcpy(out, bytes, sizeof(bytes));
	return p == end;
}

int addr_parse(struct str host, uint16_t port, union addr *out)
{
	bool bracketed = has_brackets(host);
	char buf[INET6_ADDRSTRLEN];
	union addr a = {0};

	if (bracketed)
		host = (struct str){host.p + 1, host.len - 2};
	if (!bracketed && parse_ipv4(host, &a.in4.sin_addr))
		a.in4.sin_family = AF_INET;
	else if (host_copy(host, buf) &&
		 inet_pton(AF_INET6, buf, &a.in6.sin6_addr) == 1)
		a.in6.sin6_family = AF_INET6;
	else
		return VD_EINVAL;
	addr_set_port(&a, port);
	*out = a;
	return 0;
}

int addr_parse_hostport(struct str text, uint16_t default_port, union addr *out)
{
	size_t host_len = str_find(text, ':');
	uint32_t port = default_port;

	if (text.len > 0 && text.p[0] == '[') {
		host_len = str_find(text, ']') + 1;
		if (host_len > text.len)
			return VD_EINVAL;
	}
	if (host_len < text.len) {
		if (text.p[host_len] != ':' ||
		    str_to_u32(str_skip(text, host_len + 1), UINT16_MAX,
			       &port) != 0)
			return VD_EINVAL;
	} else if (default_port == 0) {
		return VD_EINVAL;
	}
	return addr_parse((struct str){text.p, host_len}, (uint16_t)port, out);
}

struct ip_bytes {
	const uint8_t *p;
	unsigned bits;
};

static struct ip_bytes addr_bytes(const union addr *a)
{
	const uint8_t *p6 = a->in6.sin6_addr.s6_addr;

	if (addr_family(a) == AF_INET)
		return (struct ip_bytes){(const uint8_t *)&a->in4.sin_addr, 32};
	if (addr_family(a) == AF_INET6)
		return (struct ip_bytes){p6, 128};
	return (struct ip_bytes){NULL, 0};
}

/* As IPv4 if it is an IPv4-mapped IPv6 address. */
static struct ip_bytes addr_bytes_unmapped(const union addr *a)
{
	struct ip_bytes b = addr_bytes(a);

	if (addr_family(a) == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return (struct ip_bytes){b.p + 12, 32};
	return b;
}

static bool bits_are_zero_from(struct ip_bytes b, unsigned from)
{
	for (unsigned i = from; i < b.bits; i++) {
		if (b.p[i / 8] & (0x80u >> i % 8))
			return false;
	}
	return true;
}

int addr_net_parse(struct str text, struct addr_net *out)
{
	size_t host_len = str_find(text, '/');
	struct addr_net net = {0};
	struct ip_bytes b;
	uint32_t bits;

	if (addr_parse((struct str){text.p, host_len}, 0, &net.base) != 0)
		return VD_EINVAL;
	b = addr_bytes(&net.base);
	bits = b.bits;
	if (host_len < text.len &&
	    str_to_u32(str_skip(text, host_len + 1), b.bits, &bits) != 0)
		return VD_EINVAL;
	if (!bits_are_zero_from(b, bits))
		return VD_EINVAL;
	net.bits = bits;
	*out = net;
	return 0;
}

/* A network inside ::ffff:0:0/96 is one of IPv4 addresses. */
static struct ip_bytes net_bytes(const struct addr_net *net, unsigned *bits)
{
	*bits = net->bits;
	if (addr_family(&net->base) != AF_INET6 || net->bits < 96)
		return addr_bytes(&net->base);
	if (addr_bytes_unmapped(&net->base).bits == 32)
		*bits -= 96;
	return addr_bytes_unmapped(&net->base);
}

bool addr_net_contains(const struct addr_net *net, const union addr *a)
{
	unsigned bits;
	struct ip_bytes n = net_bytes(net, &bits), b = addr_bytes_unmapped(a);
	unsigned whole = bits / 8, rest = bits % 8;

	if (b.p == NULL || n.bits != b.bits)
		return false;
	if (memcmp(n.p, b.p, whole) != 0)
		return false;
	return rest == 0 ||
	       ((n.p[whole] ^ b.p[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

bool addr_ip_eq(const union addr *a, const union addr *b)
{
	struct ip_bytes x = addr_bytes(a), y = addr_bytes(b);

	if (addr_family(a) != addr_family(b))
		return false;
	if (x.p == NULL)
		return true;
	return memcmp(x.p, y.p, x.bits / 8) == 0;
}

bool addr_eq(const union addr *a, const union addr *b)
{
	return addr_ip_eq(a, b) && addr_port(a) == addr_port(b);
}

bool addr_is_any(const union addr *a)
{
	struct ip_bytes b = addr_bytes_unmapped(a);

	return b.p != NULL && bits_are_zero_from(b, 0);
}

bool addr_is_multicast(const union addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	struct ip_bytes b = addr_bytes_unmapped(a);

	if (b.p == NULL)
		return false;
	if (b.bits == 128)
		return b.p[0] == 0xff;
	return (b.p[0] & 0xf0) == 0xe0 || memcmp(b.p, broadcast, 4) == 0;
}

static inline char *octet_print(char *out, unsigned n)
{
	if (n >= 100)
		*out++ = (char)('0' + n / 100);
	if (n >= 10)
		*out++ = (char)('0' + n / 10 % 10);
	*out++ = (char)('0' + n % 10);
	return out;
}

static size_t ip4_print(const union addr *a, char *buf)
{
	const uint8_t *b = (const uint8_t *)&a->in4.sin_addr;
	char *p = octet_print(buf, b[0]);

	for (int i = 1; i < 4; i++) {
		*p++ = '.';
		p = octet_print(p, b[i]);
	}
	return (size_t)(p - buf);
}

static size_t ip6_print(const union addr *a, char *buf)
{
	size_t n;

	buf[0] = '[';
	inet_ntop(AF_INET6, &a->in6.sin6_addr, buf + 1, INET6_ADDRSTRLEN);
	n = strlen(buf);
	buf[n] = ']';
	return n + 1;
}

size_t addr_print_ip(const union addr *a, char *buf)
{
	size_t n;

	if (addr_family(a) == AF_INET) {
		n = ip4_print(a, buf);
	} else if (addr_family(a) == AF_INET6) {
		n = ip6_print(a, buf);
	} else {
		memcpy(buf, "none", 4);
		n = 4;
	}
	buf[n] = '\0';
	return n;
}

size_t addr_print(const union addr *a, char *buf)
{
	size_t n = addr_print_ip(a, buf);

	if (addr_family(a) == AF_UNSPEC)
		return n;
	buf[n++] = ':';
	n += u64_print(addr_port(a), buf + n);
	buf[n] = '\0';
	return n;
}
