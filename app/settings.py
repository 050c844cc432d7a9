"""Settings: environment `SITREP_*`, else the same keys in lower case in the YAML file of `SITREP_CONFIG_FILE`."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.domain.address import http_url, index_pattern, network
from app.domain.alert import Severity
from app.domain.log_budget import HOUR_BYTES, INCIDENT_BYTES, MOST_BYTES, LogBudget

PREFIX = "SITREP_"
MOST_REOPEN_MINUTES = 366 * 24 * 60
# A Service named `sitrep` makes Kubernetes inject SITREP_PORT=tcp://…, SITREP_SERVICE_*, SITREP_PORT_8080_TCP_*.
SERVICE_LINK = re.compile(r"SITREP_SERVICE_.*|SITREP_PORT_\d+_(TCP|UDP|SCTP)(_.*)?")
# What a parser quotes of the text; single signs and `<stream end>` tell what is wrong and give nothing away.
QUOTED_WORDS = re.compile(r"'(?!<)[^']{2,}'" + r'|"[^"]{2,}"')


class SettingsError(Exception):
    """One clear line that names the setting and what is wrong with it."""


Url = Annotated[str, AfterValidator(http_url)]
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


class Secret:
    """A value that is a secret: given, or read anew from a file each time that it is used."""

    def __init__(self, value: str | None = None, path: Path | None = None) -> None:
        self._value = value
        self._path = path

    def read(self) -> str:
        """The secret now; raises `SettingsError` if its file cannot be read."""
        if self._path is None:
            return self._value or ""
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            message = f"cannot read {self._path}: {reason}"
            raise SettingsError(message) from error

    def __bool__(self) -> bool:
        """Whether it was set at all."""
        return bool(self._value or self._path)

    def __repr__(self) -> str:
        """Never the value."""
        return "Secret(set)" if self else "Secret(not set)"


class Route(_Discreet):
    """Incidents whose labels match all `matchers` (Alertmanager's syntax) go to these Slack channels."""

    matchers: list[str]
    channels: list[str]


class HealthUrl(_Discreet):
    """A health endpoint to ask when an incident is about `namespace`/`workload`."""

    url: Url
    namespace: str = ""
    workload: str = ""


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
    api_tokens: Secret = Field(Secret(), description="comma list; who may read")
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

    kubernetes: Literal["auto", "off"] = Field("auto", description="in-cluster or KUBECONFIG, or off")
    kubernetes_context: str = Field("", description="context of the kubeconfig")
    configmap_values: list[str] = Field(
        [], description="ConfigMap values that may be kept: `namespace/name` or `namespace/name/key`, with `*`"
    )
    prometheus_url: Url | None = Field(None, description="base address, without /api/v1")
    prometheus_token: Secret = Field(Secret(), description="bearer token")
    prometheus_headers: dict[str, str] = Field(
        {}, repr=False, description="static headers, name=value,name=value or a map"
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
    probes: Literal["on", "off"] = Field("on", description="whether health endpoints are asked at all")
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
            return _secret(value)
        if isinstance(value, str) and annotation in {list[str], list[Network]}:
            return [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str) and annotation == dict[str, str]:
            return dict(_pair(part) for part in value.split(",") if part.strip())
        if isinstance(value, str) and str(annotation).startswith("list["):
            return _yaml(value)
        return value

    def minimum_severity(self) -> Severity:
        """`slack_min_severity` as a level."""
        return Severity.parse(self.slack_min_severity)

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


def _secret(value: object) -> Secret:
    """A YAML file may give a comma list as a list."""
    if value is None:
        return Secret()
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, dict | list) for part in parts):
        message = "must be text, or a list of texts"
        raise ValueError(message)
    return Secret(",".join(str(part) for part in parts))


def _yaml(text: str) -> Any:  # noqa: ANN401 - YAML of any shape
    """The value. Raises `ValueError` with the problem and its line; the text itself may hold secrets."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = QUOTED_WORDS.sub("…", getattr(error, "problem", None) or "what stands there is not possible")
        mark = getattr(error, "problem_mark", None)
        message = f"not YAML: {problem}" + (f" in line {mark.line + 1}" if mark else "")
        raise ValueError(" ".join(message.split())) from None


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
        raise SettingsError(_one_line(error)) from error
    if settings.public_url:
        return settings
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - a comparison
    return settings.model_copy(update={"public_url": f"http://{host}:{settings.port}"})


def _environment_values(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    unknown = []
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name == PREFIX + "CONFIG_FILE" or _is_service_link(name, text):
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
        loaded = _yaml(Path(path).read_text(encoding="utf-8"))
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


def _is_service_link(name: str, text: str) -> bool:
    return bool(SERVICE_LINK.fullmatch(name)) or (name == "SITREP_PORT" and text.startswith("tcp://"))


def _one_line(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in problem["loc"]) or "settings"
        lines.append(f"SITREP_{name.upper()}: {problem['msg']}")
    return "; ".join(lines)
