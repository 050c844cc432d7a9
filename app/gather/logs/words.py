"""Which lines are looked for: those that speak of trouble, in each language that a log store understands."""

from typing import Final

# No word boundary before it: NullPointerException and TypeError are errors too. RE2, between backticks or quotes.
ERROR_WORDS: Final = (
    "(?i)(error|exception|fatal|panic|traceback|critical|oom|fail|refused|denied|timed? ?out|unable|cannot"
    "|no such|not found|killed|unhealthy)"
)
