libviaduct_a_SOURCES += \
	include/viaduct/store/store.h \
	src/store/store_priv.h \
	src/store/aside.c \
	src/store/checkpoint.c \
	src/store/db.c \
	src/store/store.c \
	src/store/thread.c

if HAVE_CMOCKA
endif
