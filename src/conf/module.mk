libviaduct_a_SOURCES += \
	src/conf/allowed.c \
	src/conf/conf_priv.h \
	src/conf/defaults.c \
	src/conf/diff.c \
	src/conf/errors.c \
	src/conf/expand.c \
	src/conf/file.c \
	src/conf/include.c \
	src/conf/node.c \
	src/conf/option.c \
	src/conf/path.c \
	src/conf/print.c \
	src/conf/reference.c \
	src/conf/run.c \
	src/conf/run_priv.h \
	src/conf/scalar.c \
	src/conf/schema.c \
	src/conf/suggest.c \
	src/conf/text.c \
	src/conf/yaml.c \
	src/conf/yaml_print.c

if HAVE_CMOCKA
endif
