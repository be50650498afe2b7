"""What each log event means, and what to do about it. A test says which event has no entry, or no longer exists."""

NOTHING = "-"
BUG = "[Report it](../runbook.md#unhandled-exception)"

MEANINGS: dict[str, tuple[str, str]] = {
    # critical
    "the .. has ended": (
        "A part of the process has failed, which its name says; the process is about to exit",
        "Let the supervisor restart it. " + BUG,
    ),
    "the store cannot write, messages and reports get 503": (
        "The store's file was deleted, moved or replaced while it was open. Repeated every minute",
        "[The store's file](../store.md#look-after-the-stores-file)",
    ),
    # error
    "a task did not end in time; exiting without it": ("At the stop, a rule or library held a task", NOTHING),
    "cannot lease deliveries": ("The store does not respond, so a target gets nothing", "Look at the store"),
    "cannot record a failed call": ("A call got 503, and the journal lacks it", "Look at the store"),
    "cannot record the outcome of an attempt": (
        "A target may get this delivery twice, with the same `webhook-id`",
        "Look at the store",
    ),
    "cannot release claims; they will expire": (
        "At the stop, the store did not respond; Plivo's next calls wait up to 60 s",
        "Look at the store",
    ),
    "config error": ("An error in a file that a reload refused, with its place", "Mend it and reload"),
    "deliveries given up": (
        "Deliveries were due until `keep` or `keep_text` ended; they are dead now",
        "[Manage deliveries](../how-to/manage-deliveries.md)",
    ),
    "deliveries to an unknown target": (
        "The store has deliveries to a target that the file does not name",
        "Add the target again, or run the command in `advice`",
    ),
    "delivery marked dead": (
        "A target has refused a delivery on every attempt",
        "[Manage deliveries](../how-to/manage-deliveries.md)",
    ),
    "giving up after failed calls, sending no reply": (
        "Rules failed on all four calls of Plivo; the customer got no reply",
        "`plivo-autoreply history` with the `message_uuid`, then mend the rule",
    ),
    "refused": (
        "A call was refused: `status`, `reason`, and `advice` where one is known. An error if the status is 5xx",
        "[Runbook: Plivo's calls are refused](../runbook.md#plivos-calls-are-refused)",
    ),
    "reload failed": ("The new file is refused; the old configuration stays in force", "Mend the file and reload"),
    "retention sweep failed": ("Old rows were not removed; it is tried again", "Look at the store"),
    "target queue full": (
        "`max_due` deliveries wait for a target; new ones are stored as dead",
        "[Manage deliveries](../how-to/manage-deliveries.md)",
    ),
    "the disk is nearly full: reports are refused, messages are answered": (
        "Less than `[store] reserve` is free. Repeated every minute",
        "[Free space](../runbook.md#the-disk-is-nearly-full)",
    ),
    "the write-ahead log could not be emptied": (
        "After `forget`, a reader kept the log of the store open, so it may still hold the number",
        "Run `forget` again",
    ),
    "unhandled exception": ("A call got 500, or a command ended", BUG),
    "unhandled exception in a background task": ("An error that no other code reports", BUG),
    "unhandled exception in a delivery": ("The attempt counts as failed", BUG),
    "unhandled exception in a finalizer": ("An error in code that frees an object, of a rule or library", BUG),
    "unhandled exception in a thread": ("An error in a thread of a rule or library", BUG),
    # warning
    "config warning": ("What `plivo-autoreply check` warns about", "Mend it"),
    "connections closed at a limit": (
        "Callers were disconnected: which `limit`, and how many. Info for what scanners cause every day",
        "[Limits on strangers](../security.md#limits-on-strangers)",
    ),
    "corrected due times written by a clock that was ahead": ("The clock was wrong before this start", "Run NTP"),
    "corrected rows written by a clock that was ahead": ("The clock was wrong before this start", "Run NTP"),
    "disk space recovered: reports are accepted again": ("There is room again", NOTHING),
    "function blocked the event loop": (
        "A Python rule did not await; meanwhile nothing else was answered",
        "Make the function async all the way down",
    ),
    "message not sent: all recipients have opted out": (
        "A forward or a webhook's `to` reached nobody",
        "Ask the recipients to text START, or change the number",
    ),
    "new store": (
        "The store is empty. Expected on a first start only",
        "At any other start: check `-c`, `$AUTOREPLY_DATA` and `[store] url`",
    ),
    "printed text withheld": ("A rule printed something, which may hold a customer's words", "Use `context.logger`"),
    "Python warning": ("A warning of a rule or library, by category and place", "Look at the code"),
    "rate limit reached": (
        "A reply was not sent because of `reason`. One line a minute; `more` counts the others",
        "[Stop a runaway](../how-to/stop-a-runaway.md)",
    ),
    "rule failed": (
        "A timeout, an exception or an invalid result; the next rule is asked",
        "[Runbook: a rule fails](../runbook.md#a-rule-fails)",
    ),
    'signature = "log-only": unsigned requests are accepted; use it during a roll-out only': (
        "At the start and every hour",
        'Set `signature = "any"`',
    ),
    "similar lines suppressed": ("How many lines of one `kind` were left out in the last second", NOTHING),
    "spending cap at 80 %": ("One line a minute", "[Stop a runaway](../how-to/stop-a-runaway.md)"),
    "spending cap reached": (
        "Replies are not sent until the window has moved on",
        "[Stop a runaway](../how-to/stop-a-runaway.md)",
    ),
    "target paused": ("Five failures in a row; it is probed", "Repair the receiver; `reason` says what it did"),
    "target resumed": ("A probe was accepted", NOTHING),
    "target still paused": ("A probe failed; `next_probe` is in seconds", "Repair the receiver"),
    "text truncated to max_units": (
        "A text with names, or a webhook's, was longer than `[limits] max_units`",
        "Shorten it, or raise the limit",
    ),
    "the store can write again: the file is back": ("Messages and reports are accepted again", NOTHING),
    "too few file descriptors": ("Fewer connections than `[server] connections` are possible", "Follow `advice`"),
    'unverified request accepted: signature = "log-only"': (
        "A call that would be refused with another `signature`",
        "Mend what `advice` names, before you leave log-only",
    ),
    "V2 signature accepted although V3 does not match": (
        "A proxy that changes bodies, or a replayed signature",
        'Look at the proxy; then set `signature = "v3"`',
    ),
    "wrong token at the log-in": (
        "Somebody tried the console; one line a minute, `count` has the others",
        "If it was nobody of yours, see who reaches the admin socket",
    ),
    # info
    "admin listening": ("The admin socket is open", NOTHING),
    "answered": ("An answer or silence, and `reason`. `again`: the stored answer was repeated", NOTHING),
    "caller hung up before its request was complete": ("A scanner, or a proxy with a short timeout", NOTHING),
    "delivery rescheduled": ("An attempt failed; the next one is in `seconds`", NOTHING),
    "listening": ("The public socket is open", NOTHING),
    "opt-out recorded: Plivo blocked a message": ("A report with error 200 has proved an opt-out", NOTHING),
    "reloaded": (
        "A new configuration is in force",
        "Restart if `needs_restart` names settings that you need",
    ),
    "report stored": ("A delivery report, with its `targets`", NOTHING),
    "serving": ("The configuration at the start: `message_url` is what Plivo must call; `off` is what is off", NOTHING),
    "stopped": ("The service has stopped; `fault` says why if nobody asked for it", NOTHING),
}
