libviaduct_a_SOURCES += \
	include/viaduct/resolver/conf.h \
	include/viaduct/resolver/resolver.h \
	src/resolver/resolver_priv.h \
	src/resolver/answer.c \
	src/resolver/cache.c \
	src/resolver/conf.c \
	src/resolver/health.c \
	src/resolver/hosts.c \
	src/resolver/key.c \
	src/resolver/locate.c \
	src/resolver/query.c \
	src/resolver/resolver.c \
	src/resolver/search.c \
	src/resolver/service.c \
	src/resolver/srv.c

if HAVE_CMOCKA
resolver_wire = tests/unit/resolver/wire.c tests/unit/resolver/wire.h
resolver_bench = \
	tests/unit/resolver/bench.c tests/unit/resolver/bench.h \
	tests/unit/resolver/name_server.c tests/unit/resolver/name_server.h \
	$(resolver_wire)
check_PROGRAMS += \
	tests/unit/resolver/test_answer \
	tests/unit/resolver/test_cache \
	tests/unit/resolver/test_health \
	tests/unit/resolver/test_hosts \
	tests/unit/resolver/test_locate \
	tests/unit/resolver/test_no_memory \
	tests/unit/resolver/test_query \
	tests/unit/resolver/test_srv

tests_unit_resolver_test_answer_SOURCES = \
	tests/unit/resolver/test_answer.c $(resolver_wire)

tests_unit_resolver_test_locate_SOURCES = \
	tests/unit/resolver/test_locate.c $(resolver_bench)

tests_unit_resolver_test_no_memory_SOURCES = \
	tests/unit/resolver/test_no_memory.c $(resolver_bench)
tests_unit_resolver_test_no_memory_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=mem_alloc -Wl,--wrap=mem_zalloc

tests_unit_resolver_test_query_SOURCES = \
	tests/unit/resolver/test_query.c $(resolver_bench)
endif
