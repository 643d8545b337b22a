libviaduct_a_SOURCES += \
	src/resolver/answer.c \
	src/resolver/cache.c \
	src/resolver/health.c \
	src/resolver/hosts.c \
	src/resolver/key.c \
	src/resolver/locate.c \
	src/resolver/query.c \
	src/resolver/resolver.c \
	src/resolver/service.c \
	src/resolver/srv.c

if HAVE_CMOCKA
endif
