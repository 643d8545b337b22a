"""The target set over time: sets that have their time, and redirections that
add to it (RFC 3261 16.5 and 16.7 step 4)."""

import pytest

from lib.switchboard import Switchboard

SET_TIME = {"timeout": "300ms"}
FOLLOW = {"recurse": True}
PLANS = {
    "timed-row": ("sequential", [0, 1], SET_TIME),
    "timed-row-of-pairs": ("sequential", [[0, 1], 2], SET_TIME),
    "timed": ("parallel", [0, 1], SET_TIME),
    "not-followed": [0],
    "followed": ("parallel", [0], FOLLOW),
    "pair-followed": ("parallel", [0, 1], FOLLOW),
    "few": ("parallel", [0], FOLLOW),
}


@pytest.fixture(scope="module")
def board(module_dir, addresses):
    with Switchboard(module_dir, addresses, PLANS,
                     limits={"max_branches": 4}) as made:
        yield made


def contacts(board, *numbers_and_params):
    return ", ".join("<%s>%s" % (board.uri(i), params)
                     for i, params in numbers_and_params)


# ---- timeout ----


def test_a_target_that_rings_too_long_is_cancelled_and_the_next_one_rings(board):
    call = board.call("timed-row")
    first = call.leg(0)
    first.answer(180)
    second = call.leg(1)
    first.cancelled()
    second.answer(200)
    call.expect(200)


def test_a_target_that_says_nothing_does_not_hold_up_the_next_one(board):
    call = board.call("timed-row")
    call.leg(0)
    call.leg(1).answer(200)
    call.expect(200)


def test_the_next_set_starts_before_the_cancelled_one_has_answered(board):
    call = board.call("timed-row")
    first = call.leg(0)
    first.answer(180)
    second = call.leg(1)
    first.expect_cancel()
    second.answer(486)
    first.answer(487)
    call.finish(408)


def test_an_answer_in_time_leaves_no_timer_behind(board):
    call = board.call("timed-row")
    call.leg(0).answer(486)
    second = call.leg(1)
    second.answer(180)
    second.answer(200)
    call.expect(200)
    second.not_cancelled(0.5)


def test_all_of_a_set_are_cancelled_when_its_time_is_over(board):
    call = board.call("timed-row-of-pairs")
    pair = [call.leg(0), call.leg(1)]
    for leg in pair:
        leg.answer(180)
    third = call.leg(2)
    for leg in pair:
        leg.cancelled()
    third.answer(200)
    call.expect(200)


def test_without_a_next_set_the_caller_gets_408(board):
    call = board.call("timed")
    legs = [call.leg(0), call.leg(1)]
    for leg in legs:
        leg.answer(180)
    for leg in legs:
        leg.cancelled()
    call.finish(408)


def test_a_2xx_that_crosses_the_cancel_still_wins(board):
    call = board.call("timed-row")
    first = call.leg(0)
    first.answer(180)
    second = call.leg(1)
    second.answer(180)
    first.expect_cancel()
    first.answer(200)
    call.expect(200)
    second.cancelled()


# ---- recurse ----


def test_16_5_a_redirection_is_passed_on_unless_told_to_follow(board):
    call = board.call("not-followed")
    call.leg(0).answer(302, contact=contacts(board, (1, "")))
    final = call.finish(302)
    assert board.uri(1) in final.get("Contact")
    call.not_called(1)


def test_16_5_the_contacts_of_a_redirection_are_tried(board):
    call = board.call("followed")
    first = call.leg(0)
    first.answer(302, contact=contacts(board, (1, "")))
    first.expect_ack()
    second = call.leg(1)
    assert second.got.uri == board.uri(1)
    second.answer(200)
    call.expect(200)


def test_16_6_contacts_of_equal_q_ring_together_and_lower_ones_later(board):
    call = board.call("followed")
    call.leg(0).answer(300, contact=contacts(
        board, (1, ";q=0.3"), (2, ";q=0.9"), (3, ";q=0.9")))
    high = [call.leg(2), call.leg(3)]
    call.not_called(1, seconds=0.1)
    for leg in high:
        leg.answer(486)
    call.leg(1).answer(200)
    call.expect(200)


def test_16_5_no_target_is_tried_twice(board):
    call = board.call("followed")
    for leg in (call.leg(i) for i in (0, 1)):
        leg.answer(302, contact=contacts(board, (0, ""), (1, "")))
        leg.expect_ack()
    call.finish(302)
    call.not_called(0, 1)


def test_16_7_step_4_a_followed_redirection_is_no_answer_for_the_caller(board):
    call = board.call("followed")
    call.leg(0).answer(302, contact=contacts(board, (1, "")))
    call.leg(1).answer(486)
    call.finish(486)


def test_a_redirection_of_one_branch_leaves_the_other_alone(board):
    call = board.call("pair-followed")
    other = call.leg(1)
    call.leg(0).answer(302, contact=contacts(board, (2, "")))
    third = call.leg(2)
    other.answer(200)
    call.expect(200)
    third.answer(180)
    third.cancelled()


def test_a_contact_that_is_no_sip_uri_is_passed_over(board):
    call = board.call("followed")
    call.leg(0).answer(302, contact="<mailto:bob@biloxi.com>, " + contacts(board, (1, "")))
    call.leg(1).answer(200)
    call.expect(200)


def test_a_contact_with_a_method_is_passed_over(board):
    call = board.call("followed")
    call.leg(0).answer(302, contact="<%s;method=BYE>, %s" % (
        board.uri(2), contacts(board, (1, ""))))
    call.leg(1).answer(486)
    call.finish(486)
    call.not_called(2, seconds=0.05)


def test_a_redirection_adds_no_more_than_max_branches(board):
    call = board.call("few")
    call.leg(0).answer(302, contact=contacts(board, (1, ""), (2, ""), (3, "")) +
                       ", <sip:one.too.many@127.0.0.1:9>")
    legs = [call.leg(i) for i in (1, 2, 3)]
    for leg in legs:
        leg.answer(404)
    call.finish(404)


def test_a_caller_who_gives_up_is_not_led_on(board):
    call = board.call("followed")
    first = call.leg(0)
    first.answer(180)
    call.cancel()
    first.expect_cancel()
    first.answer(302, contact=contacts(board, (1, "")))
    call.finish(302)
    call.not_called(1)
