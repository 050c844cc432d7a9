"""Who may read what: tokens of `api_tokens`, each for everything or for some namespaces."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.scope import EVERYTHING, Scope

MOST_PLACES = 100
ALL = "*"
NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
# Before the name, where it is meant in one cluster only, that cluster's.
PLACE = re.compile(rf"(?:[^\s,@]{{1,100}}/)?{NAMESPACE.pattern}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A token, and what it lets its bearer see."""

    token: str = field(repr=False)
    scope: Scope = EVERYTHING


def grants_of(text: str) -> tuple[Grant, ...]:
    """`plain, TOKEN @shop @prod-eu/cart`: a comma list; what follows a token are the namespaces that it is for.

    Raises `ValueError` that says which entry is wrong, and nothing of what stands in it.
    """
    entries = [entry.strip() for entry in text.split(",")]
    return tuple(_grant(entry, number) for number, entry in enumerate(entries, 1) if entry)


def namespace(text: str) -> str:
    """The name of a namespace. Raises `ValueError`."""
    if NAMESPACE.fullmatch(text):
        return text
    raise ValueError("must be names of namespaces")


def place(text: str) -> str:
    """The name of a namespace, `cluster/namespace`, or `*` for all. Raises `ValueError`."""
    if text == ALL or PLACE.fullmatch(text):
        return text
    raise ValueError("must be a namespace, cluster/namespace, or *")


def text_of(given: object) -> object:
    """A list of the file as that comma list: its entries are text, or maps of a token and its namespaces."""
    parts = given if isinstance(given, list) else [given]
    if not any(isinstance(part, Mapping) for part in parts):
        return given
    return [_entry(part, number) if isinstance(part, Mapping) else part for number, part in enumerate(parts, 1)]


def _grant(entry: str, number: int) -> Grant:
    token, *words = entry.split()
    # Only an @ after a space begins a limit: plain tokens may hold any other sign, as they always could.
    if not any(word.startswith("@") for word in words):
        return Grant(entry)
    places = [word.removeprefix("@") for word in words if word.startswith("@")]
    if len(places) < len(words) or len(places) > MOST_PLACES or not all(map(PLACE.fullmatch, places)):
        message = f"entry {number}: what follows a token must be namespaces, each with an @: TOKEN @shop @cart"
        raise ValueError(message)
    return Grant(token, Scope(frozenset(places)))


def _entry(given: Mapping[Any, Any], number: int) -> str:
    token, namespaces = given.get("token"), given.get("namespaces")
    is_whole = set(given) == {"token", "namespaces"} and isinstance(namespaces, list) and namespaces
    if not is_whole or not isinstance(token, str | int) or re.search(r"[\s,]", str(token)) or not str(token):
        message = f"entry {number}: must be text, or a map of a token and its list of namespaces"
        raise ValueError(message)
    return " ".join((str(token), *(f"@{one}" for one in namespaces or ())))
