"""Tokens and what they are for: plain ones stay what they were, and a slip never widens what a token may see."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.scope import EVERYTHING, Scope
from app.domain.subject import Subject
from app.grants import Grant, grants_of
from app.settings import SettingsError, load_settings

SHOP = Scope(frozenset({"shop"}))


@pytest.mark.parametrize(
    "token", ["plain", "abc+/==", "user@host", "a@b@c", "team-a=secret", "a b", "a:b", "@", "x" * 300, "tök€n"]
)
def test_a_plain_token_is_one_for_everything_whatever_its_signs(token: str) -> None:
    assert grants_of(f"other, {token}") == (Grant("other"), Grant(token))


def test_namespaces_follow_the_token_each_with_an_at() -> None:
    assert grants_of("one, two @shop @cart,three  @prod-eu/shop ,,") == (
        Grant("one", EVERYTHING),
        Grant("two", Scope(frozenset({"shop", "cart"}))),
        Grant("three", Scope(frozenset({"prod-eu/shop"}))),
    )


@pytest.mark.parametrize(
    "entry",
    ["t @", "t @shop cart", "t @Shop", "t @shop @", "t @shop@cart", "t @-shop", "t @*", "t @shop_x", "t @/shop"],
)
def test_a_slip_in_a_limit_is_refused_and_never_a_token_for_everything(entry: str) -> None:
    with pytest.raises(ValueError, match=r"^entry 2: ") as caught:
        grants_of(f"hidden, {entry}")
    assert "hidden" not in str(caught.value)


@given(st.text(alphabet="abc @/,-", max_size=30))
def test_no_entry_with_a_limit_grants_everything(text: str) -> None:
    try:
        grants = grants_of(text)
    except ValueError:
        return
    for grant in grants:
        assert not (grant.scope.is_all and " @" in grant.token), grant


def test_the_file_may_say_it_in_maps(tmp_path: Path) -> None:
    path = tmp_path / "sitrep.yaml"
    path.write_text("api_tokens: [plain, {token: abc, namespaces: [shop, prod-eu/cart]}, 12345]", encoding="utf-8")
    assert load_settings({"SITREP_CONFIG_FILE": str(path)}).grants() == (
        Grant("plain"),
        Grant("abc", Scope(frozenset({"shop", "prod-eu/cart"}))),
        Grant("12345"),
    )


@pytest.mark.parametrize(
    "entry",
    [
        "{token: VALUE}",
        "{token: VALUE, namespaces: []}",
        "{token: VALUE, namespaces: shop}",
        "{token: VALUE, namespace: [shop]}",
        "{token: 'VALUE x', namespaces: [shop]}",
        "{token: 'VALUE,x', namespaces: [shop]}",
        "{token: '', namespaces: [shop]}",
        "{token: VALUE, namespaces: ['shop cart']}",
        "{token: VALUE, namespaces: [Shop]}",
        "{token: [VALUE], namespaces: [shop]}",
    ],
)
def test_a_mistake_stops_the_start_with_one_line_and_shows_no_token(tmp_path: Path, entry: str) -> None:
    value = "hunter" + "2hunter2"
    path = tmp_path / "sitrep.yaml"
    path.write_text(f"api_tokens: [{entry.replace('VALUE', value)}]", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^SITREP_API_TOKENS") as caught:
        load_settings({"SITREP_CONFIG_FILE": str(path)})
    assert value not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_file_of_tokens_is_found_at_the_start_and_a_file_may_come_later(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    settings = load_settings({"SITREP_API_TOKENS_FILE": str(path)})
    path.write_text("abc @shop\n", encoding="utf-8")
    assert settings.grants() == (Grant("abc", SHOP),)
    path.write_text("abc @\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^SITREP_API_TOKENS: entry 1"):
        settings.grants()
    with pytest.raises(SettingsError, match=r"^SITREP_API_TOKENS: entry 1"):
        load_settings({"SITREP_API_TOKENS_FILE": str(path)})


def test_a_scope_has_what_lies_in_its_namespaces() -> None:
    def about(namespace: str, kind: str = "Deployment", name: str = "shop", cluster: str = "eu") -> Subject:
        return Subject(cluster, namespace, kind, name)

    in_eu = Scope(frozenset({"eu/shop"}))
    assert SHOP.has(about("shop"))
    assert SHOP.has(about("", "Namespace"))
    assert not SHOP.has(about("cart"))
    assert not SHOP.has(about("", "Node"))
    assert not SHOP.hides(about("", "Node")), "a node is nobody's"
    assert in_eu.has(about("shop"))
    assert not in_eu.has(about("shop", cluster="us"))
    assert SHOP.covers([about("shop"), about("", "Namespace")])
    assert not SHOP.covers([])
    assert EVERYTHING.covers([])
    assert (SHOP | in_eu).places == {"shop", "eu/shop"}
    assert (SHOP | EVERYTHING).is_all
