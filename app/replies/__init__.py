"""One message, one answer, in time: what is decided, what is recorded, and who waits for it."""
