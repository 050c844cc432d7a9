"""A team's folder while Sitrep runs: what changes counts, what breaks does not."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from app import telemetry
from app.domain.subject import Subject
from app.playbooks.library import Library
from app.playbooks.loader import CATALOG, lint, load_playbooks
from app.playbooks.reading import MAX_FILES, Folder

pytestmark = pytest.mark.anyio

WORKLOAD = Subject("prod", "shop", "Deployment", "checkout")
GOOD = "name: team\nalerts: [CheckoutSlow]\nnotes: [{note}]\n"


def notes(library: Library, alertname: str = "CheckoutSlow") -> tuple[str, ...]:
    return library.for_alert(alertname, WORKLOAD).notes


def write(path: Path, text: str) -> None:
    """A file of another second, as an editor leaves it; its size may be what it was."""
    path.write_text(text)
    later = time.time_ns() + 1_000_000_000 * len(list(path.parent.iterdir())) + hash(text) % 1_000_000
    os.utime(path, ns=(later, later))


async def test_a_new_a_changed_and_a_deleted_file_count_without_a_restart(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert notes(library) == ()
    write(tmp_path / "team.yaml", GOOD.format(note="one"))
    await library.refresh()
    assert notes(library) == ("one",)
    write(tmp_path / "team.yaml", GOOD.format(note="two"))
    await library.refresh()
    assert notes(library) == ("two",)
    (tmp_path / "team.yaml").unlink()
    await library.refresh()
    assert notes(library) == ()


async def test_a_broken_file_is_refused_while_its_last_good_version_stays(tmp_path: Path) -> None:
    write(tmp_path / "team.yaml", GOOD.format(note="good"))
    library = Library(tmp_path)
    write(tmp_path / "team.yaml", "name: team\nalerts: [CheckoutSlow]\ncolour: red\n")
    write(tmp_path / "other.yaml", "name: other\nalerts: [OrdersSlow]\nnotes: [still read]\n")
    with capture_logs() as logs:
        await library.refresh()
        await library.refresh()
    assert notes(library) == ("good",)
    assert notes(library, "OrdersSlow") == ("still read",)
    [problem] = library.problems
    assert problem.startswith(f"{tmp_path / 'team.yaml'}:3: colour: ")
    told = [line["problem"] for line in logs if line["event"] == "playbook refused"]
    assert told == [problem], "once, not at every look"
    assert b"sitrep_playbooks_refused 1.0" in generate_latest(telemetry.REGISTRY)
    write(tmp_path / "team.yaml", GOOD.format(note="mended"))
    await library.refresh()
    assert (notes(library), library.problems) == (("mended",), ())
    assert b"sitrep_playbooks_refused 0.0" in generate_latest(telemetry.REGISTRY)


async def test_a_folder_that_is_away_for_a_moment_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    write(folder / "team.yaml", GOOD.format(note="good"))
    library = Library(folder)
    folder.rename(tmp_path / "elsewhere")
    await library.refresh()
    assert notes(library) == ("good",)
    assert library.problems == (f"{folder}:1: no such directory",)
    (tmp_path / "elsewhere").rename(folder)
    await library.refresh()
    assert (notes(library), library.problems) == (("good",), ())


async def test_a_mounted_config_map_that_is_swapped_is_seen(tmp_path: Path) -> None:
    """Kubernetes changes a link under the files; they keep their names, and may keep their size."""
    for version in ("first", "later"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "team.yaml").write_text(GOOD.format(note=version))
    (tmp_path / "..data").symlink_to("first")
    (tmp_path / "team.yaml").symlink_to("..data/team.yaml")
    library = Library(tmp_path)
    assert notes(library) == ("first",)
    (tmp_path / "next").symlink_to("later")
    (tmp_path / "next").rename(tmp_path / "..data")
    await library.refresh()
    assert notes(library) == ("later",)


async def test_reading_many_files_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for path in CATALOG.glob("*.yaml"):
        shutil.copy(path, tmp_path / path.name)
    waits = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            waits.append(time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    began = time.perf_counter()
    await library.refresh()
    took = time.perf_counter() - began
    ticking.cancel()
    assert library.problems == ()
    assert max(waits) < took / 2, "somebody else had to wait for the files"


async def test_without_a_folder_there_is_nothing_to_look_at() -> None:
    library = Library(None)
    await library.refresh()
    assert library.problems == ()
    assert library.named("KubePodCrashLooping", WORKLOAD)[0].name == "crash_loop"


def test_a_team_adds_to_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        "name: our_crashes\n"
        "extends: crash_loop\n"
        "alerts: [ShopCrashing]\n"
        "notes: [Ask in the channel of the shop.]\n"
        "first_checks: ['kubectl -n {{ namespace }} get configmap flags']\n"
        "queries:\n"
        "  - {name: flags, question: flags that are on, expr: 'sum(flags{n=\"{{ namespace }}\"})', unit: count}\n"
        "  - {name: last_exit_code, question: ours, expr: 'sum(ours)', unit: count}\n"
        "runbook: https://runbooks.example/crash\n"
        "about: {KubePodCrashLooping: {notes: [First of all.]}}\n"
    )
    books = load_playbooks(tmp_path)
    assert books.problems == ()
    ours = load_playbooks().named("KubePodCrashLooping", WORKLOAD)[0]
    for alertname in ("KubePodCrashLooping", "ShopCrashing"):
        [book] = books.named(alertname, WORKLOAD)
        assert book.name == "our_crashes"
        assert {query.name for query in book.queries} == {query.name for query in ours.queries} | {"flags"}
        assert [query.question for query in book.queries if query.name == "last_exit_code"] == ["ours"]
        assert book.first_checks == ("kubectl -n {{ namespace }} get configmap flags", *ours.first_checks)
        assert book.runbook == "https://runbooks.example/crash"
    assert books.named("KubePodCrashLooping", WORKLOAD)[0].notes[:2] == (
        "First of all.",
        "Ask in the channel of the shop.",
    )


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("name: a\nnotes: [x]\nextends: nothing\n", 3, "none of ours is named nothing"),
        ("extends: crash_loop\nabout:\n  Other:\n    notes: [x]\n", 3, "Other is not among the playbook's alerts"),
        (
            "alerts: [A]\nqueries:\n  - name: q\n    question: w\n    expr: up\n    alerts: [B]\n",
            6,
            "B is not among the playbook's alerts",
        ),
        ("alerts: [A]\nabout:\n  A:\n    first_checks:\n      - kubectl delete pod x\n", 5, "only commands that read"),
        ("alerts: [A]\nabout:\n  A:\n    runbook: javascript:x\n", 4, "must start with http"),
        ("runbook: https://x.example/{{ nmae }}\n", 1, "is no address once rendered"),
        (
            "alerts: [A]\nqueries:\n  - name: q\n    question: w\n    expr: up\n    direction: left\n",
            6,
            "queries.0.direction",
        ),
    ],
)
def test_what_is_wrong_with_the_newer_words_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    [problem, *_] = lint(tmp_path)
    assert problem.startswith(f"{tmp_path / 'broken.yaml'}:{line}: "), problem
    assert reason in problem


def test_an_exact_name_comes_before_a_pattern_and_a_pattern_before_what_is_for_all(tmp_path: Path) -> None:
    (tmp_path / "wide.yaml").write_text("name: wide\nalerts: ['Kube*']\nnotes: [wide]\n")
    (tmp_path / "exact.yaml").write_text("name: zz\nalerts: [KubeOurOwn]\nnotes: [exact]\n")
    books = load_playbooks(tmp_path)
    assert [book.name for book in books.named("KubeOurOwn", WORKLOAD)] == ["zz", "wide"]
    assert [book.name for book in books.named("KubeSomethingElse", WORKLOAD)] == ["wide"]
    assert [book.name for book in books.named("Whatever", WORKLOAD)] == ["unknown"]


def test_a_folder_of_thousands_of_files_is_read_up_to_a_bound(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 5):
        (tmp_path / f"f{number:04}.yaml").write_text("notes: [x]\n")
    folder = Folder(tmp_path)
    folder.refresh()
    assert len(folder.books) == MAX_FILES
    assert folder.problems == (f"{tmp_path}:1: only the first {MAX_FILES} files are read",)
