dist_doc_DATA = \
	README.md \
	HACKING.md \
	NEWS \
	LICENSE \
	docs/architecture.md \
	docs/compliance.md \
	docs/configuration.md \
	docs/configuration-guide.md \
	docs/operating.md \
	docs/phones.md
exampledir = $(docdir)/examples
dist_example_DATA = etc/viaduct.yaml etc/users.example.yaml
dist_pkgdata_DATA = etc/viaduct.schema.json
dist_man_MANS = docs/man/viaductd.8

docs_tests = tests/check-docs.sh tests/check-generated.sh tests/check-compliance.sh
TESTS += $(docs_tests)
EXTRA_DIST += docs/generate $(docs_tests)

# Write again what is made from the option tables.
.PHONY: docs
docs: viaductd$(EXEEXT)
	$(srcdir)/docs/generate ./viaductd $(srcdir) $(srcdir)
