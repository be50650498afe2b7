"""The JSON documents that commands (`--json`) and the API share: one function for each kind, from a value to a dict.

Times are ISO 8601 in UTC, numbers are E.164 with "+", and a value that does not exist is null.
"""
