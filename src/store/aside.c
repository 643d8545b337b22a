#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "viaduct/util/err.h"
#include "viaduct/util/wall.h"
#include "store/store_priv.h"

static bool name_beside(char out[512], const char *path, const char *suffix)
{
	return snprintf(out, 512, "%s%s", path, suffix) < 512;
}

/* The log goes first and keeps its place beside the file: whoever wants to
 * rescue records needs both, and a new file must not find the old log. */
static int move_all(const char *path, const char *to)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""};
	char old[512], new[512];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (!name_beside(old, path, suffixes[i]) ||
		    !name_beside(new, to, suffixes[i]))
			return VD_ESYS;
		if (rename(old, new) != 0 && errno != ENOENT)
			return VD_ESYS;
	}
	return 0;
}

int aside(const char *path, char name[512])
{
	uint64_t now_s = wall_now_s();

	do {
		if (snprintf(name, 512, "%s.corrupt-%llu", path,
			     (unsigned long long)now_s++) >= 512)
			return VD_ESYS;
	} while (access(name, F_OK) == 0);
	return move_all(path, name);
}
