"""What Alertmanager posts is read whole, and what is odd about it is made harmless."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from app.domain.alert import AlertStatus, Severity
from app.domain.errors import InvalidPayloadError
from app.ingest.senders.alertmanager import AlertmanagerSender
from tests.ingest.bodies import NOW, ZERO_TIME, read, read_one, wire_alert, wire_body


def test_a_body_becomes_a_group_with_all_that_it_says() -> None:
    group = read(wire_body(truncatedAlerts=3))
    assert (group.sender, group.receiver, group.truncated_alerts) == ("alertmanager", "sitrep", 3)
    assert group.group_key == '{}:{alertname="KubePodCrashLooping", namespace="shop"}'
    assert group.group_labels == {"alertname": "KubePodCrashLooping", "namespace": "shop"}
    assert group.external_url == "http://am-0.example:9093"
    [alert] = group.alerts
    assert alert.name == "KubePodCrashLooping"
    assert alert.annotations == {"summary": "Pod is crash looping."}
    assert alert.generator_url.startswith("http://prom.example:9090/graph?g0.expr=up")
    assert alert.ended_at is None


def test_unknown_fields_are_ignored_everywhere() -> None:
    group = read(wire_body(wire_alert(silencedBy=[1, {"a": None}]), notification_reason="new", routeLabels={"a": "b"}))
    assert len(group.alerts) == 1
    assert group.rejected == ()


@pytest.mark.parametrize("field", sorted(set(wire_body()) - {"alerts"}))
def test_any_one_field_of_the_envelope_may_be_absent_or_null(field: str) -> None:
    body = wire_body()
    assert len(read(body | {field: None}).alerts) == 1
    del body[field]
    assert len(read(body).alerts) == 1


@pytest.mark.parametrize("field", sorted(set(wire_alert()) - {"labels"}))
def test_any_field_of_an_alert_but_its_labels_may_be_absent_or_null(field: str) -> None:
    alert = wire_alert()
    assert read(wire_body(alert | {field: None})).rejected == ()
    del alert[field]
    assert read(wire_body(alert)).rejected == ()


def test_a_custom_payload_template_is_named_as_such() -> None:
    with pytest.raises(InvalidPayloadError, match="custom payload template"):
        read(b'{"text": "3 alerts firing in shop"}')


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (b"", "", "not JSON"),
        (b"not json", "", "not JSON"),
        (b'{"version":"4"', "", "not JSON"),
        (b'{"version":"4","alerts":[{"labels":{"a":"\xff"}}]}', "", "not JSON"),
        (b"[]", "", "must be a JSON object"),
        (b"3", "", "must be a JSON object"),
        (b'{"version":"4","groupKey":"{}:{}"}', "alerts", "must be a list"),
        (b'{"version":"4","alerts":null}', "alerts", "must be a list"),
        (b'{"version":"4","alerts":{"a":1}}', "alerts", "must be a list"),
        (b'{"version":"4","alerts":[],"groupLabels":{"a":1}}', "groupLabels.a", "string"),
        (b'{"version":"4","alerts":[],"receiver":{}}', "receiver", "string"),
        (b'{"version":"4","alerts":[],"truncatedAlerts":1e999}', "truncatedAlerts", "finite"),
    ],
)
def test_a_body_of_another_shape_is_refused_and_says_where(body: bytes, field: str, reason: str) -> None:
    with pytest.raises(InvalidPayloadError, match=reason) as caught:
        read(body)
    assert caught.value.field == field


@pytest.mark.parametrize("bomb", [b"[" * 20_000_000, b'{"version":"4","alerts":' + b'[{"a":' * 2_000_000])
def test_a_nesting_bomb_is_refused(bomb: bytes) -> None:
    with pytest.raises(InvalidPayloadError):
        read(bomb)


def test_the_receivers_name_is_as_the_operator_wrote_it() -> None:
    assert read(wire_body(receiver=r"shop/web\.hook\(a\+b\)\\c")).receiver == r"shop/web.hook(a+b)\c"


def test_a_receivers_name_has_an_end() -> None:
    assert len(read(wire_body(receiver="hook " * 300)).receiver) == 200


@pytest.mark.parametrize(
    ("group_key", "sha"),
    [
        ("{}:{}", "cc9772a1ec901d26ef71dae861793e4d08979fa5030a3f0a5f3ba549f1f2d0b6"),
        (
            '{}:{alertname="KubePodCrashLooping", namespace="shop"}',
            "9fd6d86553a9599a36e7afa75d3f8f85fc4ce784ab89b599718709972d4b4df6",
        ),
        (
            '{}/{team="payments"}:{alertname="KubePodCrashLooping", namespace="shop"}',
            "d787622e1795846b857840f13e6e36a19e7f55f6a27d85267153be0b9c86db3c",
        ),
    ],
)
def test_the_groups_hash_is_the_dedup_key_that_pagerduty_knows(group_key: str, sha: str) -> None:
    assert read(wire_body(groupKey=group_key)).group_sha.hex() == sha


def test_the_groups_hash_is_of_the_key_before_redaction_and_the_kept_key_is_short() -> None:
    secret = "hunter2" + "hunter2"
    key = '{}:{url="postgres://app:' + secret + '@db/shop", x="' + "y " * 40_000 + '"}'
    group = read(wire_body(groupKey=key))
    assert group.group_sha == hashlib.sha256(key.encode()).digest()
    assert secret not in group.group_key
    assert len(group.group_key) <= 2_048


def test_without_a_group_key_the_labels_of_the_group_make_one() -> None:
    group = read(wire_body(groupKey=None))
    assert group.group_key == '{}:{alertname="KubePodCrashLooping", namespace="shop"}'


def test_the_alerts_own_cluster_counts_before_the_one_of_the_address() -> None:
    labels = wire_alert()["labels"]
    assert read(wire_body(wire_alert(labels=labels | {"cluster": "prod"})), "staging").cluster == "prod"
    assert read(wire_body(), "staging").cluster == "staging"
    assert read(wire_body()).cluster == ""


def test_alerts_of_two_clusters_in_one_group_leave_the_groups_cluster_to_the_address() -> None:
    alerts = [wire_alert(labels={"alertname": "Down", "cluster": name}) for name in ("eu", "us")]
    assert read(wire_body(*alerts), "global").cluster == "global"


def test_the_zero_time_means_no_time() -> None:
    alert = read_one(startsAt=ZERO_TIME, endsAt=ZERO_TIME)
    assert (alert.starts_at, alert.ended_at) == (NOW, None)
    assert read_one(startsAt="0000-12-31T19:00:00-05:00").starts_at == NOW


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-08-22T10:00:00.123456789Z", datetime(2026, 8, 22, 10, 0, 0, 123456, UTC)),
        ("2026-08-22T12:00:00+02:00", datetime(2026, 8, 22, 10, 0, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59-08:00", datetime.max.replace(tzinfo=UTC)),
        ("2026-08-22 10:00:00", datetime(2026, 8, 22, 10, 0, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_utc(text: str, moment: datetime) -> None:
    assert read_one(startsAt=text).starts_at == moment


def test_a_resolved_alert_ended_when_it_says_and_a_firing_one_has_not_ended() -> None:
    end = "2026-08-22T10:04:00Z"
    assert read_one(status="resolved", endsAt=end).ended_at == datetime(2026, 8, 22, 10, 4, tzinfo=UTC)
    assert read_one(status="resolved").ended_at == NOW
    assert read_one(status="firing", endsAt=end).ended_at is None


def test_without_a_status_the_end_tells_whether_an_alert_is_over() -> None:
    assert read_one(status=None, endsAt="2026-08-22T10:04:00Z").status is AlertStatus.RESOLVED
    assert read_one(status=None, endsAt="2026-08-22T10:06:00Z").status is AlertStatus.FIRING
    assert read_one(status=None).status is AlertStatus.FIRING


def test_a_group_fires_as_long_as_one_of_its_alerts_does() -> None:
    over = wire_alert(status="resolved", labels={"alertname": "A"})
    assert read(wire_body(over, status="resolved")).status is AlertStatus.RESOLVED
    assert read(wire_body(over, wire_alert(), status="resolved")).status is AlertStatus.FIRING
    assert read(wire_body(over, wire_alert(labels=None), status="firing")).status is AlertStatus.FIRING


def test_one_bad_alert_costs_only_itself() -> None:
    bad = [
        wire_alert(labels={"a": 1}),
        wire_alert(startsAt="yesterday"),
        wire_alert(endsAt="2026-13-01T00:00:00Z"),
        wire_alert(status="maybe"),
        wire_alert(labels={"n" * 201: "v"}),
        "no object",
    ]
    group = read(wire_body(bad[0], wire_alert(), *bad[1:]))
    assert len(group.alerts) == 1
    fields = [refused.field for refused in group.rejected]
    assert fields == [
        "alerts[0].labels.a",
        "alerts[2].startsAt",
        "alerts[3].endsAt",
        "alerts[4].status",
        "alerts[5].labels",
        "alerts[6]",
    ]
    assert json.loads(group.rejected[1].body)["startsAt"] == "yesterday"


def test_what_is_kept_of_a_rejected_alert_is_redacted_and_bounded() -> None:
    secret = "hunter2" + "hunter2"
    alert = {"labels": 3, "annotations": {"password": secret, "long": ["word" * 20] * 5_000}}
    [refused] = read(wire_body(alert)).rejected
    assert secret.encode() not in refused.body
    assert 1_000 < len(refused.body) <= 16_384


def test_many_bad_alerts_are_counted_rather_than_kept() -> None:
    group = read(wire_body(*range(1_000)))
    assert len(group.rejected) == 101
    assert group.rejected[-1].reason == "900 more alerts could not be read"


def test_an_alert_told_twice_is_kept_once_as_the_newest_telling_has_it() -> None:
    over = wire_alert(status="resolved", endsAt="2026-08-22T10:04:00Z")
    again = wire_alert(startsAt="2026-08-22T10:04:30Z")
    assert [a.status for a in read(wire_body(over, wire_alert())).alerts] == [AlertStatus.RESOLVED]
    assert [a.status for a in read(wire_body(wire_alert(), over)).alerts] == [AlertStatus.RESOLVED]
    assert [a.status for a in read(wire_body(again, over, wire_alert())).alerts] == [AlertStatus.FIRING]


def test_nul_and_half_a_surrogate_pair_become_the_replacement_character() -> None:
    raw = (
        b'{"version":"4","receiver":"a\\u0000b","alerts":[{"labels":'
        b'{"alertname":"\\ud800","pair":"\\ud83d\\ude00","twice":"\\uDFFF\\u0000\\udc00",'
        b'"escaped":"\\\\ud800\\\\u0000","quote":"\\"\\ud83dx"}}]}'
    )
    group = read(raw)
    assert group.receiver == "a\ufffdb"
    [alert] = group.alerts
    assert alert.labels == {
        "alertname": "\ufffd",
        "escaped": "\\ud800\\u0000",
        "pair": "\U0001f600",
        "quote": '"\ufffdx',
        "twice": "\ufffd\ufffd\ufffd",
    }


def test_labels_and_annotations_are_bounded() -> None:
    labels = {f"label_{n:03}": "v" for n in range(500)} | {"severity": "critical", "pod": "x " * 50_000}
    annotations = {f"note_{n:03}": "y " * 10_000 for n in range(150)}
    alert = read_one(labels=labels, annotations=annotations, generatorURL="http://p/" + "z" * 100_000)
    assert len(alert.labels) == 200
    assert alert.severity is Severity.CRITICAL
    assert len(alert.labels["pod"]) <= 4_096
    assert alert.labels["pod"].endswith("[cut]") or "…" in alert.labels["pod"]
    assert len(alert.annotations) == 100
    assert max(map(len, alert.annotations.values())) <= 8_192
    assert len(alert.generator_url) <= 8_192


def test_secrets_in_labels_annotations_and_links_never_come_in() -> None:
    secret = "hunter2" + "hunter2"
    alert = read_one(
        labels={"alertname": "A", "dsn": f"postgres://app:{secret}@db/shop", "api_key": secret},
        annotations={"description": f"login failed with password={secret}", "long": f"{'x ' * 900}token={secret}"},
        generatorURL=f"http://admin:{secret}@prom.example/graph",
    )
    assert secret not in repr(alert)


def test_a_secret_at_the_point_where_a_text_is_cut_does_not_show_its_first_half() -> None:
    secret = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
    for before in range(4_060, 4_100, 3):
        alert = read_one(labels={"alertname": "A", "note": "x " * (before // 2) + secret + " y" * 9_000})
        assert secret[:14] not in alert.labels["note"]


def test_annotations_that_carry_whole_manifests_are_dropped() -> None:
    alert = read_one(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "summary": "s"})
    assert alert.annotations == {"summary": "s"}


def test_a_body_without_alerts_is_a_group_without_alerts() -> None:
    group = read(b'{"version":"4","groupKey":"{}:{}","status":"resolved","alerts":[]}')
    assert (group.alerts, group.rejected, group.status) == ((), (), AlertStatus.RESOLVED)


def test_the_number_of_truncated_alerts_is_never_negative_nor_beyond_a_column() -> None:
    assert read(wire_body(truncatedAlerts=-3)).truncated_alerts == 0
    assert read(wire_body(truncatedAlerts=10**15)).truncated_alerts == 2**31 - 1


def test_the_sender_is_named_alertmanager() -> None:
    assert AlertmanagerSender().name == "alertmanager"
