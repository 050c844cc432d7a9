"""Small words of a message: symptoms from alert names, spans of time, cut texts, read-only commands."""

import re
from datetime import datetime

from app.redact import redact

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-\s]+")
_PREFIXES = ("Kube", "Kubernetes")
_READ_ONLY = frozenset({"get", "describe", "logs", "top", "events", "explain", "api-resources", "version", "diff"})
_READ_ONLY_PAIRS = frozenset({("auth", "can-i"), ("rollout", "history"), ("rollout", "status")})
_KUBECTL = re.compile(r"(?:^|[\s`;&|(])kubectl\b")
_MUTATING = re.compile(
    r"\b(?:helm\s+(?:rollback|upgrade|install|uninstall)|rollout\s+(?:undo|restart|pause|resume)"
    r"|docker\s+(?:rm|kill|stop)|systemctl\s+(?:restart|stop|start)|rm\s+-|kill\s+-|reboot)\b"
)
_COMMANDS = ("kubectl ", "helm ", "curl ", "logcli ", "promtool ", "amtool ", "crictl ", "dig ", "nslookup ")


def short(text: str, width: int) -> str:
    """At most `width` characters, cut at a word where one ends near.

    What is cut is redacted first: half a secret would no longer look like one.
    """
    text = " ".join(text.split())
    if len(text) > width:
        text = redact(text)
    if len(text) <= width:
        return text
    cut = text[: max(width - 1, 1)]
    head, _, _ = cut.rpartition(" ")
    return (head if len(head) > width * 2 // 3 else cut).rstrip(" ,;:·") + "…"


def plain_symptom(alertname: str) -> str:
    """`KubePodCrashLooping` → `pod crash looping`; redacted first, for a secret in pieces is not seen as one."""
    alertname = redact(alertname)
    for prefix in _PREFIXES:
        if alertname.startswith(prefix) and alertname[len(prefix) : len(prefix) + 1].isupper():
            alertname = alertname.removeprefix(prefix)
    words = [word for word in _HUMPS.split(alertname) if word]
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words) or "alert"


def span(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h`, `2 d`."""
    seconds = abs(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size * (2 if unit != "min" else 1):
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"


def relative(at: datetime, onset: datetime) -> str:
    """`4 min before`, `3 min AFTER onset`: an effect never comes before its cause."""
    seconds = (onset - at).total_seconds()
    if abs(seconds) < 1:
        return "at onset"
    return f"{span(seconds)} before" if seconds > 0 else f"{span(seconds)} AFTER onset"


def is_command(step: str) -> bool:
    """Whether a step is something to copy into a shell."""
    return step.startswith(_COMMANDS)


def is_read_only(step: str) -> bool:
    """Whether a first step may be told as an instruction: nothing that changes the cluster may."""
    if _MUTATING.search(step):
        return False
    return all(_only_reads(part.split()) for part in _KUBECTL.split(step)[1:])


def _only_reads(arguments: list[str]) -> bool:
    """Whether the verb behind kubectl's own flags is one that reads."""
    words: list[str] = []
    is_value = False
    for argument in arguments:
        if argument.startswith("-"):
            is_value = "=" not in argument
            continue
        if not is_value:
            words.append(argument)
        is_value = False
    verb, noun = (*words, "", "")[:2]
    return verb in _READ_ONLY or (verb, noun) in _READ_ONLY_PAIRS


def prefixed(prefix: str, text: str) -> str:
    """The text behind its prefix, once; nothing for nothing."""
    first_word, *_ = prefix.lower().split(maxsplit=1)
    has_it = text.lower().split(maxsplit=1)[:1] == [first_word]
    return text if not text or has_it else f"{prefix}{text}"
