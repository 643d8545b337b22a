libviaduct_a_SOURCES += \
	include/viaduct/sip/edit.h \
	include/viaduct/sip/frame.h \
	include/viaduct/sip/msg.h \
	include/viaduct/sip/uri.h \
	src/sip/scan.h \
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
	src/sip/start.c \
	src/sip/uri.c \
	src/sip/uri_eq.c \
	src/sip/value.c \
	src/sip/via.c

EXTRA_DIST += tests/data/torture tests/unit/sip/sip_test.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/sip/test_check \
	tests/unit/sip/test_edit \
	tests/unit/sip/test_frame \
	tests/unit/sip/test_msg \
	tests/unit/sip/test_response \
	tests/unit/sip/test_torture \
	tests/unit/sip/test_uri \
	tests/unit/sip/test_value
endif
