/* Has a file of an entry changed? (Apart: <sys/stat.h> and our counters both
 * have a `stat`.) */
#include <sys/stat.h>

#include "viaduct/transport/tls.h"
#include "viaduct/util/hash.h"

static void add_file(struct hash_state *h, struct str path)
{
	struct stat st;
	struct {
		uint64_t device, inode, size, second, nanosecond;
	} now = {0};

	if (stat(path.p, &st) == 0) {
		now.device = st.st_dev;
		now.inode = st.st_ino;
		now.size = (uint64_t)st.st_size;
		now.second = (uint64_t)st.st_mtim.tv_sec;
		now.nanosecond = (uint64_t)st.st_mtim.tv_nsec;
	}
	hash_add(h, (struct str){(const char *)&now, sizeof(now)});
}

uint64_t tls_entry_stamp(const struct tls_entry *e)
{
	struct hash_state h;

	hash_start(&h, hash_process_key());
	add_file(&h, e->certificate);
	add_file(&h, e->key);
	add_file(&h, e->ca);
	return hash_end(&h);
}
