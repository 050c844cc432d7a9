"""What settings are given as: secrets, YAML, and the one error for what cannot be used."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

# A Service named `sitrep` makes Kubernetes inject SITREP_PORT=tcp://…, SITREP_SERVICE_*, SITREP_PORT_8080_TCP_*.
SERVICE_LINK = re.compile(r"SITREP_SERVICE_.*|SITREP_PORT_\d+_(TCP|UDP|SCTP)(_.*)?")
# What a parser quotes of the text; single signs and `<stream end>` tell what is wrong and give nothing away.
QUOTED_WORDS = re.compile(r"'(?!<)[^']{2,}'" + r'|"[^"]{2,}"')


class SettingsError(Exception):
    """One clear line that names the setting and what is wrong with it."""


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

    def is_readable(self) -> bool:
        """Whether it can be read now; a file may come later."""
        try:
            self.read()
        except SettingsError:
            return False
        return True

    def __bool__(self) -> bool:
        """Whether it was set at all."""
        return bool(self._value or self._path)

    def __repr__(self) -> str:
        """Never the value."""
        return "Secret(set)" if self else "Secret(not set)"


def secret_of(value: object) -> Secret:
    """A YAML file may give a comma list as a list."""
    if value is None:
        return Secret()
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, dict | list) for part in parts):
        message = "must be text, or a list of texts"
        raise ValueError(message)
    return Secret(",".join(str(part) for part in parts))


def yaml_of(text: str) -> Any:  # noqa: ANN401 - YAML of any shape
    """The value. Raises `ValueError` with the problem and its line; the text itself may hold secrets."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = QUOTED_WORDS.sub("…", getattr(error, "problem", None) or "what stands there is not possible")
        mark = getattr(error, "problem_mark", None)
        message = f"not YAML: {problem}" + (f" in line {mark.line + 1}" if mark else "")
        raise ValueError(" ".join(message.split())) from None


def is_service_link(name: str, text: str) -> bool:
    """Whether it is no setting but a variable that Kubernetes makes of a Service."""
    return bool(SERVICE_LINK.fullmatch(name)) or (name == "SITREP_PORT" and text.startswith("tcp://"))


def one_line(error: ValidationError) -> str:
    """All that is wrong, each named, and none of the values."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name, *inner = [str(part) for part in problem["loc"]] or ["settings"]
        lines.append(f"{'.'.join((f'SITREP_{name.upper()}', *inner))}: {problem['msg']}")
    return "; ".join(lines)
