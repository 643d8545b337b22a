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

EXTRA_DIST += tests/unit/admin/view.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/admin/test_admin \
	tests/unit/admin/test_metrics
endif
