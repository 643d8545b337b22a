libviaduct_a_SOURCES += \
	include/viaduct/registrar/location.h \
	src/registrar/location_priv.h \
	src/registrar/bindings.c \
	src/registrar/location.c \
	src/registrar/location_open.c \
	src/registrar/record.c \
	src/registrar/sweep.c

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/registrar/test_location \
	tests/unit/registrar/test_record

tests_unit_registrar_test_location_SOURCES = tests/unit/registrar/test_location.c \
	tests/unit/store/desk.h
tests_unit_registrar_test_location_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_registrar_test_location_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
tests_unit_registrar_test_location_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_registrar_test_record_SOURCES = tests/unit/registrar/test_record.c
tests_unit_registrar_test_record_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_registrar_test_record_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
tests_unit_registrar_test_record_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
