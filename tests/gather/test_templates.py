import msgspec
import pytest

from app.domain.summary import summarize
from app.gather.sources.kubernetes.shapes import PodTemplate
from app.gather.sources.kubernetes.templates import HIDDEN, diff_templates


def template(annotations: dict[str, str] | None = None, volumes: object = None, **container: object) -> PodTemplate:
    body = {
        "metadata": {"labels": {"app": "checkout", "pod-template-hash": container.pop("hash", "abc")}},
        "spec": {"containers": [{"name": "app", "image": "shop/checkout:1.4.1", **container}], "volumes": volumes},
    }
    body["metadata"]["annotations"] = annotations
    return msgspec.convert(body, type=PodTemplate)


def paths(old: PodTemplate, new: PodTemplate) -> dict[str, tuple[str | None, str | None]]:
    return {diff.path: (diff.old, diff.new) for diff in diff_templates(old, new)}


def test_equal_templates_have_no_differences_whatever_their_hash() -> None:
    assert diff_templates(template(hash="abc"), template(hash="def")) == ()


def test_image_and_memory_limit_are_told_old_to_new() -> None:
    old = template(resources={"limits": {"memory": "512Mi", "cpu": 1}})
    new = template(image="shop/checkout:1.4.2", resources={"limits": {"memory": "256Mi", "cpu": 1}})
    diffs = diff_templates(old, new)
    assert [(d.path, d.old, d.new) for d in diffs] == [
        ("containers[app].image", "shop/checkout:1.4.1", "shop/checkout:1.4.2"),
        ("containers[app].resources.limits.memory", "512Mi", "256Mi"),
    ]
    assert summarize("rollout 42", diffs) == "rollout 42: image 1.4.1 → 1.4.2; memory limit 512Mi → 256Mi"


def test_a_digest_instead_of_a_tag_is_a_difference() -> None:
    new = template(image="shop/checkout@sha256:" + "a" * 64)
    assert paths(template(), new)["containers[app].image"][1] == "shop/checkout@sha256:" + "a" * 64


@pytest.mark.parametrize("name", ["DB_PASSWORD", "STRIPE_KEY", "SESSION_TOKEN", "DATABASE_DSN"])
def test_a_secret_like_value_is_never_shown_but_its_change_is(name: str) -> None:
    secret = "hunter" + "2hunter2"
    old, new = template(env=[{"name": name, "value": "first"}]), template(env=[{"name": name, "value": secret}])
    diffs = diff_templates(old, new)
    assert [(d.path, d.old, d.new) for d in diffs] == [(f"containers[app].env[{name}]", HIDDEN, HIDDEN)]
    assert secret not in repr(diffs)
    assert summarize("rollout 3", diffs) == f"rollout 3: env {name} changed"


def test_a_password_inside_an_address_is_not_shown() -> None:
    url = "postgres://shop:" + "s3cr3t" + "@db:5432/shop"
    diffs = diff_templates(template(), template(env=[{"name": "DATABASE_URL", "value": url}]))
    assert len(diffs) == 1
    assert "s3cr3t" not in repr(diffs)


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe"])
@pytest.mark.parametrize(
    "command",
    [
        ["mysqladmin", "ping", "--password", "hunter" + "2hunter2"],
        ["mysqladmin", "-phunter" + "2hunter2", "ping"],
        ["redis-cli", "-a", "hunter" + "2hunter2", "ping"],
        ["curl", "--token", "hunter" + "2hunter2", "http://localhost/healthz"],
        ["sh", "-c", "redis-cli -a hunter" + "2hunter2 ping"],
    ],
)
def test_a_password_in_what_a_probe_runs_is_not_shown(probe: str, command: list[str]) -> None:
    diffs = diff_templates(template(), template(**{probe: {"exec": {"command": command}}}))
    (told,) = [diff.new or "" for diff in diffs if ".exec" in diff.path]
    assert command[0] in told
    assert "hunter2" not in repr(diffs)


def test_a_changed_password_flag_is_not_shown() -> None:
    diffs = diff_templates(template(args=["--password", "a"]), template(args=["--password", "s3" + "cr3t", "-v"]))
    assert len(diffs) == 1
    assert "s3cr3t" not in repr(diffs)


def test_a_harmless_value_and_a_reference_are_shown() -> None:
    old = template(env=[{"name": "LEVEL", "value": "info"}])
    reference = {"secretKeyRef": {"name": "db", "key": "password", "optional": None}}
    new = template(env=[{"name": "LEVEL", "value": "debug"}, {"name": "DB_PASSWORD", "valueFrom": reference}])
    assert paths(old, new) == {
        "containers[app].env[LEVEL]": ("info", "debug"),
        "containers[app].env[DB_PASSWORD]": (None, 'from {"secretKeyRef":{"key":"password","name":"db"}}'),
    }


def test_a_probe_port_and_a_mounted_config_map_are_told() -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "host": "evil.example"}, "periodSeconds": 10}
    other = {"httpGet": {"path": "/healthz", "port": 9090}, "periodSeconds": 10}
    old = template(livenessProbe=probe, volumes=[{"name": "config", "configMap": {"name": "checkout-1"}}])
    new = template(livenessProbe=other, volumes=[{"name": "config", "configMap": {"name": "checkout-2"}}])
    found = paths(old, new)
    assert found["volumes[config].configMap"] == ("checkout-1", "checkout-2")
    old_probe, new_probe = found["containers[app].livenessProbe.httpGet"]
    assert "8080" in str(old_probe)
    assert "9090" in str(new_probe)
    assert "evil" not in repr(found)


def test_a_restart_by_hand_and_a_config_checksum_are_told_but_other_annotations_are_not() -> None:
    new = template({"kubectl.kubernetes.io/restartedAt": "2026-10-21T02:00:00Z", "checksum/config": "b", "note": "x"})
    diffs = diff_templates(template({"checksum/config": "a", "note": "y"}), new)
    assert {d.path for d in diffs} == {"annotations[checksum/config]", "annotations[kubectl.kubernetes.io/restartedAt]"}
    assert "restarted by hand" in summarize("rollout 7", diffs)


def test_a_first_template_differs_from_nothing_in_all_its_fields() -> None:
    assert paths(msgspec.convert({}, type=PodTemplate), template())["containers[app].image"][0] is None
