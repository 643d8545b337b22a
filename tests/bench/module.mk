noinst_PROGRAMS += tests/bench/loadgen tests/bench/nullrelay
tests_bench_loadgen_SOURCES = \
	tests/bench/gen.h \
	tests/bench/loadgen.c \
	tests/bench/message.c \
	tests/bench/message.h \
	tests/bench/register.c \
	tests/bench/tls.c
tests_bench_loadgen_LDADD = $(CRYPTO_LIBS)
tests_bench_nullrelay_LDADD =

EXTRA_DIST += \
	tests/bench/README.md \
	tests/bench/kamailio.cfg \
	tests/bench/location.yaml \
	tests/bench/run \
	tests/bench/tls.yaml \
	tests/bench/viaduct.yaml

# BENCH_FLAGS=--quick for the short version.
.PHONY: bench
bench: viaductd$(EXEEXT) tests/bench/loadgen$(EXEEXT) \
		tests/bench/nullrelay$(EXEEXT)
	$(srcdir)/tests/bench/run --viaductd ./viaductd \
		--loadgen tests/bench/loadgen \
		--nullrelay tests/bench/nullrelay $(BENCH_FLAGS)
