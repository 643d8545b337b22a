/* Two kinds of path: "path.to.key" in messages, and those of files. */
#include "conf/conf_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

void conf_path_init(struct conf_path *p, const char *base)
{
	p->len = 0;
	p->depth = 0;
	p->text[0] = '\0';
	if (base != NULL && base[0] != '\0') {
		conf_path_enter(p, str_from(base));
		p->depth = 0;
	}
}

static void put(struct conf_path *p, const char *s, size_t len)
{
	size_t room = sizeof(p->text) - 1 - p->len;

	if (len > room)
		len = room;
	memcpy(p->text + p->len, s, len);
	p->len += len;
	p->text[p->len] = '\0';
}

static void step(struct conf_path *p)
{
	if (p->depth < ARRAY_LEN(p->ends))
		p->ends[p->depth] = p->len;
	p->depth++;
}

void conf_path_enter(struct conf_path *p, struct str key)
{
	step(p);
	if (p->len > 0)
		put(p, ".", 1);
	put(p, key.p, key.len);
}

void conf_path_enter_index(struct conf_path *p, size_t i)
{
	char text[32];

	step(p);
	put(p, text, (size_t)snprintf(text, sizeof(text), "[%zu]", i));
}

void conf_path_leave(struct conf_path *p)
{
	p->depth--;
	if (p->depth < ARRAY_LEN(p->ends)) {
		p->len = p->ends[p->depth];
		p->text[p->len] = '\0';
	}
}

/* Length of the directory in front of a file's name, slash included. */
static int dir_len(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash == NULL ? 0 : (int)(slash - file) + 1;
}

static bool is_absolute(struct str path)
{
	return path.len > 0 && path.p[0] == '/';
}

struct str conf_beside(struct arena *arena, const char *file, struct str path)
{
	int dir = is_absolute(path) ? 0 : dir_len(file);

	return arena_printf(arena, "%.*s%.*s", dir, file, STR_FMT(path));
}

/* "/work/dir/" for a relative file, "" for an absolute one. */
static int working_dir(const char *file, struct str path, char *dir,
		       size_t size)
{
	dir[0] = '\0';
	if (file[0] == '/' || is_absolute(path))
		return 0;
	if (getcwd(dir, size - 1) == NULL)
		return VD_ESYS;
	strcat(dir, "/");
	return 0;
}

/* What an absolute path is made of, besides the path: where we are, and where
 * the file is from here. */
struct parts {
	char work[PATH_MAX];
	const char *dir;
	int dir_len;
};

static int parts_get(struct parts *p, const char *file, struct str path)
{
	p->dir = file;
	p->dir_len = is_absolute(path) ? 0 : dir_len(file);
	return working_dir(file, path, p->work, sizeof(p->work));
}

int conf_absolute(struct arena *arena, const char *file, struct str path,
		  struct str *out)
{
	struct parts parts;
	struct str s;

	if (parts_get(&parts, file, path) != 0)
		return VD_ESYS;
	s = arena_printf(arena, "%s%.*s%.*s", parts.work, parts.dir_len,
			 parts.dir, STR_FMT(path));
	if (s.p == NULL)
		return VD_ENOMEM;
	*out = s;
	return 0;
}

char *conf_relative(const struct conf_place *place, struct str path)
{
	struct parts parts;
	size_t size;
	char *text;

	if (parts_get(&parts, place->file, path) != 0)
		return NULL;
	size = strlen(parts.work) + (size_t)parts.dir_len + path.len + 1;
	text = malloc(size);
	if (text != NULL)
		snprintf(text, size, "%s%.*s%.*s", parts.work, parts.dir_len,
			 parts.dir, STR_FMT(path));
	return text;
}
