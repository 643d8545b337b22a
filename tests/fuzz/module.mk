# libFuzzer targets, one per parser. Target NAME is fuzz_NAME.c, its seeds lie in
# seeds/NAME/, its words in dict/NAME.dict or else dict/sip.dict. Build with
#
#   ./configure CC=clang --enable-fuzz --enable-sanitize=address,undefined
#
# and let tests/fuzz/run, which finds the targets by their sources, run them.

dist_noinst_SCRIPTS += tests/fuzz/run
EXTRA_DIST += tests/fuzz/dict tests/fuzz/fuzz.h tests/fuzz/seeds

if FUZZING
LIBFUZZER = $(AM_LDFLAGS) -fsanitize=fuzzer

noinst_PROGRAMS += \
	tests/fuzz/fuzz_addr \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_dns \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_msg \
	tests/fuzz/fuzz_record \
	tests/fuzz/fuzz_request \
	tests/fuzz/fuzz_stun \
	tests/fuzz/fuzz_uri \
	tests/fuzz/fuzz_via \
	tests/fuzz/fuzz_ws_frames \
	tests/fuzz/fuzz_ws_upgrade

tests_fuzz_fuzz_addr_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_conf_LDFLAGS = $(LIBFUZZER) \
	-Wl,--wrap=conf_file_read,--wrap=glob
tests_fuzz_fuzz_dns_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_frame_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_msg_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_record_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_request_LDFLAGS = $(LIBFUZZER) -Wl,--wrap=transport_send
tests_fuzz_fuzz_stun_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_uri_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_via_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_ws_frames_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_ws_upgrade_LDFLAGS = $(LIBFUZZER)
endif
