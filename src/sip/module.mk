libviaduct_a_SOURCES += \
	src/sip/sip_priv.h \
	src/sip/addr.c \
	src/sip/check.c \
	src/sip/ctype.c \
	src/sip/edit.c \
	src/sip/frame.c \
	src/sip/hdr.c \
	src/sip/host.c \
	src/sip/msg.c \
	src/sip/names.c \
	src/sip/param.c \
	src/sip/response.c \
	src/sip/uri.c \
	src/sip/uri_eq.c \
	src/sip/value.c \
	src/sip/via.c

if HAVE_CMOCKA
endif
