"""G9, pure: which opt-outs bind which of our numbers, by the mode and the scope of the number that would text."""

from collections.abc import Mapping

import pytest

from app.policies.opt_out import Mode, RouteOptOut, Scope
from app.policies.policies import Policies, RoutePolicy
from app.policies.usage import Conversation, OptOutChange, OptOutState, Usage

PERSON = "33700000001"
A1, A2, B1, OTHER = "33644600001", "33644600002", "33644600003", "33644600009"  # two of route a, one of b, one of none
NO_MODES: Mapping[str, Mode] = {}
ROUTES = {A1: "a", A2: "a", B1: "b"}


def _policies(scope: Scope = "number", modes: Mapping[str, Mode] = NO_MODES) -> Policies:
    """Routes a and b with one scope; a mode for either."""
    options = {name: RoutePolicy(RouteOptOut(modes.get(name, "auto"), scope)) for name in ("a", "b")}
    return Policies(RoutePolicy(RouteOptOut("auto", scope)), options, ROUTES.get)


def _out(*numbers: str, back: tuple[str, ...] = ()) -> Usage:
    """A person who texted STOP to some numbers, then START to others."""
    changes = [*((number, True) for number in numbers), *((number, False) for number in back)]
    states = {number: OptOutState(opted_out, None, order) for order, (number, opted_out) in enumerate(changes)}
    return Usage(opt_outs={PERSON: states})


def _bound(policies: Policies, usage: Usage) -> set[str]:
    """The numbers that may not text."""
    return {number for number in (A1, A2, B1, OTHER) if policies.opt_out_in_force(usage, number, PERSON)}


@pytest.mark.parametrize(
    ("scope", "stopped", "bound"),
    [
        ("number", (A1,), {A1}),
        ("route", (A1,), {A1, A2}),
        ("route", (B1,), {B1}),
        ("route", (OTHER,), {OTHER}),  # a number without a route stands for itself
        ("all", (A1,), {A1, A2, B1, OTHER}),
        ("all", (OTHER,), {A1, A2, B1, OTHER}),
    ],
)
def test_scope_says_which_numbers_an_opt_out_binds(scope: Scope, stopped: tuple[str, ...], bound: set[str]) -> None:
    """STOP to one number applies to it, to all numbers of its route, or to all."""
    assert _bound(_policies(scope), _out(*stopped)) == bound


@pytest.mark.parametrize(
    ("scope", "back", "bound"),
    [("number", (A2,), {A1}), ("route", (A2,), set()), ("route", (B1,), {A1, A2}), ("all", (B1,), set())],
)
def test_start_ends_it_in_the_same_scope(scope: Scope, back: tuple[str, ...], bound: set[str]) -> None:
    """The newest change within a scope wins, whichever of its numbers got it."""
    assert _bound(_policies(scope), _out(A1, back=back)) == bound


def test_stop_after_a_start_of_the_scope_holds() -> None:
    """By order of arrival, not by the clock or by number."""
    usage = _out(A1, back=(A2,))
    usage.opt_outs[PERSON][A1] = OptOutState(True, "message-3", 9)
    assert _bound(_policies("route"), usage) == {A1, A2}


@pytest.mark.parametrize(
    ("modes", "bound"),
    [
        ({"a": "off"}, {B1, OTHER}),
        ({"b": "off"}, {A1, A2, OTHER}),
        ({"a": "plivo", "b": "self"}, {A1, A2, B1, OTHER}),
    ],
)
def test_mode_of_the_number_that_texts_decides(modes: Mapping[str, Mode], bound: set[str]) -> None:
    """Mode "off" of one route frees its own numbers only, whoever asks them to text."""
    policies = _policies(modes=modes)
    assert _bound(policies, _out(A1, A2, B1, OTHER)) == bound
    assert {number for number in (A1, A2, B1, OTHER) if policies.honours_opt_outs(number)} == bound


def test_nobody_else_is_bound() -> None:
    """An opt-out is of one person."""
    assert _policies("all").opt_out_in_force(_out(A1), A1, "33700000002") is None


def test_change_of_the_group_is_newer_than_what_was_stored() -> None:
    """Two messages of one person that share a commit see each other, in their order."""
    policies, usage = _policies("all"), _out(A1)
    for number, opted_out in ((B1, False), (A2, True), (A1, False)):
        change = OptOutChange(Conversation(number, PERSON), opted_out, 0.0, "m", "W", "V3", "message")
        usage.note_opt_out(change)
        assert bool(_bound(policies, usage)) is opted_out


def test_scope_of_the_number_that_texts_decides() -> None:
    """A route with a scope of its own is not bound by what was sent to the numbers of others."""
    own = {"a": RoutePolicy(RouteOptOut(scope="route"))}
    policies = Policies(RoutePolicy(RouteOptOut(scope="all")), own, ROUTES.get)
    assert _bound(policies, _out(B1)) == {B1, OTHER}
    assert _bound(policies, _out(A1)) == {A1, A2}


def test_route_without_options_of_its_own_has_the_common_ones() -> None:
    """So has a number without a route."""
    common, own = RoutePolicy(RouteOptOut("self")), RoutePolicy(RouteOptOut("off"))
    policies = Policies(common, {"a": own}, ROUTES.get)
    assert [policies.of(name) for name in ("a", "b", None)] == [own, common, common]
