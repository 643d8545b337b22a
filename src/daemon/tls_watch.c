/*
 * Files are looked at, not waited for: stat(2) follows whatever makes a name
 * mean another file (rename, a link that is replaced, a directory of links as
 * Kubernetes has it), on any file system. A pair is two files, replaced one
 * after the other: they are read once nothing has changed for one interval.
 */
#include "daemon/tls_watch.h"

#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/log.h"

enum {
	LOOK_MS = 1000,
	TICKET_KEY_MS = 12 * 3600 * 1000, /* older sessions begin anew */
};

/* It is tried again, since what was wrong may pass without any change of the
 * files (no descriptor was free); each reason is told once. */
static void keep_old(struct tls_entry *e, const char *why)
{
	uint64_t told = hash_bytes(hash_process_key(), why, strlen(why));

	if (told == e->told)
		return;
	e->told = told;
	log_error(STR_NONE, "tls.failed", KV_STR("entry", e->name),
		  KV_TEXT("why", why),
		  KV_TEXT("then", "the old certificate stays in use"));
}

static bool load_again(struct tls_entry *e, uint64_t stamp)
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
	e->loaded_stamp = stamp;
	e->told = 0;
	return true;
}

static void tell_loaded(const struct tls_entry *e)
{
	log_info(STR_NONE, "tls.loaded", KV_STR("entry", e->name),
		 KV_STR("certificate", e->certificate));
	if (tls_context_is_expired(e->context))
		log_warning(STR_NONE, "tls.expired", KV_STR("entry", e->name),
			    KV_STR("certificate", e->certificate));
}

static bool look_at(struct tls_entry *e)
{
	uint64_t stamp = tls_entry_stamp(e);

	if (stamp != e->seen_stamp) {
		e->seen_stamp = stamp;
		e->told = 0;
		return false;
	}
	return stamp != e->loaded_stamp && load_again(e, stamp);
}

static void forget_loaded(struct conf_array *entries)
{
	struct tls_entry *e = entries->v;

	for (size_t i = 0; i < entries->n; i++)
		e[i].loaded_stamp = 0; /* of no file */
}

/* It is said when the next connection is shown it. */
static void look_at_all(struct tls_watch *w, struct conf_array *entries)
{
	struct tls_entry *e = entries->v;

	for (size_t i = 0; i < entries->n; i++) {
		if (!look_at(&e[i]))
			continue;
		transport_set_tls(w->set, entries);
		tell_loaded(&e[i]);
	}
}

/* --- what a reload drops --- */

/* One entry, with its texts behind it. */
struct kept {
	struct list link;
	struct tls_entry entry;
	struct conf_array array; /* of it alone */
	char text[];
};

static void text_copy(struct str *s, char **at)
{
	if (s->len > 0)
		memcpy(*at, s->p, s->len);
	s->p = *at;
	*at += s->len + 1; /* that byte is 0 */
}

static void keep(struct tls_watch *w, const struct tls_entry *e)
{
	size_t len = e->name.len + e->certificate.len + e->key.len + e->ca.len;
	struct kept *k = calloc(1, sizeof(*k) + len + 4);
	char *at;

	if (k == NULL) {
		log_error(STR_NONE, "tls.unwatched", KV_STR("entry", e->name),
			  KV_TEXT("why", "no memory"));
		return;
	}
	at = k->text;
	k->entry = *e;
	text_copy(&k->entry.name, &at);
	text_copy(&k->entry.certificate, &at);
	text_copy(&k->entry.key, &at);
	text_copy(&k->entry.ca, &at);
	k->entry.context = tls_context_ref(e->context);
	k->array = (struct conf_array){&k->entry, 1};
	list_add_tail(&w->kept, &k->link);
}

static void kept_free(struct kept *k)
{
	list_del(&k->link);
	tls_context_unref(k->entry.context);
	free(k);
}

static bool has_entry(const struct conf_array *entries, struct str name)
{
	const struct tls_entry *e = entries->v;

	for (size_t i = 0; i < entries->n; i++)
		if (str_eq(e[i].name, name))
			return true;
	return false;
}

static void drop_kept(struct tls_watch *w, const struct conf_array *but)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &w->kept) {
		struct kept *k = LIST_ENTRY(it, struct kept, link);

		if (but == NULL || has_entry(but, k->entry.name))
			kept_free(k);
	}
}

/* --- looking --- */

static void on_look(struct timer *t)
{
	struct tls_watch *w = CONTAINER_OF(t, struct tls_watch, timer);
	bool is_old = loop_now_ms(w->loop) >= w->renew_ms;
	struct list *it, *tmp;

	if (is_old) {
		w->renew_ms = loop_now_ms(w->loop) + TICKET_KEY_MS;
		tls_ticket_key_renew();
		forget_loaded(w->entries);
	}
	look_at_all(w, w->entries);
	LIST_FOREACH(it, tmp, &w->kept) {
		struct kept *k = LIST_ENTRY(it, struct kept, link);

		if (is_old)
			forget_loaded(&k->array);
		look_at_all(w, &k->array);
	}
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
	list_init(&w->kept);
	w->entries = entries;
}

void tls_watch_set(struct tls_watch *w, struct conf_array *entries)
{
	const struct tls_entry *e = w->entries->v;

	for (size_t i = 0; i < w->entries->n; i++)
		if (!has_entry(entries, e[i].name) &&
		    transport_uses_tls(w->set, e[i].name))
			keep(w, &e[i]);
	drop_kept(w, entries);
	w->entries = entries;
}

void tls_watch_stop(struct tls_watch *w)
{
	if (w->loop != NULL)
		drop_kept(w, NULL);
}
