"""One message, one answer, in time: evaluate the rules, decide on the reply, and record it."""
