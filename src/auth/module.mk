libviaduct_a_SOURCES +=

if HAVE_CMOCKA
endif
