/* The section `registrar` of the configuration. */
#ifndef VIADUCT_REGISTRAR_CONF_H
#define VIADUCT_REGISTRAR_CONF_H

#include "viaduct/conf/option.h"

enum when_full { WHEN_FULL_REJECT, WHEN_FULL_REPLACE };

struct registrar_conf {
	uint32_t default_expires, min_expires, max_expires; /* milliseconds */
	uint32_t max_contacts;                              /* of an address */
	int when_full;                                      /* enum when_full */
	bool outbound, gruu;
	bool third_party;
	uint32_t ring_timeout; /* milliseconds */
	uint32_t flow_timer;   /* milliseconds; 0: none */
	int synchronous;       /* 0: normal, 1: full (store_conf.is_full) */
};

extern const struct conf_option registrar_options[];

/* What no single option can see: a minimum above the maximum. place: of the
 * section; NULL allowed. */
void registrar_conf_check(const struct registrar_conf *c,
			  const struct conf_place *place,
			  struct conf_errors *errors);

#endif
