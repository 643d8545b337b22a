/* The whole configuration: one file, checked, compiled, and kept as a snapshot
 * for the workers. */
#ifndef VIADUCT_DAEMON_SETTINGS_H
#define VIADUCT_DAEMON_SETTINGS_H

#include "viaduct/admin/conf.h"
#include "viaduct/auth/auth.h"
#include "viaduct/auth/conf.h"
#include "viaduct/proxy/proxy.h"
#include "viaduct/registrar/conf.h"
#include "viaduct/registrar/registrar.h"
#include "viaduct/resolver/conf.h"
#include "viaduct/routing/routing.h"
#include "viaduct/util/log.h"

struct server_section {
	struct str name;
	uint32_t workers; /* 0: one per online CPU */
	struct str user;
	struct str state;
	struct str secret;
	uint32_t drain; /* milliseconds */
	bool record_route;
	struct str header;
};

struct log_section {
	int level, format;
	struct str to;
};

struct trace_section {
	int level, to;
};

/* As the option tables fill it. */
struct settings {
	struct server_section server;
	struct conf_array listen; /* struct listener_conf */
	struct conf_array tls;    /* struct tls_entry; owns their contexts */
	struct resolver_section resolver;
	struct conf_array domains;
	struct proxy_trust trust;
	struct auth_section auth;
	struct registrar_conf registrar;
	int store; /* enum store_kind */
	struct rule_table routes;
	struct proxy_timers timers;
	struct proxy_limits limits;
	struct log_section log;
	struct trace_section trace;
	struct admin_section admin;
};

struct config {
	struct snapshot snapshot; /* counted; frees the whole */
	struct settings settings;
	bool is_socket_asked;           /* admin.socket is in the file */
	struct auth_use auth;           /* what the steps find */
	struct registrar_use registrar; /* in the snapshot */
	struct arena arena;
	struct mem *mem;
};

extern const struct conf_option config_options[];

/*
 * Read, check and compile a file. Every mistake is written to stderr (`to_log`
 * false) or to the log. Returns 0 with one reference, VD_EINVAL or VD_ENOMEM.
 */
int config_load(const char *path, bool to_log, struct config **out);

/* What is allowed, but unwise, to the log: when that is where the file wants
 * it.
 */
void config_warn(const struct config *c, const char *path);

unsigned config_n_workers(const struct config *c);
void config_transport_limits(const struct config *c,
			     struct transport_limits *out);
void config_log(const struct config *c, struct log_conf *out);

/* Hand the process's own to the steps of a new snapshot. gruu_key: MAC_KEY_LEN
 * bytes, borrowed. */
void config_attach(struct config *c, struct auth *auth,
		   struct location *location, const uint8_t *gruu_key);

/* The store as the file wants it; points into the configuration. */
void config_store(const struct config *c, struct store_conf *out);

/* server.name is what responses on the way are addressed to: a reload leaves it
 * as it was at the start. running outlives next. */
void config_keep_name(struct config *next, const struct config *running);

/* Log each option that differs from the running one and needs a restart. */
void config_log_restarts(const struct config *running,
			 const struct config *next);

#endif
