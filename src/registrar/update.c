/* What a REGISTER does to the bindings that there are: RFC 3261 section 10.3,
 * steps 6 and 7. All or nothing. */
#include "registrar_priv.h"

#include "viaduct/util/err.h"
#include "viaduct/util/mac.h"

static const struct refusal out_of_order = {
	.status = 500,
	.reason = {"CSeq Out Of Order", 17},
	.why = "10.3 step 7: this Call-ID has had a higher CSeq",
};

static const struct refusal too_many = {
	.status = 403,
	.reason = {"Too Many Contacts", 17},
	.why = "registrar.max_contacts is reached",
};

/* The bindings to be, oldest first; places are as many as could be needed. */
struct draft {
	struct binding *v;
	size_t n;
	size_t n_kept; /* of them, first: not touched by this request */
	size_t n_added;
};

static int refuse(struct update *u, const struct refusal *why)
{
	u->refusal = why;
	return VD_EINVAL;
}

static bool is_in_order(const struct update *u, const struct binding *b)
{
	return !str_eq(u->call_id, b->call_id) || u->cseq > b->cseq;
}

static bool is_any_sip(const struct sip_uri *uri)
{
	return uri->scheme == SIP_SCHEME_SIP || uri->scheme == SIP_SCHEME_SIPS;
}

/* 19.1.4, but that the sip and the sips URI of a contact replace each other
 * (RFC 5630 section 5.1.1.1). */
static bool is_same_uri(struct str contact, const struct sip_uri *uri)
{
	struct sip_uri other;

	if (sip_uri_parse(contact, &other) != 0)
		return false;
	if (is_any_sip(&other) && is_any_sip(uri))
		other.scheme = uri->scheme;
	return sip_uri_eq(&other, uri);
}

/* RFC 5626 section 6: a flow is known by instance and reg-id, whatever its URI;
 * everything else by its URI. A removal by URI means the flows to it, too. */
static bool is_same(const struct binding *b, const struct asked *a)
{
	if (a->binding.reg_id != 0)
		return b->reg_id == a->binding.reg_id &&
		       instance_eq(instance_of(b->params),
				   instance_of(a->binding.params));
	if (b->reg_id != 0 && a->binding.expires_ms != 0)
		return false;
	return is_same_uri(b->contact, &a->uri);
}

static bool draft_start(struct draft *d, const struct update *u,
			const struct bindings *now)
{
	size_t most = u->asking.n + (now != NULL ? now->n : 0);

	*d = (struct draft){0};
	d->v = arena_alloc(u->arena, (most + 1) * sizeof(*d->v));
	if (d->v == NULL)
		return false;
	for (size_t i = 0; now != NULL && i < now->n; i++)
		if (binding_is_alive(&now->v[i], u->now_ms))
			d->v[d->n++] = now->v[i];
	d->n_kept = d->n;
	return true;
}

static void draft_drop(struct draft *d, size_t i)
{
	if (i < d->n_kept)
		d->n_kept--;
	d->n--;
	memmove(&d->v[i], &d->v[i + 1], (d->n - i) * sizeof(*d->v));
}

static bool has_epoch(const struct draft *d, uint32_t epoch)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].gruu_epoch == epoch)
			return true;
	return false;
}

static uint32_t new_epoch(const struct draft *d)
{
	uint32_t epoch;

	do {
		random_bytes(&epoch, sizeof(epoch));
	} while (epoch == 0 || has_epoch(d, epoch));
	return epoch;
}

/*
 * RFC 5627 section 5.1: the temporary GRUUs of an instance stay good while one
 * binding of it is there and each is refreshed with its own Call-ID; one that
 * is refreshed with another ends them all. A further flow shares them.
 */
static void set_gruu_epoch(struct draft *d, struct binding *b)
{
	struct str instance = instance_of(b->params);
	const struct binding *last = NULL;

	if (instance.len == 0)
		return;
	for (size_t i = 0; i < d->n; i++) {
		if (!instance_eq(instance_of(d->v[i].params), instance))
			continue;
		b->gruu_epoch = d->v[i].gruu_epoch;
		if (b->reg_id == 0 || d->v[i].reg_id == b->reg_id)
			last = &d->v[i];
	}
	if (b->gruu_epoch != 0 &&
	    (last == NULL || str_eq(last->call_id, b->call_id)))
		return;
	b->gruu_epoch = new_epoch(d);
	for (size_t i = 0; i < d->n; i++)
		if (instance_eq(instance_of(d->v[i].params), instance))
			d->v[i].gruu_epoch = b->gruu_epoch;
}

/* Whoever was there before this request must be older than it; of two equal
 * values in one request the later counts. */
static int apply(struct update *u, struct draft *d, const struct asked *a)
{
	struct binding b = a->binding;
	bool is_new = true;

	if (b.expires_ms != 0)
		set_gruu_epoch(d, &b);
	for (size_t i = 0; i < d->n;) {
		if (!is_same(&d->v[i], a)) {
			i++;
			continue;
		}
		if (i < d->n_kept && !is_in_order(u, &d->v[i]))
			return refuse(u, &out_of_order);
		draft_drop(d, i);
		is_new = false;
	}
	if (b.expires_ms == 0)
		return 0;
	d->v[d->n++] = b;
	d->n_added += is_new;
	return 0;
}

static int apply_values(struct update *u, struct draft *d)
{
	for (size_t i = 0; i < u->asking.n; i++) {
		int err = apply(u, d, &u->asking.v[i]);

		if (err != 0)
			return err;
	}
	return 0;
}

/* max_contacts is for those who add: what was there before it was lowered may
 * be refreshed. */
static int fit(struct update *u, struct draft *d)
{
	size_t most = u->conf->max_contacts;

	if (d->n <= most || d->n_added == 0)
		return 0;
	if (u->conf->when_full == WHEN_FULL_REJECT || d->n - d->n_kept > most)
		return refuse(u, &too_many);
	while (d->n > most)
		draft_drop(d, 0);
	return 0;
}

static int remove_all(struct update *u, struct draft *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (!is_in_order(u, &d->v[i]))
			return refuse(u, &out_of_order);
	d->n = 0;
	return 0;
}

int update_bindings(void *arg, const struct bindings *now,
		    struct bindings **next)
{
	struct update *u = arg;
	struct draft d;
	int err;

	if (!draft_start(&d, u, now))
		return VD_ENOMEM;
	err = u->asking.is_all ? remove_all(u, &d) : apply_values(u, &d);
	if (err == 0)
		err = fit(u, &d);
	if (err != 0)
		return err;
	*next = NULL;
	if (d.n == 0)
		return 0;
	*next = bindings_new(d.v, d.n);
	return *next != NULL ? 0 : VD_ENOMEM;
}
