#include "wire.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void must(bool ok)
{
	if (!ok)
		abort();
}

void wire_bytes(struct wire *w, const void *p, size_t len)
{
	must(w->len + len <= sizeof(w->p));
	memcpy(w->p + w->len, p, len);
	w->len += len;
}

void wire_u8(struct wire *w, unsigned v)
{
	uint8_t byte = (uint8_t)v;

	wire_bytes(w, &byte, 1);
}

void wire_u16(struct wire *w, unsigned v)
{
	wire_u8(w, v >> 8);
	wire_u8(w, v);
}

void wire_u32(struct wire *w, uint32_t v)
{
	wire_u16(w, v >> 16);
	wire_u16(w, v & 0xffff);
}

void wire_string(struct wire *w, const char *string)
{
	wire_u8(w, (unsigned)strlen(string));
	wire_bytes(w, string, strlen(string));
}

void wire_name(struct wire *w, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		wire_u8(w, (unsigned)len);
		wire_bytes(w, name, len);
		name += len + (name[len] == '.');
	}
	wire_u8(w, 0);
}

static void count_up(struct wire *w, size_t at)
{
	w->p[at + 1]++;
}

void wire_start(struct wire *w, unsigned id, unsigned flags, const char *name,
		int type)
{
	w->len = 0;
	wire_u16(w, id);
	wire_u16(w, flags);
	wire_u16(w, 1);
	wire_u16(w, 0);
	wire_u32(w, 0);
	wire_name(w, name);
	wire_u16(w, (unsigned)type);
	wire_u16(w, ns_c_in);
}

static size_t rdata_at;

void wire_rr(struct wire *w, const char *name, int type, uint32_t ttl_s)
{
	wire_name(w, name);
	wire_u16(w, (unsigned)type);
	wire_u16(w, ns_c_in);
	wire_u32(w, ttl_s);
	wire_u16(w, 0);
	rdata_at = w->len;
	count_up(w, 6);
}

void wire_end_rr(struct wire *w)
{
	size_t len = w->len - rdata_at;

	w->p[rdata_at - 2] = (uint8_t)(len >> 8);
	w->p[rdata_at - 1] = (uint8_t)len;
}

void wire_address(struct wire *w, const char *name, uint32_t ttl_s,
		  const char *addr)
{
	bool is_inet = strchr(addr, ':') == NULL;
	uint8_t p[16];

	must(inet_pton(is_inet ? AF_INET : AF_INET6, addr, p) == 1);
	wire_rr(w, name, is_inet ? ns_t_a : ns_t_aaaa, ttl_s);
	wire_bytes(w, p, is_inet ? 4 : 16);
	wire_end_rr(w);
}

void wire_cname(struct wire *w, const char *name, uint32_t ttl_s,
		const char *target)
{
	wire_rr(w, name, ns_t_cname, ttl_s);
	wire_name(w, target);
	wire_end_rr(w);
}

void wire_srv(struct wire *w, const char *name, uint32_t ttl_s,
	      unsigned priority, unsigned weight, unsigned port,
	      const char *target)
{
	wire_rr(w, name, ns_t_srv, ttl_s);
	wire_u16(w, priority);
	wire_u16(w, weight);
	wire_u16(w, port);
	wire_name(w, strcmp(target, ".") == 0 ? "" : target);
	wire_end_rr(w);
}

void wire_naptr(struct wire *w, const char *name, uint32_t ttl_s,
		unsigned order, unsigned preference, const char *flags,
		const char *service, const char *regexp,
		const char *replacement)
{
	wire_rr(w, name, ns_t_naptr, ttl_s);
	wire_u16(w, order);
	wire_u16(w, preference);
	wire_string(w, flags);
	wire_string(w, service);
	wire_string(w, regexp);
	wire_name(w, replacement);
	wire_end_rr(w);
}

void wire_soa(struct wire *w, const char *name, uint32_t ttl_s,
	      uint32_t minimum_s)
{
	wire_rr(w, name, ns_t_soa, ttl_s);
	w->p[7]--; /* not an answer */
	count_up(w, 8);
	wire_name(w, "ns.example.com");
	wire_name(w, "root.example.com");
	for (int i = 0; i < 4; i++)
		wire_u32(w, 1);
	wire_u32(w, minimum_s);
	wire_end_rr(w);
}
