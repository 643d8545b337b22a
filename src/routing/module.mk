libviaduct_a_SOURCES += \
	src/routing/compile.c \
	src/routing/match.c \
	src/routing/print.c \
	src/routing/rules.c
