"""Plivo's side of the service: the application that calls it, and the numbers that are linked to it.

`plan.py` compares what Plivo has with what the file wants, `undo.py` with what Plivo had before; both are pure.
`apply.py` makes the changes over Plivo's REST API (`client.py`).
"""
