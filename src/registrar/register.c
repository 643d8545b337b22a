/*
 * Answering a REGISTER: RFC 3261 section 10.3, RFC 3327 section 5.3. The
 * request waits, and all that it needs waits in its arena, until the change is
 * committed; a store that answers does so through the loop of the worker, so
 * never after the proxy has gone.
 */
#include "registrar_priv.h"

#include "viaduct/util/date.h"
#include "viaduct/util/err.h"
#include "viaduct/util/put.h"

enum {
	STORE_RETRY_S = 30, /* a full disk takes a person */
	LIMIT_RETRY_S = 5,
	BINDING_EXTRA = 64, /* what the 200 writes around one binding */
	FIELDS_EXTRA = 256, /* and after all of them */
};

struct registration {
	struct request *r;
	struct str aor;
	struct update update;
};

/* Answers ------------------------------------------------------------------ */

static struct str retry_after(struct request *r, unsigned seconds)
{
	return arena_printf(&r->arena, "Retry-After: %u\r\n", seconds);
}

static void note(const struct request *r, enum stat outcome)
{
	stats_add(request_env(r)->stats, outcome, 1);
}

static void reject_for(struct request *r, int err)
{
	note(r, STAT_register_limit);
	if (err == VD_ELIMIT) {
		note(r, STAT_refused_limit);
		stats_limit(request_env(r)->stats, LIMIT_store_queue);
	}
	if (err == VD_ENOMEM)
		note(r, STAT_refused_memory);
	request_reject(r, 503, STR_NONE, retry_after(r, LIMIT_RETRY_S),
		       "the location service has no room");
}

static enum stat outcome_of(const struct refusal *why)
{
	switch (why->status) {
	case 403:
		return STAT_register_forbidden;
	case 423:
		return STAT_register_brief;
	case 500:
		return STAT_register_order;
	case 503:
		return STAT_register_limit;
	}
	return STAT_register_bad;
}

static void refuse(struct request *r, const struct refusal *why)
{
	uint32_t min_ms = registrar_of(r)->conf.min_expires;
	struct str extra = STR_NONE;

	if (why->is_too_brief)
		extra = arena_printf(&r->arena, "Min-Expires: %u\r\n",
				     (min_ms + 999) / 1000);
	else if (why->status == 503)
		extra = retry_after(r, LIMIT_RETRY_S);
	note(r, outcome_of(why));
	request_reject(r, why->status, why->reason, extra, why->why);
}

static void put_q(struct put *p, uint16_t q)
{
	char decimals[3];

	put_str(p, q >= Q_ONE ? STR(";q=1") : STR(";q=0"));
	if (q >= Q_ONE || q == 0)
		return;
	decimals[0] = (char)('0' + q / 100);
	decimals[1] = (char)('0' + q / 10 % 10);
	decimals[2] = (char)('0' + q % 10);
	put_str(p, STR("."));
	put_str(p, (struct str){decimals, sizeof(decimals)});
}

/* False: no memory. */
static bool put_binding(struct put *p, const struct gruu_writer *w,
			const struct binding *b, uint64_t now_ms)
{
	bool is_good = true;

	put_str(p, STR("Contact: <"));
	put_str(p, b->contact);
	put_str(p, STR(">;expires="));
	put_uint(p, (b->expires_ms - now_ms + 999) / 1000);
	if (b->q != Q_NONE)
		put_q(p, b->q);
	if (b->params.len != 0)
		put_str(p, STR(";"));
	put_str(p, b->params);
	if (w->key != NULL)
		is_good = gruu_put(p, w, b);
	put_str(p, STR("\r\n"));
	return is_good;
}

static bool put_bindings(struct put *p, const struct gruu_writer *w,
			 const struct bindings *b, uint64_t now_ms)
{
	bool is_good = true;

	for (size_t i = 0; b != NULL && i < b->n; i++)
		if (binding_is_alive(&b->v[i], now_ms))
			is_good &= put_binding(p, w, &b->v[i], now_ms);
	return is_good;
}

/* RFC 3327 section 5.3: the Path goes back to the phone. */
static void put_path(struct put *p, const struct sip_msg *msg)
{
	struct sip_values it;

	for (sip_values_start(&it, msg, SIP_HDR_PATH); sip_values_next(&it);) {
		put_str(p, STR("Path: "));
		put_str(p, it.value);
		put_str(p, STR("\r\n"));
	}
}

static size_t fields_max(const struct sip_msg *msg, struct str aor,
			 const struct bindings *b)
{
	size_t size = FIELDS_EXTRA;
	struct sip_values it;

	for (size_t i = 0; b != NULL && i < b->n; i++)
		size += BINDING_EXTRA + b->v[i].contact.len +
			b->v[i].params.len + gruu_room(aor, &b->v[i]);
	for (sip_values_start(&it, msg, SIP_HDR_PATH); sip_values_next(&it);)
		size += it.value.len + sizeof("Path: \r\n");
	return size;
}

/* What the phone may be told besides the bindings. */
struct answer {
	struct str aor;
	bool is_outbound;        /* RFC 5626 section 6: it was applied */
	uint32_t keep_alives_ms; /* how often they are asked for; 0: never */
};

static struct gruu_writer writer_of(const struct request *r, struct str aor)
{
	const struct registrar_use *use = registrar_of(r);
	struct gruu_writer w = {.aor = aor};

	if (!use->conf.gruu || !request_supports(r, STR("gruu")))
		return w;
	w.key = use->gruu_key;
	gruu_new_nonce(w.nonce);
	return w;
}

static size_t service_route_room(const struct domain *d)
{
	const struct str *routes = d->service_route.v;
	size_t size = 0;

	for (size_t i = 0; i < d->service_route.n; i++)
		size += routes[i].len + sizeof("Service-Route: <>\r\n");
	return size;
}

/* RFC 3608 section 6.3. */
static void put_service_route(struct put *p, const struct domain *d)
{
	const struct str *routes = d->service_route.v;

	for (size_t i = 0; i < d->service_route.n; i++) {
		put_str(p, STR("Service-Route: <"));
		put_str(p, routes[i]);
		put_str(p, STR(">\r\n"));
	}
}

/* Fields of the 200 (step 8); p NULL: no memory. */
static struct str print_fields(struct request *r, const struct answer *a,
			       const struct bindings *b)
{
	const struct domain *d = request_domain(r, r->uri->host);
	size_t size = fields_max(r->msg, a->aor, b) + service_route_room(d);
	char *room = arena_alloc(&r->arena, size), date[DATE_LEN];
	struct put p = put_into(room, room != NULL ? size : 0);
	struct gruu_writer w = writer_of(r, a->aor);

	if (room == NULL || !put_bindings(&p, &w, b, registrar_now_ms(r)))
		return STR_NONE;
	put_path(&p, r->msg);
	put_service_route(&p, d);
	if (a->is_outbound)
		put_str(&p, STR("Require: outbound\r\n"));
	if (a->keep_alives_ms != 0) {
		put_str(&p, STR("Flow-Timer: "));
		put_uint(&p, a->keep_alives_ms / 1000);
		put_str(&p, STR("\r\n"));
	}
	put_str(&p, STR("Supported: path\r\nDate: "));
	put_str(&p, date_print(date));
	put_str(&p, STR("\r\n"));
	return put_done(&p);
}

static void answer_bindings(struct request *r, const struct answer *a)
{
	struct bindings *b = location_find(registrar_of(r)->location, a->aor);
	struct str fields = print_fields(r, a, b);

	bindings_unref(b);
	if (fields.p == NULL)
		reject_for(r, VD_ENOMEM);
	else
		request_reject(r, 200, STR_NONE, fields,
			       "10.3 step 8: these are the bindings");
}

/* Who and where (steps 1, 2, 4 and 5) -------------------------------------- */

static bool is_for_registrar(struct request *r)
{
	const struct domain *d;

	if (r->msg->method != SIP_REGISTER) {
		note(r, STAT_register_bad);
		request_reject(r, 405, STR_NONE, STR("Allow: REGISTER\r\n"),
			       "10.3: a registrar accepts REGISTER alone");
		return false;
	}
	d = r->is_local ? request_domain(r, r->uri->host) : NULL;
	if (d != NULL && d->registrar && registrar_of(r) != NULL)
		return true;
	note(r, STAT_register_forbidden);
	request_reject(r, 403, STR("No Registrar Here"), STR_NONE,
		       "10.3 step 1: not a domain with a registrar");
	return false;
}

static bool is_supported(const struct request *r, struct str tag)
{
	const struct registrar_conf *c = &registrar_of(r)->conf;

	return str_ieq(tag, STR("path")) ||
	       (c->outbound && str_ieq(tag, STR("outbound"))) ||
	       (c->gruu && str_ieq(tag, STR("gruu")));
}

static bool is_understood(struct request *r)
{
	struct str extra = STR("");
	struct sip_values it;

	for (sip_values_start(&it, r->msg, SIP_HDR_REQUIRE);
	     sip_values_next(&it);) {
		if (is_supported(r, it.value))
			continue;
		extra = arena_printf(&r->arena, "%.*sUnsupported: %.*s\r\n",
				     STR_FMT(extra), STR_FMT(it.value));
		if (extra.p == NULL)
			break;
	}
	if (extra.p != NULL && extra.len == 0)
		return true;
	note(r, STAT_register_bad);
	request_reject(r, 420, STR_NONE, extra,
		       "10.3 step 2: Require names what is not supported");
	return false;
}

/* Step 5: valid for the domain in the Request-URI. */
static bool find_aor(struct request *r, struct str *aor)
{
	const struct sip_addr *to = sip_msg_to(r->msg);
	const struct domain *d;
	struct sip_uri uri;
	int err = VD_EINVAL;

	if (sip_uri_parse(to->uri, &uri) == 0)
		err = registrar_aor(r, &uri, &d, aor);
	if (err == 0 && d != request_domain(r, r->uri->host))
		err = VD_ENOENT;
	if (err == VD_EINVAL) {
		note(r, STAT_register_bad);
		request_reject(r, 400, STR("Bad To"), STR_NONE,
			       "10.3 step 5: To is no sip URI");
	} else if (err == VD_ENOENT) {
		note(r, STAT_register_unknown);
		request_reject(r, 404, STR_NONE, STR_NONE,
			       "10.3 step 5: To is no user of this domain");
	} else if (err != 0) {
		reject_for(r, err);
	}
	return err == 0;
}

/* Step 4: nobody registers for somebody else. Who From is, authentication has
 * made sure of where the domain wants that. */
static bool is_own(struct request *r, struct str aor)
{
	const struct sip_addr *from = sip_msg_from(r->msg);
	const struct domain *d;
	struct sip_uri uri;
	struct str other;

	if (r->caller == CALLER_TRUSTED || registrar_of(r)->conf.third_party ||
	    str_eq(from->uri, sip_msg_to(r->msg)->uri))
		return true;
	if (sip_uri_parse(from->uri, &uri) == 0 &&
	    registrar_aor(r, &uri, &d, &other) == 0 && str_eq(other, aor))
		return true;
	note(r, STAT_register_forbidden);
	request_reject(r, 403, STR_NONE, STR_NONE,
		       "10.3 step 4: From is not the user in To");
	return false;
}

/* The change --------------------------------------------------------------- */

/*
 * RFC 5626 section 5.4. Not for datagrams: without Flow-Timer a phone keeps its
 * mapping alive every half minute (4.4.2), which is what NATs need; nor would
 * their silence show, since keep-alives on UDP leave no trace here.
 */
static uint32_t keep_alives_ms(const struct registration *reg)
{
	const struct request *r = reg->r;

	if (!reg->update.asking.has_flow || !request_is_first_hop(r) ||
	    !sip_transport_is_stream(r->flow.transport))
		return 0;
	return registrar_of(r)->conf.flow_timer;
}

static void on_committed(void *arg, int err)
{
	struct registration *reg =
		CONTAINER_OF(arg, struct registration, update);
	const struct answer a = {reg->aor, reg->update.asking.is_outbound,
				 keep_alives_ms(reg)};
	struct request *r = reg->r;

	note(r, err == 0 ? STAT_register_accepted : STAT_register_store);
	if (err != 0) {
		request_reject(r, 500, STR_NONE, retry_after(r, STORE_RETRY_S),
			       "10.3 step 7: the change could not be stored");
		return;
	}
	/* a quarter longer than what it was told, for the way (5.4) */
	if (a.keep_alives_ms != 0)
		transport_expect_input(request_env(r)->transport, r->flow.conn,
				       a.keep_alives_ms + a.keep_alives_ms / 4);
	answer_bindings(r, &a);
}

static enum step_result change(struct request *r, struct str aor,
			       const struct asking *asking)
{
	const struct registrar_use *use = registrar_of(r);
	struct registration *reg = arena_zalloc(&r->arena, sizeof(*reg));
	int err = VD_ENOMEM;

	if (reg != NULL) {
		reg->r = r;
		reg->aor = aor;
		reg->update = (struct update){
			.conf = &use->conf,
			.arena = &r->arena,
			.asking = *asking,
			.call_id = sip_msg_call_id(r->msg),
			.cseq = sip_msg_cseq(r->msg)->number,
			.now_ms = registrar_now_ms(r),
		};
		err = location_change(use->location, request_env(r)->worker,
				      aor, update_bindings, on_committed,
				      &reg->update);
	}
	if (err == 0)
		return STEP_WAIT;
	if (err == VD_EINVAL)
		refuse(r, reg->update.refusal);
	else
		reject_for(r, err);
	return STEP_DONE;
}

static enum step_result process(struct request *r)
{
	struct asking asking;
	const struct refusal *bad;
	struct str aor;

	if (!is_for_registrar(r) || !is_understood(r) || !find_aor(r, &aor) ||
	    !is_own(r, aor))
		return STEP_DONE;
	bad = contacts_read(r, aor, &asking);
	if (bad != NULL) {
		refuse(r, bad);
		return STEP_DONE;
	}
	if (asking.n > 0 || asking.is_all)
		return change(r, aor, &asking);
	note(r, STAT_register_queried);
	answer_bindings(r, &(struct answer){.aor = aor});
	return STEP_DONE;
}

enum step_result step_register(struct request *r)
{
	return r->verdict.kind == VERDICT_REGISTER ? process(r) : STEP_NEXT;
}
