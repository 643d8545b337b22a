libviaduct_a_SOURCES += \
	src/proxy/accepted.c \
	src/proxy/ack.c \
	src/proxy/best.c \
	src/proxy/branch.c \
	src/proxy/conf.c \
	src/proxy/context.c \
	src/proxy/forward.c \
	src/proxy/limits.c \
	src/proxy/ours.c \
	src/proxy/proxy.c \
	src/proxy/reply.c \
	src/proxy/request.c \
	src/proxy/steps.c \
	src/proxy/targets.c \
	src/proxy/token.c
