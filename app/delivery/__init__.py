"""Deliver reports, and copies of messages, to the user's systems. Independent of rules and SQL."""
