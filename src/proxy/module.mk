libviaduct_a_SOURCES += \
	include/viaduct/proxy/conf.h \
	include/viaduct/proxy/proxy.h \
	include/viaduct/proxy/request.h \
	src/proxy/proxy_priv.h \
	src/proxy/accepted.c \
	src/proxy/ack.c \
	src/proxy/best.c \
	src/proxy/branch.c \
	src/proxy/conf.c \
	src/proxy/context.c \
	src/proxy/edge.c \
	src/proxy/fork.c \
	src/proxy/forward.c \
	src/proxy/identity.c \
	src/proxy/limits.c \
	src/proxy/nat.c \
	src/proxy/ours.c \
	src/proxy/proxy.c \
	src/proxy/reply.c \
	src/proxy/request.c \
	src/proxy/sips.c \
	src/proxy/spiral.c \
	src/proxy/steps.c \
	src/proxy/targets.c \
	src/proxy/token.c \
	src/proxy/trace.c

if HAVE_CMOCKA
proxy_bench = tests/unit/proxy/bench.h tests/unit/proxy/bench.c
check_PROGRAMS += \
	tests/unit/proxy/test_best \
	tests/unit/proxy/test_branch \
	tests/unit/proxy/test_context \
	tests/unit/proxy/test_forward \
	tests/unit/proxy/test_identity \
	tests/unit/proxy/test_no_memory \
	tests/unit/proxy/test_ours \
	tests/unit/proxy/test_reply \
	tests/unit/proxy/test_token

tests_unit_proxy_test_branch_SOURCES = \
	tests/unit/proxy/test_branch.c $(proxy_bench)

tests_unit_proxy_test_context_SOURCES = \
	tests/unit/proxy/test_context.c $(proxy_bench)

tests_unit_proxy_test_forward_SOURCES = \
	tests/unit/proxy/test_forward.c $(proxy_bench)

tests_unit_proxy_test_no_memory_SOURCES = \
	tests/unit/proxy/test_no_memory.c $(proxy_bench)
tests_unit_proxy_test_no_memory_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_proxy_test_identity_SOURCES = \
	tests/unit/proxy/test_identity.c $(proxy_bench)

tests_unit_proxy_test_reply_SOURCES = \
	tests/unit/proxy/test_reply.c $(proxy_bench)

tests_unit_proxy_test_token_SOURCES = \
	tests/unit/proxy/test_token.c $(proxy_bench)
endif
