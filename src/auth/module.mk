libviaduct_a_SOURCES += \
	include/viaduct/auth/auth.h \
	include/viaduct/auth/conf.h \
	src/auth/auth_priv.h \
	src/auth/auth.c \
	src/auth/check.c \
	src/auth/conf.c \
	src/auth/counts.c \
	src/auth/credentials.c \
	src/auth/digest.c \
	src/auth/failures.c \
	src/auth/nonce.c \
	src/auth/step.c \
	src/auth/users.c
