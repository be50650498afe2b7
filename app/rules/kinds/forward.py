"""Kind `forward`: send the message to other phones and, if the rule has a `text`, a reply to the sender."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from app.notation import Doc, Example
from app.plivo.messages import Outgoing
from app.plivo.numbers import canonical
from app.rules.compiler import RuleCompiler
from app.rules.outcome import Answers, Passes
from app.rules.rule import RuleContext
from app.rules.templates import Template


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """The options of a `forward` rule: the numbers that get the message, and the texts."""

    KEY: ClassVar[str] = "forward"
    forward: Annotated[tuple[str, ...], Example("+33612345678"), Doc("The numbers that get the message.")]
    forward_text: Annotated[str, Doc("The text that they get.")] = "{from}: {text}"
    text: Annotated[
        str | None, Example("Thanks, a person will answer."), Doc("A reply to the sender. Default: none.")
    ] = None

    def build(self, compiler: RuleCompiler) -> "Forward":
        """Build the action."""
        numbers = compiler.numbers("forward", self.forward)
        if not numbers:
            compiler.fault("forward", "no number; name at least one")
        return Forward(
            numbers,
            compiler.template("forward_text", self.forward_text),
            compiler.template("text", self.text) if self.text is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Forward:
    """The action of a `forward` rule. It passes if only the sender or the number itself would get the message."""

    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    to: tuple[str, ...]
    template: Template
    text: Template | None

    async def __call__(self, context: RuleContext) -> Answers | Passes:
        """Return one message to the others, then the reply to the sender."""
        left_out = {context.message.person, canonical(context.src)}
        others = tuple(number for number in self.to if canonical(number) not in left_out)
        if not others:
            return Passes("forward: no recipient other than the sender or the number itself")
        forwarded = Outgoing(context.src, others, context.write(self.template))
        reply = context.reply(context.write(self.text), "").messages if self.text else ()
        return Answers((forwarded, *reply), f"forward to {len(others)}", forwards=True)
