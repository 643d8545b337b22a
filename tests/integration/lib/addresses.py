"""Loopback addresses. Each test module has 127.82.N.0/24 for itself, and no
address is given out twice, so modules run side by side and no test meets a
late packet of another one."""

MODULES = {
    "test_two_domains": 1,
    "test_workers": 2,
    "test_reload": 3,
    "test_lifecycle": 4,
    "test_malformed": 5,
    "test_overload": 6,
    "test_relay": 7,
    "test_log": 8,
    "test_admin": 9,
    "test_rfc3261_forking": 21,
    "test_rfc3261_transactions": 22,
    "test_rfc3261_routing": 23,
    "test_rfc3261_transport": 24,
    "test_torture": 25,
    "test_targets": 26,
    "test_registrar": 27,
    "test_users": 28,
    "test_sipp_stock": 29,
    "test_fuzz": 30,
    "test_tls": 71,
    "test_tls_client": 73,
    "test_tls_conf": 75,
    "test_tls_reload": 74,
    "test_sips": 72,
    "test_baresip": 42,
    "test_policy": 43,
    "test_spiral": 81,
    "test_digest": 44,
    "test_authenticated": 45,
    "test_crash": 46,
    "test_websocket": 47,
    "test_outbound": 61,
    "test_gruu": 62,
    "test_flows": 63,
    "test_edge": 64,
    "test_nat": 91,
    "test_crowd": 92,
    "test_many_phones": 93,
    "test_browser": 48,
    "test_webphone": 49,
    "test_baresip_phones": 50,
    "test_scanners": 51,
    "test_webphone_page": 52,
    "test_webphone_trouble": 53,
    "test_linphone_phones": 54,
}


class Addresses:
    """take() hands out the lower half of the module's network, take_trusted()
    the upper half, which is what `trust` names in the configurations."""

    def __init__(self, module):
        self.net = "127.82.%d" % MODULES[module]
        self.trusted_net = self.net + ".128/25"
        self.strangers = iter(range(1, 127))
        self.trusted = iter(range(129, 255))

    def take(self):
        return "%s.%d" % (self.net, next(self.strangers))

    def take_trusted(self):
        return "%s.%d" % (self.net, next(self.trusted))
