libviaduct_a_SOURCES += \
	include/viaduct/store/store.h \
	src/store/store_priv.h \
	src/store/aside.c \
	src/store/checkpoint.c \
	src/store/db.c \
	src/store/store.c \
	src/store/thread.c

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/store/test_crash \
	tests/unit/store/test_store

tests_unit_store_test_crash_SOURCES = tests/unit/store/test_crash.c \
	tests/unit/store/desk.h
tests_unit_store_test_crash_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_store_test_crash_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_store_test_store_SOURCES = tests/unit/store/test_store.c \
	tests/unit/store/desk.h
tests_unit_store_test_store_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_store_test_store_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
tests_unit_store_test_store_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
