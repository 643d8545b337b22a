#include "viaduct/admin/conf.h"

#include <sys/un.h>

#define ADMIN(f) offsetof(struct admin_section, f)

/* clang-format off */
const struct conf_option admin_options[] = {
	{ .name = "socket", .type = CONF_PATH, .offset = ADMIN(socket), .def = "/run/viaduct/viaductd.sock", .needs_restart = true,
	  .help = "Unix socket (mode 0600) that serves HTTP: /metrics, /livez, /readyz. Its directory is made; where that cannot be and this key is not written, there is no socket. Empty: none." },
	{ .name = "http", .type = CONF_TEXT, .offset = ADMIN(http), .def = "", .needs_restart = true,
	  .help = "ADDRESS:PORT that serves the same, such as 127.0.0.1:8060 or [::1]:8060. Whoever reaches it may read. Empty: none." },
	{ 0 },
};
/* clang-format on */

static const struct conf_place *place_of(const struct conf_node *node,
					 const char *key)
{
	const struct conf_node *value = conf_get(node, key);

	if (value != NULL)
		return &value->place;
	return node != NULL ? &node->place : NULL;
}

void admin_conf_check(const struct admin_section *s,
		      const struct conf_node *node, struct conf_errors *errors)
{
	enum { PATH_MAX_LEN = sizeof((struct sockaddr_un){0}.sun_path) - 1 };
	union addr addr;

	if (s->socket.len > PATH_MAX_LEN)
		conf_error(errors, place_of(node, "socket"), "admin.socket",
			   "longer than the %d bytes that a socket's path may "
			   "have",
			   PATH_MAX_LEN);
	if (s->http.len > 0 && addr_parse_hostport(s->http, 0, &addr) != 0)
		conf_error(errors, place_of(node, "http"), "admin.http",
			   "\"%.*s\" is no ADDRESS:PORT, such as "
			   "127.0.0.1:8060 or [::1]:8060",
			   STR_FMT(s->http));
}

bool admin_conf_is_exposed(const struct admin_section *s)
{
	struct addr_net loopback;
	union addr addr;

	if (s->http.len == 0 || addr_parse_hostport(s->http, 0, &addr) != 0)
		return false;
	addr_net_parse(addr_family(&addr) == AF_INET ? STR("127.0.0.0/8")
						     : STR("::1/128"),
		       &loopback);
	return !addr_net_contains(&loopback, &addr);
}
