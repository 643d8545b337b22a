/* URIs (RFC 3261 section 19.1 and 25.1, RFC 5954 for IPv6). */
#ifndef VIADUCT_SIP_URI_H
#define VIADUCT_SIP_URI_H

#include "viaduct/util/arena.h"
#include "viaduct/util/str.h"

enum sip_transport {
	SIP_TRANSPORT_NONE, /* not given */
	SIP_UDP,
	SIP_TCP,
	SIP_TLS,
	SIP_SCTP,
	SIP_WS,
	SIP_WSS,
	SIP_TRANSPORT_OTHER, /* given, and none of these */
};

/* "UDP", "tcp", ... in any case. */
enum sip_transport sip_transport_parse(struct str name);
const char *sip_transport_name(enum sip_transport t);  /* "udp" */
const char *sip_transport_token(enum sip_transport t); /* "UDP" */
/* "udp" as a URI's parameter: "ws" for WSS too (RFC 7118 section 5.2). */
const char *sip_transport_param(enum sip_transport t);
uint16_t sip_transport_port(enum sip_transport t); /* 5060, 5061, 80... */
bool sip_transport_is_stream(enum sip_transport t);
bool sip_transport_is_tls(enum sip_transport t); /* TLS and WSS */
bool sip_transport_is_websocket(enum sip_transport t);

enum sip_scheme {
	SIP_SCHEME_SIP,
	SIP_SCHEME_SIPS,
	SIP_SCHEME_TEL,
	SIP_SCHEME_OTHER
};

/* All slices point into the parsed text. Every open request has one: what is
 * small stands together. */
struct sip_uri {
	struct str text; /* the whole */
	struct str scheme_name;
	enum sip_scheme scheme;
	enum sip_transport transport; /* a parameter; sip and sips only */
	/* sip and sips only: */
	struct str user;     /* as written, escapes and all; without password */
	struct str password; /* p == NULL when there is none */
	struct str host;     /* IPv6 with its brackets */
	struct str params;   /* after the first ';', without it */
	struct str headers;  /* after '?', without it */
	/* other schemes: what follows the colon */
	struct str opaque;
	/* what routing needs, found while parsing */
	struct str maddr; /* p == NULL: none */
	uint16_t port;    /* 0: none given */
	bool has_user;
	bool is_lr;
	bool has_method; /* a parameter */
	bool is_host_ip; /* host is a numeric address */
};

/* The whole text must be one URI, no white space, no angle brackets.
 * Unknown schemes are accepted when they look like a URI (RFC 3986).
 * Returns 0 or VD_EINVAL. */
int sip_uri_parse(struct str text, struct sip_uri *out);

/* A URI of `head`, which ends before the first ';', and of those of the
 * parameters that do not have one of these names (any case). In the arena; p
 * NULL: no memory. */
struct str sip_uri_without(struct arena *arena, struct str head,
			   struct str params, const struct str *names,
			   size_t n_names);

/* The URI as a Request-URI: without header fields and method parameter, which
 * may not stand there (RFC 3261 sections 16.6 step 2 and 19.1.1). Its own text
 * when it has none; else in the arena, p NULL: no memory. */
struct str sip_uri_for_request(struct arena *arena, const struct sip_uri *uri);

/* A parameter by name (any case). True when present; *value may be NULL and is
 * empty when the parameter has no value. */
bool sip_param_find(struct str params, struct str name, struct str *value);

/* Step through ;a=b;c. `rest` starts as the params and shrinks. False at the
 * end, and at what is malformed. White space around "=" and ";" is allowed
 * (header parameters); a quoted value keeps its quotes. */
bool sip_param_next(struct str *rest, struct str *name, struct str *value);

/* Step through a=b, c="d", as in credentials (RFC 3261 section 25.1,
 * digest-response). False at the end; name->len is 0 for what is malformed, up
 * to the next comma. */
bool sip_auth_param_next(struct str *rest, struct str *name, struct str *value);

/* Same address by RFC 3261 section 19.1.4 (escapes, parameter rules, headers,
 * case; RFC 5954: IPv6 addresses by value). Other schemes: octets equal; so
 * too lists of more than 32 parameters or headers, to bound the work. */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);

/* A host as a URI has it: a name, an IPv4 address, an IPv6 one in brackets. */
bool sip_is_host(struct str s);

/* Host names and numeric hosts equal: case-insensitive, IPv6 by value, one
 * trailing dot ignored. */
bool sip_host_eq(struct str a, struct str b);

/*
 * User parts as RFC 3261 19.1.4 compares them: escapes of unreserved
 * characters undone, the rest kept (hex digits upper case). What people write
 * and may not stand in a URI as it is becomes an escape.
 * Writes at most text.len bytes of a URI's user part, and three times as many
 * of any other text; returns the length.
 */
size_t sip_user_canonical(struct str text, char *out);

#endif
