"""Kind `silence`: send nothing, on purpose."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from app.notation import Doc, Example
from app.rules.compiler import RuleCompiler
from app.rules.outcome import Answers
from app.rules.rule import RuleContext


@dataclass(frozen=True, slots=True)
class SilenceOptions:
    """The options of a `silence` rule."""

    KEY: ClassVar[str] = "silence"
    silence: Annotated[bool, Example(True), Doc("`true`: no reply, and no later rule is asked.")]

    def build(self, compiler: RuleCompiler) -> "Silence":
        """Build the action."""
        if not self.silence:
            compiler.fault("silence", "silence = false does nothing; leave the key out")
        return Silence()


@dataclass(frozen=True, slots=True)
class Silence:
    """The action of a `silence` rule. It always answers, with no message, so that no later rule is asked."""

    always_answers: ClassVar[bool] = True
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, _context: RuleContext) -> Answers:
        """Return an answer without messages."""
        return Answers((), "silence on purpose")
