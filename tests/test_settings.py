"""Settings: from the environment over a file, secrets read at use, mistakes in one clear line."""

from pathlib import Path

import pytest

from app.domain.log_budget import LogBudget
from app.settings import SettingsError, load_settings


def test_names_are_read_from_the_environment_with_their_types() -> None:
    settings = load_settings(
        {
            "SITREP_PORT": "9000",
            "SITREP_BUDGET_SECONDS": "3.5",
            "SITREP_LOKI_HEADERS": "X-Scope-OrgID=shop,X-Extra=1",
            "SITREP_IGNORED_ALERTS": "Watchdog, Noise",
            "SITREP_PROMETHEUS_URL": "https://prometheus.example/",
        }
    )
    assert (settings.port, settings.budget_seconds) == (9000, 3.5)
    assert settings.loki_headers == {"X-Scope-OrgID": "shop", "X-Extra": "1"}
    assert settings.ignored_alerts == ["Watchdog", "Noise"]
    assert settings.prometheus_url == "https://prometheus.example"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SITREP_PROMETHEUS_ULR": "http://x"}, "SITREP_PROMETHEUS_ULR"),
        ({"SITREP_PORT": "many"}, "SITREP_PORT"),
        ({"SITREP_PORT": "70000"}, "SITREP_PORT"),
        ({"SITREP_LOKI_URL": "loki:3100"}, "SITREP_LOKI_URL"),
        ({"SITREP_LOKI_HEADERS": "nonsense"}, "SITREP_LOKI_HEADERS"),
        ({"SITREP_VICTORIALOGS_URL": "logs:9428"}, "SITREP_VICTORIALOGS_URL"),
        ({"SITREP_ELASTICSEARCH_URL": "ftp://logs"}, "SITREP_ELASTICSEARCH_URL"),
        ({"SITREP_LOG_BYTES_PER_INCIDENT": "-1"}, "SITREP_LOG_BYTES_PER_INCIDENT"),
        ({"SITREP_LOG_BYTES_PER_HOUR": "2 GB"}, "SITREP_LOG_BYTES_PER_HOUR"),
        *(
            ({"SITREP_ELASTICSEARCH_INDEX": pattern}, "SITREP_ELASTICSEARCH_INDEX")
            for pattern in ("", "_all", "..", "a/../_cluster", "a,,b", "a?x", "<logs-{now}>", "a%2fb", "-", "logs ")
        ),
        ({"SITREP_SLACK_MIN_SEVERITY": "awful"}, "SITREP_SLACK_MIN_SEVERITY"),
        ({"SITREP_PORT_FILE": "/x"}, "SITREP_PORT_FILE"),
        ({"SITREP_CONFIG_FILE": "/does/not/exist"}, "/does/not/exist"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_log_stores_have_an_index_pattern_and_a_budget() -> None:
    settings = load_settings({})
    assert settings.log_budget() == LogBudget(2_000_000_000, 50_000_000_000)
    for pattern in ("logs-*", "*", "filebeat-8.15,-filebeat-old", ".ds-logs-app", "west:logs-*", "logs-app-2026.03.09"):
        assert load_settings({"SITREP_ELASTICSEARCH_INDEX": pattern}).elasticsearch_index == pattern
    assert load_settings({"SITREP_LOG_BYTES_PER_HOUR": "0"}).log_budget().per_hour == 0


def test_several_mistakes_are_named_together() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"SITREP_PORT": "x", "SITREP_BUDGET_SECONDS": "y"})
    assert "SITREP_PORT" in str(caught.value)
    assert "SITREP_BUDGET_SECONDS" in str(caught.value)


def test_service_links_of_kubernetes_are_not_settings() -> None:
    settings = load_settings(
        {
            "SITREP_PORT": "tcp://10.0.0.1:8080",
            "SITREP_SERVICE_HOST": "10.0.0.1",
            "SITREP_SERVICE_PORT": "8080",
            "SITREP_PORT_8080_TCP_ADDR": "10.0.0.1",
        }
    )
    assert settings.port == 8080


def test_a_secret_file_is_read_anew_at_each_use(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    settings = load_settings({"SITREP_SLACK_TOKEN_FILE": str(path)})
    assert settings.slack_token.read() == "first"
    path.write_text("second\n")
    assert settings.slack_token.read() == "second"
    path.unlink()
    with pytest.raises(SettingsError, match="cannot read"):
        settings.slack_token.read()


def test_a_secret_never_shows_itself() -> None:
    secret = "xoxb-" + "verysecret"
    settings = load_settings({"SITREP_SLACK_TOKEN": secret, "SITREP_DATABASE_URL": f"postgresql://u:{secret}@h/d"})
    assert secret not in repr(settings)
    assert secret not in str(settings.model_dump())


def test_the_file_gives_what_the_environment_does_not(tmp_path: Path) -> None:
    path = tmp_path / "sitrep.yml"
    path.write_text(
        "port: 9001\ncluster: staging\nslack_token_file: /run/slack\n"
        "slack_routes:\n- matchers: ['team=\"pay\"']\n  channels: [C1]\n"
    )
    settings = load_settings({"SITREP_CONFIG_FILE": str(path), "SITREP_CLUSTER": "prod"})
    assert (settings.port, settings.cluster) == (9001, "prod")
    assert settings.slack_routes[0].channels == ["C1"]
    assert settings.slack_token


@pytest.mark.parametrize("text", ["port: [1", "- a\n- b\n", "colour: red\n", "port: 1\n2: x\n"])
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sitrep.yml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_settings({"SITREP_CONFIG_FILE": str(path)})


def test_what_is_given_outranks_the_environment_and_makes_the_links() -> None:
    settings = load_settings({"SITREP_PORT": "9000"}, {"port": 9002, "host": "0.0.0.0"})
    assert settings.public_url == "http://127.0.0.1:9002"
    assert load_settings({"SITREP_PUBLIC_URL": "https://sitrep.example/"}).public_url == "https://sitrep.example"


def refused(environment: dict[str, str]) -> str:
    """The one line that this environment is refused with."""
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"SITREP_SLACK_ROUTES": "[{"},
        {"SITREP_SLACK_ROUTES": "[{ VALUE: *VALUE"},
        {"SITREP_SLACK_ROUTES": "!VALUE x"},
        {"SITREP_HEALTH_URLS": "[VALUE\x00]"},
        {"SITREP_PROMETHEUS_HEADERS": "VALUE"},
        {"SITREP_LOKI_HEADERS": "X-Scope-OrgID=shop,VALUE"},
        {"SITREP_TRUSTED_PROXIES": "10.0.0.0/8,VALUE"},
        {"SITREP_PROMETHEUS_URL": "VALUE"},
        {"SITREP_PORT": "VALUE"},
    ],
)
def test_a_mistake_names_the_setting_and_does_not_show_the_value(environment: dict[str, str]) -> None:
    value = "hunter" + "2hunter2"
    ((name, text),) = environment.items()
    said = refused({name: text.replace("VALUE", value)})
    assert said.startswith(name)
    assert value not in said


@pytest.mark.parametrize(
    "body",
    [
        b"api_tokens: VALUE: x\n",
        b"cluster: x\nslack_token: *VALUE\n",
        b"slack_token: !VALUE x\n",
        b'slack_token: "VALUE\n',
        b"slack_token: @VALUE\n",
        b"slack_token: VALUE\x00\n",
        b"slack_token: VALUE\xff\xfe\n",
        b"? [VALUE]\n: {VALUE\n",
        b"prometheus_headers: VALUE\n",
        b"prometheus_headers: {X-Key: [VALUE]}\n",
        b"webhook_tokens: {VALUE: x}\n",
    ],
)
def test_a_broken_file_is_named_without_what_stands_in_it(tmp_path: Path, body: bytes) -> None:
    value = "hunter" + "2hunter2"
    path = tmp_path / "sitrep.yml"
    path.write_bytes(body.replace(b"VALUE", value.encode()))
    said = refused({"SITREP_CONFIG_FILE": str(path)})
    assert value not in said


def test_a_broken_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "sitrep.yml"
    path.write_text("port: 1\ncluster: [a\nhost: b\n")
    assert "line 3" in refused({"SITREP_CONFIG_FILE": str(path)})


def test_secrets_may_be_a_list_in_the_file_and_nothing_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sitrep.yml"
    path.write_text("webhook_tokens: [alpha, beta]\napi_tokens: 12345\nslack_token:\npagerduty_token_file:\n")
    settings = load_settings({"SITREP_CONFIG_FILE": str(path)})
    assert settings.tokens(settings.webhook_tokens) == ("alpha", "beta")
    assert settings.tokens(settings.api_tokens) == ("12345",)
    assert not settings.slack_token
    assert not settings.pagerduty_token


def test_headers_and_passwords_of_addresses_do_not_show_in_settings() -> None:
    value = "hunter" + "2hunter2"
    settings = load_settings(
        {
            "SITREP_PROMETHEUS_HEADERS": f"Authorization={value}",
            "SITREP_LOKI_HEADERS": f"Authorization={value}",
            "SITREP_PROMETHEUS_URL": f"https://shop:{value}@prometheus.example/p",
            "SITREP_LOKI_URL": f"https://shop:{value}/{value}@loki.example",
            "SITREP_ALERTMANAGER_URL": f"https://{value}@alertmanager.example",
            "SITREP_HEALTH_URLS": f"[{{url: 'http://shop:{value}@checkout.example/healthz'}}]",
        }
    )
    for shown in (repr(settings), str(settings)):
        assert value not in shown
        assert "https://prometheus.example/p" in shown
    assert settings.prometheus_url == f"https://shop:{value}@prometheus.example/p", "it is used as it was given"


@pytest.mark.parametrize("name", ["BUDGET_SECONDS", "SOURCE_DEADLINE_SECONDS", "REOPEN_MINUTES"])
@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "1e300"])
def test_a_time_that_is_none_is_refused(name: str, value: str) -> None:
    assert refused({f"SITREP_{name}": value}).startswith(f"SITREP_{name}")


@pytest.mark.parametrize("value", ["", "0", "6", "3651", "30.5", "nan", "1e3", "a year"])
def test_details_are_kept_for_a_week_to_ten_years(value: str) -> None:
    assert refused({"SITREP_RETENTION_DAYS": value}).startswith("SITREP_RETENTION_DAYS")
    assert load_settings({}).retention_days == 400
    assert load_settings({"SITREP_RETENTION_DAYS": "7"}).retention_days == 7


def test_a_secret_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xff\xfe")
    settings = load_settings({"SITREP_SLACK_TOKEN_FILE": str(path)})
    with pytest.raises(SettingsError, match="token: it is not UTF-8"):
        settings.slack_token.read()


def test_proxies_are_trusted_by_their_network() -> None:
    assert load_settings({}).trusted_proxies == ["127.0.0.0/8", "::1/128"]
    settings = load_settings({"SITREP_TRUSTED_PROXIES": "10.1.2.3, fd00::/8"})
    assert settings.trusted_proxies == ["10.1.2.3", "fd00::/8"]
