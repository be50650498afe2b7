"""Policies that decide whether a reply may be sent: opt-outs, limits, cooldowns, reactions."""
