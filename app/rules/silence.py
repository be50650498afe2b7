"""Kind `silence`: nothing, on purpose."""

from dataclasses import dataclass
from typing import ClassVar

from app.rules.rule import Answers, Ask
from app.rules.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Options:
    """`silence = true`"""

    KEY: ClassVar[str] = "silence"
    silence: bool

    def build(self, workshop: Workshop) -> "Silence":
        """The action."""
        if not self.silence:
            workshop.fault("silence", "silence = false does nothing; leave the key out")
        return Silence()


@dataclass(frozen=True, slots=True)
class Silence:
    """Always answers with no message, so that no later rule is asked."""

    always_answers: ClassVar[bool] = True
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, _ask: Ask) -> Answers:
        """No message."""
        return Answers((), "silence on purpose")
