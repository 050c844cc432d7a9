"""Named clusters in the settings file: what each gets, and mistakes in one line that names the key."""

from pathlib import Path

import pytest

from app import registry
from app.clusters import MOST_CLUSTERS, is_of_a_cluster
from app.settings import Settings, SettingsError, load_settings


def loaded(folder: Path, text: str, **environment: str) -> Settings:
    path = folder / "sitrep.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings({"SITREP_CONFIG_FILE": str(path), **environment})


TWO = """
prometheus_url: http://here:9090
loki_headers: {X-Scope-OrgID: here}
clusters:
  prod-eu:
    kubeconfig: /etc/sitrep/prod-eu
    prometheus_url: http://eu:9090/
    prometheus_matchers: {cluster: prod-eu}
  stage: {kubernetes: auto, loki_url: http://stage:3100, health_urls: [{url: http://shop.stage/healthz}]}
"""


def test_a_named_cluster_has_its_own_sources_and_inherits_none(tmp_path: Path) -> None:
    clusters = loaded(tmp_path, TWO, SITREP_SOURCE_DEADLINE_SECONDS="7").by_cluster()
    assert list(clusters) == ["default", "prod-eu", "stage"]
    eu, stage = clusters["prod-eu"], clusters["stage"]
    assert (eu.prometheus_url, eu.prometheus_matchers) == ("http://eu:9090", {"cluster": "prod-eu"})
    assert (eu.kubernetes, str(eu.kubeconfig)) == ("auto", "/etc/sitrep/prod-eu")
    assert (eu.loki_headers, stage.prometheus_url) == ({}, None)
    assert eu.source_deadline_seconds == 7, "what is no matter of a cluster holds for all"
    assert (stage.kubernetes, stage.kubeconfig) == ("auto", None)
    assert clusters["default"].prometheus_url == "http://here:9090"


def test_without_a_way_of_its_own_to_an_api_server_a_named_cluster_has_none(tmp_path: Path) -> None:
    """Ours would answer for it otherwise, and pods' addresses would be those of our own network."""
    clusters = loaded(tmp_path, "clusters: {far: {prometheus_url: 'http://far'}, near: {kubernetes_context: near}}")
    assert clusters.by_cluster()["far"].kubernetes == "off"
    assert clusters.by_cluster()["near"].kubernetes == "auto"
    assert {own.probes for name, own in clusters.by_cluster().items() if name != "default"} == {"listed"}


def test_one_cluster_is_unnamed_until_somebody_names_it(tmp_path: Path) -> None:
    assert list(load_settings({}).by_cluster()) == [""]
    assert list(load_settings({"SITREP_CLUSTER": "prod"}).by_cluster()) == ["prod"]
    assert list(loaded(tmp_path, "cluster: a\nclusters: {a: {prometheus_url: 'http://a'}}").by_cluster()) == ["a"]


def test_each_health_endpoint_is_one_of_its_own_cluster(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "health_urls: [{url: 'http://here/healthz'}]\n" + TWO)
    assert [(one.url, one.cluster) for one in settings.every_health_url()] == [
        ("http://here/healthz", "default"),
        ("http://shop.stage/healthz", "stage"),
    ]
    assert [one.cluster for one in load_settings({"SITREP_HEALTH_URLS": "[{url: http://a/}]"}).every_health_url()] == [
        ""
    ]


def test_a_secret_of_a_cluster_comes_from_a_file_and_none_shows(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("far-" + "token\n", encoding="utf-8")
    value = "hunter" + "2hunter2"
    text = f"clusters: {{far: {{prometheus_token_file: '{tmp_path}/token', loki_token: {value}}}}}"
    settings = loaded(tmp_path, text)
    far = settings.by_cluster()["far"]
    assert far.prometheus_token.read() == "far-" + "token"
    assert far.loki_token.read() == value
    assert value not in repr(settings) + repr(far)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("clusters: {eu: {prometheus_ulr: 'http://x'}}", "SITREP_CLUSTERS.eu.prometheus_ulr"),
        ("clusters: {eu: {prometheus_url: 'x:9090'}}", "SITREP_CLUSTERS.eu.prometheus_url"),
        ("clusters: {eu: {kubernetes: maybe}}", "SITREP_CLUSTERS.eu.kubernetes"),
        ("clusters: {eu: {health_urls: [{ulr: x}]}}", "SITREP_CLUSTERS.eu.health_urls.0"),
        ("clusters: {eu: {slack_token: x}}", "eu.slack_token"),
        ("clusters: {eu: {cluster: other}}", "eu.cluster"),
        ("clusters: {eu: {clusters: {}}}", "eu.clusters"),
        ("clusters: {eu: http://x}", "SITREP_CLUSTERS: Value error, eu:"),
        ("clusters: [eu]", "SITREP_CLUSTERS"),
        ("clusters: {7: {}}", "a cluster's name"),
        ("clusters: {'': {}}", "a cluster's name"),
        ("cluster: eu\nprometheus_url: http://x\nclusters: {eu: {}}", "SITREP_PROMETHEUS_URL: cluster eu has"),
        (f"clusters: {{{', '.join(f'c{n}: {{}}' for n in range(MOST_CLUSTERS + 1))}}}", f"at most {MOST_CLUSTERS}"),
    ],
)
def test_a_mistake_in_a_cluster_is_one_line_that_names_the_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["Shop", "shop cart", "eu/shop", "shop,../kube-system", "*"])
def test_what_is_no_namespace_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^SITREP_KUBERNETES_NAMESPACES"):
        load_settings({"SITREP_KUBERNETES_NAMESPACES": text})
    assert load_settings({"SITREP_KUBERNETES_NAMESPACES": "shop, cart"}).kubernetes_namespaces == ["shop", "cart"]


def test_off_and_on_are_words_though_yaml_takes_them_for_truth(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "kubernetes: off\nprobes: on\nclusters: {eu: {kubernetes: off, probes: off}}")
    assert (settings.kubernetes, settings.probes) == ("off", "on")
    assert settings.by_cluster()["eu"].probes == "off"


def test_every_setting_of_a_source_may_stand_under_a_cluster() -> None:
    """A new source whose settings could not be given for each cluster would answer for the wrong one."""
    names = [name for name in registry.SOURCES if name != "probe"]
    missed = [
        key for key in Settings.model_fields if any(key.startswith(name) for name in names) and not is_of_a_cluster(key)
    ]
    assert missed == []
