"""G2 in rows: the key of an accepted signature is bound to one content, for as long as answers are kept.

A signature that changed an opt-out is kept as long as the opt-out: `keep_for_opt_outs`.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from app.plivo.messages import Proof
from app.replies.journal import Reused
from app.store.clock import now
from app.store.database import insert_new
from app.store.driver import Connection
from app.store.schema import proofs
from app.store.statement import Statement

_BIND = Statement(
    insert_new(proofs).values(
        key=sa.bindparam("key"), value=sa.bindparam("value"), bound_at=now(), opt_out=sa.bindparam("opt_out")
    ),
    counted=True,
)
_BOUND = Statement(sa.select(proofs.c.value).where(proofs.c.key == sa.bindparam("key")))
_KEEP = Statement(sa.update(proofs).values(opt_out=1).where(proofs.c.key == sa.bindparam("bound")))


async def bind(connection: Connection, wanted: Sequence[Sequence[Proof]]) -> list[Reused | None]:
    """Bind the proofs of each item. Return `Reused` for an item with a key that is bound to another value."""
    values: dict[bytes, bytes] = {}
    for item in wanted:
        for proof in item:
            values.setdefault(proof.key, proof.value)
    if not values:
        return [None] * len(wanted)
    proofs_wanted = sum(map(len, wanted))
    rows = [{"key": key, "value": values[key], "opt_out": 0} for key in sorted(values)]
    if await connection.execute_many(_BIND, rows) == proofs_wanted:
        return [None] * len(wanted)
    for key in values:  # some were bound before, or twice in this group
        values[key] = (await connection.fetch(_BOUND, {"key": key}))[0][0]
    return [_verdict(item, values) for item in wanted]


async def keep_for_opt_outs(connection: Connection, proofs_of_changes: Sequence[Proof]) -> None:
    """Keep these proofs as long as the opt-outs that they prove."""
    await connection.execute_many(_KEEP, [{"bound": proof.key} for proof in proofs_of_changes])


def _verdict(item: Sequence[Proof], values: dict[bytes, bytes]) -> Reused | None:
    if all(values[proof.key] == proof.value for proof in item):
        return None
    return Reused("this signature was accepted for other content before: a forged copy of an earlier request")
