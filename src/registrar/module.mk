libviaduct_a_SOURCES += \
	include/viaduct/registrar/conf.h \
	include/viaduct/registrar/registrar.h \
	src/registrar/registrar_priv.h \
	src/registrar/conf.c \
	src/registrar/contacts.c \
	src/registrar/gruu.c \
	src/registrar/lookup.c \
	src/registrar/outbound.c \
	src/registrar/register.c \
	src/registrar/registrar.c \
	src/registrar/update.c \
	src/registrar/way.c

if HAVE_CMOCKA
registrar_bench = tests/unit/registrar/registrar_test.h \
	tests/unit/proxy/bench.h tests/unit/proxy/bench.c
# The clock and the commit of the tests' own.
REGISTRAR_WRAP = -Wl,--wrap=loop_now_ms,--wrap=location_change
check_PROGRAMS += \
	tests/unit/registrar/test_gruu \
	tests/unit/registrar/test_lookup \
	tests/unit/registrar/test_outbound \
	tests/unit/registrar/test_register

tests_unit_registrar_test_lookup_SOURCES = \
	tests/unit/registrar/test_lookup.c $(registrar_bench)
tests_unit_registrar_test_lookup_LDFLAGS = $(AM_LDFLAGS) $(REGISTRAR_WRAP)

tests_unit_registrar_test_register_SOURCES = \
	tests/unit/registrar/test_register.c $(registrar_bench)
tests_unit_registrar_test_register_LDFLAGS = $(AM_LDFLAGS) $(REGISTRAR_WRAP)

tests_unit_registrar_test_gruu_SOURCES = \
	tests/unit/registrar/test_gruu.c $(registrar_bench)
tests_unit_registrar_test_gruu_LDFLAGS = $(AM_LDFLAGS) $(REGISTRAR_WRAP) \
	-Wl,--wrap=EVP_CIPHER_fetch

tests_unit_registrar_test_outbound_SOURCES = \
	tests/unit/registrar/test_outbound.c $(registrar_bench)
tests_unit_registrar_test_outbound_LDFLAGS = $(AM_LDFLAGS) $(REGISTRAR_WRAP)
endif

libviaduct_a_SOURCES += \
	include/viaduct/registrar/location.h \
	src/registrar/location_priv.h \
	src/registrar/bindings.c \
	src/registrar/ending.c \
	src/registrar/flows.c \
	src/registrar/location.c \
	src/registrar/location_open.c \
	src/registrar/record.c \
	src/registrar/sweep.c

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/registrar/test_flows \
	tests/unit/registrar/test_location \
	tests/unit/registrar/test_record

tests_unit_registrar_test_flows_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=transport_bind,--wrap=transport_unbind \
	-Wl,--wrap=transport_is_live

tests_unit_registrar_test_location_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_registrar_test_record_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
