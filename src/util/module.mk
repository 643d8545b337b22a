libviaduct_a_SOURCES += \
	include/viaduct/util/addr.h \
	include/viaduct/util/arena.h \
	include/viaduct/util/buf.h \
	include/viaduct/util/date.h \
	include/viaduct/util/err.h \
	include/viaduct/util/hash.h \
	include/viaduct/util/list.h \
	include/viaduct/util/log.h \
	include/viaduct/util/mac.h \
	include/viaduct/util/mem.h \
	include/viaduct/util/put.h \
	include/viaduct/util/stats.h \
	include/viaduct/util/str.h \
	include/viaduct/util/wall.h \
	src/util/log_priv.h \
	src/util/log_syslog.h \
	src/util/siphash.h \
	src/util/util_priv.h \
	src/util/addr.c \
	src/util/arena.c \
	src/util/base64url.c \
	src/util/buf.c \
	src/util/date.c \
	src/util/err.c \
	src/util/hash.c \
	src/util/hash_table.c \
	src/util/log.c \
	src/util/log_line.c \
	src/util/log_ring.c \
	src/util/log_sink.c \
	src/util/log_syslog.c \
	src/util/log_writer.c \
	src/util/mac.c \
	src/util/mem.c \
	src/util/stats.c \
	src/util/str.c \
	src/util/trace.c \
	src/util/wall.c

# For tests that let an allocation fail (tests/unit/util/fail_alloc.h).
FAIL_ALLOC = -Wl,--wrap=malloc,--wrap=calloc,--wrap=aligned_alloc

EXTRA_DIST += tests/unit/util/fail_alloc.h tests/unit/util/log_file.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/util/test_addr \
	tests/unit/util/test_arena \
	tests/unit/util/test_date \
	tests/unit/util/test_hash \
	tests/unit/util/test_hash_table \
	tests/unit/util/test_log \
	tests/unit/util/test_log_writer \
	tests/unit/util/test_mac \
	tests/unit/util/test_mem \
	tests/unit/util/test_str \
	tests/unit/util/test_trace

tests_unit_util_test_hash_table_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
tests_unit_util_test_mac_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
tests_unit_util_test_mem_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
