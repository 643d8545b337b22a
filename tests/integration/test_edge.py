"""The edge proxy: a phone registers through us at a registrar behind us, and is
reached down the flow that our Path names (RFC 5626 section 5, RFC 3327)."""

import pytest

from lib.daemon import config
from lib.inside import Call, Invalid, NatTcp, NatUdp

UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
OUTBOUND = [("Supported", "path, outbound")]


@pytest.fixture(params=[1, 2, 8])
def on_workers(request):
    return request.param


class House:
    """An edge proxy without domains of its own, and a registrar behind it."""

    def __init__(self, start_daemon, addresses, workers=2):
        edge_ip, home_ip = addresses.take(), addresses.take()
        server = {"workers": workers, "drain": "1s"}
        self.home = start_daemon(config(
            home_ip, "biloxi.com", server=server,
            domains={"biloxi.com": {"authenticate": "none",
                                    "registrar": True}},
            trust=[edge_ip]), "home")
        self.edge = start_daemon(config(
            edge_ip, "edge.example", server=server, trust=[home_ip],
            routes=[{"name": "home", "match": {"request.domain": "biloxi.com"},
                     "forward": {"next_hop": "sip:" + home_ip}}]), "edge")
        self.edge.address, self.home.address = (edge_ip, 5060), (home_ip, 5060)


@pytest.fixture
def house_with(start_daemon, addresses):
    return lambda **options: House(start_daemon, addresses, **options)


@pytest.fixture
def house(house_with):
    return house_with()


def register_at(house, phone, reg_id=1, extra=OUTBOUND):
    aor = "sip:bob@biloxi.com"
    request = phone.request(
        "REGISTER", "sip:biloxi.com", to="<%s>" % aor,
        from_="<%s>;tag=r" % aor, extra=extra)
    params = (';reg-id=%d;+sip.instance="<urn:uuid:%s>"' % (reg_id, UUID)
              if extra is OUTBOUND else "")
    phone.send(request.replace("Contact", phone.contact + params),
               house.edge.address)
    return phone.expect_response(request, 200)


class EdgeCall(Call):
    """From somebody at the registrar to a phone at the edge; `proxy` is where
    the caller sends, `edge` where the phone does."""

    def __init__(self, caller, callee, house):
        self.edge = house.edge
        super().__init__(caller, callee, house.home, "sip:bob@biloxi.com")

    def send(self, by, request):
        proxy = self.edge if by is self.callee else self.proxy
        by.send(request, proxy.address)


@pytest.mark.parametrize("kind", [NatUdp, NatTcp, Invalid])
def test_a_phone_registers_through_the_edge_and_is_called(
        house_with, phones, peers, kind, on_workers):
    house = house_with(workers=on_workers)
    caller, phone = peers.udp(), phones(kind, house.edge)
    ok = register_at(house, phone)
    assert "outbound" in ok.get("Require")
    path = ok.get("Path")
    assert path.startswith("<sip:flow-") and path.endswith(";lr;ob>")
    for _ in range(on_workers):
        call = EdgeCall(caller, phone, house)
        assert call.leg.uri == phone.contact[1:-1]
        call.pass_on(caller, "INFO")
        call.pass_on(phone, "INVITE")
        call.pass_on(caller, "BYE")


def test_path_without_outbound_has_no_ob(house, phones, peers):
    caller, phone = peers.udp(), phones(NatTcp, house.edge)
    ok = register_at(house, phone, extra=[("Supported", "path")])
    assert ";ob" not in ok.get("Path")
    EdgeCall(caller, phone, house).pass_on(caller, "BYE")


def test_who_supports_no_path_gets_none(house, phones):
    ok = register_at(house, phones(NatTcp, house.edge), extra=[])
    assert not ok.lines("Path")


def test_a_register_that_is_not_from_the_phone_gets_no_path(house, peers):
    proxy = peers.udp()
    request = proxy.request(
        "REGISTER", "sip:biloxi.com", to="<sip:bob@biloxi.com>",
        from_="<sip:bob@biloxi.com>;tag=r", extra=[
            ("Via", "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKx"),
            ("Supported", "path")])
    proxy.send(request, house.edge.address)
    assert not proxy.expect_response(request, 200).lines("Path")


def test_the_flow_of_the_edge_is_gone(house, phones, peers):
    """430 leads the registrar to the other flow of that phone; when none is
    left, 480."""
    caller = peers.udp()
    first, second = (phones(NatTcp, house.edge) for _ in range(2))
    register_at(house, first, 1)
    register_at(house, second, 2)
    second.close()
    EdgeCall(caller, first, house).pass_on(caller, "BYE")
    first.close()
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(invite, house.home.address)
    caller.expect_response(invite, 480)


def test_a_stranger_learns_that_a_flow_is_gone_or_forged(house, phones, peers):
    phone, asking = phones(NatTcp, house.edge), peers.udp()
    path = register_at(house, phone).get("Path")

    def ask(route_):
        request = asking.request("OPTIONS", phone.contact[1:-1],
                                 extra=[("Route", route_)])
        asking.send(request, house.edge.address)
        return request

    request = ask(path)
    phone.reply(phone.expect_request("OPTIONS", request.call_id), 200)
    asking.expect_response(request, 200)
    token_ = path[len("<sip:flow-"):path.index("@")]
    for bad in [token_[:-1], token_ + "A", "B" + token_[1:], token_[::-1], "x",
                token_[:9] + ("A" if token_[9] != "A" else "B") + token_[10:]]:
        asking.expect_response(ask(path.replace(token_, bad)), 403)
    phone.expect_nothing()
    phone.close()
    asking.expect_response(ask(path), 430)


def test_the_phone_itself_may_preload_the_route(house, phones, peers):
    """An "outgoing" request (RFC 5626 5.3.2): from the flow, not down it."""
    phone, carol = phones(NatUdp, house.edge), peers.udp()
    path = register_at(house, phone).get("Path")
    request = carol.request("REGISTER", "sip:biloxi.com",
                            to="<sip:carol@biloxi.com>",
                            from_="<sip:carol@biloxi.com>;tag=r")
    carol.send(request, house.home.address)
    carol.expect_response(request, 200)
    call = phone.request("MESSAGE", "sip:carol@biloxi.com",
                         extra=[("Route", path)])
    phone.send(call, house.edge.address)
    carol.reply(carol.expect_request("MESSAGE", call.call_id), 200)
    phone.expect_response(call, 200)
