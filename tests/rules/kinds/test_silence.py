"""Kind `silence`: nothing, on purpose."""

from support import compiler

from app.rules.kinds.silence import SilenceOptions
from app.rules.outcome import Answers


async def test_silence_is_an_answer() -> None:
    """G10: no message, and a reason that says it is meant; no later rule is asked."""
    rule = compiler.good(SilenceOptions(silence=True))
    assert await rule(compiler.context()) == Answers((), "silence on purpose")
    assert rule.always_answers


def test_silence_false_is_a_fault() -> None:
    """A key that does nothing is told, not obeyed."""
    built = compiler.Bench()
    built.build(SilenceOptions(silence=False))
    assert built.told() == [(("silence",), "silence = false does nothing; leave the key out")]
