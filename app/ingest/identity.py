"""What stays the same between two bodies: fingerprints and the group's hash."""

import hashlib
import re
from collections.abc import Mapping

FINGERPRINT = re.compile(r"[0-9a-f]{16}").fullmatch
FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
FNV_MASK = 0xFFFFFFFFFFFFFFFF


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's own fingerprint of a label set, of the labels as they came: FNV-1a 64 in hex."""
    parts = (part for name in sorted(labels, key=str.encode) for part in (name, labels[name]))
    total = FNV_OFFSET
    for part in parts:
        for byte in part.encode() + b"\xff":
            total = ((total ^ byte) * FNV_PRIME) & FNV_MASK
    return f"{total:016x}"


def fingerprint_or_own(given: object, labels: Mapping[str, str]) -> str:
    """The sender's fingerprint where it is one, else the one that Alertmanager would have sent."""
    return given if isinstance(given, str) and FINGERPRINT(given) else fingerprint(labels)


def group_sha(group_key: str) -> bytes:
    """SHA-256 of the group key as it came; in hex it is PagerDuty's dedup key."""
    return hashlib.sha256(group_key.encode()).digest()
