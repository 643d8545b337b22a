/* DNS messages built by hand, as a name server would send them. */
#ifndef VIADUCT_TEST_WIRE_H
#define VIADUCT_TEST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_MAX = 8192,
	WIRE_NOERROR = 0x8580, /* flags: response, authoritative, recursion */
	WIRE_SERVFAIL = 0x8582,
	WIRE_NXDOMAIN = 0x8583,
	WIRE_TRUNCATED = 0x0200,
};

struct wire {
	uint8_t p[WIRE_MAX];
	size_t len;
};

/* Ends the test program: it is wrong itself. */
void must(bool ok);

void wire_u8(struct wire *w, unsigned v);
void wire_u16(struct wire *w, unsigned v);
void wire_u32(struct wire *w, uint32_t v);
void wire_bytes(struct wire *w, const void *p, size_t len);
void wire_name(struct wire *w, const char *name);     /* not compressed */
void wire_string(struct wire *w, const char *string); /* length first */

/* A header and one question; records are counted as they are added. */
void wire_start(struct wire *w, unsigned id, unsigned flags, const char *name,
		int type);

/* Owner, type, class, TTL and room for RDLENGTH; wire_end_rr() fills it in. */
void wire_rr(struct wire *w, const char *name, int type, uint32_t ttl_s);
void wire_end_rr(struct wire *w);

void wire_address(struct wire *w, const char *name, uint32_t ttl_s,
		  const char *addr);
void wire_cname(struct wire *w, const char *name, uint32_t ttl_s,
		const char *target);
void wire_srv(struct wire *w, const char *name, uint32_t ttl_s,
	      unsigned priority, unsigned weight, unsigned port,
	      const char *target);
void wire_naptr(struct wire *w, const char *name, uint32_t ttl_s,
		unsigned order, unsigned preference, const char *flags,
		const char *service, const char *regexp,
		const char *replacement);

/* Into the authority section; after all answers. */
void wire_soa(struct wire *w, const char *name, uint32_t ttl_s,
	      uint32_t minimum_s);

#endif
