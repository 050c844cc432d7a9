"""What the documents say is so."""

import os
import re
from pathlib import Path

import yaml

from app.domain.playbook import Playbook
from app.playbooks.loader import lint, load_playbooks
from app.settings import Secret, Settings, load_settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PATH = re.compile(r"`((?:app|docs|helm|tests|migrations|benchmarks|\.ci)/[\w./-]*[\w])`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)\)")


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)


def settings_page() -> str:
    """The beginning of docs/settings.md as it should be; sections by hand follow it."""
    lines = [
        "# Settings",
        "",
        "By environment, or the same keys in lower case in the YAML file that `SITREP_CONFIG_FILE` names; the",
        "environment wins. A secret may also come from a file, which is read again at each use:",
        "`SITREP_SLACK_TOKEN_FILE=/run/secrets/slack`.",
        "An unknown name or a bad value stops the start with one line that names it. Lists and maps come as",
        "`a,b` and `name=value,name=value`.",
        "",
        "| name | default | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        secret = field.annotation is Secret
        default = "" if secret or field.default in (None, "", [], {}) else f"`{_shown(field.default)}`"
        kind = " (secret)" if secret else ""
        lines.append(f"| `SITREP_{name.upper()}` | {default} | {field.description}{kind} |")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def test_the_settings_page_is_what_the_settings_are() -> None:
    page = ROOT / "docs" / "settings.md"
    table, heading, rest = page.read_text(encoding="utf-8").partition("\n## ")
    if os.environ.get("UPDATE_DOCS"):
        table = settings_page()
        page.write_text(f"{table}{heading}{rest}", encoding="utf-8")
    assert table == settings_page(), "run with UPDATE_DOCS=1"


def test_the_examples_of_the_settings_page_are_settings(tmp_path: Path) -> None:
    for number, example in enumerate(blocks(ROOT / "docs" / "settings.md", "yaml")):
        (tmp_path / f"{number}.yaml").write_text(example, encoding="utf-8")
        assert load_settings({"SITREP_CONFIG_FILE": str(tmp_path / f"{number}.yaml")})


def test_every_path_and_link_in_the_documents_exists() -> None:
    missing = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        missing += [f"{document.name}: {path}" for path in PATH.findall(text) if not (ROOT / path).exists()]
        missing += [f"{document.name}: {link}" for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert missing == []


def playbooks_page() -> str:
    """docs/playbooks.md as it should be."""
    lines = [
        "# Playbooks",
        "",
        "What Sitrep looks up for which alert, beside the alert's own expression, and what it tells of it.",
        "`sitrep playbooks show ALERT` has the queries, what they mean, what to check first and the runbook.",
        "A team's own: [customize.md](customize.md).",
    ]
    for title, books in (
        ("By the alert's name", [book for book in load_playbooks().every if book.alerts]),
        ("By what it is about", [book for book in load_playbooks().every if not book.alerts]),
    ):
        lines += ["", f"## {title}", "| playbook | for | what is looked up |", "|---|---|---|"]
        lines += [f"| `{book.name}` | {_meant(book)} | {_questions(book)} |" for book in books]
    return "\n".join(lines) + "\n"


def _meant(book: Playbook) -> str:
    return ", ".join(f"`{name}`" for name in book.alerts) or ", ".join(book.kinds) or "everything"


def _questions(book: Playbook) -> str:
    return "; ".join(dict.fromkeys(query.question for query in book.queries))


def test_the_page_of_the_playbooks_is_what_they_are() -> None:
    page = ROOT / "docs" / "playbooks.md"
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(playbooks_page(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == playbooks_page(), "run with UPDATE_DOCS=1"


def test_the_example_playbooks_are_good_ones(tmp_path: Path) -> None:
    routes, playbook, extending = blocks(ROOT / "docs" / "customize.md", "yaml")
    (tmp_path / "payments.yaml").write_text(playbook)
    (tmp_path / "more.yaml").write_text(extending)
    assert lint(tmp_path) == []
    (tmp_path / "config.yml").write_text(routes)
    settings = load_settings({"SITREP_CONFIG_FILE": str(tmp_path / "config.yml")})
    assert settings.slack_routes[0].channels == ["C0PAYMENTS"]


def test_the_readmes_payload_is_the_one_in_the_repository() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (name,) = re.findall(r"--data-binary @(\S+)", readme)
    assert yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["version"] == "4"
