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

EXTRA_DIST += tests/data/torture

if HAVE_CMOCKA
SIP_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) \
	-DTEST_DATA='"$(abs_top_srcdir)/tests/data"'

check_PROGRAMS += \
	tests/unit/sip/test_check \
	tests/unit/sip/test_edit \
	tests/unit/sip/test_frame \
	tests/unit/sip/test_msg \
	tests/unit/sip/test_response \
	tests/unit/sip/test_torture \
	tests/unit/sip/test_uri \
	tests/unit/sip/test_value

tests_unit_sip_test_check_SOURCES = tests/unit/sip/test_check.c tests/unit/sip/sip_test.h
tests_unit_sip_test_check_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_check_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_edit_SOURCES = tests/unit/sip/test_edit.c tests/unit/sip/sip_test.h
tests_unit_sip_test_edit_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_edit_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_frame_SOURCES = tests/unit/sip/test_frame.c tests/unit/sip/sip_test.h
tests_unit_sip_test_frame_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_frame_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_msg_SOURCES = tests/unit/sip/test_msg.c tests/unit/sip/sip_test.h
tests_unit_sip_test_msg_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_msg_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_response_SOURCES = tests/unit/sip/test_response.c tests/unit/sip/sip_test.h
tests_unit_sip_test_response_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_response_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_torture_SOURCES = tests/unit/sip/test_torture.c tests/unit/sip/sip_test.h
tests_unit_sip_test_torture_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_torture_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_uri_SOURCES = tests/unit/sip/test_uri.c tests/unit/sip/sip_test.h
tests_unit_sip_test_uri_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_uri_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)

tests_unit_sip_test_value_SOURCES = tests/unit/sip/test_value.c tests/unit/sip/sip_test.h
tests_unit_sip_test_value_CPPFLAGS = $(SIP_TEST_CPPFLAGS)
tests_unit_sip_test_value_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
endif
