"""What keeps an answer safe: opt-outs, limits, and what has been said already."""
