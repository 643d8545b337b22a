libviaduct_a_SOURCES += \
	src/util/addr.c \
	src/util/arena.c \
	src/util/base64url.c \
	src/util/buf.c \
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
	src/util/trace.c

if HAVE_CMOCKA
endif
