/* Files and what they include. */
#include "conf/conf_priv.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>

/* A file that was read, known by what stat() says of it. */
struct conf_file {
	struct conf_file *next;
	dev_t dev;
	ino_t ino;
	bool is_open; /* it, or what it includes, is being read */
	const char *name;
};

/* How deep, and who asks: NULL for the first file. */
struct include {
	const struct conf_node *node;
	const char *key; /* what the node is the value of */
	unsigned depth;
};

static int file_load(struct conf_build *b, const char *path,
		     const struct include *from, struct conf_node **out);

/* A mistake about a file: at its include, or at the file itself. */
static void report_file(struct conf_build *b, const char *path,
			const struct include *from, const char *what)
{
	struct conf_place whole = {path, 0, 0};

	if (from->node == NULL)
		conf_error(b->errors, &whole, NULL, "%s", what);
	else
		conf_error(b->errors, &from->node->place, from->key, "%s: %s",
			   path, what);
}

/* Patterns. */

static bool has_wildcard(struct str s)
{
	return str_find(s, '*') < s.len || str_find(s, '?') < s.len ||
	       str_find(s, '[') < s.len;
}

/* The directory's own name is no pattern, whatever it holds. */
static char *escape_dir(struct arena *arena, const char *file)
{
	size_t len = strlen(file);
	char *out = arena_alloc(arena, 2 * len + 1);
	char *at = out;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[]\\", file[i]) != NULL)
			*at++ = '\\';
		*at++ = file[i];
	}
	*at = '\0';
	return out;
}

static int file_include(struct conf_build *b, struct conf_node *root,
			const char *path, const struct include *from)
{
	struct conf_node *more;
	int err = file_load(b, path, from, &more);

	if (err != 0)
		return err == VD_ENOMEM ? err : 0; /* reported: go on */
	if (more->kind == CONF_MAP)
		return conf_map_merge(b, root, more);
	if (!more->is_bad)
		conf_error(b->errors, &more->place, NULL,
			   "is no map; an included file holds options");
	return 0;
}

/* For glob(3): a directory that is not there holds nothing, one that cannot be
 * read may. */
static int is_fatal(const char *dir, int error)
{
	(void)dir;
	return error != ENOENT && error != ENOTDIR;
}

static int glob_include(struct conf_build *b, struct conf_node *root,
			const struct include *from)
{
	struct str pattern;
	char *dir = escape_dir(b->arena, from->node->place.file);
	glob_t g = {0};
	int err;

	if (dir == NULL)
		return VD_ENOMEM;
	pattern = conf_beside(b->arena, dir, from->node->text);
	if (pattern.p == NULL)
		return VD_ENOMEM;
	err = glob(pattern.p, 0, is_fatal, &g);
	if (err == GLOB_ABORTED)
		report_file(b, pattern.p, from, "its directory cannot be read");
	err = err == GLOB_NOSPACE ? VD_ENOMEM : 0;
	for (size_t i = 0; i < g.gl_pathc && err == 0; i++)
		err = file_include(b, root, g.gl_pathv[i], from);
	globfree(&g);
	return err;
}

static int value_include(struct conf_build *b, struct conf_node *root,
			 const struct include *from)
{
	const struct conf_node *n = from->node;
	struct str path;

	if (n->is_bad)
		return 0;
	if (n->kind != CONF_SCALAR || n->text.len == 0) {
		conf_error(b->errors, &n->place, "include",
			   "is no file; a path or a pattern such as "
			   "conf.d/*.yaml, or a list of them");
		return 0;
	}
	if (has_wildcard(n->text))
		return glob_include(b, root, from);
	path = conf_beside(b->arena, n->place.file, n->text);
	if (path.p == NULL)
		return VD_ENOMEM;
	return file_include(b, root, path.p, from);
}

static void key_remove(struct conf_node *map, size_t i)
{
	map->n--;
	memmove(map->keys + i, map->keys + i + 1,
		(map->n - i) * sizeof(*map->keys));
	memmove(map->items + i, map->items + i + 1,
		(map->n - i) * sizeof(*map->items));
}

/* Replaces `include` by what it names. */
static int includes_apply(struct conf_build *b, struct conf_node *root,
			  unsigned depth)
{
	struct include from = {.key = "include", .depth = depth + 1};
	const struct conf_node *n;
	int err = 0;
	size_t i;

	if (root->kind != CONF_MAP)
		return 0;
	i = conf_key_index(root, STR("include"));
	if (i == root->n)
		return 0;
	n = root->items[i];
	key_remove(root, i);
	from.node = n;
	if (n->kind != CONF_LIST)
		return value_include(b, root, &from);
	for (size_t j = 0; j < n->n && err == 0; j++) {
		from.node = n->items[j];
		err = value_include(b, root, &from);
	}
	return err;
}

/* Files. */

static struct conf_file *file_find(const struct conf_build *b,
				   const struct stat *st)
{
	struct conf_file *f = b->files;

	while (f != NULL && (f->dev != st->st_dev || f->ino != st->st_ino))
		f = f->next;
	return f;
}

static int file_note(struct conf_build *b, const char *path,
		     const struct stat *st, struct conf_file **out)
{
	struct conf_file *f = arena_zalloc(b->arena, sizeof(*f));
	struct str name = arena_printf(b->arena, "%s", path);

	if (f == NULL || name.p == NULL)
		return VD_ENOMEM;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->name = name.p;
	f->next = b->files;
	b->files = f;
	b->n_files++;
	*out = f;
	return 0;
}

/* Why the file must not be read now; NULL: it may. */
static const char *refusal(const struct conf_build *b,
			   const struct include *from,
			   const struct conf_file *known)
{
	if (known != NULL && known->is_open)
		return "includes itself";
	if (known != NULL)
		return "is included already";
	if (from->depth > CONF_INCLUDE_DEPTH_MAX)
		return "includes are nested too deeply; at most 16";
	if (b->n_files >= CONF_FILES_MAX)
		return "too many files; at most 1000";
	return NULL;
}

static int file_open(struct conf_build *b, const char *path,
		     const struct include *from, struct conf_file **out)
{
	const char *why = NULL;
	struct stat st = {0};

	if (stat(path, &st) == 0)
		why = refusal(b, from, file_find(b, &st));
	if (why == NULL)
		return file_note(b, path, &st, out);
	report_file(b, path, from, why);
	return VD_EINVAL;
}

static int text_load(struct conf_build *b, struct str text, const char *name,
		     unsigned depth, struct conf_node **out)
{
	struct conf_node *root;
	int err = conf_text_build(b, text, name, &root);

	if (err != 0)
		return err;
	err = includes_apply(b, root, depth);
	if (err == 0)
		*out = root;
	return err;
}

static int file_load(struct conf_build *b, const char *path,
		     const struct include *from, struct conf_node **out)
{
	struct conf_file *file;
	struct str text;
	const char *why;
	int err = file_open(b, path, from, &file);

	if (err != 0)
		return err;
	err = conf_file_read(path, CONF_FILE_MAX, b->arena, &text, &why);
	if (err == VD_ENOMEM)
		return err;
	if (err != 0) {
		report_file(b, path, from, why);
		return VD_EINVAL;
	}
	file->is_open = true;
	err = text_load(b, text, file->name, from->depth, out);
	file->is_open = false;
	return err;
}

void conf_build_init(struct conf_build *b, struct arena *arena,
		     struct conf_errors *errors)
{
	*b = (struct conf_build){.arena = arena, .errors = errors};
	conf_path_init(&b->path, NULL);
}

int conf_file_build(struct conf_build *b, const char *path,
		    const struct conf_node *from, const char *key,
		    struct conf_node **out)
{
	const struct include first = {.node = from, .key = key};

	return file_load(b, path, &first, out);
}

int conf_memory_build(struct conf_build *b, struct str text, const char *name,
		      struct conf_node **out)
{
	return text_load(b, text, name, 0, out);
}
