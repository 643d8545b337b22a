libviaduct_a_SOURCES += \
	include/viaduct/txn/txn.h \
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
check_PROGRAMS += \
	tests/unit/txn/test_branch \
	tests/unit/txn/test_cancel \
	tests/unit/txn/test_client \
	tests/unit/txn/test_machine \
	tests/unit/txn/test_match \
	tests/unit/txn/test_memory \
	tests/unit/txn/test_server \
	tests/unit/txn/test_timers
tests_unit_txn_test_branch_SOURCES = tests/unit/txn/test_branch.c $(txn_bench)
tests_unit_txn_test_cancel_SOURCES = tests/unit/txn/test_cancel.c $(txn_bench)
tests_unit_txn_test_client_SOURCES = tests/unit/txn/test_client.c $(txn_bench)
tests_unit_txn_test_machine_SOURCES = tests/unit/txn/test_machine.c $(txn_bench)
tests_unit_txn_test_match_SOURCES = tests/unit/txn/test_match.c $(txn_bench)
tests_unit_txn_test_memory_SOURCES = tests/unit/txn/test_memory.c $(txn_bench)
tests_unit_txn_test_server_SOURCES = tests/unit/txn/test_server.c $(txn_bench)
tests_unit_txn_test_timers_SOURCES = tests/unit/txn/test_timers.c $(txn_bench)
endif
