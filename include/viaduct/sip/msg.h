/*
 * A received message: one run of bytes and an index over it. Indexing copies
 * nothing; header fields are understood when somebody asks, and remembered.
 * The bytes never change: what is sent is these bytes and a list of edits
 * (viaduct/sip/edit.h).
 */
#ifndef VIADUCT_SIP_MSG_H
#define VIADUCT_SIP_MSG_H

#include "viaduct/sip/uri.h"
#include "viaduct/util/arena.h"

enum sip_method {
	SIP_METHOD_OTHER,
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_OPTIONS,
	SIP_REGISTER,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_REFER,
	SIP_MESSAGE,
	SIP_PUBLISH,
	SIP_INFO,
	SIP_UPDATE,
	SIP_PRACK,
};

/* Methods are case-sensitive (RFC 3261 section 7.1). */
enum sip_method sip_method_parse(struct str name);
const char *sip_method_name(enum sip_method m); /* "INVITE"; "other" */

/* Header fields that the proxy core understands; every other is SIP_HDR_OTHER
 * and only carried. Compact forms included. */
enum sip_hdr_id {
	SIP_HDR_OTHER,
	SIP_HDR_VIA,
	SIP_HDR_FROM,
	SIP_HDR_TO,
	SIP_HDR_CALL_ID,
	SIP_HDR_CSEQ,
	SIP_HDR_MAX_FORWARDS,
	SIP_HDR_ROUTE,
	SIP_HDR_RECORD_ROUTE,
	SIP_HDR_CONTACT,
	SIP_HDR_CONTENT_LENGTH,
	SIP_HDR_CONTENT_TYPE,
	SIP_HDR_REQUIRE,
	SIP_HDR_PROXY_REQUIRE,
	SIP_HDR_SUPPORTED,
	SIP_HDR_UNSUPPORTED,
	SIP_HDR_AUTHORIZATION,
	SIP_HDR_PROXY_AUTHORIZATION,
	SIP_HDR_WWW_AUTHENTICATE,
	SIP_HDR_PROXY_AUTHENTICATE,
	SIP_HDR_EXPIRES,
	SIP_HDR_MIN_EXPIRES,
	SIP_HDR_RETRY_AFTER,
	SIP_HDR_MAX_BREADTH,
	SIP_HDR_TIMESTAMP,
	SIP_HDR_REASON,
	SIP_HDR_PATH,
	SIP_HDR_PRIVACY,
	SIP_HDR_P_ASSERTED_IDENTITY,
	SIP_HDR_P_PREFERRED_IDENTITY,
	SIP_HDR_SERVER,
	SIP_HDR_COUNT,
};

/* Offsets from the message's first byte. */
struct sip_hdr {
	uint32_t at;       /* the field's first byte */
	uint32_t end;      /* after its CRLF, folded lines included */
	uint32_t value_at; /* the value without white space at both ends */
	uint32_t value_len;
	uint16_t name_len;
	uint8_t id;   /* enum sip_hdr_id */
	uint8_t next; /* index distance to the next field of this id; 0
		       * none, 255 search */
};

/* A Via value (RFC 3261 section 20.42, RFC 3581). */
struct sip_via {
	struct str text; /* this value alone, without commas */
	struct str transport_name;
	struct str host;     /* sent-by; IPv6 with brackets */
	struct str branch;   /* p == NULL: none, likewise below */
	struct str received; /* brackets of a bracketed IPv6 kept */
	struct str maddr;
	struct str rport;  /* empty with p set: present without value */
	struct str params; /* after the first ';' */
	enum sip_transport transport;
	uint16_t port;         /* 0: none given */
	bool has_empty_params; /* ";;": answered, and refused by the check */
};

/* The port where sent-by says that responses are awaited over this transport
 * (RFC 3261 section 18.2.2). */
uint16_t sip_via_port(const struct sip_via *via, enum sip_transport t);

/* From, To, Contact, Route, Record-Route, Path (section 20.10). */
struct sip_addr {
	struct str text;    /* the whole value */
	struct str display; /* quotes kept; empty: none */
	struct str uri;     /* without angle brackets */
	struct str params;  /* header parameters after the URI */
	struct str tag;     /* p == NULL: none */
};

/* A Route value and the URI in it (section 20.34). */
struct sip_route {
	struct str text;
	struct sip_uri uri;
};

struct sip_cseq {
	uint32_t number;
	struct str method;
};

/* What msg->seen remembers as parsed: ok or bad. */
enum {
	SIP_SEEN_VIA = 1 << 0,
	SIP_SEEN_FROM = 1 << 1,
	SIP_SEEN_TO = 1 << 2,
	SIP_SEEN_CSEQ = 1 << 3,
	SIP_SEEN_URI = 1 << 4,
};

struct sip_msg {
	struct str bytes; /* from the first byte to the end of the body */
	struct str body;
	uint32_t head_len; /* start line and header, empty line included */

	bool is_request;
	enum sip_method method; /* requests; responses: see CSeq */
	unsigned status;        /* responses, 100 to 699 */
	struct str method_name; /* requests */
	struct str uri_text;    /* requests */
	struct str reason;      /* responses */

	struct sip_hdr *hdrs; /* in order */
	unsigned n_hdrs;
	uint16_t first[SIP_HDR_COUNT]; /* 1 + index of the first; 0 none */
	uint16_t count[SIP_HDR_COUNT];

	/* What is wrong with it, as a reason phrase; NULL: nothing so far. */
	const char *bad;
	unsigned bad_status; /* 400, 505 ...; 0 with bad == NULL */

	/* The caller's room for the topmost Route, set before sip_msg_check(),
	 * which fills it; NULL: nobody wants it. */
	struct sip_route *route;

	/* caches; use the functions below */
	uint32_t seen, seen_bad;
	struct sip_via via;
	struct sip_addr from, to;
	struct sip_cseq cseq;
	struct sip_uri uri;
};

struct sip_limits {
	unsigned headers;  /* limits.headers */
	unsigned uri_size; /* limits.uri_size */
	unsigned vias;     /* limits.vias */
};

/*
 * Index a message. `bytes` starts at the start line (leading CRLFs already
 * skipped) and ends where the datagram or the framed message ends; it must
 * outlive msg. `hdrs` has room for limits->headers + 1 entries and msg keeps
 * pointing to it.
 *
 * The strict line rule: a line ends with CRLF, and no other CR, LF or NUL and
 * no control character but TAB stands in the head (quoted-pairs inside quoted
 * strings excepted as RFC 3261 section 25.1 allows).
 *
 * Content-Length: absent means all that follows (datagram; a stream's framing
 * has refused that before); octets beyond it are cut off msg->bytes.
 *
 * Returns 0; or VD_EINVAL with msg->bad and msg->bad_status set and as much
 * indexed as could be, so that sip_msg_can_answer() tells whether a response
 * can be built.
 */
int sip_msg_index(struct str bytes, const struct sip_limits *limits,
		  struct sip_hdr *hdrs, struct sip_msg *msg);

/*
 * Check what every hop must understand (RFC 3261 sections 16.3 step 1 and
 * 8.1.1); everything else is left to those whom it concerns. Sets msg->bad and
 * msg->bad_status:
 *
 * 400  a mandatory field missing or malformed (a missing Max-Forwards and a
 *      From without tag are not: RFC 2543), a field twice that may stand once,
 *      a malformed Request-URI or one with header fields, CSeq not below 2^31
 *      or of another method, Max-Forwards over 255, a Route that cannot be
 *      routed to; in a REGISTER a malformed Contact
 * 414  Request-URI over limits->uri_size
 * 483  more Via values than limits->vias: each is a hop
 * 505  (from indexing) another SIP version
 * 513  (from indexing) more header fields than limits->headers
 *
 * A Request-URI of another scheme passes: the proxy answers 416. A method that
 * nobody knows passes too, and is 400 when CSeq has another (RFC 4475 section
 * 3.1.2.18 would rather have 501, which is not for a proxy to say). Of the Via
 * values only the top one is looked at. Responses: the same fields, nothing
 * about Request-URI, Max-Forwards, Route and Contact.
 *
 * Returns 0 or VD_EINVAL.
 */
int sip_msg_check(struct sip_msg *msg, const struct sip_limits *limits);

/* A request (never an ACK) whose top Via says where an answer goes, and whose
 * From, To, Call-ID and CSeq are there to be copied into it, malformed as they
 * may be. */
bool sip_msg_can_answer(struct sip_msg *msg);

/* A message from a datagram, or from a stream: what is it? Looks at the first
 * bytes only. */
bool sip_bytes_are_response(struct str bytes);

/*
 * Find the Call-ID without indexing, for choosing the owning worker. Tolerant:
 * the first line that begins with Call-ID or i. Returns STR_NONE if none.
 */
struct str sip_bytes_call_id(struct str bytes);

/* Likewise the topmost Via. Returns 0, or VD_EINVAL when there is none. */
int sip_bytes_via(struct str bytes, struct sip_via *out);

/* Field values ------------------------------------------------------------- */

static inline struct str sip_hdr_value(const struct sip_msg *m,
				       const struct sip_hdr *h)
{
	return (struct str){m->bytes.p + h->value_at, h->value_len};
}

static inline struct str sip_hdr_name(const struct sip_msg *m,
				      const struct sip_hdr *h)
{
	return (struct str){m->bytes.p + h->at, h->name_len};
}

/* First field of this kind / the next one; NULL at the end. */
static inline const struct sip_hdr *sip_msg_first(const struct sip_msg *m,
						  enum sip_hdr_id id)
{
	return m->first[id] != 0 ? &m->hdrs[m->first[id] - 1] : NULL;
}
const struct sip_hdr *sip_msg_next(const struct sip_msg *m,
				   const struct sip_hdr *h);
/* By name, for fields that have no id: any case. */
const struct sip_hdr *sip_msg_find(const struct sip_msg *m, struct str name);

/* The first field's value; STR_NONE when there is no such field. */
static inline struct str sip_msg_value(const struct sip_msg *m,
				       enum sip_hdr_id id)
{
	const struct sip_hdr *h = sip_msg_first(m, id);

	return h != NULL ? sip_hdr_value(m, h) : STR_NONE;
}

/*
 * Step through the comma-separated values of all fields of one kind; quoted
 * strings and angle brackets are respected.
 *
 *   struct sip_values it;
 *   for (sip_values_start(&it, msg, SIP_HDR_ROUTE); sip_values_next(&it);)
 *           ... it.value, it.hdr, it.is_last_in_hdr
 */
struct sip_values {
	const struct sip_msg *msg;
	const struct sip_hdr *hdr;
	struct str value; /* trimmed */
	struct str rest;  /* of this field, after the value and its comma */
	bool is_first_in_hdr, is_last_in_hdr;
};
void sip_values_start(struct sip_values *it, const struct sip_msg *m,
		      enum sip_hdr_id id);
bool sip_values_next(struct sip_values *it);

/* The same over one text. False at the end. */
bool sip_value_split(struct str *rest, struct str *value);

/* Of the first field of its kind, cached; NULL when absent or malformed. */
const struct sip_via *sip_msg_top_via(struct sip_msg *m);
const struct sip_addr *sip_msg_from(struct sip_msg *m);
const struct sip_addr *sip_msg_to(struct sip_msg *m);
const struct sip_cseq *sip_msg_cseq(struct sip_msg *m);
const struct sip_uri *sip_msg_uri(struct sip_msg *m);

static inline struct str sip_msg_call_id(const struct sip_msg *m)
{
	return sip_msg_value(m, SIP_HDR_CALL_ID);
}

/* Max-Forwards; `absent` when there is none or it is malformed. */
uint32_t sip_msg_max_forwards(const struct sip_msg *m, uint32_t absent);

/* Parsers of single values. Return 0 or VD_EINVAL. */
int sip_via_parse(struct str text, struct sip_via *out);
int sip_addr_parse(struct str text, struct sip_addr *out);
int sip_cseq_parse(struct str text, struct sip_cseq *out);
/* The URI of a Route value, which has brackets around it; on error it may be
 * half filled. */
int sip_route_parse(struct str text, struct sip_uri *uri);

/* The phrase of RFC 3261 section 21 for a status; "" for unknown ones. */
const char *sip_reason_phrase(unsigned status);

#endif
