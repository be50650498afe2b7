"""Kind `text`: one text to the sender."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from app.notation import Doc, Example
from app.rules.compiler import RuleCompiler
from app.rules.outcome import Answers
from app.rules.rule import RuleContext
from app.rules.templates import Template


@dataclass(frozen=True, slots=True)
class TextOptions:
    """The options of a `text` rule."""

    KEY: ClassVar[str] = "text"
    text: Annotated[
        str,
        Example("{shop} is closed, back {office.next_open:%H:%M}."),
        Doc("The reply. `{name}` is replaced by a value."),
    ]

    def build(self, compiler: RuleCompiler) -> "Text":
        """Build the action."""
        return Text(compiler.template("text", self.text))


@dataclass(frozen=True, slots=True)
class Text:
    """The action of a `text` rule. It always answers."""

    always_answers: ClassVar[bool] = True
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    template: Template

    async def __call__(self, context: RuleContext) -> Answers:
        """Return the text as a reply to the sender."""
        return context.reply(context.write(self.template), "fixed text")
