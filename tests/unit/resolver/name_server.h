/* A name server for tests, on the test's own loop: it answers from records that
 * the test wrote down, counts what it was asked, and fails on demand. */
#ifndef VIADUCT_TEST_NAME_SERVER_H
#define VIADUCT_TEST_NAME_SERVER_H

#include "viaduct/loop/loop.h"
#include "viaduct/util/addr.h"

enum {
	NS_RECORDS_MAX = 64,
	NS_QUERIES_MAX = 512,
};

enum ns_mood {
	NS_SILENT,    /* no answer */
	NS_SERVFAIL,  /* answers that it failed */
	NS_TRUNCATES, /* over UDP: "ask again over TCP" */
	NS_GARBAGE,   /* an answer that ends in the middle */
	NS_HONEST,
};

struct ns_record {
	char name[256];
	int type;
	uint32_t ttl_s;
	char rdata[256];
};

struct ns_rule {
	const char *name;
	int type;
	enum ns_mood mood;
};

struct ns_query {
	char name[256];
	int type;
};

struct name_server {
	struct loop *loop;
	struct loop_io *udp_io, *listen_io, *conn_io;
	int udp, listener, conn;
	union addr addr;
	struct ns_record records[NS_RECORDS_MAX];
	size_t n_records;
	struct ns_rule rules[8];
	size_t n_rules;
	struct ns_query queries[NS_QUERIES_MAX];
	size_t n_queries;
	size_t n_tcp;            /* of them over TCP */
	uint32_t negative_ttl_s; /* of its SOA */
	bool has_no_soa;
	bool is_stub; /* gives the first alias only */
};

void name_server_open(struct name_server *s, struct loop *loop);
void name_server_close(struct name_server *s);

/* "example.com 300 NAPTR 10 50 s SIP+D2U _sip._udp.example.com",
 * "_sip._udp.example.com 300 SRV 0 0 5060 a.example.com",
 * "a.example.com 300 A 192.0.2.1", also AAAA and CNAME. */
void name_server_add(struct name_server *s, const char *record);

/* name NULL: all names; type 0: all types. The latest rule wins. */
void name_server_set_mood(struct name_server *s, const char *name, int type,
			  enum ns_mood mood);

/* How often this was asked; NULL and 0 as above. */
size_t name_server_asked(const struct name_server *s, const char *name,
			 int type);

#endif
