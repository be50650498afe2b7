"""Plivo's wire format, and nothing else: what it sends, how it signs, and which XML it expects.

Pure: no clock, no random, no I/O. Bytes and mappings in; a value, or a named refusal, out.
"""
