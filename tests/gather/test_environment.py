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
