/* What of the configuration the proxy core reads: one immutable snapshot,
 * shared by all workers and swapped by a reload. */
#ifndef VIADUCT_PROXY_CONF_H
#define VIADUCT_PROXY_CONF_H

#include "viaduct/conf/option.h"
#include "viaduct/util/addr.h"

struct domain {
	struct str name;
	struct conf_array aliases; /* struct str */
	int authenticate;          /* enum domain_authenticate */
	bool registrar;
	struct str realm;                /* empty: the name */
	struct str users_file;           /* empty: none */
	struct conf_array service_route; /* struct str: URIs (RFC 3608) */
	const struct users *users;       /* auth's own; NULL: no users_file */
};

enum domain_authenticate {
	AUTHENTICATE_ALL, /* REGISTER, and whoever calls out as one of ours */
	AUTHENTICATE_REGISTER, /* REGISTER alone */
	AUTHENTICATE_NONE,
};

struct proxy_timers { /* milliseconds */
	uint32_t t1, t2, t4;
	uint32_t b; /* 0: 64*T1 */
	uint32_t c;
};

struct auth_failure_limits { /* a source that guesses */
	uint32_t count;
	uint32_t within, ban; /* milliseconds */
};

struct proxy_limits {
	uint32_t transactions;
	uint32_t connections, connections_per_source;
	uint32_t requests_per_second_per_source; /* 0: none */
	uint64_t message_size;
	uint32_t headers, vias;
	uint64_t uri_size;
	uint32_t max_branches, max_breadth;
	uint32_t idle_timeout, message_timeout; /* milliseconds */
	uint32_t handshake_timeout;
	uint64_t output_queue;
	uint64_t memory; /* 0: none */
	uint32_t registrations;
	struct auth_failure_limits auth_failures;
};

struct proxy_trust {             /* peers whose `caller` is trusted */
	struct conf_array nets;  /* struct addr_net */
	struct conf_array names; /* struct str: of verified certificates */
};

struct proxy_step;
struct users;

struct proxy_conf {
	struct conf_array domains;     /* struct domain */
	struct conf_array trust;       /* struct addr_net */
	struct conf_array trust_names; /* struct str: certificates' */
	struct proxy_timers timers;
	struct proxy_limits limits;
	bool record_route;
	struct str name_host;     /* server.name; empty: the socket's address */
	uint16_t name_port;       /* 0: the transport's default */
	struct str server_header; /* empty: none */

	const struct proxy_step *steps; /* run for every new request */
	size_t n_steps;
	size_t n_stateless; /* the first of them run before there is a
			     * transaction: what they answer, they answer
			     * statelessly. None of them may wait */
	/* the steps' own */
	const void *rules;
	void *auth, *registrar;
};

/* Rows for the sections `domains`, `timers`, `limits`; trust is a custom
 * option of networks. */
extern const struct conf_option proxy_domain_options[];
extern const struct conf_option proxy_timer_options[];
extern const struct conf_option proxy_limit_options[];

/* A list of networks ("10.0.0.0/8", "192.0.2.4") into a conf_array of struct
 * addr_net. */
void conf_parse_networks(struct conf_run *run, const struct conf_node *n,
			 void *field);
void conf_print_networks(FILE *to, const void *field);

/* The same, and "tls:NAME" between them, into a struct proxy_trust. */
void conf_parse_trust(struct conf_run *run, const struct conf_node *n,
		      void *field);
void conf_print_trust(FILE *to, const void *field);

/* What no single option can see: names given twice, domains without a policy,
 * Timer C too short. domains: the map that conf->domains was read from. */
void proxy_conf_check(const struct proxy_conf *conf,
		      const struct conf_node *domains,
		      struct conf_errors *errors);

#endif
