"""What a change has done."""

from typing import Any

from app.operations.deliveries import DeliveryChange, Resumed
from app.operations.opt_outs import OptOutPlan
from app.plivo.numbers import doubtful, show


def opt_out_change_document(plan: OptOutPlan, *, changed: bool) -> dict[str, Any]:
    """Return who is opted out of which number now, whether that is new, and what is doubtful about the numbers."""
    return {
        "number": show(plan.number.address),
        "person": show(plan.person.address),
        "opted_out": plan.out,
        "changed": changed,
        "warnings": [doubtful(one) for one in (plan.person, plan.number) if one.doubt],
    }


def replay_document(done: DeliveryChange) -> dict[str, Any]:
    """Return how many deliveries are due again, the ids that are not, and when the last one is due."""
    return {"changed": done.changed, "missing": list(done.missing), "last_due_in": done.last_due_in}


def pause_document(target: str, *, changed: bool) -> dict[str, Any]:
    """Return that a target is paused, and whether that is new."""
    return {"target": target, "paused": True, "changed": changed}


def resume_document(target: str, done: Resumed) -> dict[str, Any]:
    """Return that a target is resumed, whether an operator had paused it, and what held it back before."""
    return {
        "target": target,
        "paused": False,
        "changed": done.was_paused,
        "held_back_by": done.before.held_back_by,
    }
