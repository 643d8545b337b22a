libviaduct_a_SOURCES += \
	src/txn/branch.c \
	src/txn/client.c \
	src/txn/conn.c \
	src/txn/index.c \
	src/txn/machine.c \
	src/txn/match.c \
	src/txn/match.h \
	src/txn/server.c \
	src/txn/table.c \
	src/txn/txn_priv.h

if HAVE_CMOCKA
endif
