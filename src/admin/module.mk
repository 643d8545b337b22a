libviaduct_a_SOURCES += \
	include/viaduct/admin/admin.h \
	include/viaduct/admin/conf.h \
	src/admin/admin_priv.h \
	src/admin/bind.h \
	src/admin/process.h \
	src/admin/admin.c \
	src/admin/bind.c \
	src/admin/conf.c \
	src/admin/door.c \
	src/admin/health.c \
	src/admin/metrics.c \
	src/admin/pages.c \
	src/admin/process.c

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/admin/test_admin \
	tests/unit/admin/test_metrics

tests_unit_admin_test_admin_SOURCES = tests/unit/admin/test_admin.c \
	tests/unit/admin/view.h
tests_unit_admin_test_admin_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_admin_test_admin_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_admin_test_metrics_SOURCES = tests/unit/admin/test_metrics.c \
	tests/unit/admin/view.h
tests_unit_admin_test_metrics_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_admin_test_metrics_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
endif
