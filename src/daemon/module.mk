libviaduct_a_SOURCES += \
	src/daemon/settings.c \
	src/daemon/daemon.c \
	src/daemon/state.c \
	src/daemon/worker.c
libviaduct_a_SOURCES += \
	src/resolver/conf.c \
	src/transport/conf.c
