"""Whatever is posted, a sender either reads it or says what is wrong with it."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidPayloadError
from app.ingest.sender import Sender
from app.ingest.senders.alertmanager import AlertmanagerSender
from app.ingest.senders.grafana import GrafanaSender
from app.ingest.subject import SUBJECTS_KEPT, subjects
from tests.ingest.bodies import NOW, wire_alert, wire_body

SENDERS: tuple[Sender, ...] = (AlertmanagerSender(), GrafanaSender())
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
TIMES = st.sampled_from(["", "now", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-11:00", "2026-08-22T10:00:00.1Z"])
LABEL_NAMES = st.sampled_from(["alertname", "job", "pod", "instance", "node", "service", "workload", "workload_type"])
LABELS = st.dictionaries(LABEL_NAMES | ANY_TEXT, ANY_TEXT | st.sampled_from(["KubePod", "Node", "kube-state-metrics"]))
ALERTS = st.fixed_dictionaries(
    {"labels": LABELS | JSON},
    optional=dict.fromkeys(sorted({*wire_alert(), "fingerprint", "valueString"} - {"labels"}), TIMES | JSON),
)
BODIES = st.fixed_dictionaries(
    {"alerts": st.lists(ALERTS | JSON, max_size=4) | JSON},
    optional={name: JSON for name in wire_body() if name != "alerts"} | {"version": st.just("4")},
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def texts(value: object) -> Iterator[str]:
    """Every text that would be stored."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, dict):
        yield from texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)


def reads_or_refuses(body: bytes) -> None:
    for sender in SENDERS:
        with contextlib.suppress(InvalidPayloadError):
            group = sender.read(body, None, NOW)
            assert len(group.content_hash) == 32
            assert len(subjects(group)) <= SUBJECTS_KEPT
            for text in texts(dataclasses.astuple(group)):
                assert "\0" not in text
                assert text.encode()


@QUICK
@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf{}")
@example(b'{"version":"4","alerts":[{"labels":{"a":"\xed\xa0\x80"}}]}')
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    reads_or_refuses(body)


@QUICK
@given(JSON | BODIES)
def test_any_json_is_read_or_refused(body: object) -> None:
    reads_or_refuses(json.dumps(body).encode())


@QUICK
@given(st.integers(0, 2_000), st.binary(max_size=6))
def test_a_body_that_was_damaged_on_the_way_is_read_or_refused(at: int, damage: bytes) -> None:
    raw = json.dumps(wire_body()).encode()
    reads_or_refuses(raw[:at] + damage + raw[at + len(damage) :])


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_the_same_body_reads_the_same(sender: Sender) -> None:
    raw = json.dumps(wire_body(wire_alert(), wire_alert(labels={"alertname": "B"}), "bad")).encode()
    assert sender.read(raw, "prod", NOW) == sender.read(raw, "prod", NOW)


def test_eight_megabytes_of_bad_alerts_are_counted() -> None:
    raw = b'{"version":"4","alerts":[' + b"1," * 4_000_000 + b"1]}"
    group = AlertmanagerSender().read(raw, None, NOW)
    assert group.alerts == ()
    assert len(group.rejected) == 101
    assert group.truncated_alerts == 4_000_001 - 30_000
