"""What must stay the same from body to body does, and what differs is told apart."""

from typing import Any

import pytest

from app.ingest.identity import fingerprint
from tests.ingest.bodies import read, read_one, wire_alert, wire_body


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, "cbf29ce484222325"),
        ({"severity": "warning", "job": "foo"}, "9266ef3da838ad95"),
        ({"severity": "critical", "job": "foo"}, "3b15fd163d36582e"),
        ({"severity": "critical", "job": "bar"}, "c7e68cb08e3e67f9"),
        (
            {
                "alertname": "KubePodCrashLooping",
                "namespace": "shop",
                "pod": "checkout-7d9f8b6c5-x2x7k",
                "container": "app",
                "severity": "warning",
            },
            "c4725a466916a74a",
        ),
    ],
)
def test_fingerprints_are_alertmanagers_own(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(labels) == expected


@pytest.mark.parametrize("given", [None, "", "xyz", "C4725A466916A74A", 17, ["c4725a466916a74a"], "c4725a466916a74a\n"])
def test_a_fingerprint_that_is_none_is_computed(given: object) -> None:
    labels = {"severity": "warning", "job": "foo"}
    assert read_one(labels=labels, fingerprint=given).fingerprint == "9266ef3da838ad95"


def test_a_given_fingerprint_is_kept() -> None:
    assert read_one(fingerprint="c4725a466916a74a").fingerprint == "c4725a466916a74a"


def test_the_fingerprint_is_of_the_labels_before_redaction() -> None:
    first, second = (read_one(labels={"alertname": "A", "password": "pw-" + end}) for end in ("one-long", "two-long"))
    assert first.labels == second.labels
    assert first.fingerprint != second.fingerprint


def test_a_repeat_has_the_same_content_whatever_its_order_and_annotations() -> None:
    one, two = wire_alert(), wire_alert(labels={"alertname": "Other"})
    repeat = wire_body(two, wire_alert(annotations={"description": "now 97 %"}), receiver="other")
    assert read(wire_body(one, two)).content_hash == read(repeat).content_hash


@pytest.mark.parametrize(
    "changes",
    [{"status": "resolved"}, {"startsAt": "2026-08-22T10:01:00Z"}, {"labels": {"alertname": "Other"}}],
)
def test_news_changes_the_content(changes: dict[str, Any]) -> None:
    assert read(wire_body()).content_hash != read(wire_body(wire_alert(**changes))).content_hash
