"""Which settings lead into one cluster, and how they stand under `clusters` in the file."""

from collections.abc import Callable, Mapping
from typing import Any

# A setting of one cluster begins with one of these: a new source adds its name.
OF_A_CLUSTER = (
    *("kubernetes", "kubeconfig", "prometheus", "alertmanager", "loki", "victorialogs", "elasticsearch"),
    *("probes", "health_urls"),
)
MOST_CLUSTERS = 64
NAME_CHARACTERS = 100
# What leads to the API server: without any of them a named cluster has none, for ours would be another's.
_WAYS_TO_KUBERNETES = ("kubeconfig", "kubernetes_context")

Values = dict[str, Any]


def is_of_a_cluster(key: str) -> bool:
    """Whether each cluster has a value of its own for this setting."""
    return any(key == name or key.startswith(f"{name}_") for name in OF_A_CLUSTER)


def cluster_values(given: object, from_file: Callable[[Mapping[Any, Any]], Values]) -> dict[str, Values]:
    """What is set for each named cluster, with what holds where nothing is said. Raises `ValueError`.

    `from_file` reads the keys of one map as those of the whole file are read.
    """
    if not isinstance(given, Mapping):
        raise ValueError("must be a map of cluster names to their settings")  # noqa: TRY004 - what pydantic expects
    if len(given) > MOST_CLUSTERS:
        message = f"at most {MOST_CLUSTERS} clusters"
        raise ValueError(message)
    return {_name(name): _values(name, settings, from_file) for name, settings in given.items()}


def _name(name: object) -> str:
    if isinstance(name, str) and 0 < len(name) <= NAME_CHARACTERS and name.isprintable():
        return name
    message = f"a cluster's name is text of at most {NAME_CHARACTERS} characters, in quotes where YAML reads a number"
    raise ValueError(message)


def _values(name: str, given: object, from_file: Callable[[Mapping[Any, Any]], Values]) -> Values:
    if not isinstance(given, Mapping):
        message = f"{name}: must be a map of settings"
        raise ValueError(message)  # noqa: TRY004 - what pydantic expects
    values = from_file(given)
    for key in values:
        if not is_of_a_cluster(key):
            message = f"{name}.{key}: is no setting of one cluster; those begin with {', '.join(OF_A_CLUSTER)}"
            raise ValueError(message)
    leads = any(values.get(key) for key in _WAYS_TO_KUBERNETES)
    # Addresses of pods are those of our own network: elsewhere only listed endpoints are asked.
    return {"kubernetes": "auto" if leads else "off", "probes": "listed", **values}
