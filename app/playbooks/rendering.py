"""Playbook templates → PromQL and commands: a sandbox in which a value can end neither its quotes nor its command."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.domain.subject import Subject
from app.playbooks.pod_names import pod_pattern
from app.promql import escape_label_value, escape_regex

ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")
PORT = re.compile(r":[0-9]{1,5}$")
PLAIN_ARGUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,252}")


class TemplateFaultError(Exception):
    """A template that cannot be rendered at all; the text says why."""


class MissingValueError(TemplateFaultError):
    """A template that needs a label which this alert does not carry."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a template may name: `namespace` `name` `kind` `cluster` `alertname` `pods` (a pattern) `labels.<name>`."""

    subject: Subject
    labels: Mapping[str, str]
    pods: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """The names as Jinja sees them."""
        return {
            "namespace": self.subject.namespace,
            "name": self.subject.name,
            "kind": self.subject.kind,
            "cluster": self.subject.cluster,
            "pods": pod_pattern(self.subject, self.pods),
            "labels": self.labels,
            "alertname": self.labels.get("alertname", ""),
        }


def render_expression(template: str, context: Context) -> str:
    """PromQL; each value is escaped for the double quotes that it must stand in."""
    return _render(_EXPRESSIONS, template, context).strip()


def render_commands(templates: Iterable[str], context: Context) -> tuple[str, ...]:
    """Commands to copy; those that need a label that is absent are left out."""
    commands = []
    for template in templates:
        try:
            commands.append(_render(_COMMANDS, template, context).strip())
        except MissingValueError:
            continue
    return tuple(commands)


def render_address(template: str, context: Context) -> str:
    """A runbook's address; empty where it needs a label that is absent."""
    try:
        return _render(_ADDRESSES, template, context).strip()
    except TemplateFaultError:
        return ""


def _render(environment: ImmutableSandboxedEnvironment, template: str, context: Context) -> str:
    try:
        return _compiled(environment, template).render(context.values())
    except UndefinedError as error:
        raise MissingValueError(str(error)) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise TemplateFaultError(" ".join(str(error).split())) from error


@lru_cache(maxsize=1024)
def _compiled(environment: ImmutableSandboxedEnvironment, template: str) -> Template:
    """Compiling costs milliseconds, and the same few templates come with each incident."""
    return environment.from_string(template)


def _quoted_argument(value: object) -> str:
    text = " ".join(str(value).split())
    if text.startswith("-"):
        raise UndefinedError("a value that begins with a dash would be read as a flag")
    return text if PLAIN_ARGUMENT.fullmatch(text) else shlex.quote(text)


def _host(address: str) -> str:
    """The host of `10.0.3.17:9100` or `[fd00::1]:9100`; an address without a port is the host."""
    return (PORT.sub("", address) if address.count(":") == 1 or "]" in address else address).strip("[]")


def _object_name(value: object) -> str:
    """The name of an object; an alert may know a node by its address only, which the API server does not take."""
    text = str(value)
    if ADDRESS.fullmatch(text):
        raise UndefinedError("an address is not the name of an object")
    return text


def _quoted_address(value: object) -> str:
    return quote(str(value), safe="")


def _quoted_label(value: object) -> str:
    return escape_label_value(str(value))


def _environment(finalize: Any) -> ImmutableSandboxedEnvironment:  # noqa: ANN401 - Jinja's own signature
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=finalize,
        autoescape=False,
    )
    environment.filters["regex"] = lambda value: escape_regex(str(value))
    environment.filters["host"] = lambda value: _host(str(value))
    environment.filters["object_name"] = _object_name
    return environment


_EXPRESSIONS = _environment(_quoted_label)
_COMMANDS = _environment(_quoted_argument)
_ADDRESSES = _environment(_quoted_address)
