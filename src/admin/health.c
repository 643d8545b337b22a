#include "admin/admin_priv.h"

static bool is_stuck(const struct admin_worker *w, uint64_t now_ms)
{
	return w->asked_ms != 0 && now_ms > w->asked_ms + ADMIN_SILENCE_MS;
}

/* That somebody asks proves that the main thread's loop runs. */
const char *health_live(const struct admin_view *view, uint64_t now_ms)
{
	for (unsigned i = 0; i < view->n_workers; i++)
		if (is_stuck(&view->workers[i], now_ms))
			return "a worker does not answer";
	return NULL;
}

const char *health_ready(const struct admin_view *view, uint64_t now_ms)
{
	if (!view->is_ready)
		return "starting";
	if (view->is_draining)
		return "draining";
	if (!location_is_well(view->location))
		return "registrations cannot be stored";
	return health_live(view, now_ms);
}
