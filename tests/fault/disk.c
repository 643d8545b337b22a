/*
 * SQLite's way to the disk: a layer under it (a VFS) that hands every call on
 * to the real one, but for the one that is to fail.
 */
#include "fault/inject.h"

#include <sqlite3.h>
#include <string.h>

struct disk_file {
	sqlite3_file file;
	/* the real one follows */
};

static sqlite3_vfs disk, *real;

static sqlite3_file *below(sqlite3_file *f)
{
	return (sqlite3_file *)((struct disk_file *)f + 1);
}

#define CALL(name, params, args)                                               \
	static int disk_##name params                                          \
	{                                                                      \
		return below(f)->pMethods->x##name args;                       \
	}

#define MAY_FAIL(name, code, params, args)                                     \
	static int disk_##name params                                          \
	{                                                                      \
		if (inject_fails(FAULT_DISK, #name))                           \
			return (code);                                         \
		return below(f)->pMethods->x##name args;                       \
	}

/* clang-format off */
MAY_FAIL(Read, SQLITE_IOERR_READ, (sqlite3_file *f, void *p, int n, sqlite3_int64 at), (below(f), p, n, at))
MAY_FAIL(Write, SQLITE_FULL, (sqlite3_file *f, const void *p, int n, sqlite3_int64 at), (below(f), p, n, at))
MAY_FAIL(Truncate, SQLITE_IOERR_TRUNCATE, (sqlite3_file *f, sqlite3_int64 size), (below(f), size))
MAY_FAIL(Sync, SQLITE_IOERR_FSYNC, (sqlite3_file *f, int flags), (below(f), flags))
MAY_FAIL(FileSize, SQLITE_IOERR_FSTAT, (sqlite3_file *f, sqlite3_int64 *size), (below(f), size))
MAY_FAIL(Lock, SQLITE_IOERR_LOCK, (sqlite3_file *f, int lock), (below(f), lock))
MAY_FAIL(ShmMap, SQLITE_IOERR_SHMMAP, (sqlite3_file *f, int page, int size, int may_grow, void volatile **p), (below(f), page, size, may_grow, p))
CALL(Close, (sqlite3_file *f), (below(f)))
CALL(Unlock, (sqlite3_file *f, int lock), (below(f), lock))
CALL(CheckReservedLock, (sqlite3_file *f, int *out), (below(f), out))
CALL(FileControl, (sqlite3_file *f, int op, void *arg), (below(f), op, arg))
CALL(SectorSize, (sqlite3_file *f), (below(f)))
CALL(DeviceCharacteristics, (sqlite3_file *f), (below(f)))
CALL(ShmLock, (sqlite3_file *f, int at, int n, int flags), (below(f), at, n, flags))
CALL(ShmUnmap, (sqlite3_file *f, int is_end), (below(f), is_end))
/* clang-format on */

static void disk_ShmBarrier(sqlite3_file *f)
{
	below(f)->pMethods->xShmBarrier(below(f));
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = disk_Close,
	.xRead = disk_Read,
	.xWrite = disk_Write,
	.xTruncate = disk_Truncate,
	.xSync = disk_Sync,
	.xFileSize = disk_FileSize,
	.xLock = disk_Lock,
	.xUnlock = disk_Unlock,
	.xCheckReservedLock = disk_CheckReservedLock,
	.xFileControl = disk_FileControl,
	.xSectorSize = disk_SectorSize,
	.xDeviceCharacteristics = disk_DeviceCharacteristics,
	.xShmMap = disk_ShmMap,
	.xShmLock = disk_ShmLock,
	.xShmBarrier = disk_ShmBarrier,
	.xShmUnmap = disk_ShmUnmap,
};

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f,
		     int flags, int *out_flags)
{
	int rc = SQLITE_CANTOPEN;

	(void)vfs;
	f->pMethods = NULL;
	if (!inject_fails(FAULT_DISK, "open"))
		rc = real->xOpen(real, name, below(f), flags, out_flags);
	if (rc == SQLITE_OK)
		f->pMethods = &methods;
	return rc;
}

void disk_begin(void)
{
	real = sqlite3_vfs_find(NULL);
	disk = *real;
	disk.zName = "disk";
	disk.szOsFile += (int)sizeof(struct disk_file);
	disk.xOpen = disk_open;
	sqlite3_vfs_register(&disk, 1);
}
