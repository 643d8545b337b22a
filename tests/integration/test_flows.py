"""A dialog with a phone behind a NAT: every request in it goes down the phone's
flow, whoever began it. The phone shows itself by a Via and a Contact that are
not its source; nobody is where they point."""

import pytest

from lib.daemon import config, route
from lib.inside import Call, Invalid, NatTcp, NatUdp, Reachable

METHODS = ["INFO", "UPDATE", "NOTIFY", "REFER", "MESSAGE", "INVITE", "BYE"]


@pytest.fixture(params=[1, 2, 8])
def on_workers(request):
    return request.param


@pytest.fixture
def proxy_with(start_daemon, addresses):
    def start(workers=2, server=(), **sections):
        ip = addresses.take()
        proxy = start_daemon(config(
            ip, "biloxi.com",
            server={"workers": workers, "drain": "1s", **dict(server)},
            domains={"biloxi.com": {"authenticate": "none",
                                    "registrar": True}},
            trust=[addresses.trusted_net], **sections))
        proxy.address = (ip, 5060)
        return proxy
    return start


@pytest.fixture
def proxy(proxy_with):
    return proxy_with()


def register(phone, proxy, user="bob"):
    aor = "sip:%s@biloxi.com" % user
    request = phone.request("REGISTER", "sip:biloxi.com", to="<%s>" % aor,
                            from_="<%s>;tag=r" % aor)
    phone.send(request, proxy.address)
    phone.expect_response(request, 200)
    return aor


KINDS = [NatUdp, NatTcp, Invalid]


@pytest.mark.parametrize("caller_kind", KINDS)
@pytest.mark.parametrize("callee_kind", [NatUdp, NatTcp])
def test_all_of_a_dialog_goes_down_the_flows(
        proxy, phones, caller_kind, callee_kind):
    caller, callee = phones(caller_kind, proxy), phones(callee_kind, proxy)
    call = Call(caller, callee, proxy, register(callee, proxy))
    for method in METHODS[:-1]:
        call.pass_on(caller, method)
        call.pass_on(callee, method)
    call.pass_on(callee, "BYE")


@pytest.mark.parametrize("kind", [NatUdp, NatTcp])
def test_whoever_owns_the_call(proxy_with, phones, kind, on_workers):
    proxy = proxy_with(workers=on_workers)
    caller, callee = phones(kind, proxy), phones(kind, proxy)
    aor = register(callee, proxy)
    for i in range(2 * on_workers):
        call = Call(caller, callee, proxy, aor)
        call.pass_on(callee if i % 2 else caller, "INFO")
        call.pass_on(caller if i % 2 else callee, "BYE")


@pytest.mark.parametrize("is_trusted", [False, True])
@pytest.mark.parametrize("kind", [NatUdp, NatTcp, Invalid, Reachable])
def test_a_caller_behind_a_nat_calls_who_is_not(
        proxy_with, phones, peers, addresses, kind, is_trusted):
    bob = peers.udp()
    proxy = proxy_with(routes=[route("bob", "sip:bob@" + bob.hostport)])
    ip = addresses.take_trusted() if is_trusted else addresses.take()
    caller = phones(kind, proxy, ip)
    call = Call(caller, bob, proxy, "sip:bob@biloxi.com")
    call.pass_on(bob, "INFO")
    call.pass_on(caller, "INVITE")
    call.pass_on(bob, "BYE")


@pytest.mark.parametrize("is_trusted", [False, True])
@pytest.mark.parametrize("kind", [NatUdp, NatTcp])
def test_a_callee_behind_a_nat(proxy, phones, peers, addresses, kind,
                               is_trusted):
    caller = peers.udp(addresses.take_trusted() if is_trusted else None)
    callee = phones(kind, proxy)
    call = Call(caller, callee, proxy, register(callee, proxy))
    call.pass_on(caller, "INFO")
    call.pass_on(callee, "INVITE")
    call.pass_on(caller, "BYE")


def test_who_wants_no_record_route_gets_it_where_it_is_needed(
        proxy_with, phones, peers):
    bob = peers.udp()
    proxy = proxy_with(routes=[route("bob", "sip:bob@" + bob.hostport)],
                       server={"record_route": False})
    caller, other = phones(NatUdp, proxy), peers.udp()
    Call(caller, bob, proxy, "sip:bob@biloxi.com").pass_on(bob, "BYE")
    invite = other.request("INVITE", "sip:bob@biloxi.com")
    other.send(invite, proxy.address)
    leg = bob.expect_request("INVITE", invite.call_id)
    assert not leg.lines("Record-Route")
    bob.reply(leg, 486)


def test_without_its_connection_a_phone_is_away(proxy, phones, peers):
    caller, callee = peers.udp(), phones(NatTcp, proxy)
    call = Call(caller, callee, proxy, register(callee, proxy))
    callee.close()
    again = phones(NatTcp, proxy, callee.address[0])
    call.is_refused(caller, "INFO", 480)
    call.send(caller, call.ack())
    call.is_refused(caller, "BYE", 480)
    again.expect_nothing()


def test_after_a_restart_a_datagram_flow_goes_on(proxy, phones, peers):
    """A stream's does not: its connection is gone, and another one of the same
    number is not it."""
    caller, callee = peers.udp(), phones(NatUdp, proxy)
    gone = phones(NatTcp, proxy)
    lives = Call(caller, callee, proxy, register(callee, proxy))
    ended = Call(caller, gone, proxy, register(gone, proxy, "carol"))
    proxy.stop()
    proxy.log_file.write_text("")  # start() waits for what it says
    proxy.start()
    other = phones(NatTcp, proxy)
    register(other, proxy, "dave")
    lives.pass_on(callee, "INFO")
    lives.pass_on(caller, "BYE")
    ended.is_refused(caller, "BYE", 480)
    other.expect_nothing()


def token(call):
    return call.leg.get("Record-Route").split(";dlg=")[1].rstrip(">")


def with_token(request, call, text):
    """The request with another token in its Route."""
    route_ = request.get("Route").replace(token(call), text)
    assert text in route_
    return request.replace("Route", route_)


def test_a_token_of_another_dialog_or_an_altered_one_reaches_nobody(
        proxy, phones, peers):
    caller, stranger = peers.udp(), peers.udp()
    callee = phones(NatUdp, proxy)
    aor = register(callee, proxy)
    call, other = Call(caller, callee, proxy, aor), Call(
        caller, callee, proxy, aor)
    good = token(call)
    half = len(good) // 2
    bad = [token(other), good[:half], good + "AAAA",
           good[:half] + ("A" if good[half] != "A" else "B") + good[half + 1:]]
    for text in bad:
        request = call.request(caller, "INFO")
        stranger.send(with_token(request, call, text).replace(
            "Via", stranger.via()), proxy.address)
        answer = stranger.expect_response(request)
        assert answer.status in (403, 404, 480, 481), answer
    callee.expect_nothing()
    call.pass_on(caller, "BYE")
