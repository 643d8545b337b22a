"""RFC 3261 17, RFC 6026, RFC 4320 and 16.8: retransmissions, absorbed repeats,
timers. T1 is 50 ms here, T2 200 ms, so 64*T1 is 3.2 s."""

import time

import pytest

from lib import settings
from lib.message import Message, build_ack, build_cancel, unique
from lib.switchboard import Switchboard

T1 = 0.05
T2 = 0.2
GIVE_UP = 64 * T1
SLACK = 0.04 if not settings.SLOW else 0.4

TIMERS = {"t1": "50ms", "t2": "200ms", "t4": "200ms"}
PLANS = {"one": [0], "two": [0, 1], "row": ("sequential", [0, 1])}


@pytest.fixture(scope="module")
def tom_ip(addresses):
    return addresses.take()


@pytest.fixture(scope="module")
def board(module_dir, addresses, tom_ip):
    plans = dict(PLANS, tcp=["sip:tom@%s;transport=tcp" % tom_ip])
    with Switchboard(module_dir, addresses, plans, timers=TIMERS) as made:
        yield made


def arrivals(peer, seconds, match):
    """When, after the first one, such messages come within that time."""
    end, times = time.monotonic() + seconds, []
    while True:
        got = peer.receive(max(0, end - time.monotonic()), match)
        if got is None:
            return [t - times[0] for t in times]
        times.append(time.monotonic())


def assert_near(times, wanted):
    """None comes before its time; a busy machine may make it late."""
    assert len(times) >= len(wanted), times
    for got, want in zip(times, wanted):
        assert want - 0.02 <= got <= want + 0.1 + SLACK + want * 0.2, times


# ---- the INVITE client (17.1.1) ----


def test_17_1_1_2_timer_a_doubles_and_has_no_cap(board):
    call = board.call("one")
    times = arrivals(board.callees[0], 1.7, lambda m: m.method == "INVITE"
                     and m.call_id == call.request.call_id)
    assert_near(times, [0, 0.05, 0.15, 0.35, 0.75, 1.55])
    assert len(times) == 6


def test_17_1_1_2_a_provisional_stops_retransmissions(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(100)
    arrivals(leg.peer, 0.1, lambda m: m.method == "INVITE"
                              and m.call_id == call.request.call_id)
    call.not_called(0, seconds=0.6)
    leg.answer(486)
    call.finish(486)


def test_17_1_1_2_each_repeated_final_is_acknowledged_and_goes_no_further(board):
    call = board.call("one")
    leg = call.leg(0)
    sent = leg.answer(486)
    call.finish(486)
    acks = [leg.expect_ack()]
    for _ in range(3):
        leg.peer.send(sent, board.address)
        acks.append(leg.expect_ack())
    assert {bytes(a) for a in acks} == {bytes(acks[0])}
    call.nothing(0.1)


def test_17_1_1_3_the_ack_to_a_failure_is_made_of_the_invite(board):
    far = "<sip:%s;lr>" % board.callees[1].hostport
    call = board.call("one", extra=[("Route", far)])
    leg = call.leg(1)
    sent = leg.answer(404)
    ack = leg.expect_ack()
    assert ack.uri == leg.got.uri and ack.lines("Route") == [far]
    assert ack.values("Via") == [leg.got.values("Via")[0]]
    assert ack.get("To") == sent.get("To")
    assert ack.get("CSeq") == "1 ACK" and ack.get("From") == leg.got.get("From")
    call.finish(404)


def test_17_1_1_2_a_second_final_of_another_kind_is_absorbed(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(486)
    call.finish(486)
    leg.answer(200)
    leg.answer(404)
    call.nothing(0.15)


def test_17_1_1_2_nothing_is_sent_twice_over_a_reliable_transport(
        board, tom_ip, peers):
    listener = peers.listener(tom_ip)
    invite, message = board.call("tcp"), board.call("tcp", method="MESSAGE")
    tom = peers.keep(listener.accept())
    got = [tom.expect_request("INVITE"), tom.expect_request("MESSAGE")]
    assert tom.receive(0.5) is None
    for request in got:
        tom.reply(request, 480)
    tom.expect_request("ACK")
    invite.finish(480)
    message.finish(480)


# ---- the non-INVITE client (17.1.2) ----


def test_17_1_2_2_timer_e_doubles_up_to_t2(board):
    call = board.call("one", method="MESSAGE")
    times = arrivals(board.callees[0], 0.85, lambda m: m.method == "MESSAGE"
                     and m.call_id == call.request.call_id)
    assert_near(times, [0, 0.05, 0.15, 0.35, 0.55, 0.75])
    assert len(times) <= 6


def test_17_1_2_2_after_a_provisional_it_is_sent_again_each_t2(board):
    call = board.call("one", method="MESSAGE")
    leg = call.leg(0)
    leg.answer(100)
    times = arrivals(board.callees[0], 0.75, lambda m: m.method == "MESSAGE"
                     and m.call_id == call.request.call_id)
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert gaps and all(gap >= T2 - 0.03 for gap in gaps[1:])
    leg.answer(200)
    call.finish(200)


def test_17_1_2_2_a_repeated_final_is_absorbed(board):
    call = board.call("one", method="MESSAGE")
    leg = call.leg(0)
    for _ in range(3):
        leg.answer(200)
    call.finish(200)
    call.nothing(0.1)


# ---- the INVITE server (17.2.1, RFC 6026) ----


def test_17_2_1_100_is_sent_at_once_and_copies_timestamp(board):
    call = board.call("one", extra=[("Timestamp", "54.25")])
    trying = call.expect(100, settings.patience(0.2))
    assert trying.get("Timestamp").split()[0] == "54.25"
    assert trying.get("To") == call.request.get("To")
    leg = call.leg(0)
    leg.answer(486)
    call.finish(486)


def test_17_2_1_a_repeated_invite_gets_the_last_provisional(board):
    call = board.call("one")
    leg = call.leg(0)
    call.send()
    call.expect(100)
    call.expect(100)
    leg.answer(183)
    call.expect(183)
    call.send()
    call.expect(183)
    call.not_called(0, seconds=0.1)
    leg.answer(486)
    call.finish(486)


def test_17_2_1_timer_g_sends_a_failure_again_until_the_ack(board):
    call = board.call("one")
    call.leg(0).answer(486)
    times = arrivals(call.caller, 0.65, lambda m: m.status == 486
                     and m.call_id == call.request.call_id)
    assert_near(times, [0, 0.05, 0.15, 0.35, 0.55])
    call.send()
    final = call.finish(486)
    call.caller.receive(0.05, lambda m: False)
    call.caller.waiting.clear()
    call.nothing(0.5)
    call.send(build_ack(call.request, final))
    call.nothing(0.1)


def test_17_2_1_over_tcp_a_failure_is_sent_once(board, peers):
    caller = peers.tcp(board.address)
    call = board.call("one", caller=caller)
    call.leg(0).answer(486)
    final = call.expect(486)
    call.nothing(0.3)
    call.send(build_ack(call.request, final))


def test_rfc6026_7_1_an_invite_after_the_2xx_is_absorbed(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(200)
    call.expect(200)
    call.send()
    call.nothing(0.1)
    call.not_called(0, seconds=0.05)


def test_rfc6026_7_2_a_repeated_2xx_and_one_of_another_callee_go_on(board):
    call = board.call("one")
    leg = call.leg(0)
    sent = leg.answer(200)
    call.expect(200)
    leg.peer.send(sent, board.address)
    call.expect(200)
    leg.answer(200, tag="of-another-phone")
    assert "of-another-phone" in call.expect(200).get("To")
    leg.answer(486)
    call.nothing(0.1)


def test_13_3_1_4_the_2xx_of_a_callee_without_ack_passes_each_time(board):
    call = board.call("two")
    legs = [call.leg(0), call.leg(1)]
    for leg in legs:
        leg.answer(200)
        call.expect(200)
    for leg in legs * 3:
        leg.answer(200)
        assert leg.tag in call.expect(200).get("To")


def ack_to(call, ok):
    ack = call.caller.in_dialog("ACK", call.request, ok, cseq=1)
    call.send(ack)
    return ack


def test_rfc6026_7_1_the_ack_to_a_2xx_reaches_the_callee_each_time(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(200)
    ack = ack_to(call, call.expect(200))
    first = leg.peer.expect_request("ACK", ack.call_id)
    call.send(ack)
    again = leg.peer.expect_request("ACK", ack.call_id)
    assert first.branch == again.branch != ack.branch
    assert len(first.values("Via")) == 2 and not first.lines("Route")
    call.nothing(0.05)


def test_17_1_1_the_ack_to_a_2xx_with_the_branch_of_the_invite_reaches_the_callee(
        board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(200)
    ok = call.expect(200)
    ack = call.caller.in_dialog("ACK", call.request, ok, cseq=1)
    call.send(ack.replace("Via", call.request.get("Via")))
    leg.peer.expect_request("ACK", ack.call_id)


# ---- the non-INVITE server (17.2.2) ----


def test_17_2_2_a_repeated_request_is_absorbed_and_then_answered_again(board):
    call = board.call("one", method="MESSAGE")
    leg = call.leg(0)
    leg.answer(100)
    call.send()
    call.nothing(0.05)
    leg.answer(404)
    final = call.expect(404)
    call.send()
    assert bytes(call.expect(404)) == bytes(final)


# ---- matching (17.1.3, 17.2.3) ----


def test_17_2_3_the_same_branch_of_another_sent_by_is_another_request(board):
    first = board.call("one", method="MESSAGE")
    leg = first.leg(0)
    other = first.request.replace(
        "Via", first.request.get("Via").replace(":5060", ":5061;rport"))
    first.send(other.replace("Call-ID", unique("call")))
    leg.peer.expect_request("MESSAGE")
    leg.answer(200)
    first.finish(200)


def test_17_2_3_a_client_of_rfc_2543_without_branch_is_understood(board):
    via = "SIP/2.0/UDP %s" % board.caller.hostport
    call = board.call("one", via=via)
    leg = call.leg(0)
    call.send()
    leg.answer(486)
    final = call.expect(486)
    call.send(build_ack(call.request, final))
    leg.expect_ack()
    call.caller.receive(0.05, lambda m: False)
    call.caller.waiting.clear()
    call.nothing(0.3)
    call.not_called(0, seconds=0.05)


def test_17_2_3_a_client_of_rfc_2543_cancels_without_branch(board):
    via = "SIP/2.0/UDP %s" % board.caller.hostport
    call = board.call("one", via=via)
    leg = call.leg(0)
    leg.answer(180)
    call.cancel()
    leg.cancelled()
    call.finish(487)


def test_18_1_2_a_response_whose_sent_by_is_not_ours_is_dropped(board):
    call = board.call("one", method="MESSAGE")
    leg = call.leg(0)
    forged = leg.got.replace("Via", leg.got.get("Via").replace(
        board.ip + ":5060", "192.0.2.1:5060"))
    assert forged.get("Via") != leg.got.get("Via")
    leg.peer.reply(forged, 404, to=board.address)
    call.nothing(0.1)
    leg.answer(200)
    call.finish(200)


# ---- RFC 4320 ----


def test_rfc4320_4_1_a_provisional_to_a_non_invite_goes_no_further(board):
    call = board.call("one", method="MESSAGE")
    leg = call.leg(0)
    leg.answer(180)
    leg.answer(100)
    call.nothing(0.1)
    leg.answer(200)
    call.finish(200)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_rfc4320_4_1_100_to_a_non_invite_comes_when_timer_e_reaches_t2(
        board, peers, transport):
    caller = board.caller if transport == "udp" else peers.tcp(board.address)
    began = time.monotonic()
    call = board.call("one", method="MESSAGE", caller=caller)
    leg = call.leg(0)
    call.expect(100)
    took = time.monotonic() - began
    assert transport == "tcp" or took >= 3 * T1 - 0.02
    leg.answer(200)
    call.finish(200)
    assert caller.receive(0.3, lambda m: m.status == 100
                          and m.call_id == call.request.call_id) is None


def test_rfc4320_4_2_a_408_to_a_non_invite_goes_no_further(board):
    call = board.call("one", method="MESSAGE")
    call.leg(0).answer(408)
    call.nothing(0.2)


# ---- Timer C (16.6 step 11, 16.7 step 2, 16.8) ----


def test_16_8_timer_c_starts_anew_with_each_1xx_but_100_and_ends_in_408(
        module_dir, addresses):
    with Switchboard(module_dir, addresses, PLANS, "timer-c",
                     timers={"c": "1s"}) as board:
        kept, lost = board.call("one"), board.call("two")
        alive, ringing, silent = kept.leg(0), lost.leg(0), lost.leg(1)
        for leg in (alive, ringing):
            leg.answer(180)
        for _ in range(3):
            began = time.monotonic()
            alive.peer.receive(0.5, lambda m: False)
            alive.answer(183)
            ringing.answer(100)
        ringing.cancelled()
        silent.not_cancelled(0.05)
        lost.finish(408)
        alive.not_cancelled(0.05)
        alive.cancelled(1.5 + settings.patience(1))
        kept.finish(408)
        assert time.monotonic() - began > 0.9


# ---- what needs 64*T1: all of it at once ----


class Late:
    """Begun together, looked at when 64*T1 are over."""

    def __init__(self, board):
        self.board = board
        self.unanswered = board.call("one")
        self.unanswered_message = board.call("two", method="MESSAGE")
        self.row = board.call("row")
        self.unacknowledged = board.call("one")
        self._leg(self.unacknowledged).answer(486)
        self.unacknowledged.expect(486)
        self.accepted = board.call("one")
        self.accepted_leg = self._leg(self.accepted)
        self.accepted_leg.answer(200)
        self.accepted.expect(200)
        self.silent = board.call("one")
        self._leg(self.silent)
        self.deaf = board.call("one")
        self.deaf_leg = self._leg(self.deaf)
        self.deaf_leg.answer(180)
        self.began = time.monotonic()
        for call in (self.silent, self.deaf):
            call.cancel()
        self._wait(GIVE_UP + 0.5)

    @staticmethod
    def _leg(call):
        return call.leg(0)

    def _wait(self, seconds):
        """Read all that comes, so that no socket's queue overflows."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for peer in [self.board.caller] + self.board.callees:
                peer.receive(0.02, lambda m: False)


@pytest.fixture(scope="module")
def late(board):
    return Late(board)


def test_17_1_1_2_timer_b_gives_up_and_the_caller_gets_408(late):
    late.unanswered.finish(408, settings.patience(1))


def test_17_1_1_2_timer_b_lets_a_sequence_go_on(late):
    late.row.leg(1, settings.patience(1)).answer(200)
    late.row.expect(200)


def test_rfc4320_4_2_timer_f_ends_a_non_invite_without_a_408(late):
    call = late.unanswered_message
    got = [m for m, _ in call.caller.waiting if m.call_id == call.request.call_id]
    assert {m.status for m in got} <= {100}


def test_17_2_1_timer_h_ends_the_repeats_of_a_failure_without_ack(late):
    call = late.unacknowledged
    call.caller.receive(0.02, lambda m: False)
    repeats = [m for m, _ in call.caller.waiting
               if m.call_id == call.request.call_id and m.status == 486]
    assert repeats
    call.caller.waiting = []
    call.nothing(0.3)


def test_rfc6026_8_7_a_2xx_after_64_t1_is_stray_and_dropped(late):
    late.accepted_leg.answer(200)
    late.accepted.nothing(0.2)


def test_9_1_a_cancelled_call_to_a_silent_callee_ends_within_64_t1(late):
    late.silent.send()
    assert late.silent.finish(None, settings.patience(1)).status in (408, 487)


def test_9_1_a_cancelled_call_ends_though_the_callee_ignores_the_cancel(late):
    late.deaf_leg.expect_cancel()
    late.deaf.send()
    late.deaf.finish(487, settings.patience(1))
