"""plivo-autoreply: a signed message in, Plivo XML out; delivery reports stored, then forwarded.

The rooms, from the ground up; each may import only from the floors below it (`tests/test_floors.py`):

    0  plivo/       Plivo's dialect: messages, signature, markup, units. Pure.
       outbound/    the httpx client: whole-attempt timeout, size caps, Standard Webhooks, proxies, TLS
       telemetry.py logs that hold no text and no whole number
       metrics/     what is counted, for Prometheus: every name and label
       folding.py   when two texts are the same word
       server.py    uvicorn, with a limit on what it reads and an order in how it stops
    1  rules/       which rule answers: table, chain, templates, one file a kind
       guards/      opt-out, limits; what is remembered of an answer (`ledger.py`: values, Protocol)
       reports/     reports on their way to the user's systems: a lane a target, policy, formats
    2  store/       the one place that speaks SQL
       engine/      the walk of a message: guards, route, rules, answer, reasons
    3  config/      TOML -> frozen values, or every fault at once
       answering/   one message, one answer, in time: claims, joiners, the deadline
       gate.py      ASGI: limits, signature, parameters, proof
       endpoints.py HTTP to values and back
       status/      how the house is: /ready, what is wrong in sentences, the levels of a scrape
       admin.py     the operator's socket
    4  service.py   the only place where parts are opened and joined
    5  cli/         one file a command

A message walks: scope -> gate -> `InboundMessage` -> answering (engine, ledger) -> bytes.
A report walks: scope -> gate -> `Report` -> commit -> 200; then lease -> POST -> settle.
"""

__version__ = "0.1.0"
