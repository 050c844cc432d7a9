"""Which Service a text names: every common way to write it, and nothing that only resembles one."""

import time

import pytest

from app.domain.addresses import Address, addresses_in, service_of

SERVICES = {
    "shop": {"payments": {8080}, "cart": {7070}, "redis": {6379}, "kafka": {9092}, "db": {5432}, "web": set()},
    "auth": {"tokens": {443}},
}


def named(text: str, name: str = "") -> list[str]:
    """The Services that a text means to a pod in shop."""
    found = [service_of(address, "shop", SERVICES) for address in addresses_in(text, name)]
    return [f"{place}/{service}" for place, service in filter(None, found)]


@pytest.mark.parametrize(
    ("text", "name", "service"),
    [
        ("http://payments:8080", "PAYMENTS_URL", "shop/payments"),
        ("http://payments:8080/v1?x=1", "", "shop/payments"),
        ("http://payments", "", "shop/payments"),
        ("http://payments.shop", "", "shop/payments"),
        ("http://payments.shop.svc", "", "shop/payments"),
        ("https://payments.shop.svc.cluster.local:443/", "", "shop/payments"),
        ("http://payments.shop.svc.cluster.local.", "", "shop/payments"),
        ("http://tokens.auth/", "", "auth/tokens"),
        ("http://ledger.money.svc:80", "", "money/ledger"),
        ("postgres://app:hunter2@db:5432/shop", "DATABASE", "shop/db"),
        ("jdbc:postgresql://db:5432/shop", "", "shop/db"),
        ("redis://redis", "", "shop/redis"),
        ("cart:7070", "", "shop/cart"),
        ("cart", "CART_HOST", "shop/cart"),
        ("cart:9", "CART_ADDR", "shop/cart"),
        ("cart", "cartServiceHost", "shop/cart"),
        ("kafka-0.kafka:9092", "", "shop/kafka"),
        ("kafka-0.kafka.shop.svc.cluster.local:9092", "", "shop/kafka"),
        ("--upstream=cart:7070", "", "shop/cart"),
        ("proxy_pass http://payments:8080;", "", "shop/payments"),
        ('{"url": "http://payments:8080"}', "", "shop/payments"),
        ("server:\n  backend: 'cart:7070'\n", "", "shop/cart"),
    ],
)
def test_a_service_that_is_named_is_found(text: str, name: str, service: str) -> None:
    assert named(text, name) == [service]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("payments", ""),
        ("payments", "OTEL_SERVICE_NAME"),
        ("payments", "HOSTNAME"),
        ("http://payments.example.com/", ""),
        ("http://api.payments.io", ""),
        ("http://my-payments:8080", ""),
        ("http://payments-v2:8080", ""),
        ("http://payments.v2:8080", ""),
        ("http://example.com/payments:8080", ""),
        ("http://x/?next=//payments:8080", ""),
        ("registry/payments:8080", ""),
        ("image: redis:7", ""),
        ("cart:1", ""),
        ("cart:7070@elsewhere", ""),
        ("cart:70707070", ""),
        ("user@cart:7070", ""),
        ("# was http://payments:8080", ""),
        ("  // http://payments:8080", ""),
        ("http://payments:8080evil", ""),
        ("http://payments\u0000", ""),
        ("http://PAYMENTS_HOST", ""),
        ("http://10.0.0.7:8080", "PAYMENTS_URL"),
        ("$(PAYMENTS_HOST)", "PAYMENTS_HOST"),
        ("ledger.money.svc:80", ""),
        ("localhost", "DB_HOST"),
        ("web:80", ""),
    ],
)
def test_what_only_resembles_one_is_not(text: str, name: str) -> None:
    assert named(text, name) == []


def test_all_brokers_of_a_list_are_one_service() -> None:
    found = named("kafka-0.kafka:9092,kafka-1.kafka:9092", "BROKERS")
    assert set(found) == {"shop/kafka"}
    assert named("mongodb://db:5432,redis:6379/shop") == ["shop/db", "shop/redis"]


def test_a_user_and_a_password_are_never_part_of_an_address() -> None:
    (found,) = addresses_in("postgres://app:hunter2@db:5432/shop")
    assert found == Address("db", 5432)
    assert "hunter2" not in str(found)


def test_no_more_than_twenty_are_read() -> None:
    assert len(addresses_in(" ".join(f"http://a{n}:80" for n in range(500)))) == 20


@pytest.mark.parametrize(
    "evil", ["a." * 40_000, "a-" * 40_000, "http://" * 20_000, "x://" + "a@" * 40_000, "a:1" * 30_000]
)
def test_a_hostile_text_takes_no_time(evil: str) -> None:
    started = time.perf_counter()
    assert named(evil) == []
    assert time.perf_counter() - started < 1
