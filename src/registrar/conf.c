#include "viaduct/registrar/conf.h"

#include <stddef.h>

static const char *const full_names[] = {"reject", "replace", NULL};
static const char *const synchronous_names[] = {"normal", "full", NULL};

#define CONF(field) offsetof(struct registrar_conf, field)

enum { SECOND_MS = 1000, HOUR_MS = 3600 * SECOND_MS };

#define MONTH_MS (30 * 24 * (double)HOUR_MS)

/* clang-format off */
const struct conf_option registrar_options[] = {
	{ .name = "default_expires", .type = CONF_DURATION, .offset = CONF(default_expires), .def = "1h", .min = SECOND_MS, .max = MONTH_MS,
	  .help = "How long a registration lasts that does not say it." },
	{ .name = "min_expires", .type = CONF_DURATION, .offset = CONF(min_expires), .def = "60s", .min = SECOND_MS, .max = HOUR_MS,
	  .help = "A shorter registration is refused with 423; RFC 3261 10.3 allows at most 1h here." },
	{ .name = "max_expires", .type = CONF_DURATION, .offset = CONF(max_expires), .def = "1d", .min = SECOND_MS, .max = MONTH_MS,
	  .help = "A longer registration is shortened to this." },
	{ .name = "max_contacts", .type = CONF_UINT, .offset = CONF(max_contacts), .def = "10", .min = 1, .max = 100,
	  .help = "Contacts of one address of record." },
	{ .name = "when_full", .type = CONF_ENUM, .offset = CONF(when_full), .def = "reject", .names = full_names,
	  .help = "What a contact above max_contacts does. reject: it is answered 403; replace: it takes the place of the one that was refreshed longest ago." },
	{ .name = "outbound", .type = CONF_BOOL, .offset = CONF(outbound), .def = "true",
	  .help = "Outbound (RFC 5626): a phone that asks for it is bound by its instance and flow (reg-id), and reached over that flow alone. false: reg-id is ignored." },
	{ .name = "flow_timer", .type = CONF_DURATION, .offset = CONF(flow_timer), .def = "120s", .min = 0, .max = HOUR_MS,
	  .help = "How often a phone with Outbound is asked to send keep-alives on its connection (Flow-Timer). One that is silent for a quarter longer is taken for dead and closed. 0: nothing is asked for, and nothing closed." },
	{ .name = "gruu", .type = CONF_BOOL, .offset = CONF(gruu), .def = "true",
	  .help = "Give a phone that asks for it URIs of its own (RFC 5627): a public one, and a temporary one that hides the user. false: a Request-URI with `gr` is answered 404." },
	{ .name = "third_party", .type = CONF_BOOL, .offset = CONF(third_party), .def = "false",
	  .help = "Whether a user may register another one of his domain (RFC 3261 10.2): From names who asks, To whose contacts these are. Senders in `trust` may in any case." },
	{ .name = "ring_timeout", .type = CONF_DURATION, .offset = CONF(ring_timeout), .def = "20s", .min = SECOND_MS, .max = HOUR_MS,
	  .help = "How long the contacts of one q value ring before those of the next lower one are tried; the last ring until Timer C." },
	{ .name = "synchronous", .type = CONF_ENUM, .offset = CONF(synchronous), .def = "normal", .names = synchronous_names, .needs_restart = true,
	  .help = "normal: what was answered 200 survives a crash of the process; full: also one of the machine, and each commit waits for the disk." },
	{ 0 },
};
/* clang-format on */

void registrar_conf_check(const struct registrar_conf *c,
			  const struct conf_place *place,
			  struct conf_errors *errors)
{
	if (c->min_expires > c->max_expires)
		conf_error(errors, place, "registrar.min_expires",
			   "it must not be above max_expires");
	if (c->flow_timer != 0 && c->flow_timer < SECOND_MS)
		conf_error(errors, place, "registrar.flow_timer",
			   "it must be 0 or at least 1s");
	if (c->default_expires < c->min_expires ||
	    c->default_expires > c->max_expires)
		conf_error(errors, place, "registrar.default_expires",
			   "it must lie between min_expires and max_expires");
}
