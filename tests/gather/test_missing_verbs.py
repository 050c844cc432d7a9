"""Each verb that is missing is known by its resource and place, and told with a fix."""

from contextlib import aclosing
from pathlib import Path

import pytest

from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.sources.kubernetes.kinds import KINDS
from app.gather.sources.kubernetes.permissions import Need, missing, needs, told
from app.settings import Settings
from tests.fakes.server import Trouble
from tests.gather.cluster import NOW, kubernetes
from tests.gather.forbidding import CASES, CHECKOUT, NODE, OBJECTS, SHOP

pytestmark = pytest.mark.anyio


async def lacking(folder: Path, *namespaces: str, forbidden: tuple[str, ...] = (), granted: str = "") -> list[Need]:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.forbidden.update(forbidden)
        fake.granted = {granted} if granted else None
        found = await missing(source._connection, needs(namespaces, pod_logs=True))
        assert fake.writes == []
    return list(found)


async def test_each_missing_verb_is_known_by_its_resource_and_place(folder: Path) -> None:
    for resource in ("events", "pods/log", "deployments", "resourcequotas", "persistentvolumeclaims", "nodes"):
        found = await lacking(folder, forbidden=(resource,))
        assert {need.resource.partition(".")[0] for need in found} == {resource}
        verbs = {"events": {"list"}, "pods/log": {"get"}, "resourcequotas": {"list"}}.get(resource, {"get", "list"})
        assert {need.verb for need in found} == verbs
        assert {need.namespace for need in found} == {""}
    assert await lacking(folder) == []


async def test_a_watch_that_may_not_be_made_is_known_though_lists_are_allowed(folder: Path) -> None:
    assert [(need.verb, need.resource) for need in await lacking(folder, forbidden=("watch deployments",))] == [
        ("watch", "deployments.apps")
    ]
    unlisted = await lacking(folder, forbidden=("configmaps",))
    assert {(need.verb, need.resource, need.optional) for need in unlisted} == {
        ("list", "configmaps", True),
        ("get", "configmaps", True),
    }


async def test_with_roles_in_namespaces_each_is_watched_and_nothing_else(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        everywhere = source.watches(b"key", Settings())
        source._connection.namespaces = ("shop", "cart")
        watches = source.watches(b"key", Settings())
        fake.granted = {"shop", "cart"}
        (shop_watch,) = [watch for watch in watches if (watch.kind, watch.namespace) == ("Deployment", "shop")]
        async with aclosing(shop_watch.follow()) as sights:
            first = await anext(sights)
    assert {watch.namespace for watch in everywhere} == {""}
    assert "Node" in {watch.kind for watch in everywhere}
    assert {watch.namespace for watch in watches} == {"shop", "cart"}
    assert {watch.kind for watch in watches} == {watch.kind for watch in everywhere if KINDS[watch.kind].namespaced}
    assert first, "what may be read is followed"


async def test_in_named_namespaces_each_is_tried_and_what_lies_in_none_is_no_fault(folder: Path) -> None:
    assert await lacking(folder, "shop", "cart", forbidden=("cart:events",)) == [
        Need("cart", "list", "events", "/api/v1/namespaces/cart/events?limit=1")
    ]
    found = await lacking(folder, "shop", granted="shop")
    assert {need.resource for need in found} == {"nodes", "persistentvolumes", "storageclasses.storage.k8s.io"}
    assert all(need.optional and not need.namespace for need in found)


async def test_all_that_is_asked_of_a_cluster_is_among_what_is_tried(folder: Path) -> None:
    """Else a permission could be missing that the doctor does not know of."""
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        for case in CASES.values():
            await source.answer(case.query)
        await Gatherer([source], Planner(), 5).start((), (CHECKOUT, NODE, SHOP), NOW).finish()
        asked = {_verb_and_resource(path) for _, path in fake.requests}
    tried = {(need.verb, need.resource.partition(".")[0]) for need in needs((), pod_logs=True)}
    assert len(asked) > 12
    assert asked - tried == set()


def _verb_and_resource(path: str) -> tuple[str, str]:
    parts = [part for part in path.partition("?")[0].split("/") if part]
    rest = parts[2 if parts[0] == "api" else 3 :]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    resource = "/".join((rest[0], *rest[2:]))
    return ("get" if len(rest) > 1 else "list"), resource


def test_what_is_missing_is_told_in_lines_with_a_fix_each() -> None:
    lines = told(
        "kubernetes",
        [
            Need("shop", "list", "events", ""),
            Need("shop", "list", "deployments.apps", ""),
            Need("shop", "get", "pods/log", ""),
            Need("", "list", "nodes", "", optional=True),
        ],
    )
    assert [(line.mark, line.statement) for line in lines] == [
        ("note", "may not list nodes in the cluster"),
        ("FAIL", "may not get pods/log in namespace shop"),
        ("FAIL", "may not list events, deployments.apps in namespace shop"),
    ]
    assert "SITREP_KUBERNETES_POD_LOGS=off" in lines[1].fix
    assert "grant list on events, deployments.apps to Sitrep's service account by a Role in shop" in lines[2].fix


async def test_the_check_tells_the_version_and_a_line_for_each_lack(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (_, source):
        well = await source.check()
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.forbidden |= {"events", "pods/log", "shop:pods"}
        ill = await source.check()
    assert well.healthy
    assert well.parts == ()
    assert not ill.healthy
    assert {part.statement for part in ill.parts} == {
        "may not list events in the cluster",
        "may not get pods/log in the cluster",
    }


async def test_a_wrong_token_is_told_as_that(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.token = "another-" + "token"
        diagnosis = await source.check()
    assert (diagnosis.healthy, diagnosis.statement) == (False, "token refused (401)")
    assert "token" in diagnosis.fix
    assert diagnosis.parts == ()


async def test_a_login_page_in_place_of_the_api_server_is_told_as_that(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.trouble = Trouble("html")
        diagnosis = await source.check()
    assert not diagnosis.healthy
    assert "login page" in diagnosis.fix


def test_the_needs_of_all_namespaces_are_bounded() -> None:
    assert len(needs((), pod_logs=True)) < 80
