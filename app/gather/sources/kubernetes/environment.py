"""What of a container's environment and arguments may be kept: names, references, and plainly harmless values."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.addresses import addresses_in
from app.redact import is_secret_name as announces_secret
from app.redact import redact

WITHHELD = "[REDACTED:argument]"
MAX_HOSTS = 8
# `name`, `name.namespace`, and `pod-0.name.namespace`.
MAX_LABELS = 3
# Stricter than for text at large: a whole value is at stake, and nobody misses it.
_SECRET_WORDS = frozenset(
    {"AUTH", "CERT", "CONN", "CRED", "CREDS", "CREDENTIAL", "CREDENTIALS", "DSN", "JWT", "KEY", "KEYS", "PASS"}
    | {
        "PASSWD",
        "PASSWORD",
        "PAT",
        "PIN",
        "PRIVATE",
        "PWD",
        "SALT",
        "SECRET",
        "SECRETS",
        "SIGNATURE",
        "TOKEN",
        "TOKENS",
    }
)
_PLACE_WORDS = frozenset({"ADDR", "ADDRESS", "ENDPOINT", "HOST", "HOSTNAME", "PORT", "SERVER", "URL"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# An address inside the cluster says which dependency a workload calls.
_ADDRESS = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,120}[a-z0-9])?:\d{1,5}")
_PORT = re.compile(r"\d{1,5}")


def is_secret_name(name: str) -> bool:
    """Whether what is called so may be a secret; `AUTH_SERVICE_ADDR` says where, not what."""
    if announces_secret(name):
        return True
    words = [word.upper() for word in _WORD.findall(name)]
    return not (words and words[-1] in _PLACE_WORDS) and not _SECRET_WORDS.isdisjoint(words)


def without_value(variable: Mapping[str, Any]) -> dict[str, Any]:
    """The variable's name and reference; its value only if it is an address of the cluster or a port.

    Of any other value `calls` has the hosts that it names, without scheme, user and path.
    """
    name, value = str(variable.get("name", "")), variable.get("value")
    if not isinstance(value, str):
        return {**variable, "value": None}
    if _is_harmless(name, value):
        return dict(variable)
    return {**variable, "value": None, "calls": called_hosts(name, value) or None}


def called_hosts(name: str, value: str) -> list[str]:
    """The hosts that a value names beyond doubt, as far as they may be inside the cluster; none of a secret."""
    if announces_secret(name):
        return []
    found = [str(one) for one in addresses_in(value, name) if one.sure and _may_be_inside(one.host)]
    return [host for host in dict.fromkeys(found) if redact(host) == host][:MAX_HOSTS]


def _may_be_inside(host: str) -> bool:
    labels = host.split(".")
    return "svc" in labels or (len(labels) <= MAX_LABELS and not labels[-1].isdigit())


def without_secrets(arguments: Sequence[Any]) -> list[Any]:
    """A command line without what follows `--password` and its like, or what its program takes for a password."""
    kept: list[Any] = []
    announced = False
    for argument in arguments:
        kept.append(WITHHELD if announced else _in_context(kept, argument))
        is_flag = isinstance(argument, str) and argument.startswith("-") and "=" not in argument
        announced = is_flag and is_secret_name(argument.lstrip("-")) and not announced
    return kept


def _in_context(before: Sequence[Any], argument: Any) -> Any:  # noqa: ANN401 - JSON
    """An argument as it may be shown after these: what `-a` or `-p` means depends on the program."""
    if not before or not isinstance(argument, str):
        return argument
    context = f"{before[0]} {before[-1]} "
    told = redact(context + argument)
    return told.removeprefix(context) if told.startswith(context) else WITHHELD


def _is_harmless(name: str, value: str) -> bool:
    if is_secret_name(name):
        return False
    return bool(_ADDRESS.fullmatch(value)) or ("PORT" in name.upper() and bool(_PORT.fullmatch(value)))
