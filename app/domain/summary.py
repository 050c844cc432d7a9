"""A rollout in one line: "rollout 42: image 1.4.1 → 1.4.2; memory limit 512Mi → 256Mi"."""

import re
from collections.abc import Sequence

from app.domain.change import FieldDiff

MAX_PARTS = 3
MAX_WORD = 60
# What people call it when the field appears or changes, and when it goes.
_SAID = {
    "unschedulable": ("cordoned", "uncordoned"),
    "bootID": ("rebooted", "boot id gone"),
    "restartedAt]": ("restarted by hand", "restarted by hand"),
}
_RESOURCE = re.compile(r"\.resources\.(limits|requests)\.(.+)$")
_ENV = re.compile(r"\.env\[(.+)\]$")
_PROBE = re.compile(r"\.(liveness|readiness|startup)Probe\.(.+)$")


def summarize(title: str, diffs: Sequence[FieldDiff]) -> str:
    """The title and the first three differences, in words."""
    parts = list(dict.fromkeys(_part(diff) for diff in diffs))
    more = f"; {len(parts) - MAX_PARTS} more" if len(parts) > MAX_PARTS else ""
    return f"{title}: {'; '.join(parts[:MAX_PARTS])}{more}" if parts else title


def _part(diff: FieldDiff) -> str:
    if said := _SAID.get(diff.path.rpartition("/")[2]):
        return said[diff.new is None]
    if diff.path.endswith(".image"):
        return f"image {_images(diff)}"
    if match := _RESOURCE.search(diff.path):
        return f"{match.group(2)} {match.group(1).removesuffix('s')} {_values(diff)}"
    if match := _ENV.search(diff.path):
        return f"env {match.group(1)} {_values(diff)}"
    if match := _PROBE.search(diff.path):
        return f"{match.group(1)} probe {match.group(2)} {_values(diff)}"
    name = diff.path.rpartition("].")[2] or diff.path
    return f"{name} {_values(diff)}"


def _values(diff: FieldDiff) -> str:
    if diff.old == diff.new:
        return "changed"
    if diff.old is None:
        return f"added ({_cut(diff.new or '')})"
    return f"{_cut(diff.old)} removed" if diff.new is None else f"{_cut(diff.old)} → {_cut(diff.new)}"


def _images(diff: FieldDiff) -> str:
    """Only the tags, where the rest is the same."""
    old, new = diff.old or "", diff.new or ""
    old_name, _, old_tag = old.rpartition(":")
    new_name, _, new_tag = new.rpartition(":")
    if old_name and old_name == new_name and "/" not in old_tag + new_tag:
        return f"{_cut(old_tag)} → {_cut(new_tag)}"
    return _values(diff)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORD else text[: MAX_WORD - 1] + "…"
