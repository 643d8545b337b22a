libviaduct_a_SOURCES += \
	include/viaduct/loop/inbox.h \
	include/viaduct/loop/loop.h \
	include/viaduct/loop/timer.h \
	src/loop/loop_priv.h \
	src/loop/inbox.c \
	src/loop/loop.c \
	src/loop/timer.c

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/loop/test_inbox \
	tests/unit/loop/test_loop \
	tests/unit/loop/test_timer

tests_unit_loop_test_inbox_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
tests_unit_loop_test_loop_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
tests_unit_loop_test_timer_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
