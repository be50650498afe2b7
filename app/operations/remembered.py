"""What the store remembers of a person, for explanations: opt-outs, cooldowns, limits, spending caps."""

from functools import partial

from app.operations.explain import LookUp
from app.store import Store
from app.store.usage import look_up


def remembered_by(store: Store) -> LookUp:
    """Return a look-up in a store. Nothing is written. It raises `Unavailable`."""
    return partial(look_up, store.engine)
