dist_noinst_SCRIPTS += .ci/run contrib/check contrib/quickstart

EXTRA_DIST += \
	.clang-format \
	contrib/packages.sh \
	contrib/quickstart.d/atlanta.com.zone \
	contrib/quickstart.d/atlanta.yaml \
	contrib/quickstart.d/biloxi.com.zone \
	contrib/quickstart.d/biloxi.yaml \
	contrib/quickstart.d/explain.awk \
	contrib/quickstart.d/nsd.conf.in \
	contrib/quickstart.d/web.sh \
	contrib/quickstart.d/web.yaml \
	contrib/webphone
