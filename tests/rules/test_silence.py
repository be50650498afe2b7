"""Kind `silence`: nothing, on purpose."""

from support import bench

from app.rules.rule import Answers
from app.rules.silence import Options


async def test_silence_is_an_answer() -> None:
    """Law 10: no message, and a reason that says it is meant; no later rule is asked."""
    rule = bench.good(Options(silence=True))
    assert await rule(bench.ask()) == Answers((), "silence on purpose")
    assert rule.always_answers


def test_silence_false_is_a_fault() -> None:
    """A key that does nothing is told, not obeyed."""
    built = bench.Bench()
    built.build(Options(silence=False))
    assert built.told() == [(("silence",), "silence = false does nothing; leave the key out")]
