libviaduct_a_SOURCES += \
	include/viaduct/transport/conf.h \
	include/viaduct/transport/hop.h \
	include/viaduct/transport/tls.h \
	include/viaduct/transport/transport.h \
	src/transport/bytes.h \
	src/transport/cert_names.h \
	src/transport/conn.h \
	src/transport/directory.h \
	src/transport/framing.h \
	src/transport/identities.h \
	src/transport/local.h \
	src/transport/slots.h \
	src/transport/sources.h \
	src/transport/tls_conn.h \
	src/transport/tls_context.h \
	src/transport/stun.h \
	src/transport/transport_priv.h \
	src/transport/udp.h \
	src/transport/ws_frames.h \
	src/transport/ws_upgrade.h \
	src/transport/bytes_plain.c \
	src/transport/bytes_tls.c \
	src/transport/cert_names.c \
	src/transport/conf.c \
	src/transport/conn.c \
	src/transport/conn_half.c \
	src/transport/conn_in.c \
	src/transport/conn_out.c \
	src/transport/directory.c \
	src/transport/framing_sip.c \
	src/transport/framing_ws.c \
	src/transport/hop.c \
	src/transport/identities.c \
	src/transport/local.c \
	src/transport/parcel.c \
	src/transport/set.c \
	src/transport/slots.c \
	src/transport/socket.c \
	src/transport/sources.c \
	src/transport/stun.c \
	src/transport/tcp.c \
	src/transport/tls_conf.c \
	src/transport/tls_context.c \
	src/transport/tls_peer.c \
	src/transport/tls_sessions.c \
	src/transport/tls_set.c \
	src/transport/tls_sni.c \
	src/transport/tls_stamp.c \
	src/transport/transport.c \
	src/transport/udp.c \
	src/transport/udp_error.c \
	src/transport/udp_out.c \
	src/transport/ws_frames.c \
	src/transport/ws_upgrade.c

if HAVE_CMOCKA
transport_bench = tests/unit/transport/bench.h tests/unit/transport/bench.c
transport_pki = tests/unit/transport/pki.h tests/unit/transport/pki.c
check_PROGRAMS += \
	tests/unit/transport/test_cert_names \
	tests/unit/transport/test_stun \
	tests/unit/transport/test_tls \
	tests/unit/transport/test_udp \
	tests/unit/transport/test_framing \
	tests/unit/transport/test_conn \
	tests/unit/transport/test_conn_half \
	tests/unit/transport/test_set \
	tests/unit/transport/test_limits \
	tests/unit/transport/test_workers \
	tests/unit/transport/test_directory \
	tests/unit/transport/test_websocket \
	tests/unit/transport/test_ws_frames \
	tests/unit/transport/test_ws_upgrade

tests_unit_transport_test_cert_names_SOURCES = \
	tests/unit/transport/test_cert_names.c $(transport_bench) $(transport_pki)
tests_unit_transport_test_cert_names_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_transport_test_tls_SOURCES = \
	tests/unit/transport/test_tls.c $(transport_bench) $(transport_pki)
tests_unit_transport_test_tls_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_transport_test_udp_SOURCES = \
	tests/unit/transport/test_udp.c $(transport_bench)

tests_unit_transport_test_framing_SOURCES = \
	tests/unit/transport/test_framing.c $(transport_bench)

tests_unit_transport_test_conn_SOURCES = \
	tests/unit/transport/test_conn.c $(transport_bench)

tests_unit_transport_test_conn_half_SOURCES = \
	tests/unit/transport/test_conn_half.c $(transport_bench)

tests_unit_transport_test_set_SOURCES = \
	tests/unit/transport/test_set.c $(transport_bench)

tests_unit_transport_test_limits_SOURCES = \
	tests/unit/transport/test_limits.c $(transport_bench)
tests_unit_transport_test_limits_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_transport_test_workers_SOURCES = \
	tests/unit/transport/test_workers.c $(transport_bench)

tests_unit_transport_test_directory_SOURCES = \
	tests/unit/transport/test_directory.c $(transport_bench)

tests_unit_transport_test_websocket_SOURCES = \
	tests/unit/transport/test_websocket.c $(transport_bench)
tests_unit_transport_test_websocket_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)
endif
