dist_noinst_SCRIPTS += tests/integration/run

noinst_PROGRAMS += tests/integration/tools/crowd
tests_integration_tools_crowd_SOURCES = tests/integration/tools/crowd.c
tests_integration_tools_crowd_LDADD = $(CRYPTO_LIBS)

EXTRA_DIST += \
	tests/data/sipp \
	tests/integration/conftest.py \
	tests/integration/lib/__init__.py \
	tests/integration/lib/addresses.py \
	tests/integration/lib/baresip.py \
	tests/integration/lib/certs.py \
	tests/integration/lib/crowd.py \
	tests/integration/lib/daemon.py \
	tests/integration/lib/digest.py \
	tests/integration/lib/endpoint.py \
	tests/integration/lib/fuzz_traffic.py \
	tests/integration/lib/house.py \
	tests/integration/lib/http.py \
	tests/integration/lib/inside.py \
	tests/integration/lib/many_phones.py \
	tests/integration/lib/message.py \
	tests/integration/lib/mutate.py \
	tests/integration/lib/nat.py \
	tests/integration/lib/nsd.py \
	tests/integration/lib/one_proxy.py \
	tests/integration/lib/phone.py \
	tests/integration/lib/secure_proxy.py \
	tests/integration/lib/settings.py \
	tests/integration/lib/sipp.py \
	tests/integration/lib/switchboard.py \
	tests/integration/lib/two_domains.py \
	tests/integration/lib/wait.py \
	tests/integration/lib/websocket.py \
	tests/integration/phones \
	tests/integration/pytest.ini \
	tests/integration/test_admin.py \
	tests/integration/test_authenticated.py \
	tests/integration/test_baresip.py \
	tests/integration/test_edge.py \
	tests/integration/test_flows.py \
	tests/integration/test_crash.py \
	tests/integration/test_digest.py \
	tests/integration/test_crowd.py \
	tests/integration/test_fuzz.py \
	tests/integration/test_gruu.py \
	tests/integration/test_lifecycle.py \
	tests/integration/test_log.py \
	tests/integration/test_malformed.py \
	tests/integration/test_outbound.py \
	tests/integration/test_many_phones.py \
	tests/integration/test_nat.py \
	tests/integration/test_overload.py \
	tests/integration/test_policy.py \
	tests/integration/test_registrar.py \
	tests/integration/test_relay.py \
	tests/integration/test_reload.py \
	tests/integration/test_rfc3261_forking.py \
	tests/integration/test_rfc3261_routing.py \
	tests/integration/test_rfc3261_transactions.py \
	tests/integration/test_rfc3261_transport.py \
	tests/integration/test_targets.py \
	tests/integration/test_sipp_stock.py \
	tests/integration/test_sips.py \
	tests/integration/test_spiral.py \
	tests/integration/test_tls.py \
	tests/integration/test_tls_client.py \
	tests/integration/test_tls_conf.py \
	tests/integration/test_tls_reload.py \
	tests/integration/test_torture.py \
	tests/integration/test_two_domains.py \
	tests/integration/test_users.py \
	tests/integration/test_websocket.py \
	tests/integration/test_workers.py

# PYTEST_FLAGS="-k NAME" for some of them.
.PHONY: check-integration
check-integration: viaductd$(EXEEXT)
	VIADUCTD=$(abs_builddir)/viaductd \
		$(srcdir)/tests/integration/run $(PYTEST_FLAGS) || test $$? -eq 77
