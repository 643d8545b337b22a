libviaduct_a_SOURCES += \
	src/loop/inbox.c \
	src/loop/loop.c \
	src/loop/timer.c

if HAVE_CMOCKA
endif
