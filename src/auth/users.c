/* The users file: { users: { NAME: { password, ha1_md5, ... } } }. */
#include "auth/auth_priv.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

enum {
	NAME_MAX_LEN = 256,
	SPELT_MAX_LEN = 3 * NAME_MAX_LEN, /* with an escape for each octet */
};

/* Names and aliases in one table of open addresses, at most half full. */
struct slot {
	struct str key; /* p NULL: free */
	const struct user *user;
};

struct users {
	struct user *v;
	size_t n;
	size_t n_enabled, n_with[AUTH_ALGORITHM_COUNT]; /* ... an HA1 */
	struct slot *slots;
	size_t n_slots; /* a power of two */
};

/* What stands in the file; from a scratch arena. */
struct entry {
	struct str name;
	struct str password, ha1_md5, ha1_sha256;
	struct conf_array aliases; /* struct alias */
	bool is_disabled;
	struct conf_place place;
};

struct alias {
	struct str text;
	struct conf_place place;
};

struct file {
	struct conf_array entries;
};

/* Options ------------------------------------------------------------------ */

static void parse_alias(struct conf_run *run, const struct conf_node *n,
			void *field)
{
	struct alias *a = field;

	if (conf_run_text(run, n, &a->text) && a->text.len == 0)
		conf_run_error(run, n, "is empty; a user part");
	a->place = n->place;
}

static void parse_entry(struct conf_run *run, const struct conf_node *n,
			void *field);

#define ENTRY(f) offsetof(struct entry, f)

/* clang-format off */
static const struct conf_option entry_options[] = {
	{ .name = "password", .type = CONF_SECRET, .offset = ENTRY(password), .def = "",
	  .help = "The password; HA1 values are made of it at once." },
	{ .name = "ha1_md5", .type = CONF_SECRET, .offset = ENTRY(ha1_md5), .def = "",
	  .help = "MD5 of NAME:REALM:PASSWORD, 32 hexadecimal digits." },
	{ .name = "ha1_sha256", .type = CONF_SECRET, .offset = ENTRY(ha1_sha256), .def = "",
	  .help = "SHA-256 of NAME:REALM:PASSWORD, 64 hexadecimal digits." },
	{ .name = "aliases", .type = CONF_LIST_OF, .offset = ENTRY(aliases), .size = sizeof(struct alias), .def = "", .parse = parse_alias,
	  .help = "Other user parts that are this user." },
	{ .name = "disabled", .type = CONF_BOOL, .offset = ENTRY(is_disabled), .def = "false",
	  .help = "Keep the entry, and treat the user as unknown." },
	{ 0 },
};

static const struct conf_option file_options[] = {
	{ .name = "users", .type = CONF_MAP_OF, .offset = offsetof(struct file, entries), .size = sizeof(struct entry), .def = "", .section = entry_options, .parse = parse_entry,
	  .help = "By name." },
	{ 0 },
};
/* clang-format on */

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

static void check_ha1(struct conf_run *run, const struct conf_node *n,
		      const char *key, struct str ha1, enum auth_algorithm a)
{
	const struct conf_node *at = conf_get(n, key);
	size_t len = digest_hex_len(a);

	if (ha1.len == 0 || (ha1.len == len && is_hex(ha1)))
		return;
	conf_run_enter(run, key);
	/* Nothing of it is shown: it may be a password in the wrong place. */
	conf_run_error(run, at != NULL ? at : n,
		       "is no HA1; %zu hexadecimal digits", len);
	conf_run_leave(run);
}

static void parse_entry(struct conf_run *run, const struct conf_node *n,
			void *field)
{
	struct entry *e = field;

	e->place = n->place;
	if (e->name.len == 0 || e->name.len > NAME_MAX_LEN ||
	    memchr(e->name.p, ':', e->name.len) != NULL)
		conf_run_error(run, n,
			       "is no user name; 1 to %d characters without a "
			       "colon",
			       NAME_MAX_LEN);
	conf_run_fill(run, entry_options, n, e);
	check_ha1(run, n, "ha1_md5", e->ha1_md5, AUTH_MD5);
	check_ha1(run, n, "ha1_sha256", e->ha1_sha256, AUTH_SHA256);
	if (n->kind == CONF_MAP && e->password.len == 0 &&
	    e->ha1_md5.len == 0 && e->ha1_sha256.len == 0 &&
	    conf_get(n, "password_file") == NULL &&
	    conf_get(n, "ha1_md5_file") == NULL &&
	    conf_get(n, "ha1_sha256_file") == NULL)
		conf_run_error(run, n,
			       "has no secret; password, ha1_md5 or "
			       "ha1_sha256");
}

/* The table ---------------------------------------------------------------- */

static struct slot *find_slot(const struct users *u, struct str key)
{
	size_t mask = u->n_slots - 1;
	size_t i = hash_bytes(hash_process_key(), key.p, key.len) & mask;

	while (u->slots[i].key.p != NULL && !str_eq(u->slots[i].key, key))
		i = (i + 1) & mask;
	return &u->slots[i];
}

size_t users_count(const struct users *u)
{
	return u != NULL ? u->n : 0;
}

size_t users_without(const struct users *u, enum auth_algorithm a)
{
	return u->n_enabled - u->n_with[a];
}

const struct user *users_find(const struct users *u, struct str name)
{
	char plain[3 * SPELT_MAX_LEN];
	const struct user *user;
	struct str key = {plain, 0};

	if (u == NULL || name.len == 0 || name.len > SPELT_MAX_LEN)
		return NULL;
	key.len = sip_user_canonical(name, plain);
	user = find_slot(u, key)->user;
	return user != NULL && !user->is_disabled ? user : NULL;
}

/* From entries to users ---------------------------------------------------- */

struct loading {
	struct users *users;
	const struct users_file *source;
	struct arena *arena;
	struct conf_errors *errors;
	struct digester digester;
};

static int canonical(struct loading *l, struct str text, struct str *out)
{
	char *p = arena_alloc(l->arena, 3 * text.len + 1);

	if (p == NULL)
		return VD_ENOMEM;
	*out = (struct str){p, sip_user_canonical(text, p)};
	return 0;
}

/* Every name leads to one user. */
static void add_name(struct loading *l, struct str key, const struct user *user,
		     const struct entry *e, const struct conf_place *place)
{
	struct slot *slot = find_slot(l->users, key);
	char path[32 + NAME_MAX_LEN];

	if (slot->key.p == NULL) {
		*slot = (struct slot){key, user};
		return;
	}
	snprintf(path, sizeof(path), "users.%.*s", STR_FMT(e->name));
	conf_error(l->errors, place->file != NULL ? place : NULL, path,
		   "\"%.*s\" is %.*s already", STR_FMT(key),
		   STR_FMT(slot->user->login));
}

static int add_aliases(struct loading *l, const struct entry *e,
		       struct user *user)
{
	const struct alias *aliases = e->aliases.v;
	struct str *names;

	if (e->aliases.n == 0)
		return 0;
	names = arena_alloc(l->arena, e->aliases.n * sizeof(*names));
	if (names == NULL)
		return VD_ENOMEM;
	for (size_t i = 0; i < e->aliases.n; i++) {
		if (canonical(l, aliases[i].text, &names[i]) != 0)
			return VD_ENOMEM;
		add_name(l, names[i], user, e, &aliases[i].place);
	}
	user->aliases = (struct conf_array){names, e->aliases.n};
	return 0;
}

/* Given, or made of the password; an HA1 that is given counts more. */
static int set_ha1(struct loading *l, const struct entry *e, struct user *user,
		   enum auth_algorithm a, struct str given)
{
	const struct str a1[] = {e->name, l->source->realm, e->password};
	size_t len = digest_hex_len(a);
	char *hex;

	if (given.len != len && e->password.len == 0)
		return 0;
	hex = arena_alloc(l->arena, len);
	if (hex == NULL)
		return VD_ENOMEM;
	user->ha1[a] = (struct str){hex, len};
	if (given.len != len)
		return digest_hex(&l->digester, a, a1, ARRAY_LEN(a1), hex);
	for (size_t i = 0; i < len; i++)
		hex[i] = ascii_lower(given.p[i]);
	return 0;
}

static void count_user(struct users *u, const struct user *user)
{
	if (user->is_disabled)
		return;
	u->n_enabled++;
	for (size_t i = 0; i < AUTH_ALGORITHM_COUNT; i++)
		u->n_with[i] += user->ha1[i].len != 0;
}

static int add_user(struct loading *l, const struct entry *e, struct user *user)
{
	int err = canonical(l, e->name, &user->name);

	user->is_disabled = e->is_disabled;
	user->login = arena_str(l->arena, e->name);
	if (err == 0 && user->login.p == NULL)
		err = VD_ENOMEM;
	if (err == 0)
		err = set_ha1(l, e, user, AUTH_MD5, e->ha1_md5);
	if (err == 0)
		err = set_ha1(l, e, user, AUTH_SHA256, e->ha1_sha256);
	if (err != 0)
		return err;
	add_name(l, user->name, user, e, &e->place);
	count_user(l->users, user);
	return 0;
}

static int make_table(struct loading *l, const struct conf_array *entries)
{
	const struct entry *e = entries->v;
	struct users *u = l->users;
	size_t n_names = entries->n;

	for (size_t i = 0; i < entries->n; i++)
		n_names += e[i].aliases.n;
	for (u->n_slots = 2; u->n_slots < 2 * n_names;)
		u->n_slots *= 2;
	u->n = entries->n;
	u->v = arena_zalloc(l->arena, (u->n + 1) * sizeof(*u->v));
	u->slots = arena_zalloc(l->arena, u->n_slots * sizeof(*u->slots));
	return u->v != NULL && u->slots != NULL ? 0 : VD_ENOMEM;
}

/* Names before aliases, so that it is the alias that is reported. */
static int make_users(struct loading *l, const struct conf_array *entries)
{
	const struct entry *e = entries->v;
	int err = make_table(l, entries);

	for (size_t i = 0; i < entries->n && err == 0; i++)
		err = add_user(l, &e[i], &l->users->v[i]);
	for (size_t i = 0; i < entries->n && err == 0; i++)
		err = add_aliases(l, &e[i], &l->users->v[i]);
	return err;
}

/* Reading ------------------------------------------------------------------ */

static int fill(struct loading *l, struct arena *scratch, struct file *file)
{
	const struct users_file *from = l->source;
	struct conf_tree *tree;
	int err = conf_tree_load_for(from->named_by, from->key, from->path,
				     l->errors, &tree);

	if (err != 0)
		return err;
	err = conf_fill(file_options, conf_tree_root(tree), NULL, scratch,
			l->errors, file);
	/* What cannot be used has been reported; the places are needed until
	 * the names have been compared. */
	if (err != VD_ENOMEM) {
		int made = make_users(l, &file->entries);

		if (made != 0)
			err = made;
	}
	conf_tree_free(tree);
	return err;
}

static void forget_secrets(const struct file *file)
{
	const struct entry *e = file->entries.v;

	for (size_t i = 0; i < file->entries.n; i++)
		if (e[i].password.len > 0)
			OPENSSL_cleanse((void *)e[i].password.p,
					e[i].password.len);
}

/* What stands in the file lies in an arena of its own: passwords do not stay
 * with the snapshot. */
static int load(struct loading *l)
{
	struct file file = {{NULL, 0}};
	struct arena scratch;
	struct mem *mem;
	int err = mem_new(0, &mem);

	if (err != 0)
		return err;
	arena_init(&scratch, mem);
	err = fill(l, &scratch, &file);
	forget_secrets(&file);
	arena_fini(&scratch);
	mem_free_all(mem);
	return err;
}

int users_load(const struct users_file *file, struct arena *arena,
	       struct conf_errors *errors, struct users **out)
{
	struct loading l = {.source = file, .arena = arena, .errors = errors};
	size_t n_mistakes = conf_errors_count(errors);
	int err;

	l.users = arena_zalloc(arena, sizeof(*l.users));
	if (l.users == NULL || digester_init(&l.digester) != 0)
		return VD_ENOMEM;
	err = load(&l);
	digester_fini(&l.digester);
	if (err == 0 && conf_errors_count(errors) > n_mistakes)
		err = VD_EINVAL;
	if (err == 0)
		*out = l.users;
	return err;
}
