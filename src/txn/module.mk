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
txn_bench = tests/unit/txn/bench.c tests/unit/txn/bench.h

check_PROGRAMS += tests/unit/txn/test_machine
tests_unit_txn_test_machine_SOURCES = tests/unit/txn/test_machine.c $(txn_bench)
tests_unit_txn_test_machine_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_txn_test_machine_LDADD = $(VIADUCT_LIBS) $(CMOCKA_LIBS)
endif
