"""plivo-autoreply: a signed message in, Plivo XML out; delivery reports stored, then forwarded.

docs/architecture.md has the packages, their layers, and how a message and a report walk through them;
docs/guarantees.md has what is promised, G1 to G12.
"""

__version__ = "0.1.0"
