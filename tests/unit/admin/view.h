/* A process with one worker, made up, and a location service in memory. */
#ifndef VIADUCT_TESTS_ADMIN_VIEW_H
#define VIADUCT_TESTS_ADMIN_VIEW_H

#include "admin/admin_priv.h"
#include "store/desk.h"

enum { VIEW_NOW_MS = 1000000 };

struct made_up {
	struct desk desk;
	struct stats stats[2];
	struct admin_worker workers[2];
	struct admin_view view;
};

static inline void made_up_parcel(void *arg, struct parcel *p)
{
	(void)arg;
	(void)p;
}

static inline int made_up_open(void **state)
{
	static struct made_up m;
	struct store_conf conf = {.kind = STORE_MEMORY};
	char why[512];

	memset(&m, 0, sizeof(m));
	*state = &m;
	desk_open(&m.desk);
	m.desk.parcel = made_up_parcel;
	for (unsigned i = 0; i < 2; i++)
		m.workers[i].stats = &m.stats[i];
	m.view = (struct admin_view){
		.workers = m.workers,
		.n_workers = 2,
		.deadline_ms = 10000,
		.is_ready = true,
		.is_reload_good = true,
		.start_ms = VIEW_NOW_MS - 90000,
	};
	return location_open(&conf, m.desk.post, DESK_STORE, NULL, VIEW_NOW_MS,
			     &m.view.location, why);
}

static inline int made_up_close(void **state)
{
	struct made_up *m = *state;

	location_close(m->view.location);
	desk_close(&m->desk);
	return 0;
}

#endif
