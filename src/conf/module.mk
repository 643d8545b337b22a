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

EXTRA_DIST += tests/unit/conf/conf_test.h tests/unit/conf/sample.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/conf/test_diff \
	tests/unit/conf/test_expand \
	tests/unit/conf/test_include \
	tests/unit/conf/test_no_memory \
	tests/unit/conf/test_option \
	tests/unit/conf/test_print \
	tests/unit/conf/test_reference \
	tests/unit/conf/test_suggest \
	tests/unit/conf/test_yaml
endif
