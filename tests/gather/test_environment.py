import pytest

from app.gather.sources.kubernetes.environment import WITHHELD, is_secret_name, without_secrets, without_value


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "STRIPE_KEY", "sessionToken", "DATABASE_DSN", "BASIC_AUTH", "SALT", "GITHUB_PAT", "dbPass"]
)
def test_a_name_that_may_be_a_secrets_is_taken_for_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["SHIPPING_SERVICE_ADDR", "AUTH_SERVICE_ADDR", "LEVEL", "KEYBOARD", "CONCERT_HALL"])
def test_an_ordinary_name_is_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("CART_SERVICE_ADDR", "cartservice:7070", "cartservice:7070"),
        ("PORT", "8080", "8080"),
        ("BASIC_AUTH", "admin:12345", None),
        ("GREETING", "hello", None),
        ("DATABASE_URL", "postgres://db:5432/shop", None),
        ("COUNT", "8080", None),
    ],
)
def test_only_addresses_and_ports_keep_their_value(name: str, value: str, kept: str | None) -> None:
    assert without_value({"name": name, "value": value})["value"] == kept


def test_what_follows_a_secret_flag_is_withheld() -> None:
    line = ["run", "--password", "-hunter", "--token", "abc", "--level", "debug", "--key=x", "last"]
    assert without_secrets(line) == [
        "run", "--password", WITHHELD, "--token", WITHHELD, "--level", "debug", "--key=x", "last",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "hosts"),
    [
        ("DATABASE_URL", "postgres://app:hunter2@db.shop.svc:5432/shop", ["db.shop.svc:5432"]),
        ("PAYMENTS_URL", "http://payments", ["payments"]),
        ("DB_HOST", "postgres", ["postgres"]),
        ("BROKERS", "http://a:1,http://b:2", ["a:1", "b:2"]),
        ("HOOK", "https://xoxb-123.hooks.example.com/T0/B0", None),
        ("ADDRESS_URL", "http://10.0.0.7:80", None),
        ("API_TOKEN", "https://hunter2", None),
        ("GREETING", "hello", None),
    ],
)
def test_of_other_values_only_the_hosts_inside_the_cluster_are_kept(
    name: str, value: str, hosts: list[str] | None
) -> None:
    kept = without_value({"name": name, "value": value})
    assert kept == {"name": name, "value": None, "calls": hosts}


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (["redis-cli", "-a", "hunter" + "2hunter2", "ping"], ["redis-cli", "-a", "[REDACTED:cli]", "ping"]),
        (["mysqladmin", "-phunter" + "2hunter2", "ping"], ["mysqladmin", "-p[REDACTED:cli]", "ping"]),
        (["curl", "-u", "app:hunter" + "2hunter2", "http://x"], ["curl", "-u", "[REDACTED:cli]", "http://x"]),
        (["kubectl", "-a", "-p", "8080", "app:latest"], ["kubectl", "-a", "-p", "8080", "app:latest"]),
    ],
)
def test_what_a_flag_means_depends_on_the_program(line: list[str], kept: list[str]) -> None:
    assert without_secrets(line) == kept
