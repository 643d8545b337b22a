"""RFC 3261 18, RFC 3263 4.3 and 5, RFC 3581: where messages come from and go
to, on UDP and TCP, IPv4 and IPv6."""

import socket
import time

import pytest

from lib import settings, wait
from lib.daemon import config, route
from lib.endpoint import TcpListener
from lib.message import SDP, Message, build_ack, uri_of
from lib.switchboard import Switchboard

V6_PORT = 15024
ANY_PORT = 15025


@pytest.fixture(scope="module")
def tom_ip(addresses):
    return addresses.take()


@pytest.fixture(scope="module")
def board(module_dir, addresses, tom_ip):
    plans = {"one": [0], "tcp": ["sip:tom@%s;transport=tcp" % tom_ip],
             "row": ("sequential", ["sip:tom@%s;transport=tcp" % tom_ip, 0])}
    with Switchboard(module_dir, addresses, plans) as made:
        yield made


# ---- receiving (18.2.1, 18.3) ----


def test_7_5_empty_lines_before_a_message_are_skipped(board):
    for _ in range(6):  # with two workers, some are for either
        call = board.call("one", send=False)
        call.send(b"\r\n\r\n" + bytes(call.request))
        leg = call.leg(0)
        leg.answer(180)
        call.expect(180)
        call.cancel()  # finds its INVITE
        leg.cancelled()
        call.finish(487)


def test_18_3_a_datagram_shorter_than_content_length_is_400(board):
    request = board.caller.request("MESSAGE", "sip:one@biloxi.com", body=SDP)
    board.caller.send(bytes(request)[:-1], board.address)
    board.caller.expect_response(request, 400)
    board.callees[0].expect_nothing(request.call_id, 0.05)


def test_18_3_octets_beyond_content_length_are_discarded(board):
    request = board.caller.request("MESSAGE", "sip:one@biloxi.com", body=SDP)
    board.caller.send(bytes(request) + b"MESSAGE sip:x SIP/2.0", board.address)
    got = board.callees[0].expect_request("MESSAGE", request.call_id)
    assert got.body == SDP
    board.callees[0].reply(got, 200, to=board.address)
    board.caller.expect_response(request, 200)


def test_18_3_without_content_length_the_body_ends_with_the_datagram(board):
    request = board.caller.request("MESSAGE", "sip:one@biloxi.com", body=SDP)
    board.caller.send(request.replace("Content-Length", None), board.address)
    got = board.callees[0].expect_request("MESSAGE", request.call_id)
    assert got.body == SDP
    board.callees[0].reply(got, 200, to=board.address)
    board.caller.expect_response(request, 200)


def test_7_3_3_compact_names_and_several_via_values_in_a_line(board):
    caller = board.caller
    request = caller.request("MESSAGE", "sip:one@biloxi.com",
                             via=caller.via() + " ,SIP/2.0/UDP h.example:9;branch=z9hG4bKq")
    short = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m",
             "Content-Length": "l"}
    compact = Message(request.start, [(short.get(n, n), v) for n, v in request.headers])
    caller.send(compact, board.address)
    got = board.callees[0].expect_request("MESSAGE", request.call_id)
    assert got.values("Via")[1:] == request.values("Via")
    board.callees[0].reply(got, 200, to=board.address)
    assert caller.expect_response(request, 200).values("Via") == request.values("Via")


# ---- where answers go (18.2.1, 18.2.2, RFC 3581) ----


def answered_via(board, peer, via, answer_at=None):
    """The top Via of what reaches the callee below ours, and of the answer."""
    request = peer.request("MESSAGE", "sip:one@biloxi.com", via=via)
    peer.send(request, board.address)
    got = board.callees[0].expect_request("MESSAGE", request.call_id)
    board.callees[0].reply(got, 200, to=board.address)
    final = (answer_at or peer).expect_response(request, 200)
    assert final.get("Via") == got.values("Via")[1]
    return final.get("Via")


def test_18_2_1_received_is_added_when_sent_by_is_a_name(board):
    via = board.caller.via(sent_by="pc33.atlanta.com:5060")
    assert answered_via(board, board.caller, via) == (
        via + ";received=" + board.caller.address[0])


def test_18_2_1_received_is_added_when_sent_by_is_another_address(board):
    via = board.caller.via(sent_by="192.0.2.1:5060")
    assert answered_via(board, board.caller, via) == (
        via + ";received=" + board.caller.address[0])


def test_18_2_1_received_is_not_added_when_sent_by_is_the_source(board):
    via = board.caller.via()
    assert answered_via(board, board.caller, via) == via


def test_18_2_1_a_received_that_lies_is_replaced(board):
    via = board.caller.via(params=";received=192.0.2.9")
    got = answered_via(board, board.caller, via)
    assert got.count("received=") == 1
    assert "received=" + board.caller.address[0] in got


def test_18_2_2_without_rport_the_answer_goes_to_the_port_of_sent_by(
        board, peers):
    ip = board.stranger.address[0]
    asker = peers.udp(ip, 5097)
    answered_via(board, asker, asker.via(sent_by=ip), board.stranger)
    listener = peers.udp(ip, 5098)
    answered_via(board, asker, asker.via(sent_by=ip + ":5098"), listener)


def test_rfc3581_4_with_rport_the_answer_goes_to_the_source_port(board, peers):
    asker = peers.udp(board.stranger.address[0], 5096)
    got = answered_via(board, asker, asker.via(
        sent_by="pc33.atlanta.com", params=";rport;x=y"))
    assert "rport=5096" in got and "x=y" in got
    assert "received=" + asker.address[0] in got


def test_18_2_2_maddr_in_the_via_of_a_stranger_is_not_obeyed(board, peers):
    victim = peers.udp()
    via = board.stranger.via(params=";maddr=" + victim.address[0])
    answered_via(board, board.stranger, via)
    victim.expect_nothing(seconds=0.05)


def test_18_2_2_an_answer_goes_back_over_the_connection(board, peers):
    caller = peers.tcp(board.address)
    call = board.call("one", caller=caller, method="MESSAGE",
                      via=caller.via(sent_by="192.0.2.1:9"))
    call.leg(0).answer(200)
    call.finish(200)


def test_18_2_2_when_the_connection_is_gone_the_answer_takes_a_new_one(
        board, peers, addresses):
    ip = addresses.take()
    listener = peers.listener(ip)
    caller = peers.tcp(board.address, ip)
    call = board.call("one", caller=caller, via=caller.via(sent_by=ip))
    leg = call.leg(0)
    leg.answer(180)
    call.expect(180)
    caller.close()
    board.caller.receive(0.1, lambda m: False)
    leg.answer(200)
    assert peers.keep(listener.accept()).expect_response(call.request, 200)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_18_2_2_who_has_ended_his_side_gets_his_answers_all_the_same(
        board, peers, method):
    for _ in range(6):  # with two workers, some are for either
        caller = peers.tcp(board.address)
        call = board.call("one", method, caller=caller)
        caller.sock.shutdown(socket.SHUT_WR)
        leg = call.leg(0)
        if method == "INVITE":
            leg.answer(180)
            call.expect(180)
        leg.answer(200)
        call.expect(200)
        caller.expect_close()


def test_18_2_2_what_came_before_the_end_is_answered(board, peers):
    for _ in range(6):
        caller = peers.tcp(board.address)
        requests = [caller.request("OPTIONS", uri) for uri in
                    ("sip:" + board.ip, "sip:nobody@biloxi.com") * 4]
        caller.sock.sendall(b"".join(bytes(r) for r in requests))
        caller.sock.shutdown(socket.SHUT_WR)
        for i, request in enumerate(requests):
            caller.expect_response(request, 404 if i % 2 else 200)
        caller.expect_close()


def test_waiting_for_the_answers_of_an_ended_side_takes_no_time(board, peers):
    caller = peers.tcp(board.address)
    call = board.call("one", "MESSAGE", caller=caller)
    caller.sock.shutdown(socket.SHUT_WR)
    leg = call.leg(0)
    before = board.daemon.cpu_s()
    time.sleep(1)
    assert board.daemon.cpu_s() - before < settings.patience(0.2)
    leg.answer(200)
    call.expect(200)


def test_18_3_content_length_is_added_on_the_way_to_a_stream(board, peers, tom_ip):
    listener = peers.listener(tom_ip)
    request = board.caller.request("MESSAGE", "sip:tom@biloxi.com", body=SDP)
    request.start = "MESSAGE sip:tcp@biloxi.com SIP/2.0"
    board.caller.send(request.replace("Content-Length", None), board.address)
    tom = peers.keep(listener.accept())
    got = tom.expect_request("MESSAGE")
    assert got.get("Content-Length") == str(len(SDP)) and got.body == SDP
    tom.reply(got, 200)
    board.caller.expect_response(request, 200)


def test_18_3_content_length_is_added_to_an_answer_on_its_way_to_a_stream(
        board, peers):
    caller = peers.tcp(board.address)
    call = board.call("one", caller=caller)
    leg = call.leg(0)
    for status in (183, 200):
        answer = leg.answer(100, body=SDP)
        answer.start = "SIP/2.0 %d Bare" % status
        answer = answer.replace("To", leg.got.get("To") + ";tag=" + leg.tag)
        leg.peer.send(answer.replace("Content-Length", None), board.address)
        got = call.expect(status)
        assert got.get("Content-Length") == str(len(SDP)) and got.body == SDP


# ---- sending (18.1.1) ----


def test_18_1_1_over_1300_bytes_goes_by_tcp(board, peers):
    listener = peers.listener(*board.callees[0].address)
    call = board.call("one", method="MESSAGE", body=b"x" * 1300)
    callee = peers.keep(listener.accept())
    got = callee.expect_request("MESSAGE")
    assert got.values("Via")[0].startswith("SIP/2.0/TCP ")
    callee.reply(got, 200)
    call.finish(200)


def test_18_1_1_a_request_of_1300_bytes_stays_on_udp(board):
    call = board.call("one", method="MESSAGE", body=b"x" * 700)
    call.leg(0).answer(200)
    call.finish(200)


@pytest.mark.parametrize("size", [1300, 20000, 60000])
def test_18_1_1_when_tcp_is_refused_it_returns_to_udp_up_to_64_kib(board, size):
    body = bytes(range(256)) * (size // 256)
    call = board.call("one", method="MESSAGE", body=body)
    leg = call.leg(0)
    assert leg.got.values("Via")[0].startswith("SIP/2.0/UDP ")
    assert leg.got.body == body
    leg.answer(200, body=body)
    assert call.finish(200).body == body


# ---- errors (18.4, 16.9, RFC 3263 4.3) ----


def test_18_4_a_refused_connection_ends_the_branch_at_once(board):
    began = time.monotonic()
    alone, row = board.call("tcp"), board.call("row")
    row.leg(0).answer(200)
    row.expect(200)
    alone.finish(500)
    assert time.monotonic() - began < settings.patience(1)


def test_18_4_a_lost_connection_ends_the_branch_at_once(board, peers, tom_ip):
    with TcpListener(tom_ip) as listener:
        call, message = board.call("row"), board.call("tcp", method="MESSAGE")
        tom = peers.keep(listener.accept())
        got = tom.expect_request("INVITE")
        tom.expect_request("MESSAGE")
        tom.reply(got, 100)
        tom.close()
    call.leg(0).answer(200)
    call.expect(200)
    message.finish(500)


def test_rfc3263_4_3_the_next_target_is_tried_after_an_error_or_503(
        start_nsd, start_daemon, addresses, peers):
    """One SRV name with four targets: ICMP, a refused connection, 503, good."""
    ips = [addresses.take() for _ in range(3)]
    records = ["_sip._udp IN SRV %d 1 5060 h%d" % (10 * n, n) for n in (1, 2, 3)]
    records += ["h%d IN A %s" % (n, ip) for n, ip in enumerate(ips, 1)]
    records += ['@ IN NAPTR 10 50 "s" "SIP+D2T" "" _sip._tcp',
                '@ IN NAPTR 20 50 "s" "SIP+D2U" "" _sip._udp',
                "_sip._tcp IN SRV 10 1 5060 h1"]
    nsd = start_nsd({"far.example": records})
    ip = addresses.take()
    start_daemon(config(ip, "biloxi.com", trust=[addresses.trusted_net],
                        resolver={"servers": [nsd.hostport]}))
    busy, good = peers.udp(ips[1]), peers.udp(ips[2])
    caller = peers.udp(addresses.take_trusted())
    invite = caller.request("INVITE", "sip:x@far.example")
    caller.send(invite, (ip, 5060))
    first = busy.expect_request("INVITE", invite.call_id)
    busy.reply(first, 503, extra=[("Retry-After", "5")])
    second = good.expect_request("INVITE", invite.call_id)
    assert first.branch != second.branch
    assert first.get("Max-Forwards") == second.get("Max-Forwards")
    good.reply(second, 200)
    assert caller.expect_response(invite, 200)


def test_21_5_4_who_says_retry_after_is_passed_over_for_so_long(
        start_nsd, start_daemon, addresses, peers):
    ips = [addresses.take() for _ in range(2)]
    nsd = start_nsd({"far.example": [
        "_sip._udp IN SRV %d 1 5060 h%d" % (10 * n, n) for n in (1, 2)]
        + ["h%d IN A %s" % (n, ip) for n, ip in enumerate(ips, 1)]})
    ip = addresses.take()
    start_daemon(config(ip, "biloxi.com", trust=[addresses.trusted_net],
                        server={"workers": 1},
                        resolver={"servers": [nsd.hostport]}))
    busy, good = map(peers.udp, ips)
    caller = peers.udp(addresses.take_trusted())

    def ask():
        request = caller.request("OPTIONS", "sip:x@far.example")
        caller.send(request, (ip, 5060))
        return request

    request = ask()
    busy.reply(busy.expect_request("OPTIONS", request.call_id), 503,
               extra=[("Retry-After", "3 (closed);duration=9")])
    good.reply(good.expect_request("OPTIONS", request.call_id), 200)
    caller.expect_response(request, 200)
    first = ask()
    good.reply(good.expect_request("OPTIONS", first.call_id), 200)
    caller.expect_response(first, 200)
    def is_asked_again():
        again = ask()
        return busy.receive(0.2, lambda m: m.call_id == again.call_id)

    wait.until(is_asked_again, settings.patience(8), "a request for who was busy")


# ---- two families (RFC 5658) ----


@pytest.fixture(scope="module")
def dual(module_dir, addresses):
    """Listeners in both families; a callee and a trusted caller in each."""
    from lib.daemon import Daemon
    from lib.endpoint import UdpPeer
    ip = addresses.take()
    v4, v6 = UdpPeer(addresses.take_trusted()), UdpPeer("::1", V6_PORT + 10)
    callee4, callee6 = UdpPeer(addresses.take()), UdpPeer("::1", V6_PORT + 11)
    daemon = Daemon(module_dir, config(
        ip, "biloxi.com", trust=[addresses.trusted_net],
        listen=["udp://%s:5060" % ip, "udp://[::1]:%d" % V6_PORT],
        routes=[route("four", "sip:x@" + callee4.hostport),
                route("six", "sip:x@" + callee6.hostport)]), "dual")
    daemon.address = {4: (ip, 5060), 6: ("::1", V6_PORT)}
    daemon.callers, daemon.callees = {4: v4, 6: v6}, {4: callee4, 6: callee6}
    try:
        yield daemon.start()
        daemon.stop()
    finally:
        daemon.kill()
        for peer in (v4, v6, callee4, callee6):
            peer.close()


@pytest.mark.parametrize("near", [4, 6])
@pytest.mark.parametrize("far", [4, 6])
def test_rfc5658_a_dialog_crosses_families(dual, near, far):
    caller, callee = dual.callers[near], dual.callees[far]
    invite = caller.request(
        "INVITE", "sip:%s@biloxi.com" % {4: "four", 6: "six"}[far])
    caller.send(invite, dual.address[near])
    got = callee.expect_request("INVITE", invite.call_id)
    recorded = got.values("Record-Route")
    assert len(recorded) == (1 if near == far else 2)
    assert ("[::1]:%d" % V6_PORT in recorded[0]) == (far == 6)
    assert ("[::1]:%d" % V6_PORT in recorded[-1]) == (near == 6)
    callee.reply(got, 200, to=dual.address[far])
    ok = caller.expect_response(invite, 200)
    for n, method in enumerate(("ACK", "INFO"), 1):
        request = caller.in_dialog(method, invite, ok, cseq=n)
        caller.send(request, dual.address[near])
        at = callee.expect_request(method, invite.call_id)
        assert not at.lines("Route")
    callee.reply(at, 200, to=dual.address[far])
    caller.expect_response(request, 200)
    bye = callee.in_dialog_of_callee("BYE", got, ok)
    callee.send(bye, dual.address[far])
    at = caller.expect_request("BYE", invite.call_id)
    assert not at.lines("Route")
    caller.reply(at, 200, to=dual.address[near])
    callee.expect_response(bye, 200)


def test_rfc5118_4_5_received_is_an_ipv6_address_without_brackets(dual):
    caller, callee = dual.callers[6], dual.callees[6]
    via = caller.via(sent_by="pc33.atlanta.com:%d" % caller.address[1])
    request = caller.request("MESSAGE", "sip:six@biloxi.com", via=via)
    caller.send(request, dual.address[6])
    got = callee.expect_request("MESSAGE", request.call_id)
    callee.reply(got, 200, to=dual.address[6])
    assert caller.expect_response(request, 200).get("Via") == via + ";received=::1"


# ---- what we call ourselves ----


def test_a_wildcard_listener_answers_from_the_address_asked(
        start_daemon, addresses, peers):
    callee = peers.udp()
    start_daemon(config("0.0.0.0", "biloxi.com", routes=[
        route("bob", "sip:bob@" + callee.hostport)],
        listen=["udp://0.0.0.0:%d" % ANY_PORT, "tcp://0.0.0.0:%d" % ANY_PORT]))
    caller = peers.udp()
    for asked in (addresses.take(), addresses.take()):
        request = caller.request("INVITE", "sip:bob@biloxi.com")
        caller.send(request, (asked, ANY_PORT))
        got = callee.expect_request("INVITE", request.call_id)
        own = got.values("Via")[0].split()[1].split(";")[0]
        assert own == "%s:%d" % callee.source == "%s:%d" % (asked, ANY_PORT)
        callee.reply(got, 200)
        ok = caller.expect_response(request, 200)
        assert caller.source == (asked, ANY_PORT)
        bye = caller.in_dialog("BYE", request, ok)
        caller.send(bye, (asked, ANY_PORT))
        callee.reply(callee.expect_request("BYE", request.call_id), 200)
        caller.expect_response(bye, 200)
        assert caller.source == (asked, ANY_PORT)


@pytest.mark.parametrize("how", ["advertise", "name"])
def test_18_1_1_sent_by_and_record_route_are_what_we_are_called(
        how, start_daemon, addresses, peers):
    ip, callee, caller = addresses.take(), peers.udp(), peers.udp()
    called = "edge.biloxi.example:5060"
    conf = config(ip, "biloxi.com", routes=[route("bob", "sip:bob@" + callee.hostport)])
    if how == "advertise":
        conf["listen"] = [{"url": "udp://%s:5060" % ip, "advertise": called}]
    else:
        conf["server"]["name"] = called
    start_daemon(conf)
    host = called.split(":")[0]
    invite = caller.request("INVITE", "sip:bob@biloxi.com")
    caller.send(invite, (ip, 5060))
    got = callee.expect_request("INVITE", invite.call_id)
    assert got.values("Via")[0].split()[1].split(";")[0].split(":")[0] == host
    assert uri_of(got.get("Record-Route")).startswith("sip:" + host)
    callee.reply(got, 200)
    ok = caller.expect_response(invite, 200)
    bye = caller.in_dialog("BYE", invite, ok)
    caller.send(bye, (ip, 5060))
    at = callee.expect_request("BYE", invite.call_id)
    assert not at.lines("Route")
    callee.reply(at, 200)
    caller.expect_response(bye, 200)
    options = caller.request("OPTIONS", "sip:" + host)
    caller.send(options, (ip, 5060))
    caller.expect_response(options, 200)
