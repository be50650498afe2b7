"""`@frozen`: a slotted dataclass that the type checker keeps frozen, for values that every message makes.

`@dataclass(frozen=True)` also refuses assignments at run time, and pays for it whenever an instance is made: each field
goes through `object.__setattr__`, which takes five times as long. Values that live longer than a request, and those
that a user's code is given, keep that guard.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Make a dataclass with slots. Instances are equal if their fields are; they have no hash."""
    return dataclass(slots=True)(cls)
