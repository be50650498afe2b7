"""What another configuration would have answered to the messages in the store, by the engine of live traffic.

Nobody is called and nothing is written: a rule that calls out says what it said then, or what is given. Cooldowns,
limits, spending caps and opt-outs are replayed in memory, in the order of the messages. To be right from the first
message that counts on, the longest window before it is replayed too, and what was answered in the window before that
is taken as it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.operations.backtest.past_results import UNKNOWN
from app.operations.backtest.replay import Replay, Replayed, assumed, in_words, timeline
from app.operations.backtest.results import (
    Answer,
    BacktestResult,
    Difference,
    Group,
    answer_now,
    answer_then,
    is_same,
    kind_of,
)
from app.operations.backtest.usage import ReplayedUsage
from app.operations.backtest.windows import longest_window
from app.operations.explain import check_given
from app.policies.usage import OptOutChange
from app.runtime import Runtime
from app.store import Store
from app.store.replaying import PastMessage, first_change, rows_since

__all__ = ["UNKNOWN", "Answer", "BacktestResult", "Difference", "Group", "backtest"]

EXAMPLES = 1_000  # of each pair of rules
_TOO_LONG = '[{"rule": "all rules"'  # steps of a message whose rules took too long together: what each said is not kept

Progress = Callable[[int], None]


async def backtest(
    store: Store,
    runtime: Runtime,
    *,
    since: float | None = None,
    given: Mapping[str, str] | None = None,
    examples: int = EXAMPLES,
    progress: Progress = lambda _total: None,
) -> BacktestResult:
    """Replay the messages since a time (None: all) and compare the answers; keep `examples` of each pair of rules.

    `given` says what a rule that calls out would say: a text, "pass" or "fail". `progress` is called after each message
    with an estimate of how many there are. Raises `OperationRefused` if no rule that calls out has such a name, and
    `Unavailable`.
    """
    given = given or {}
    check_given(runtime, given)
    longest = longest_window(runtime)
    counted = await rows_since(store.engine, since)
    start = counted.at if since is None else since
    window = 0.0 if since is None else longest
    replayed_from = (start or 0.0) - window
    rows = await rows_since(store.engine, None if since is None else replayed_from - window)
    change = await first_change(store.engine, replayed_from)
    usage = ReplayedUsage(store, runtime.policies, runtime.table, longest, change)
    replay = Replay(store, runtime, usage, given)
    comparison = _Comparison(replay, BacktestResult(start, window), replayed_from, counted.first, examples)
    async for past in timeline(store, rows, change, usage):
        if isinstance(past, OptOutChange):
            usage.note_opt_out(past)
            continue
        await comparison.take(past)
        progress(rows.last - rows.first + 1)
    return comparison.result


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The comparison of messages from the row `counted_from` on; those since `replayed_from` are replayed."""

    replay: Replay
    result: BacktestResult
    replayed_from: float
    counted_from: int
    examples: int

    async def take(self, past: PastMessage) -> None:
        """Replay one message if that is possible, and compare its answer if it counts. Raises `Unavailable`."""
        is_counted = past.id >= self.counted_from
        if past.state == "pending":
            self.result.pending += is_counted
        elif past.at < self.replayed_from or not _is_kept(past):
            self.replay.usage.note_as_it_was(past)
            self.result.skipped += is_counted
        else:
            replayed = await self.replay.answer(past)
            if is_counted:
                self._compare(past, replayed)

    def _compare(self, past: PastMessage, replayed: Replayed) -> None:
        result = self.result
        result.units_before += past.reply_units
        result.units_after += replayed.proposal.units
        result.assumed.update(assumed(replayed))
        if is_same(past, replayed.proposal):
            result.same += 1
            return
        before, after = answer_then(past), answer_now(replayed.route, replayed.proposal)
        difference = Difference(
            kind_of(before, after),
            past.message_uuid,
            past.at,
            past.sender,
            past.recipient,
            past.text or "",
            past.type,
            before,
            after,
            in_words(replayed.given),
        )
        result.add(difference, self.examples)


def _is_kept(past: PastMessage) -> bool:
    """Return whether the store has all that is needed to answer again."""
    return past.text is not None and past.xml != b"" and not past.steps.startswith(_TOO_LONG)
