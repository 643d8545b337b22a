"""RFC 3261 16.3 to 16.6 and 16.12: validation, Route, Record-Route, maddr,
loops, what a copy carries; and every method, in dialogs and outside of them."""

import re

import pytest

from lib import settings
from lib.daemon import config, route
from lib.message import (SDP, Message, build_ack, build_response, uri_of,
                         unique)
from lib.switchboard import Switchboard


@pytest.fixture(scope="module")
def board(module_dir, addresses):
    self_ip = addresses.take()
    plans = {
        "one": [0], "two": [0, 1], "third": [2],
        "spiral": ["sip:one@%s" % self_ip],
        "loop": ["sip:loop@%s" % self_ip],
    }
    with Switchboard(module_dir, addresses, plans, ip=self_ip) as made:
        yield made


# ---- validation (16.3) ----


def test_16_3_step_5_every_unknown_tag_of_proxy_require_is_in_unsupported(board):
    call = board.call("one", extra=[("Proxy-Require", "foo, bar"),
                                    ("Proxy-Require", "baz")])
    final = call.finish(420)
    assert sorted(final.values("Unsupported")) == ["bar", "baz", "foo"]
    call.not_called(0, seconds=0.05)


def test_16_3_step_5_require_and_supported_are_not_ours_to_judge(board):
    call = board.call("one", extra=[("Require", "nosuchthing, 100rel"),
                                    ("Supported", "")])
    leg = call.leg(0)
    assert leg.got.get("Require") == "nosuchthing, 100rel"
    leg.answer(420, extra=[("Unsupported", "nosuchthing")])
    assert call.finish(420).get("Unsupported") == "nosuchthing"


@pytest.mark.parametrize("uri", ["tel:+15551234", "mailto:bob@biloxi.com",
                                 "nosuchscheme:whatever"])
def test_16_3_step_2_an_unknown_scheme_is_416(board, uri):
    call = board.call(uri, to="<sip:one@biloxi.com>")
    call.finish(416)
    call.not_called(0, seconds=0.05)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE"])
def test_16_3_step_3_max_forwards_0_is_483(board, method):
    call = board.call("one", method=method, max_forwards=0)
    call.finish(483)
    call.not_called(0, seconds=0.05)


def test_16_3_step_3_options_to_the_proxy_itself_with_max_forwards_0_is_answered(
        board):
    for host in (board.ip, "biloxi.com"):
        call = board.call("sip:" + host, method="OPTIONS", max_forwards=0)
        call.finish(200)


def test_16_3_step_3_what_a_route_says_does_not_forward_it(
        start_daemon, addresses, peers):
    ip, callee = addresses.take(), peers.udp()
    start_daemon(config(ip, "biloxi.com", trust=[addresses.trusted_net], routes=[
        {"name": "away", "match": {"method": "REGISTER"},
         "forward": {"next_hop": "sip:" + callee.hostport}}]))
    caller = peers.udp(addresses.take_trusted())
    request = caller.request("REGISTER", "sip:biloxi.com", max_forwards=0)
    caller.send(request, (ip, 5060))
    caller.expect_response(request, 483)
    callee.expect_nothing(request.call_id, 0.05)


def test_16_3_step_3_an_ack_with_max_forwards_0_ends_silently(board):
    call = board.call("one", method="ACK", max_forwards=0)
    call.not_called(0)
    call.nothing(0.05)


def test_7_1_another_version_is_505(board):
    call = board.call("one")
    call.caller.receive(0.05, lambda m: m.status == 100)
    call.leg(0).answer(486)
    call.finish(486)
    odd = board.caller.request("INVITE", "sip:one@biloxi.com")
    odd.start = odd.start.replace("2.0", "3.0")
    board.caller.send(odd, board.address)
    board.caller.send(build_ack(odd, board.caller.expect_response(odd, 505)),
                      board.address)


@pytest.mark.parametrize("version", ["sip/2.0", "Sip/2.0"])
def test_7_1_sip_version_is_taken_in_any_case_and_sent_in_capitals(board, version):
    request = board.caller.request("MESSAGE", "sip:one@biloxi.com")
    request.start = request.start.replace("SIP/2.0", version)
    board.caller.send(request, board.address)
    callee = board.callees[0]
    got = callee.expect_request("MESSAGE", request.call_id)
    assert got.start.endswith(" SIP/2.0")
    answer = build_response(got, 404, callee.contact)
    answer.start = answer.start.replace("SIP/2.0", version)
    callee.send(answer, board.address)
    board.caller.expect_response(request, 404)


def test_8_2_6_2_our_own_answers_have_a_to_tag_and_copy_the_rest(board):
    call = board.call("one", max_forwards=0, via=board.caller.via(params=";x=1"))
    final = call.finish(483)
    assert final.get("To").startswith(call.request.get("To") + ";tag=")
    assert final.get("Via").startswith(call.request.get("Via"))
    for name in ("From", "Call-ID", "CSeq"):
        assert final.get(name) == call.request.get(name)
    assert final.get("Content-Length") == "0"


# ---- loops and spirals (16.3 step 4, RFC 5393) ----


def test_16_3_step_4_a_spiral_is_allowed(board):
    call = board.call("spiral")
    leg = call.leg(0)
    assert len(leg.got.values("Via")) == 3
    assert leg.got.get("Max-Forwards") == "68"
    leg.answer(200)
    ok = call.expect(200)
    bye = board.caller.in_dialog("BYE", call.request, ok)
    board.caller.send(bye, board.address)
    got = leg.peer.expect_request("BYE", bye.call_id)
    assert not got.lines("Route")
    leg.peer.reply(got, 200, to=board.address)
    board.caller.expect_response(bye, 200)


def test_16_3_step_4_a_loop_is_482(board):
    board.call("loop").finish(482)


def sent_back(leg, uri, board):
    """What a next hop that is a proxy would send to us again."""
    again = leg.got.add("Via", leg.peer.via())
    again.start = "%s %s SIP/2.0" % (leg.got.method, uri)
    leg.peer.send(again, board.address)
    return again


def test_rfc5393_4_2_a_copy_that_comes_back_unchanged_is_482(board):
    call = board.call("one")
    leg = call.leg(0)
    again = sent_back(leg, call.request.uri, board)
    final = leg.peer.expect_response(again, 482)
    leg.peer.send(build_ack(again, final), board.address)
    leg.answer(486)
    call.finish(486)


def test_rfc5393_4_2_a_copy_that_comes_back_with_another_uri_is_a_spiral(board):
    call = board.call("one")
    leg = call.leg(0)
    again = sent_back(leg, "sip:third@biloxi.com", board)
    spiral = call.leg(2)
    spiral.answer(486)
    final = leg.peer.expect_response(again, 486)
    leg.peer.send(build_ack(again, final), board.address)
    leg.answer(486)
    call.finish(486)


@pytest.mark.parametrize("n_targets", [2, 3, 7])
def test_rfc5393_5_two_users_that_fork_to_each_other_cost_at_most_60_branches(
        n_targets, start_daemon, addresses, peers):
    """A spiral that doubles, or worse: each turn has a URI that was not there
    before, so that loop detection alone stops it late."""
    ip = addresses.take()
    routes = [route(user, *("sip:%s@%s;turn=%s%d" % (other, ip, user, i)
                            for i in range(n_targets)))
              for user, other in ("ab", "ba")]
    daemon = start_daemon(config(ip, "biloxi.com", routes=routes,
                                 trace={"level": "summary"}))
    caller = peers.udp()
    used = daemon.cpu_s()
    invite = caller.request("INVITE", "sip:a@" + ip)
    caller.send(invite, (ip, 5060))
    final = caller.expect_response(invite)
    spent = daemon.cpu_s() - used
    assert final.status in (440, 482, 483)
    daemon.expect_log("dir=out .*peer=%s message=\"SIP/2.0 %d " % (
        caller.hostport, final.status))
    branches = len(re.findall(r'step=branch why="\d+ goes to', daemon.log()))
    assert 8 <= branches <= 60
    assert spent < settings.patience(0.05)


# ---- Route (16.4, 16.6 steps 6 and 7) ----


def test_16_4_a_route_naming_us_goes_and_others_stay(board):
    far = "<sip:%s;lr>" % board.callees[3].hostport
    last = "<sip:last.example;lr;x=y>"
    for own in ("<sip:%s;lr>" % board.ip, "<sip:biloxi.com;lr>",
                "<sip:%s;lr>,<sip:biloxi.com:5060;lr>" % board.ip):
        call = board.call("sip:x@far.example", extra=[
            ("Route", "%s, %s" % (own, far)), ("Route", last)])
        leg = call.leg(3)
        assert leg.got.values("Route") == [far, last]
        assert leg.got.uri == "sip:x@far.example"
        leg.answer(404)
        call.finish(404)


def test_16_6_step_6_a_strict_router_after_us_gets_its_uri_as_request_uri(board):
    strict = "sip:strict@%s;x=1" % board.callees[3].hostport
    call = board.call("sip:x@far.example;y=2", extra=[
        ("Route", "<%s>, <sip:next.example;lr>" % strict)])
    leg = call.leg(3)
    assert leg.got.uri == strict
    assert leg.got.values("Route") == ["<sip:next.example;lr>",
                                       "<sip:x@far.example;y=2>"]
    leg.answer(404)
    call.finish(404)


def test_16_6_step_6_a_strict_router_gets_no_method_parameter(board):
    strict = "sip:%s" % board.callees[3].hostport
    call = board.call("sip:x@far.example;method=INVITE;y", extra=[
        ("Route", "<%s;Method=BYE;x>" % strict)])
    leg = call.leg(3)
    assert leg.got.uri == strict + ";x"
    assert leg.got.values("Route") == ["<sip:x@far.example;y>"]
    leg.answer(404)
    call.finish(404)


def test_16_6_step_6_the_target_goes_last_in_route_before_a_strict_router(board):
    strict = "sip:%s" % board.callees[3].hostport
    call = board.call("one", extra=[("Route", "<%s>" % strict)])
    leg = call.leg(3)
    assert leg.got.uri == strict
    assert leg.got.values("Route") == ["<%s>" % board.uri(0)]
    leg.answer(404)
    call.finish(404)


def test_16_4_a_strict_router_before_us_is_undone(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(200)
    ok = call.expect(200)
    bye = board.caller.in_dialog("BYE", call.request, ok)
    target = bye.uri
    own = uri_of(bye.get("Route"))
    bye.start = "BYE %s SIP/2.0" % own
    bye = bye.replace("Route", "<%s>" % target)
    board.caller.send(bye, board.address)
    got = leg.peer.expect_request("BYE", bye.call_id)
    assert got.uri == target and not got.lines("Route")
    leg.peer.reply(got, 200, to=board.address)
    board.caller.expect_response(bye, 200)


def test_16_4_a_strict_router_before_us_and_more_routes_behind(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(200)
    ok = call.expect(200)
    bye = board.caller.in_dialog("BYE", call.request, ok)
    target = "sip:peer@far.example"
    far = "<sip:%s;lr>" % board.callees[3].hostport
    bye.start = "BYE %s SIP/2.0" % uri_of(bye.get("Route"))
    bye = bye.replace("Route", "%s, <%s>" % (far, target))
    board.caller.send(bye, board.address)
    got = board.callees[3].expect_request("BYE", bye.call_id)
    assert got.uri == target and got.values("Route") == [far]
    board.callees[3].reply(got, 200, to=board.address)
    board.caller.expect_response(bye, 200)


# ---- maddr (16.4, 16.5, 16.6 step 7) ----


def test_16_4_maddr_naming_us_is_stripped(board):
    call = board.call("sip:one@biloxi.com;maddr=%s" % board.ip)
    leg = call.leg(0)
    leg.answer(404)
    call.finish(404)


def test_16_4_without_maddr_the_other_parameters_stay_as_they_are(board):
    host = board.callees[3].address[0]
    call = board.call("sip:one@%s;maddr=%s;flag;transport=udp;x=y" %
                      (host, board.ip))
    leg = call.leg(3)
    assert leg.got.uri == "sip:one@%s;flag;x=y" % host
    leg.answer(404)
    call.finish(404)


def test_16_5_a_request_uri_with_maddr_is_the_only_target(board):
    uri = "sip:one@biloxi.com:%d;maddr=%s" % board.callees[3].address[::-1]
    call = board.call(uri)
    leg = call.leg(3)
    assert leg.got.uri == uri
    leg.answer(404)
    call.finish(404)
    call.not_called(0, seconds=0.05)


def test_16_5_maddr_does_not_let_strangers_relay(board):
    uri = "sip:one@biloxi.com:%d;maddr=%s" % board.callees[3].address[::-1]
    call = board.call(uri, caller=board.stranger)
    assert call.finish().status in range(400, 500)
    call.not_called(0, 3, seconds=0.05)


def test_16_6_step_7_maddr_in_a_route_says_where_to_send(board):
    route = "<sip:proxy.example;maddr=%s;lr>" % board.callees[3].address[0]
    call = board.call("sip:x@far.example", extra=[("Route", route)])
    leg = call.leg(3)
    assert leg.got.values("Route") == [route]
    leg.answer(404)
    call.finish(404)


def test_18_2_2_maddr_in_the_via_of_a_trusted_peer_says_where_answers_go(
        board, peers, addresses):
    elsewhere = peers.udp(addresses.take_trusted())
    via = board.caller.via(params=";maddr=" + elsewhere.address[0])
    call = board.call("one", via=via, method="MESSAGE")
    call.leg(0).answer(404)
    elsewhere.expect_response(call.request, 404)


@pytest.mark.parametrize("uri, fields", [
    ("sip:one@biloxi.com", {"max_forwards": 0}),
    ("sip:one@biloxi.com", {"extra": [("Proxy-Require", "foo")]}),
    ("nosuchscheme:whatever", {"to": "<sip:one@biloxi.com>"})])
def test_18_2_2_our_own_answers_go_to_maddr_as_well(
        board, peers, addresses, uri, fields):
    elsewhere = peers.udp(addresses.take_trusted())
    via = board.caller.via(params=";maddr=" + elsewhere.address[0])
    call = board.call(uri, via=via, method="MESSAGE", **fields)
    elsewhere.expect_response(call.request)


# ---- what a copy carries (16.6) ----


def test_16_6_step_2_the_method_parameter_leaves_the_request_uri(board):
    uri = "sip:x@%s;a" % board.callees[3].hostport
    call = board.call(uri + ";method=INVITE;b=c")
    leg = call.leg(3)
    assert leg.got.uri == uri + ";b=c"
    leg.answer(404)
    call.finish(404)



def test_16_6_a_copy_is_the_request_but_for_our_own_edits(board):
    odd = [("X-Unknown", "a  ,, b\t;c"), ("subject", ""),
           ("X-Unknown", "\xc3\xa9"), ("Record-Route", "<sip:p1.example;lr>"),
           ("P-Odd", '"quo\\"ted" <sip:x@y;lr>;q=1,<sip:z>')]
    call = board.call("one", body=SDP, extra=odd, max_forwards="0070")
    leg = call.leg(0)
    sent, got = call.request, leg.got
    top = got.values("Via")[0]
    assert top.startswith("SIP/2.0/UDP %s:5060;branch=z9hG4bK" % board.ip)
    assert got.values("Via")[1:] == sent.values("Via")
    assert int(got.get("Max-Forwards")) == 69
    routes = got.lines("Record-Route")
    assert len(routes) == 2 and routes[1] == "<sip:p1.example;lr>"
    assert board.ip in routes[0] and ";lr" in routes[0]
    ours = ("Via", "Max-Forwards", "Record-Route", "Max-Breadth")

    def rest(m):
        return [h for h in m.headers if h[0] not in ours]
    assert rest(got) == rest(sent)
    assert got.body == SDP and got.uri == board.uri(0)
    leg.answer(404)
    call.finish(404)


def test_16_6_step_3_max_forwards_is_added_when_it_is_missing(board):
    request = board.caller.request("MESSAGE", "sip:one@biloxi.com")
    board.caller.send(request.replace("Max-Forwards", None), board.address)
    got = board.callees[0].expect_request("MESSAGE", request.call_id)
    assert got.get("Max-Forwards") == "70"
    board.callees[0].reply(got, 200, to=board.address)
    board.caller.expect_response(request, 200)


@pytest.mark.parametrize("method, is_recorded", [
    ("INVITE", True), ("SUBSCRIBE", True), ("REFER", True), ("MESSAGE", False),
    ("PUBLISH", False), ("OPTIONS", False), ("INFO", False)])
def test_16_6_step_4_record_route_stands_in_what_forms_a_dialog(
        board, method, is_recorded):
    call = board.call("one", method=method)
    leg = call.leg(0)
    assert bool(leg.got.lines("Record-Route")) == is_recorded
    leg.answer(404)
    call.finish(404)


@pytest.mark.parametrize("method", [
    "MESSAGE", "PUBLISH", "INFO", "REFER", "SUBSCRIBE", "NOTIFY", "OPTIONS",
    "UPDATE", "PRACK", "NEWMETHOD", "!%.*-_+`'~"])
def test_16_any_method_goes_there_and_its_answer_back(board, method):
    call = board.call("one", method=method, body=b"any\0thing",
                      extra=[("Event", "x"), ("Refer-To", "<sip:a@b.example>")])
    leg = call.leg(0)
    assert leg.got.body == b"any\0thing"
    leg.answer(202, body=b"\0\1", extra=[("X-Y", "z")])
    final = call.finish(202)
    assert final.body == b"\0\1" and final.get("X-Y") == "z"
    assert final.values("Via") == call.request.values("Via")


# ---- dialogs (16.12) ----


def established(board, caller=None, user="one", callee=0):
    """A call that has been answered: the call, the leg, the 200."""
    call = board.call(user, caller=caller)
    leg = call.leg(callee)
    leg.answer(200)
    ok = call.expect(200)
    ack = call.caller.in_dialog("ACK", call.request, ok, cseq=1)
    call.send(ack)
    leg.peer.expect_request("ACK", call.request.call_id)
    return call, leg, ok


def passes(board, sender, receiver, request, status=200, **parts):
    """A request gets through, and its answer back."""
    sender.send(request, board.address)
    got = receiver.expect_request(request.method, request.call_id)
    assert got.uri == request.uri and not got.lines("Route")
    receiver.reply(got, status, to=board.address, **parts)
    final = sender.expect_response(request, status)
    if request.method == "INVITE":
        ack = sender.request("ACK", request.uri, from_=request.get("From"),
                             to=request.get("To"), call_id=request.call_id,
                             cseq=request.get("CSeq").split()[0], extra=[
                                 ("Route", v) for v in request.lines("Route")])
        sender.send(ack, board.address)
        receiver.expect_request("ACK", request.call_id)
    return got, final


@pytest.mark.parametrize("who", ["caller", "stranger"])
def test_16_12_a_dialog_works_from_both_sides(board, who):
    call, leg, ok = established(board, getattr(board, who))
    caller = call.caller
    for n, method in enumerate(("INFO", "UPDATE", "INVITE", "MESSAGE"), 2):
        passes(board, caller, leg.peer,
               caller.in_dialog(method, call.request, ok, cseq=n))
        passes(board, leg.peer, caller,
               leg.peer.in_dialog_of_callee(method, leg.got, ok, cseq=n))
    passes(board, leg.peer, caller,
           leg.peer.in_dialog_of_callee("BYE", leg.got, ok, cseq=9))


def test_16_12_a_target_refresh_of_either_side_is_followed(board, peers, addresses):
    call, leg, ok = established(board)
    moved_callee = board.callees[3]
    reinvite = call.caller.in_dialog("INVITE", call.request, ok)
    _, new_ok = passes(board, call.caller, leg.peer, reinvite, extra=[])
    moved = Message(new_ok.start, ok.headers).replace("Contact", moved_callee.contact)
    bye = call.caller.in_dialog("BYE", call.request, moved, cseq=3)
    passes(board, call.caller, moved_callee, bye)
    new_caller = peers.udp(addresses.take_trusted())
    moved = leg.got.replace("Contact", new_caller.contact)
    info = leg.peer.in_dialog_of_callee("INFO", moved, ok)
    passes(board, leg.peer, new_caller, info)


def test_rfc3262_prack_finds_its_way_through_a_fork(board):
    call = board.call("two", extra=[("Supported", "100rel")])
    legs = [call.leg(0), call.leg(1)]
    for n, leg in enumerate(legs, 1):
        leg.answer(183, extra=[("Require", "100rel"), ("RSeq", str(n))])
        early = call.expect(183)
        assert early.get("RSeq") == str(n) and early.get("Require") == "100rel"
        assert early.lines("Record-Route")
        prack = call.caller.in_dialog("PRACK", call.request, early, cseq=1 + n)
        prack.headers.insert(1, ("RAck", "%d 1 INVITE" % n))
        passes(board, call.caller, leg.peer, prack)
    legs[0].answer(200)
    call.expect(200)
    legs[1].cancelled()


def test_rfc6665_4_4_1_a_forked_subscribe_gets_one_answer_and_many_notifiers(board):
    call = board.call("two", method="SUBSCRIBE", extra=[("Event", "presence")])
    legs = [call.leg(0), call.leg(1)]
    oks = [leg.answer(200) for leg in legs]
    call.expect(200)
    call.nothing(0.1)
    for leg, ok in zip(legs, oks):
        notify = leg.peer.in_dialog_of_callee("NOTIFY", leg.got, ok)
        board_got, _ = passes(board, leg.peer, call.caller, notify)
        assert board_got.lines("Record-Route")
        refresh = call.caller.in_dialog("SUBSCRIBE", call.request, ok, cseq=2)
        passes(board, call.caller, leg.peer, refresh)


def test_rfc6665_4_3_a_notify_outside_our_dialogs_is_not_record_routed(board):
    call = board.call("one", method="NOTIFY", extra=[("Event", "message-summary")])
    leg = call.leg(0)
    assert not leg.got.lines("Record-Route")
    leg.answer(200)
    call.finish(200)


def test_13_2_2_4_each_of_two_answered_branches_has_a_dialog(board):
    call = board.call("two")
    legs = [call.leg(0), call.leg(1)]
    for leg in legs:
        leg.answer(180)
        call.expect(180)
    for leg in legs:
        leg.answer(200)
        ok = call.expect(200)
        ack = call.caller.in_dialog("ACK", call.request, ok, cseq=1)
        call.send(ack)
        leg.peer.expect_request("ACK", call.request.call_id)
        passes(board, call.caller, leg.peer,
               call.caller.in_dialog("BYE", call.request, ok))


def test_16_11_an_ack_without_our_token_is_offered_to_the_routes(board):
    ack = board.caller.request("ACK", "sip:one@biloxi.com",
                               to="<sip:one@biloxi.com>;tag=" + unique("t"))
    board.caller.send(ack, board.address)
    got = board.callees[0].expect_request("ACK", ack.call_id)
    assert len(got.values("Via")) == 2 and got.get("Max-Forwards") == "69"
    assert not got.lines("Record-Route")


def test_16_11_the_trace_says_that_an_ack_went_on(start_proxy, peers):
    proxy = start_proxy(trace={"level": "summary"})
    bob, caller = peers.udp(proxy.bob_ip), peers.udp()
    ack = caller.request("ACK", "sip:bob@biloxi.com",
                         to="<sip:bob@biloxi.com>;tag=" + unique("t"))
    caller.send(ack, proxy.address)
    bob.expect_request("ACK", ack.call_id)
    proxy.daemon.expect_log('step=forward why="ACK to a 2xx forwarded without')
    assert not proxy.daemon.has_logged("step=drop")


# ---- the proxy as the end of a request (11.2) ----


def test_11_2_options_to_the_proxy_says_what_it_is(board):
    call = board.call("sip:" + board.ip, method="OPTIONS")
    ok = call.finish(200)
    for name in ("Allow", "Accept", "Accept-Encoding", "Accept-Language",
                 "Supported"):
        assert ok.get(name) is not None, name


def test_8_2_2_3_options_to_the_proxy_that_requires_the_unknown_is_420(board):
    call = board.call("sip:" + board.ip, method="OPTIONS",
                      extra=[("Require", "foo"), ("Require", "bar")])
    assert sorted(call.finish(420).values("Unsupported")) == ["bar", "foo"]


def test_19_1_1_header_fields_in_a_route_are_refused(board):
    call = board.call("sip:x@far.example", extra=[
        ("Route", "<sip:%s?Subject=x>" % board.callees[3].hostport)])
    call.finish(400)
    call.not_called(3, seconds=0.05)


def test_20_33_a_rejection_may_say_retry_after(start_proxy_with, peers):
    proxy = start_proxy_with([{
        "name": "later", "match": {"request.user": "later"},
        "reject": {"code": 503, "reason": "Not now", "retry_after": "30s"}}])
    caller = peers.udp()
    request = caller.request("MESSAGE", "sip:later@biloxi.com")
    caller.send(request, proxy.address)
    final = caller.expect_response(request, 503)
    assert final.get("Retry-After") == "30" and final.start.endswith("Not now")


@pytest.fixture
def start_proxy_with(start_daemon, addresses):
    from lib.daemon import config

    def start(routes):
        ip = addresses.take()
        daemon = start_daemon(config(ip, "biloxi.com", routes=routes))
        daemon.address = (ip, 5060)
        return daemon
    return start
