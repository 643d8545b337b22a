#include "conf/conf_priv.h"

#include "viaduct/util/mem.h"

struct conf_tree {
	struct mem *mem;
	struct arena arena;
	struct conf_node *root;
};

static int tree_new(struct conf_tree **out)
{
	struct conf_tree *t;
	struct mem *mem;
	int err = mem_new(CONF_MEMORY_MAX, &mem);

	if (err != 0)
		return err;
	t = mem_zalloc(mem, sizeof(*t));
	if (t == NULL) {
		mem_free_all(mem);
		return VD_ENOMEM;
	}
	t->mem = mem;
	arena_init(&t->arena, mem);
	*out = t;
	return 0;
}

void conf_tree_free(struct conf_tree *t)
{
	struct mem *mem;

	if (t == NULL)
		return;
	mem = t->mem;
	arena_fini(&t->arena);
	mem_free(mem, t, sizeof(*t));
	mem_free_all(mem);
}

static int tree_done(struct conf_tree *t, int err,
		     const struct conf_errors *errors, struct conf_tree **out)
{
	if (err == 0 && conf_errors_no_memory(errors))
		err = VD_ENOMEM;
	if (err == 0)
		*out = t;
	else
		conf_tree_free(t);
	return err;
}

int conf_tree_load(const char *path, struct conf_errors *errors,
		   struct conf_tree **out)
{
	return conf_tree_load_for(NULL, NULL, path, errors, out);
}

int conf_tree_load_for(const struct conf_node *from, const char *key,
		       const char *path, struct conf_errors *errors,
		       struct conf_tree **out)
{
	struct conf_build b;
	struct conf_tree *t;
	int err = tree_new(&t);

	if (err != 0)
		return err;
	conf_build_init(&b, &t->arena, errors);
	err = conf_file_build(&b, path, from, key, &t->root);
	return tree_done(t, err, errors, out);
}

int conf_tree_parse(struct str text, const char *name,
		    struct conf_errors *errors, struct conf_tree **out)
{
	struct conf_build b;
	struct conf_tree *t;
	struct str kept;
	int err = tree_new(&t);

	if (err != 0)
		return err;
	conf_build_init(&b, &t->arena, errors);
	kept = arena_printf(&t->arena, "%s", name);
	err = kept.p == NULL ? VD_ENOMEM
			     : conf_memory_build(&b, text, kept.p, &t->root);
	return tree_done(t, err, errors, out);
}

const struct conf_node *conf_tree_root(const struct conf_tree *t)
{
	return t->root;
}
