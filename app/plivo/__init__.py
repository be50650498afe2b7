"""Plivo's dialect, and nothing of ours: what it sends, how it signs, what it wants to hear.

Pure: no clock, no random, no I/O. Bytes and mappings in; a value, or a named refusal, out.
"""
