libviaduct_a_SOURCES += \
	include/viaduct/routing/routing.h \
	src/routing/routing_priv.h \
	src/routing/compile.c \
	src/routing/match.c \
	src/routing/match_parse.c \
	src/routing/plan_parse.c \
	src/routing/print.c \
	src/routing/rules.c

if HAVE_CMOCKA
routing_bench = tests/unit/routing/rules_test.h \
	tests/unit/proxy/bench.h tests/unit/proxy/bench.c
check_PROGRAMS += \
	tests/unit/routing/test_compile \
	tests/unit/routing/test_match \
	tests/unit/routing/test_rules

tests_unit_routing_test_compile_SOURCES = \
	tests/unit/routing/test_compile.c $(routing_bench)

tests_unit_routing_test_match_SOURCES = \
	tests/unit/routing/test_match.c $(routing_bench)

tests_unit_routing_test_rules_SOURCES = \
	tests/unit/routing/test_rules.c $(routing_bench)
endif
