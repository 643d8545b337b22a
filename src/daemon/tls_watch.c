/*
 * Files are looked at, not waited for: stat(2) follows whatever makes a name
 * mean another file (rename, a link that is replaced, a directory of links as
 * Kubernetes has it), on any file system. A pair is two files, replaced one
 * after the other: they are read once nothing has changed for one interval.
 */
#include "daemon/tls_watch.h"

#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

enum {
	LOOK_MS = 1000,
	TICKET_KEY_MS = 12 * 3600 * 1000, /* older sessions begin anew */
};

static void keep_old(const struct tls_entry *e, const char *why)
{
	log_error(STR_NONE, "tls.failed", KV_STR("entry", e->name),
		  KV_TEXT("why", why),
		  KV_TEXT("then", "the old certificate stays in use"));
}

static bool load_again(struct tls_entry *e)
{
	struct tls_fault fault;
	struct ssl_ctx_st *context;
	int err = tls_context_load(e, &fault, &context);

	if (err != 0) {
		keep_old(e, err == VD_EINVAL ? fault.why : vd_strerror(err));
		return false;
	}
	tls_context_unref(e->context);
	e->context = context;
	log_info(STR_NONE, "tls.loaded", KV_STR("entry", e->name),
		 KV_STR("certificate", e->certificate));
	if (tls_context_is_expired(context))
		log_warning(STR_NONE, "tls.expired", KV_STR("entry", e->name),
			    KV_STR("certificate", e->certificate));
	return true;
}

static bool look_at(struct tls_entry *e)
{
	uint64_t stamp = tls_entry_stamp(e);

	if (stamp == e->loaded_stamp || stamp != e->seen_stamp) {
		e->seen_stamp = stamp;
		return false;
	}
	e->loaded_stamp = stamp; /* a bad pair is reported once */
	return load_again(e);
}

static bool look_at_all(struct tls_watch *w)
{
	struct tls_entry *e = w->entries->v;
	bool has_changed = false;

	for (size_t i = 0; i < w->entries->n; i++)
		has_changed |= look_at(&e[i]);
	return has_changed;
}

static bool renew_all(struct tls_watch *w)
{
	struct tls_entry *e = w->entries->v;

	w->renew_ms = loop_now_ms(w->loop) + TICKET_KEY_MS;
	tls_ticket_key_renew();
	for (size_t i = 0; i < w->entries->n; i++)
		load_again(&e[i]);
	return true;
}

static void on_look(struct timer *t)
{
	struct tls_watch *w = CONTAINER_OF(t, struct tls_watch, timer);
	bool is_old = loop_now_ms(w->loop) >= w->renew_ms;

	if (is_old ? renew_all(w) : look_at_all(w))
		transport_set_tls(w->set, w->entries);
	timer_arm(loop_wheel(w->loop), &w->timer, LOOK_MS);
}

void tls_watch_start(struct tls_watch *w, struct loop *loop,
		     struct transport_set *set, struct conf_array *entries)
{
	w->loop = loop;
	w->set = set;
	w->renew_ms = loop_now_ms(loop) + TICKET_KEY_MS;
	timer_init(&w->timer, on_look);
	timer_arm(loop_wheel(loop), &w->timer, LOOK_MS);
	tls_watch_set(w, entries);
}

void tls_watch_set(struct tls_watch *w, struct conf_array *entries)
{
	w->entries = entries;
}
