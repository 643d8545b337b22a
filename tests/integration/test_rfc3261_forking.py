"""RFC 3261 16.6 to 16.10 and 9: forking, the choice of a response, CANCEL, and
RFC 5393 and RFC 3326 where they meet it. Scripted peers, byte by byte."""

import pytest

from lib.message import SDP, build_ack, build_cancel, build_response
from lib.switchboard import Switchboard

PLANS = {
    "one": [0],
    "two": [0, 1],
    "three": [0, 1, 2],
    "row": ("sequential", [0, 1, 2]),
    "row-of-pairs": ("sequential", [[0, 1], [2, 3]]),
    "pair-of-rows": [[0, 1], [2, 3]],
    "deep": ("sequential", [[0, [1, 2]], 3]),
    "twice": [0, 0],
    "twice-in-a-row": ("sequential", [0, 0]),
    "follow": ("parallel", [0], {"recurse": True}),
    "follow-two": ("parallel", [0, 1], {"recurse": True}),
}
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


@pytest.fixture(scope="module")
def board(module_dir, addresses):
    with Switchboard(module_dir, addresses, PLANS) as made:
        yield made


# ---- the copies (16.6) ----


def test_16_6_step_8_each_branch_has_a_branch_parameter_of_its_own(board):
    call = board.call("three")
    legs = [call.leg(i) for i in range(3)]
    assert len({leg.got.branch for leg in legs}) == 3
    assert all(leg.got.branch.startswith("z9hG4bK") for leg in legs)
    legs[0].answer(200)
    call.expect(200)
    for leg in legs[1:]:
        leg.answer(486)


def test_16_6_step_2_each_copy_carries_the_uri_of_its_target(board):
    call = board.call("two")
    for i in range(2):
        leg = call.leg(i)
        assert leg.got.uri == board.uri(i)
        leg.answer(404)
    call.finish(404)


# ---- order: parallel, sequential, nested (16.6) ----


def test_16_6_targets_in_parallel_ring_at_once(board):
    call = board.call("three")
    legs = [call.leg(i) for i in range(3)]
    for leg in legs:
        leg.answer(480)
    call.finish(480)


def test_16_6_targets_in_sequence_ring_one_after_the_other(board):
    call = board.call("row")
    for i in range(3):
        leg = call.leg(i)
        call.not_called(*range(i + 1, 3), seconds=0.05)
        leg.answer(486)
    call.finish(486)


def test_16_7_a_sequence_ends_with_the_first_2xx(board):
    call = board.call("row")
    call.leg(0).answer(486)
    call.leg(1).answer(200)
    call.expect(200)
    call.not_called(2)


def test_16_7_a_sequence_ends_with_a_6xx(board):
    call = board.call("row")
    call.leg(0).answer(603)
    call.finish(603)
    call.not_called(1, 2)


def test_16_6_a_row_of_pairs_rings_pair_after_pair(board):
    call = board.call("row-of-pairs")
    pair = [call.leg(0), call.leg(1)]
    pair[0].answer(486)
    call.not_called(2, 3, seconds=0.1)
    pair[1].answer(480)
    pair = [call.leg(2), call.leg(3)]
    pair[0].answer(200)
    pair[1].answer(486)
    call.expect(200)


def test_16_6_a_pair_of_rows_goes_on_in_each_row_by_itself(board):
    call = board.call("pair-of-rows")
    first, third = call.leg(0), call.leg(2)
    call.not_called(1, 3, seconds=0.05)
    first.answer(486)
    second = call.leg(1)
    call.not_called(3, seconds=0.05)
    third.answer(486)
    fourth = call.leg(3)
    second.answer(486)
    fourth.answer(486)
    call.finish(486)


def test_16_6_three_levels_and_a_6xx_in_the_deepest_ends_all(board):
    call = board.call("deep")
    first, second = call.leg(0), call.leg(1)
    first.answer(180)
    call.not_called(2, 3, seconds=0.05)
    second.answer(486)
    call.leg(2).answer(600)
    first.cancelled()
    call.finish(600)
    call.not_called(3, seconds=0.1)


# ---- redirections (16.5, 16.7 step 4) ----


def redirect(leg, status, *contacts):
    """A 3xx with these contacts: numbers of callees, maybe with parameters,
    or URIs."""
    def value(contact):
        target, params = contact if isinstance(contact, tuple) else (contact, "")
        uri = leg.call.board.uri(target) if isinstance(target, int) else target
        return "<%s>%s" % (uri, params)
    answer = build_response(leg.got, status, ", ".join(map(value, contacts)),
                            leg.tag)
    leg.peer.send(answer, leg.call.board.address)
    leg.expect_ack()


def test_16_5_no_target_is_tried_twice_however_often_it_is_named(board):
    call = board.call("follow")
    redirect(call.leg(0), 302, 1, 0, 1, (1, ";q=0.1"))
    redirect(call.leg(1), 301, 0, 1, (2, ";q=0.2"), 2)
    last = call.leg(2)
    last.answer(404)
    last.expect_ack()
    call.finish(404)
    call.not_called(0, 1, 2, seconds=0.1)


def test_16_5_two_branches_that_name_the_same_target_reach_it_once(board):
    call = board.call("follow-two")
    for leg in [call.leg(0), call.leg(1)]:
        redirect(leg, 302, 2)
    shared = call.leg(2)
    shared.answer(404)
    shared.expect_ack()
    call.finish()
    call.not_called(2, seconds=0.1)


def test_16_5_a_target_that_a_route_names_twice_is_tried_once(board):
    for plan in ("twice", "twice-in-a-row"):
        call = board.call(plan)
        leg = call.leg(0)
        leg.answer(404)
        leg.expect_ack()
        call.finish(404)
        call.not_called(0, seconds=0.1)


# ---- responses that go on at once (16.7 step 5) ----


def test_16_7_step_5_each_provisional_of_each_branch_but_100_goes_on(board):
    call = board.call("two")
    legs = [call.leg(0), call.leg(1)]
    call.expect(100)
    legs[0].answer(100)
    assert call.caller.receive(
        0.1, lambda m: m.call_id == call.request.call_id) is None
    for leg, status in zip(legs, (180, 183)):
        leg.answer(status, extra=[("X-Leg", leg.tag)], body=SDP)
        got = call.expect(status)
        assert got.get("X-Leg") == leg.tag and got.body == SDP
        assert "tag=" + leg.tag in got.get("To")
    for leg in legs:
        leg.answer(486)
    call.finish(486)


def test_16_7_step_5_a_2xx_goes_on_at_once_and_the_others_are_cancelled(board):
    call = board.call("three")
    legs = [call.leg(i) for i in range(3)]
    for leg in legs:
        leg.answer(180)
        call.expect(180)
    legs[1].answer(200)
    call.expect(200)
    for loser in (legs[0], legs[2]):
        assert loser.cancelled().get("Reason") == ELSEWHERE
    legs[1].not_cancelled(0.1)


def test_16_7_step_5_a_second_2xx_of_another_branch_goes_on_too(board):
    call = board.call("two")
    legs = [call.leg(0), call.leg(1)]
    for leg in legs:
        leg.answer(180)
    for leg in legs:
        leg.answer(200)
    tags = {call.expect(200).get("To").split("tag=")[1] for _ in legs}
    assert tags == {leg.tag for leg in legs}


def test_16_7_step_5_a_2xx_after_a_6xx_of_another_branch_still_goes_on(board):
    call = board.call("two")
    refuser, taker = call.leg(0), call.leg(1)
    taker.answer(180)
    refuser.answer(603)
    taker.expect_cancel()
    taker.answer(200)
    call.expect(200)


def test_16_7_step_5_no_provisional_goes_on_after_the_final_response(board):
    call = board.call("two")
    winner, loser = call.leg(0), call.leg(1)
    winner.answer(200)
    call.expect(200)
    loser.answer(180)
    loser.expect_cancel()
    call.nothing(0.1)
    loser.answer(487)


def test_16_7_step_5_of_a_forked_non_invite_only_one_2xx_goes_on(board):
    call = board.call("two", method="MESSAGE")
    for i in range(2):
        call.leg(i).answer(200)
    call.expect(200)
    call.nothing()


def test_9_1_a_non_invite_is_never_cancelled(board):
    call = board.call("two", method="MESSAGE")
    call.leg(0).answer(200)
    call.leg(1).not_cancelled()


# ---- the choice (16.7 step 6) ----

CHOICES = [
    ("6xx before all others", (404, 603, 302), 603),
    ("6xx before a challenge", (401, 604, 486), 604),
    ("3xx before 4xx", (404, 302, 500), 302),
    ("4xx before 5xx", (500, 486, 502), 486),
    ("401 before other 4xx", (404, 401, 486), 401),
    ("407 before other 4xx", (404, 407, 415), 407),
    ("415 before other 4xx", (404, 415, 486), 415),
    ("420 before other 4xx", (404, 420, 486), 420),
    ("484 before other 4xx", (404, 484, 486), 484),
    ("5xx when there is nothing better", (500, 502, 503), (500, 502)),
    ("503 becomes 500", (503, 503, 503), 500),
    ("5xx before 503", (503, 501, 503), 501),
    ("one that was received", (480, 486, 404), (404, 480, 486)),
]


@pytest.mark.parametrize("fork", ["three", "row"])
@pytest.mark.parametrize("why, statuses, wanted", CHOICES,
                         ids=[c[0].replace(" ", "-") for c in CHOICES])
def test_16_7_step_6_the_best_response_is(board, why, statuses, wanted, fork):
    call = board.call(fork)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for i, status in enumerate(statuses):
        call.leg(i).answer(status)
        if fork == "row" and status >= 600:
            break
    final = call.finish()
    assert final.status in wanted
    call.nothing(0.05)


@pytest.mark.parametrize("fork", ["two", "row"])
@pytest.mark.parametrize("status, wanted", [(404, 404), (503, 500)])
def test_rfc4320_4_2_a_408_to_a_non_invite_hides_no_other_answer(
        board, fork, status, wanted):
    call = board.call(fork, method="OPTIONS")
    call.leg(0).answer(408)
    call.leg(1).answer(status)
    if fork == "row":
        call.leg(2).answer(408)
    call.finish(wanted)


def test_16_7_step_6_no_final_goes_on_before_every_branch_has_ended(board):
    call = board.call("two")
    first, second = call.leg(0), call.leg(1)
    call.expect(100)
    first.answer(404)
    call.nothing()
    second.answer(486)
    assert call.finish().status in (404, 486)


def test_16_7_step_6_the_best_is_kept_over_all_attempts_of_a_sequence(board):
    call = board.call("row")
    call.leg(0).answer(302, extra=[("X-Which", "first")])
    call.leg(1).answer(404)
    call.leg(2).answer(500)
    assert call.finish(302).get("X-Which") == "first"


def test_16_7_step_6_the_chosen_response_is_the_one_that_was_received(board):
    call = board.call("two")
    call.leg(0).answer(404)
    leg = call.leg(1)
    leg.answer(302, extra=[("X-Odd", "a  b"), ("Contact", "<sip:x@y.example>")])
    final = call.finish(302)
    assert final.get("X-Odd") == "a  b" and "tag=" + leg.tag in final.get("To")
    assert "<sip:x@y.example>" in final.values("Contact")
    assert len(final.values("Via")) == 1


@pytest.mark.parametrize("name", ["Content-Type", "Retry-After", "Timestamp",
                                  "Expires", "Max-Forwards"])
def test_16_7_step_9_what_stands_twice_in_a_response_is_passed_on(board, name):
    call = board.call("one")
    call.leg(0).answer(486, extra=[(name, "1"), (name, "2")])
    assert call.finish(486).lines(name) == ["1", "2"]


# ---- challenges (16.7 step 7) ----


def challenge(scheme, realm):
    return (scheme + "-Authenticate",
            'Digest realm="%s", nonce="%s,1", qop="auth,auth-int"' % (realm, realm))


def test_16_7_step_7_all_challenges_go_into_the_chosen_401_or_407(board):
    call = board.call("three")
    sent = [challenge("WWW", "a"), challenge("Proxy", "b"),
            challenge("WWW", "c1"), challenge("WWW", "c2")]
    call.leg(0).answer(401, extra=sent[:1])
    call.leg(1).answer(407, extra=sent[1:2])
    call.leg(2).answer(401, extra=sent[2:])
    final = call.finish()
    assert final.status in (401, 407)
    got = [h for h in final.headers if h[0].endswith("-Authenticate")]
    assert sorted(got) == sorted(sent)


def test_16_7_step_7_challenges_of_a_sequence_are_gathered_too(board):
    call = board.call("row")
    call.leg(0).answer(401, extra=[challenge("WWW", "a")])
    call.leg(1).answer(407, extra=[challenge("Proxy", "b")])
    call.leg(2).answer(407, extra=[challenge("Proxy", "c")])
    final = call.finish()
    assert final.lines("WWW-Authenticate") == [challenge("WWW", "a")[1]]
    assert final.lines("Proxy-Authenticate") == [
        challenge("Proxy", realm)[1] for realm in "bc"]


def test_16_7_step_7_a_response_that_is_no_challenge_gets_none(board):
    call = board.call("two")
    call.leg(0).answer(401, extra=[challenge("WWW", "a")])
    call.leg(1).answer(302)
    assert call.finish(302).lines("WWW-Authenticate") == []


# ---- CANCEL (9.1, 9.2, 16.10) ----


def test_16_10_cancel_ends_every_branch_and_the_caller_gets_487(board):
    call = board.call("two")
    legs = [call.leg(0), call.leg(1)]
    for leg in legs:
        leg.answer(180)
        call.expect(180)
    call.cancel()
    for leg in legs:
        cancel = leg.cancelled()
        assert cancel.get("Via") == leg.got.get("Via")
        assert len(cancel.values("Via")) == 1
        assert cancel.uri == leg.got.uri
        for name in ("From", "To", "Call-ID"):
            assert cancel.get(name) == leg.got.get(name)
    call.finish(487)
    call.nothing(0.05)


def test_9_2_the_200_to_a_cancel_has_the_to_tag_of_our_answer_to_the_invite(board):
    call = board.call("nobody")
    final = call.expect(404)
    assert "tag=" in final.get("To")
    assert call.cancel().get("To") == final.get("To")
    call.send(build_ack(call.request, final))


def test_9_1_cancel_is_held_back_until_a_provisional_comes(board):
    call = board.call("one")
    leg = call.leg(0)
    call.cancel()
    leg.not_cancelled()
    leg.answer(100)
    leg.cancelled()
    call.finish(487)


def test_9_1_no_cancel_follows_when_the_final_response_comes_first(board):
    call = board.call("one")
    leg = call.leg(0)
    call.cancel()
    leg.answer(486)
    leg.expect_ack()
    call.finish(486)
    leg.not_cancelled(0.1)


def test_16_10_a_2xx_that_crosses_the_cancel_goes_on(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(180)
    call.cancel()
    leg.expect_cancel()
    leg.answer(200)
    call.expect(200)


def test_16_10_a_cancelled_sequence_does_not_go_on(board):
    call = board.call("row")
    leg = call.leg(0)
    leg.answer(180)
    call.cancel()
    leg.cancelled()
    call.finish(487)
    call.not_called(1, 2, seconds=0.1)


def test_9_2_cancel_after_the_final_response_has_no_effect(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(200)
    call.expect(200)
    call.cancel()
    leg.not_cancelled(0.1)


def test_9_2_cancel_of_a_non_invite_has_no_effect_and_is_answered(board):
    call = board.call("one", method="MESSAGE")
    leg = call.leg(0)
    call.cancel()
    leg.not_cancelled(0.1)
    leg.answer(200)
    call.expect(200)


def test_9_2_cancel_with_another_branch_gets_481(board):
    call = board.call("one")
    leg = call.leg(0)
    leg.answer(180)
    other = build_cancel(call.request)
    other = other.replace("Via", other.get("Via") + "x")
    call.send(other)
    call.caller.expect_response(other, 481)
    leg.not_cancelled(0.1)
    leg.answer(200)


def test_9_1_the_cancel_carries_the_route_of_the_invite(board):
    far = "<sip:%s;lr>" % board.callees[3].hostport
    call = board.call("one", extra=[("Route", far)])
    leg = call.leg(3)
    assert leg.got.lines("Route") == [far]
    leg.answer(180)
    call.cancel()
    assert leg.cancelled().lines("Route") == [far]
    call.finish(487)


def test_rfc3326_the_reason_of_the_caller_goes_with_the_cancel(board):
    call = board.call("two")
    legs = [call.leg(0), call.leg(1)]
    for leg in legs:
        leg.answer(180)
    reasons = ['SIP ;cause=600 ;text="Busy Everywhere"', "Q.850;cause=17"]
    call.cancel(*[("Reason", reason) for reason in reasons])
    for leg in legs:
        assert leg.cancelled().lines("Reason") == reasons
    call.finish(487)


# ---- Max-Breadth (RFC 5393 5.3.3) ----


def breadth_of(call, i):
    leg = call.leg(i)
    leg.answer(404)
    return [int(v) for v in leg.got.values("Max-Breadth")]


def test_rfc5393_5_3_3_max_breadth_is_inserted_and_split(board):
    call = board.call("three")
    got = [breadth_of(call, i) for i in range(3)]
    assert all(len(v) == 1 and v[0] >= 1 for v in got)
    assert sum(v[0] for v in got) <= 60
    call.finish(404)


def test_rfc5393_5_3_3_a_received_max_breadth_is_never_exceeded(board):
    call = board.call("three", extra=[("Max-Breadth", "4")])
    assert sum(breadth_of(call, i)[0] for i in range(3)) <= 4
    call.finish(404)


def test_rfc5393_5_3_3_branches_in_sequence_have_the_whole_breadth(board):
    call = board.call("row", extra=[("Max-Breadth", "7")])
    assert [breadth_of(call, i)[0] for i in range(3)] == [7, 7, 7]
    call.finish(404)


def test_rfc5393_5_3_3_too_small_a_breadth_is_440(board):
    call = board.call("three", extra=[("Max-Breadth", "2")])
    call.finish(440)
    call.not_called(0, 1, 2, seconds=0.05)


# ---- what cannot be reached (16.9) ----


def test_16_9_a_target_that_refuses_counts_as_503_and_the_others_go_on(
        module_dir, addresses):
    nobody = "sip:x@%s:5099" % addresses.take()
    with Switchboard(module_dir, addresses, {
            "gone": [nobody, 0], "gone-first": ("sequential", [nobody, 0]),
            "all-gone": [nobody]}, "refused") as board:
        parallel, row, alone = map(board.call, ("gone", "gone-first", "all-gone"))
        parallel.leg(0).answer(486)
        parallel.finish(486)
        row.leg(0).answer(200)
        row.expect(200)
        alone.finish(500)
