"""What is read of Ingresses, routes, budgets, accounts and ConfigMaps; of ConfigMaps never a value."""

from pathlib import Path

import pytest

from app.domain.evidence import ObjectState
from app.domain.query import ObjectQuery
from tests.gather.cluster import Body, body, kubernetes, subject

pytestmark = pytest.mark.anyio

VALUE = "postgres://app:" + "hunter2" + "@db:5432/shop"
INGRESS = body(
    "Ingress",
    "front",
    api="networking.k8s.io/v1",
    spec={
        "tls": [{"secretName": "front-tls"}],
        "rules": [
            {
                "host": "shop.test",
                "http": {
                    "paths": [
                        {"path": "/cart", "backend": {"service": {"name": "cart", "port": {"number": 80}}}},
                        {"path": "/img", "backend": {"resource": {"kind": "Bucket", "name": "images"}}},
                    ]
                },
            }
        ],
    },
)
ROUTE = body(
    "HTTPRoute",
    "front",
    api="gateway.networking.k8s.io/v1",
    spec={
        "hostnames": ["shop.test"],
        "rules": [{"matches": [{"path": {"value": "/cart"}}], "backendRefs": [{"name": "cart", "port": 80}]}],
    },
)
BUDGET = body(
    "PodDisruptionBudget",
    "cart",
    api="policy/v1",
    spec={"minAvailable": "50%", "selector": {"matchLabels": {"app": "cart"}}},
    status={"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 3},
)
ACCOUNT = body("ServiceAccount", "cart", imagePullSecrets=[{"name": "pull"}], secrets=[{"name": "cart-token"}])
CONFIG = body("ConfigMap", "cart", data={"DATABASE": VALUE, "a": "1"}, binaryData={"logo": "aGVsbG8="})


async def body_of(folder: Path, thing: Body) -> Body:
    query = ObjectQuery("state", subject(thing["kind"], thing["metadata"]["name"]))
    async with kubernetes(folder, thing) as (_, source):
        (state,) = (await source.answer(query)).of(ObjectState)
    return dict(state.body)


async def test_an_ingress_is_its_hosts_paths_and_services(tmp_path: Path) -> None:
    spec = (await body_of(tmp_path, INGRESS))["spec"]
    assert spec == {
        "rules": [
            {
                "host": "shop.test",
                "http": {
                    "paths": [
                        {"path": "/cart", "backend": {"service": {"name": "cart", "port": {"number": 80}}}},
                        {"path": "/img", "backend": {}},
                    ]
                },
            }
        ]
    }


async def test_a_route_is_its_host_names_matches_and_back_ends(tmp_path: Path) -> None:
    assert (await body_of(tmp_path, ROUTE))["spec"] == ROUTE["spec"]


async def test_a_budget_shows_how_many_disruptions_it_allows(tmp_path: Path) -> None:
    seen = await body_of(tmp_path, BUDGET)
    assert (seen["spec"], seen["status"]) == (BUDGET["spec"], BUDGET["status"])


async def test_of_an_account_the_tokens_are_not_even_named(tmp_path: Path) -> None:
    seen = await body_of(tmp_path, ACCOUNT)
    assert seen["imagePullSecrets"] == [{"name": "pull"}]
    assert "secrets" not in seen


async def test_of_a_config_map_the_keys_and_its_version_are_kept_and_no_value(tmp_path: Path) -> None:
    seen = await body_of(tmp_path, CONFIG)
    assert seen["keys"] == ["DATABASE", "a", "logo"]
    assert seen["metadata"]["resourceVersion"]
    assert "hunter2" not in repr(seen)
    assert seen.keys() == {"apiVersion", "kind", "metadata", "keys"}
