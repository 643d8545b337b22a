libviaduct_a_SOURCES += \
	src/daemon/daemon.h \
	src/daemon/settings.h \
	src/daemon/state.h \
	src/daemon/tls_watch.h \
	src/daemon/worker.h \
	src/daemon/daemon.c \
	src/daemon/settings.c \
	src/daemon/state.c \
	src/daemon/tls_watch.c \
	src/daemon/worker.c

EXTRA_DIST += tests/unit/daemon/config_test.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/daemon/test_no_memory \
	tests/unit/daemon/test_settings \
	tests/unit/daemon/test_state

tests_unit_daemon_test_no_memory_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC) \
	-Wl,--wrap=mem_alloc,--wrap=mem_zalloc
endif
