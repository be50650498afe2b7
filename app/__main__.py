"""`python -m app` is `plivo-autoreply`."""

from app.cli import main

main()
