"""Which Services of a cluster a text names: whole host names only, for a wrong dependency is worse than none."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

MAX_TEXT = 64 * 1024
MAX_ADDRESSES = 20
_LABEL = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{0,6}}"
_ENDS = r"(?=[/?#\s\"',;)\]}>|]|\.?$)"
_URL = re.compile(
    rf"(?<![\w+.\-])[a-z][a-z0-9+.\-]{{1,20}}://(?:[^\s/@\"'<>]{{0,200}}@)?(?P<host>{_HOST})\.?(?::(?P<port>\d{{1,5}}))?{_ENDS}"
)
# Neither the end of a longer name, nor of a path, nor a user before his password.
_BARE = re.compile(rf"(?<![\w./:@\-])(?P<host>{_HOST}):(?P<port>\d{{1,5}}){_ENDS}")
_WHOLE = re.compile(_HOST)
_COMMENT = re.compile(r"^[ \t]*(?:#|//|;|--[ \t]).*$", re.MULTILINE)
_PLACES = frozenset({"ADDR", "ADDRESS", "ENDPOINT", "HOST", "SERVER", "URL", "URI", "ADDRESSES", "HOSTS", "SERVERS"})
_ORDINAL = re.compile(r".+-\d{1,4}")
_SERVICE_WORD = "svc"
_NAME_AND_PLACE = 2

Ports = Mapping[str, Collection[int]]


@dataclass(frozen=True, slots=True)
class Address:
    """A host that a text names; `sure`: as an address beyond doubt, not as something that looks like one."""

    host: str
    port: int | None = None
    sure: bool = True

    def __str__(self) -> str:
        """`payments.shop.svc:8080`, without scheme, user or path."""
        return f"{self.host}:{self.port}" if self.port is not None else self.host


def addresses_in(text: str, name: str = "") -> tuple[Address, ...]:
    """At most twenty, in the order of the text; `name` is what the text is called, such as a variable's name."""
    is_place = _is_place(name)
    if ":" not in text and not is_place:
        return ()  # most texts: nothing in them can be an address
    told = _COMMENT.sub("", text[:MAX_TEXT])
    return tuple(dict.fromkeys(_found(told, is_place=is_place)))[:MAX_ADDRESSES]


def _found(text: str, *, is_place: bool) -> Iterator[Address]:
    for match in _URL.finditer(text):
        yield Address(match["host"], int(match["port"]) if match["port"] else None)
    for match in _BARE.finditer(text):
        yield Address(match["host"], int(match["port"]), sure=is_place)
    if is_place and _WHOLE.fullmatch(text.strip()):
        yield Address(text.strip())


def _is_place(name: str) -> bool:
    """Whether what is called so says where something is; `HOSTNAME` says where the pod itself is."""
    last = re.split(r"[^A-Za-z0-9]+", name)[-1]
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", last)
    return bool(words) and words[-1].upper() in _PLACES


def service_of(address: Address, namespace: str, services: Mapping[str, Ports]) -> tuple[str, str] | None:
    """(namespace, name) of the Service that an address means to a pod in `namespace`.

    `services` holds those that are known, by namespace, with their ports. None for a host outside the cluster, for a
    name that no known Service bears, and for what only looks like an address and has a port that the Service has not.
    """
    found = _by_labels(address.host.lower().split("."), namespace, services)
    if found is None:
        return None
    place, name = found
    if place not in services:
        # Of another namespace, whose Services nobody listed: only the full form cannot mean anything else.
        return found if address.sure and place != namespace else None
    known = services[place]
    if name not in known or (not address.sure and address.port not in known[name]):
        return None
    return found


def _by_labels(labels: list[str], namespace: str, services: Mapping[str, Ports]) -> tuple[str, str] | None:
    """`a`, `a.ns`, `a.ns.svc…`, and behind a headless Service `pod-0.a`, `pod-0.a.ns`, `pod-0.a.ns.svc…`."""
    if len(labels) == 1:
        return namespace, labels[0]
    if _SERVICE_WORD in labels[2:4]:
        at = labels.index(_SERVICE_WORD, 2)
        return labels[at - 1], labels[at - 2]
    readings = [(labels[1], labels[0])] if len(labels) == _NAME_AND_PLACE else []
    if _ORDINAL.fullmatch(labels[0]) and len(labels) <= _NAME_AND_PLACE + 1:
        readings.append(((*labels, namespace)[2], labels[1]))
    return next(((place, name) for place, name in readings if name in services.get(place, {})), None)
