"""Settings: environment `SITREP_*`, else the same keys in lower case in the YAML file of `SITREP_CONFIG_FILE`."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.clusters import cluster_values, is_of_a_cluster
from app.domain.address import http_url, index_pattern, network
from app.domain.alert import Severity
from app.domain.log_budget import HOUR_BYTES, INCIDENT_BYTES, MOST_BYTES, LogBudget
from app.given import Secret, SettingsError, is_service_link, one_line, secret_of, yaml_of
from app.grants import Grant, grants_of, namespace, place, text_of

__all__ = ["HealthUrl", "Route", "Secret", "Settings", "SettingsError", "load_settings", "shown_url"]

PREFIX = "SITREP_"
MOST_REOPEN_MINUTES = 366 * 24 * 60


Url = Annotated[str, AfterValidator(http_url)]
Namespace = Annotated[str, AfterValidator(namespace)]
Network = Annotated[str, AfterValidator(network)]
IndexPattern = Annotated[str, AfterValidator(index_pattern)]
ByteCount = Annotated[int, Field(ge=0, le=MOST_BYTES)]


def shown_url(url: str) -> str:
    """The address without user and password; what comes before any `@` is taken for those."""
    return re.sub(r"//.*@", "//", url)


class _Discreet(BaseModel):
    """Settings whose `repr` holds no password of an address."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, shown_url(value) if isinstance(value, str) else value


class Route(_Discreet):
    """Incidents whose labels match all `matchers` (Alertmanager's syntax) go to these Slack channels.

    `namespaces`: what those may be told of; not set: those that the matchers name, `*`: all.
    """

    matchers: list[str]
    channels: list[str]
    namespaces: list[Annotated[str, AfterValidator(place)]] = []


class HealthUrl(_Discreet):
    """A health endpoint to ask when an incident is about `namespace`/`workload`; `cluster` is where it stands."""

    url: Url
    namespace: str = ""
    workload: str = ""
    cluster: str = ""


class Settings(_Discreet):
    """Every knob; docs/settings.md is made from these descriptions."""

    database_url: Secret = Field(Secret(), description="PostgreSQL to use; not set: an embedded one")
    data_dir: Path = Field(Path(".sitrep"), description="where the embedded database keeps its data")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    public_url: Url = Field("", validate_default=False, description="how people reach Sitrep; not set: host and port")
    link_secret: Secret = Field(Secret(), description="key that signs links in messages; not set: made and stored")
    trusted_proxy_header: str = Field("", description="header by which a proxy in front names the signed-in person")
    trusted_proxies: list[Network] = Field(
        ["127.0.0.0/8", "::1/128"], description="networks from which `SITREP_TRUSTED_PROXY_HEADER` counts"
    )
    webhook_tokens: Secret = Field(Secret(), description="comma list; who may post (bearer, or basic password)")
    api_tokens: Secret = Field(
        Secret(), description="comma list; who may read: `TOKEN`, or `TOKEN @shop @cart` for some namespaces (below)"
    )
    log_format: Literal["auto", "console", "json"] = Field("auto", description="console on a terminal, else JSON")

    budget_seconds: float = Field(5, ge=1, le=60, description="the first message goes out after this at the latest")
    source_deadline_seconds: float = Field(10, ge=1, le=120, description="how long any one question may take")
    reopen_minutes: float = Field(
        60, ge=0, le=MOST_REOPEN_MINUTES, description="a re-fire within this reopens the same incident"
    )
    storm: Literal["on", "off"] = Field(
        "on", description="one story is one incident and one message, also where it comes as many groups at once"
    )
    retention_days: int = Field(400, ge=7, le=3650, description="details of what ended longer ago are dropped")
    ignored_alerts: list[str] = Field(["Watchdog", "InfoInhibitor"], description="alerts that open no incident")
    cluster: str = Field("default", description="cluster name where alerts carry no cluster label")
    clusters: dict[str, "Settings"] = Field(
        {}, repr=False, description="sources of further clusters by their names (below)"
    )

    kubernetes: Literal["auto", "off"] = Field("auto", description="in-cluster or KUBECONFIG, or off")
    kubernetes_context: str = Field("", description="context of the kubeconfig")
    kubeconfig: Path | None = Field(None, description="kubeconfig file, in place of KUBECONFIG")
    kubernetes_namespaces: list[Namespace] = Field([], description="namespaces that may be read; not set: all")
    kubernetes_pod_logs: Literal["on", "off"] = Field("on", description="whether logs are read from the API server")
    configmap_values: list[str] = Field(
        [], description="ConfigMap values that may be kept: `namespace/name` or `namespace/name/key`, with `*`"
    )
    prometheus_url: Url | None = Field(None, description="base address, without /api/v1")
    prometheus_token: Secret = Field(Secret(), description="bearer token")
    prometheus_headers: dict[str, str] = Field(
        {}, repr=False, description="static headers, name=value,name=value or a map"
    )
    prometheus_matchers: dict[str, str] = Field(
        {}, description="labels of this cluster where Prometheus holds several, such as cluster=prod"
    )
    alertmanager_url: Url | None = Field(None, description="base address")
    loki_url: Url | None = Field(None, description="base address, without /loki/api/v1")
    loki_token: Secret = Field(Secret(), description="bearer token")
    loki_headers: dict[str, str] = Field({}, repr=False, description="static headers, such as X-Scope-OrgID=shop")
    victorialogs_url: Url | None = Field(None, description="base address, without /select/logsql")
    victorialogs_token: Secret = Field(Secret(), description="bearer token")
    victorialogs_headers: dict[str, str] = Field({}, repr=False, description="static headers, such as AccountID=7")
    elasticsearch_url: Url | None = Field(None, description="base address of Elasticsearch or OpenSearch")
    elasticsearch_token: Secret = Field(Secret(), description="API key; or with its scheme: `Basic …`, `Bearer …`")
    elasticsearch_headers: dict[str, str] = Field({}, repr=False, description="static headers")
    elasticsearch_index: IndexPattern = Field(
        "logs-*,filebeat-*,logstash-*,fluent-bit*", description="index patterns of the logs, the fewer the cheaper"
    )
    log_bytes_per_incident: ByteCount = Field(INCIDENT_BYTES, description="most to read of logs for one incident")
    log_bytes_per_hour: ByteCount = Field(HOUR_BYTES, description="the same in an hour, all incidents and replicas")
    probes: Literal["on", "listed", "off"] = Field(
        "on", description="health endpoints: of pods too, only those of `SITREP_HEALTH_URLS`, or none"
    )
    health_urls: list[HealthUrl] = Field([], description="more health endpoints to ask")

    slack_token: Secret = Field(Secret(), description="bot token xoxb-…")
    slack_channel: str = Field("", description="channel id for what no route takes")
    slack_webhook_url: Secret = Field(Secret(), description="incoming webhook; poorer: no edits, no thread")
    slack_min_severity: Literal["none", "info", "warning", "critical"] = Field(
        "warning", description="below this nothing is posted"
    )
    slack_api_url: Url = Field("https://slack.com/api", description="ends in /api/")
    slack_routes: list[Route] = Field([], description="label matchers to channels; all that match")
    pagerduty_token: Secret = Field(Secret(), description="REST API key")
    pagerduty_from: str = Field("", description="email of a user of the account, for the From header")
    pagerduty_api_url: Url = Field("https://api.pagerduty.com", description="EU: https://api.eu.pagerduty.com")
    templates_dir: Path | None = Field(None, description="your templates, over ours by name")
    playbooks_dir: Path | None = Field(None, description="your playbooks, over ours by name")

    @field_validator("*", mode="before")
    @classmethod
    def _from_text(cls, value: Any, info: Any) -> Any:  # noqa: ANN401 - pydantic hands over raw values
        """Environment values are text: lists and maps come as comma lists."""
        annotation = cls.model_fields[info.field_name].annotation
        if annotation is Secret and not isinstance(value, Secret):
            return secret_of(text_of(value) if info.field_name == "api_tokens" else value)
        if isinstance(value, str) and annotation in {list[str], list[Network], list[Namespace]}:
            return [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str) and annotation == dict[str, str]:
            return dict(_pair(part) for part in value.split(",") if part.strip())
        if isinstance(value, bool) and "off" in get_args(annotation):
            return "on" if value else "off"  # YAML takes the words for these
        if isinstance(value, str) and str(annotation).startswith("list["):
            return yaml_of(value)
        return value

    @field_validator("clusters", mode="before")
    @classmethod
    def _clusters(cls, value: object) -> object:
        return cluster_values(yaml_of(value) if isinstance(value, str) else value, _keys_as_given)

    def minimum_severity(self) -> Severity:
        """`slack_min_severity` as a level."""
        return Severity.parse(self.slack_min_severity)

    def by_cluster(self) -> dict[str, "Settings"]:
        """What leads into each cluster. The one key is empty where a single cluster without a name takes all."""
        if not self.clusters:
            return {self.cluster if "cluster" in self.model_fields_set else "": self}
        named = {name: self._in(name, chosen) for name, chosen in self.clusters.items()}
        return named if self.cluster in named else {self.cluster: self, **named}

    def _in(self, name: str, chosen: "Settings") -> "Settings":
        own = {key: getattr(chosen, key) for key in Settings.model_fields if is_of_a_cluster(key)}
        return self.model_copy(update={**own, "cluster": name, "clusters": {}})

    def every_health_url(self) -> list[HealthUrl]:
        """Those of all clusters, each with the name of its own."""
        clusters = self.by_cluster().items()
        return [entry.model_copy(update={"cluster": name}) for name, own in clusters for entry in own.health_urls]

    def grants(self) -> tuple[Grant, ...]:
        """Who may read what, now. Raises `SettingsError`."""
        text = self.api_tokens.read()
        try:
            return grants_of(text)
        except ValueError as error:
            message = f"SITREP_API_TOKENS: {error}"
            raise SettingsError(message) from error

    def log_budget(self) -> LogBudget:
        """How much may be read from log stores."""
        return LogBudget(self.log_bytes_per_incident, self.log_bytes_per_hour)

    def tokens(self, secret: Secret) -> tuple[str, ...]:
        """The tokens of a comma list, now."""
        return tuple(part.strip() for part in secret.read().split(",") if part.strip())


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        message = "every part must be name=value"
        raise ValueError(message)
    return name.strip(), value.strip()


def load_settings(environ: Mapping[str, str] = os.environ, given: Mapping[str, Any] | None = None) -> Settings:
    """Settings of this process; `given` outranks the environment, which outranks the file.

    Raises `SettingsError` with one line for all that is wrong.
    """
    values = _file_values(environ.get(PREFIX + "CONFIG_FILE", ""))
    values.update(_environment_values(environ))
    values.update(given or {})
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError(one_line(error)) from error
    _refuse_two_homes(settings)
    if settings.api_tokens.is_readable():
        settings.grants()
    if settings.public_url:
        return settings
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - a comparison
    return settings.model_copy(update={"public_url": f"http://{host}:{settings.port}"})


def _environment_values(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    unknown = []
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name == PREFIX + "CONFIG_FILE" or is_service_link(name, text):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key in Settings.model_fields:
            values[key] = text
        elif _is_secret(key.removesuffix("_file")) and key.endswith("_file"):
            values[key.removesuffix("_file")] = Secret(path=Path(text))
        else:
            unknown.append(name)
    if unknown:
        message = f"unknown setting {', '.join(sorted(unknown))}; known names are in docs/settings.md"
        raise SettingsError(message)
    return values


def _file_values(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        loaded = yaml_of(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"SITREP_CONFIG_FILE {path}: {error.strerror}"
        raise SettingsError(message) from error
    except ValueError as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        message = f"SITREP_CONFIG_FILE {path}: {reason}"
        raise SettingsError(message) from None
    if not isinstance(loaded, dict):
        message = f"SITREP_CONFIG_FILE {path}: must be a map of settings"
        raise SettingsError(message)
    return _keys_as_given(loaded)


def _keys_as_given(loaded: Mapping[Any, Any]) -> dict[str, Any]:
    """A map of the file with its secrets' files in place of their paths."""
    values: dict[str, Any] = {}
    for key, value in loaded.items():
        if str(key).endswith("_file") and _is_secret(str(key).removesuffix("_file")):
            values[str(key).removesuffix("_file")] = Secret(path=Path(str(value)) if value else None)
        else:
            values[str(key)] = value
    return values


def _is_secret(key: str) -> bool:
    field = Settings.model_fields.get(key)
    return field is not None and field.annotation is Secret


def _refuse_two_homes(settings: Settings) -> None:
    """Raises `SettingsError` where the cluster of alerts without a label has sources here and under `clusters`."""
    for key in sorted(settings.model_fields_set) if settings.cluster in settings.clusters else ():
        if is_of_a_cluster(key):
            message = f"SITREP_{key.upper()}: cluster {settings.cluster} has settings of its own: set it there"
            raise SettingsError(message)
