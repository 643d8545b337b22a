# The daemon with failures injected, see test_faults.c. Each function that
# inject.c wraps is named here.

if HAVE_CMOCKA
check_PROGRAMS += tests/fault/test_faults

tests_fault_test_faults_SOURCES = \
	tests/fault/disk.c \
	tests/fault/inject.c tests/fault/inject.h \
	tests/fault/peer.c tests/fault/peer.h \
	tests/fault/scenario.c tests/fault/scenario.h \
	tests/fault/test_faults.c
tests_fault_test_faults_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=aligned_alloc,--wrap=mmap \
	-Wl,--wrap=mem_alloc,--wrap=mem_zalloc \
	-Wl,--wrap=sendmsg,--wrap=sendmmsg \
	-Wl,--wrap=recv,--wrap=recvmsg,--wrap=recvmmsg \
	-Wl,--wrap=accept4,--wrap=socket,--wrap=bind,--wrap=listen \
	-Wl,--wrap=connect,--wrap=setsockopt,--wrap=getsockopt \
	-Wl,--wrap=getsockname,--wrap=eventfd,--wrap=event_add \
	-Wl,--wrap=pthread_create \
	-Wl,--wrap=open,--wrap=read,--wrap=write,--wrap=fopen \
	-Wl,--wrap=fsync,--wrap=flock,--wrap=mkdir,--wrap=rename \
	-Wl,--wrap=stat,--wrap=fstat
endif
