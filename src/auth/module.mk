libviaduct_a_SOURCES += \
	include/viaduct/auth/auth.h \
	include/viaduct/auth/conf.h \
	src/auth/auth_priv.h \
	src/auth/auth.c \
	src/auth/challenge.c \
	src/auth/check.c \
	src/auth/conf.c \
	src/auth/counts.c \
	src/auth/credentials.c \
	src/auth/digest.c \
	src/auth/failures.c \
	src/auth/nonce.c \
	src/auth/step.c \
	src/auth/users.c

if HAVE_CMOCKA
auth_bench = tests/unit/auth/auth_test.h \
	tests/unit/proxy/bench.h tests/unit/proxy/bench.c
check_PROGRAMS += \
	tests/unit/auth/test_digest \
	tests/unit/auth/test_no_memory \
	tests/unit/auth/test_step \
	tests/unit/auth/test_users

tests_unit_auth_test_digest_SOURCES = \
	tests/unit/auth/test_digest.c $(auth_bench)

tests_unit_auth_test_no_memory_SOURCES = \
	tests/unit/auth/test_no_memory.c $(auth_bench)
tests_unit_auth_test_no_memory_LDFLAGS = $(AM_LDFLAGS) $(FAIL_ALLOC)

tests_unit_auth_test_step_SOURCES = tests/unit/auth/test_step.c $(auth_bench)
tests_unit_auth_test_step_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=EVP_DigestFinal_ex

tests_unit_auth_test_users_SOURCES = tests/unit/auth/test_users.c $(auth_bench)
endif

dist_noinst_SCRIPTS += contrib/viaduct-user

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_digest
tests_fuzz_fuzz_digest_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
