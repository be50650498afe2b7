"""The document of `backtest --json`."""

from typing import Any

from app.operations.backtest import Answer, BacktestResult, Difference, Group
from app.operations.documents.outgoing import outgoing_document
from app.operations.times import iso_utc
from app.plivo.numbers import show


def backtest_json(found: BacktestResult) -> dict[str, Any]:
    """Return counts, the pairs of rules, and the examples of all of them in the order in which they came."""
    groups = found.groups.values()
    differences = sorted((one for group in groups for one in group.examples), key=lambda one: one.at)
    return {
        "since": None if found.since is None else iso_utc(found.since),
        "messages": found.messages,
        "same": found.same,
        "changed": found.kinds["changed"],
        "new": found.kinds["new"],
        "gone": found.kinds["gone"],
        "skipped": found.skipped,
        "pending": found.pending,
        "units": {"before": found.units_before, "after": found.units_after},
        "assumed": dict(found.assumed),
        "groups": [_group_json(group) for group in groups],
        "differences": [_difference_json(one) for one in differences],
    }


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "kind": group.kind,
        "old_rule": group.old_rule,
        "new_rule": group.new_rule,
        "messages": group.count,
        "units": group.units,
    }


def _difference_json(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "message_uuid": one.message_uuid,
        "at": iso_utc(one.at),
        "from": show(one.sender),
        "to": show(one.to),
        "type": one.type,
        "text": one.text,
        "old": _answer_json(one.before),
        "new": _answer_json(one.after),
    }


def _answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "route": answer.route,
        "rule": answer.rule,
        "reason": answer.reason,
        "units": answer.units,
        "messages": [outgoing_document(message) for message in answer.messages],
    }
