libviaduct_a_SOURCES += \
	include/viaduct/store/store.h \
	src/store/store_priv.h \
	src/store/aside.c \
	src/store/checkpoint.c \
	src/store/db.c \
	src/store/store.c \
	src/store/thread.c

EXTRA_DIST += tests/unit/store/desk.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/store/test_crash \
	tests/unit/store/test_store

tests_unit_store_test_store_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
