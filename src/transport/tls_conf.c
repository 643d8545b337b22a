/* The section `tls`: its options, and what is wrong with it. */
#include <string.h>

#include "viaduct/transport/conf.h"
#include "viaduct/transport/tls.h"
#include "viaduct/util/err.h"

enum { TLS_SUGGEST_MAX = 64 };

static const char *const server_names[] = {"none", "chain", "name", NULL};
static const char *const client_names[] = {"none", "optional", "require", NULL};
static const char *const version_names[] = {"1.2", "1.3", NULL};

#define ENTRY(f) offsetof(struct tls_entry, f)

/* clang-format off */
const struct conf_option tls_options[] = {
	{ .name = "certificate", .type = CONF_PATH, .offset = ENTRY(certificate),
	  .help = "PEM file: our certificate, then those that lead to the CA." },
	{ .name = "key", .type = CONF_PATH, .offset = ENTRY(key),
	  .help = "PEM file: its private key, without a passphrase." },
	{ .name = "ca", .type = CONF_PATH, .offset = ENTRY(ca), .def = "/etc/ssl/certs/ca-certificates.crt",
	  .help = "PEM file: the authorities whose word counts; read where a peer is verified." },
	{ .name = "verify_server", .type = CONF_ENUM, .offset = ENTRY(verify_server), .def = "name", .names = server_names,
	  .help = "What a server we connect to must show: nothing, a certificate of `ca`, or one for the domain that was asked for (RFC 5922)." },
	{ .name = "verify_client", .type = CONF_ENUM, .offset = ENTRY(verify_client), .def = "none", .names = client_names,
	  .help = "Whether clients are asked for a certificate of `ca`: no, yes but they may have none, or they must have one." },
	{ .name = "min_version", .type = CONF_ENUM, .offset = ENTRY(min_version), .def = "1.2", .names = version_names,
	  .help = "The oldest version of TLS." },
	{ 0 },
};
/* clang-format on */

static int load(struct tls_entry *e, const struct conf_node *node,
		struct conf_errors *errors)
{
	struct tls_fault fault;
	const struct conf_node *value;
	char path[256];
	int err;

	if (e->certificate.len == 0 || e->key.len == 0)
		return 0; /* reported as missing */
	e->loaded_stamp = e->seen_stamp = tls_entry_stamp(e);
	err = tls_context_load(e, &fault, &e->context);
	if (err != VD_EINVAL)
		return err;
	value = conf_get(node, fault.option);
	if (value == NULL)
		value = node;
	snprintf(path, sizeof(path), "tls.%.*s.%s", STR_FMT(e->name),
		 fault.option);
	conf_error(errors, value != NULL ? &value->place : NULL, path, "%s",
		   fault.why);
	return 0;
}

int tls_load_all(struct conf_array *entries, const struct conf_node *section,
		 struct conf_errors *errors)
{
	struct tls_entry *e = entries->v;
	int err = 0;

	for (size_t i = 0; i < entries->n && err == 0; i++)
		err = load(&e[i], conf_get(section, e[i].name.p), errors);
	return err;
}

void tls_unload_all(struct conf_array *entries)
{
	struct tls_entry *e = entries->v;

	for (size_t i = 0; i < entries->n; i++) {
		tls_context_unref(e[i].context);
		e[i].context = NULL;
	}
}

/* --- what listeners say of it --- */

/* The node of listener i, and in it the one of its `tls`. */
static const struct conf_node *listener_node(const struct conf_node *listen,
					     size_t i)
{
	if (listen == NULL || listen->kind != CONF_LIST)
		return listen;
	return i < listen->n ? listen->items[i] : NULL;
}

static const struct conf_place *name_place(const struct conf_node *listen,
					   size_t i, size_t name)
{
	const struct conf_node *n = listener_node(listen, i);
	const struct conf_node *tls = conf_get(n, "tls");

	if (tls == NULL)
		return n != NULL ? &n->place : NULL;
	if (tls->kind == CONF_LIST && name < tls->n)
		return &tls->items[name]->place;
	return &tls->place;
}

static const struct tls_entry *entry_find(const struct conf_array *entries,
					  struct str name)
{
	const struct tls_entry *e = entries->v;

	for (size_t i = 0; i < entries->n; i++)
		if (str_eq(e[i].name, name))
			return &e[i];
	return NULL;
}

/* The nearest name, in words; "" when none is near. */
static void suggest(const struct conf_array *entries, struct str word,
		    char *out, size_t size)
{
	const struct tls_entry *e = entries->v;
	const char *names[TLS_SUGGEST_MAX + 1] = {0};
	const char *best;

	for (size_t i = 0; i < entries->n && i < TLS_SUGGEST_MAX; i++)
		names[i] = e[i].name.p;
	best = conf_nearest(word, names);
	out[0] = '\0';
	if (best != NULL)
		snprintf(out, size, " (did you mean \"%s\")", best);
}

static void check_name(const struct conf_array *entries, struct str name,
		       const struct conf_place *place, size_t listener,
		       struct conf_errors *errors)
{
	char path[64], hint[128];

	if (entry_find(entries, name) != NULL)
		return;
	suggest(entries, name, hint, sizeof(hint));
	snprintf(path, sizeof(path), "listen[%zu].tls", listener);
	conf_error(errors, place, path, "there is no \"%.*s\" in tls%s",
		   STR_FMT(name), hint);
}

void tls_check_listeners(const struct conf_array *listeners,
			 const struct conf_array *entries,
			 const struct conf_node *listen,
			 struct conf_errors *errors)
{
	const struct listener_conf *l = listeners->v;

	for (size_t i = 0; i < listeners->n; i++) {
		const struct str *names = l[i].tls.v;

		for (size_t j = 0; j < l[i].tls.n; j++)
			check_name(entries, names[j], name_place(listen, i, j),
				   i, errors);
	}
}
