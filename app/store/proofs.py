"""G2 in rows: a key that is bound to one value is bound for as long as answers are kept."""

from collections.abc import Sequence

import sqlalchemy as sa

from app.policies.ledger import Proof, Reused
from app.store.database import insert_new, now
from app.store.schema import proofs


def bind(connection: sa.Connection, wanted: Sequence[Sequence[Proof]]) -> list[Reused | None]:
    """Binds the proofs of each item; `Reused` for an item of which one key is bound to another value."""
    values: dict[bytes, bytes] = {}
    for proof in sorted((proof for item in wanted for proof in item), key=lambda proof: proof.key):
        values.setdefault(proof.key, proof.value)
    if not values:
        return [None] * len(wanted)
    statement = insert_new(proofs).returning(proofs.c.key)
    rows = [{"key": key, "value": value} for key, value in values.items()]
    fresh = set(connection.scalars(statement.values(bound_at=now()), rows))
    if stale := values.keys() - fresh:
        known = sa.select(proofs.c.key, proofs.c.value).where(proofs.c.key.in_(stale))
        values.update((row.key, row.value) for row in connection.execute(known))
    return [_verdict(item, values) for item in wanted]


def _verdict(item: Sequence[Proof], values: dict[bytes, bytes]) -> Reused | None:
    if all(values[proof.key] == proof.value for proof in item):
        return None
    return Reused("this signature was accepted for other words before: a forged copy of an earlier request")
