libviaduct_a_SOURCES += \
	src/transport/conn.c \
	src/transport/conn_in.c \
	src/transport/conn_out.c \
	src/transport/directory.c \
	src/transport/hop.c \
	src/transport/local.c \
	src/transport/parcel.c \
	src/transport/set.c \
	src/transport/slots.c \
	src/transport/socket.c \
	src/transport/sources.c \
	src/transport/tcp.c \
	src/transport/transport.c \
	src/transport/udp.c \
	src/transport/udp_error.c \
	src/transport/udp_out.c

if HAVE_CMOCKA
endif
