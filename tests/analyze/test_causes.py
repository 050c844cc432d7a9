"""The catalogue of causes, and its page."""

import re
from pathlib import Path

from app.analyze.causes import CAUSES, catalogue_page
from app.analyze.next_step import next_step
from app.domain.subject import Subject
from tests.builders import CLUSTER, deployment, node_subject

PAGE = Path(__file__).parents[2] / "docs" / "causes.md"
MUTATING = re.compile(r"\b(delete|apply|edit|patch|scale|restart|undo|set|drain|cordon|exec|create|replace)\b")


def test_the_page_is_made_from_the_catalogue() -> None:
    assert PAGE.read_text() == catalogue_page(), "write catalogue_page() of app/analyze/causes.py to docs/causes.md"


def test_every_cause_has_a_dotted_id_a_description_and_something_it_explains() -> None:
    for cause in CAUSES.values():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", cause.id)
        assert cause.description.endswith(".")
        assert cause.produces
        assert all(0 < weight < 1 for weight in cause.shown_by.values())


def test_every_next_step_is_read_only_and_short() -> None:
    subjects = (
        deployment(),
        node_subject(),
        Subject(CLUSTER, "", "Namespace", "shop"),
        Subject(CLUSTER, "shop", "Pod", "checkout-0"),
        Subject(CLUSTER, "", "Cluster", "prod"),
    )
    for cause in (None, *CAUSES.values()):
        for subject in subjects:
            command = next_step(cause, subject)
            assert command.startswith("kubectl ")
            assert not MUTATING.search(command)
            assert len(command) <= 60
            assert "{" not in command


def test_a_name_that_is_no_name_never_reaches_a_command() -> None:
    for name in ("x; rm -rf /", "$(id)", "a b", "-A", "x\n", "`id`", ""):
        assert next_step(None, deployment(name)) == ""
        assert next_step(None, deployment("checkout", name or "a b")) == ""
