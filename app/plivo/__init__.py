"""Plivo's wire format: what it sends, how it signs, and which XML it expects.

Pure: no clock, no random numbers, no I/O. Functions take bytes and mappings, and return a value or raise a named
refusal.
"""
