"""What keeps an answer safe: what has been said already, and soon opt-outs and limits."""
