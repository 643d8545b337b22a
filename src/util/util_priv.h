/* What the files of util share, and what differs between builds. */
#ifndef VIADUCT_UTIL_PRIV_H
#define VIADUCT_UTIL_PRIV_H

#include <stddef.h>
#include <stdint.h>

/* Decimal digits of `v`, not terminated; at most 20. Returns how many. */
size_t u64_print(uint64_t v, char *out);

/*
 * Under AddressSanitizer, freed blocks inside a slab are poisoned, so that a
 * use after free is found there as it is with malloc(), and slabs are searched
 * for pointers when leaks are looked for.
 */
#if defined(__SANITIZE_ADDRESS__)
#define UTIL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UTIL_ASAN 1
#endif
#endif

#ifdef UTIL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#define MEM_POISON(p, size) ASAN_POISON_MEMORY_REGION(p, size)
#define MEM_UNPOISON(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#define MEM_ROOT_ADD(p, size) __lsan_register_root_region(p, size)
#define MEM_ROOT_DEL(p, size) __lsan_unregister_root_region(p, size)
#else
#define MEM_POISON(p, size) ((void)(p), (void)(size))
#define MEM_UNPOISON(p, size) ((void)(p), (void)(size))
#define MEM_ROOT_ADD(p, size) ((void)(p), (void)(size))
#define MEM_ROOT_DEL(p, size) ((void)(p), (void)(size))
#endif

#endif
