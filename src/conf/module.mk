libviaduct_a_SOURCES += \
	include/viaduct/conf/option.h \
	include/viaduct/conf/yaml.h \
	src/conf/conf_priv.h \
	src/conf/reader_priv.h \
	src/conf/run_priv.h \
	src/conf/allowed.c \
	src/conf/defaults.c \
	src/conf/diff.c \
	src/conf/errors.c \
	src/conf/expand.c \
	src/conf/file.c \
	src/conf/include.c \
	src/conf/merge.c \
	src/conf/node.c \
	src/conf/option.c \
	src/conf/path.c \
	src/conf/print.c \
	src/conf/reference.c \
	src/conf/run.c \
	src/conf/scalar.c \
	src/conf/schema.c \
	src/conf/suggest.c \
	src/conf/text.c \
	src/conf/tree.c \
	src/conf/yaml.c \
	src/conf/yaml_anchor.c \
	src/conf/yaml_node.c \
	src/conf/yaml_print.c

if HAVE_CMOCKA
conf_tests = \
	tests/unit/conf/test_diff \
	tests/unit/conf/test_expand \
	tests/unit/conf/test_include \
	tests/unit/conf/test_no_memory \
	tests/unit/conf/test_option \
	tests/unit/conf/test_print \
	tests/unit/conf/test_reference \
	tests/unit/conf/test_suggest \
	tests/unit/conf/test_yaml
check_PROGRAMS += $(conf_tests)

tests_unit_conf_test_diff_SOURCES = tests/unit/conf/test_diff.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_diff_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_diff_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_expand_SOURCES = tests/unit/conf/test_expand.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_expand_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_expand_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_include_SOURCES = tests/unit/conf/test_include.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_include_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_include_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_no_memory_SOURCES = tests/unit/conf/test_no_memory.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_no_memory_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_no_memory_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_option_SOURCES = tests/unit/conf/test_option.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_option_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_option_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_print_SOURCES = tests/unit/conf/test_print.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_print_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_print_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_reference_SOURCES = tests/unit/conf/test_reference.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_reference_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_reference_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_suggest_SOURCES = tests/unit/conf/test_suggest.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_suggest_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_suggest_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_conf_test_yaml_SOURCES = tests/unit/conf/test_yaml.c \
	tests/unit/conf/conf_test.h tests/unit/conf/sample.h
tests_unit_conf_test_yaml_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_conf_test_yaml_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
endif
