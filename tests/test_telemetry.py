import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from prometheus_client import generate_latest

from app import telemetry
from app.redact import redact


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in telemetry.QUIET_LIBRARIES}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_a_librarys_come_out_alike(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream)
    structlog.get_logger("app.pipeline").info("enriched", source="loki", n=3)
    logging.getLogger("uvicorn.error").info("started %s", "well")
    ours, theirs = lines(stream)
    assert (ours["event"], ours["source"], ours["n"], ours["logger"]) == ("enriched", "loki", 3, "app.pipeline")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("started well", "uvicorn.error", "info")
    assert {"timestamp", "level", "logger", "event"} <= ours.keys() & theirs.keys()


def test_no_secret_gets_into_a_line_by_whatever_way(stream: io.StringIO) -> None:
    secret = "hunter" + "2x"

    class Holder:
        def __str__(self) -> str:
            return f"password={secret}"

    telemetry.configure_logging("json", stream)
    log = structlog.get_logger("app.x")
    address = f"postgres://app:{secret}@db/x"
    log.info(address)
    log.info("dial %s", address)
    log.info(
        "named", api_key=secret, nested={"a": [{"token": secret}]}, odd=Holder(), pair=("password", f"pwd={secret}")
    )
    log.info("deep", a={"b": {"c": {"d": {"e": {"f": f"password={secret}"}}}}})
    logging.getLogger("sqlalchemy").warning("url %s", f"https://x/?token={secret}", extra={"secret": secret})
    logging.getLogger("other").error("%s", Holder())
    try:
        int(f"password={secret}")
    except ValueError:
        log.exception("ours failed")
        logging.getLogger("theirs").exception("theirs failed")
    assert len(lines(stream)) == 8
    assert secret not in stream.getvalue()
    assert "ValueError: invalid literal" in stream.getvalue()


def test_the_console_shows_tracebacks_and_no_secrets(stream: io.StringIO) -> None:
    secret = "hunter" + "2x"
    telemetry.configure_logging("console", stream)
    try:
        int(f"password={secret}")
    except ValueError:
        structlog.get_logger("app.x").exception("failed")
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert secret not in stream.getvalue()


def test_away_from_a_terminal_auto_is_json(stream: io.StringIO) -> None:
    telemetry.configure_logging("auto", stream)
    structlog.get_logger("app.x").info("hello")
    assert lines(stream)[0]["event"] == "hello"


def test_what_is_bound_stands_on_every_line_until_the_end_of_its_block(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream)
    with telemetry.log_context(incident_id="0195", job_id="7"):
        structlog.get_logger("app.x").info("ours")
        logging.getLogger("theirs").warning("theirs")
    structlog.get_logger("app.x").info("after")
    assert [line.get("incident_id") for line in lines(stream)] == ["0195", "0195", None]


@pytest.mark.parametrize("library", telemetry.QUIET_LIBRARIES)
def test_chatty_libraries_log_warnings_only(stream: io.StringIO, library: str) -> None:
    telemetry.configure_logging("json", stream)
    logging.getLogger(library).debug("Authorization: x")
    logging.getLogger(f"{library}.inner").info("GET https://x")
    assert stream.getvalue() == ""


def test_configuring_again_does_not_double_the_lines(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream)
    telemetry.configure_logging("json", stream)
    structlog.get_logger("app.x").info("once")
    assert len(lines(stream)) == 1


def test_a_line_that_cannot_be_formatted_does_not_print_its_arguments(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure_logging("json", stream)
    root = logging.getLogger()
    # pytest's own handlers raise on such a line.
    root.handlers[:] = [handler for handler in root.handlers if type(handler).__module__ == "app.telemetry"]
    logging.getLogger("other").warning("%d", "password=" + "hunter2")
    assert stream.getvalue() == "a log line of other could not be written\n"
    assert "hunter2" not in "".join(capsys.readouterr())


def test_the_metrics_have_the_names_that_the_page_lists(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = {row.split("`")[1] for row in page.splitlines() if row.startswith("| `sitrep_")}
    metrics = list(telemetry.REGISTRY.collect())
    exposed = {m.name + "_total" * (m.type == "counter") + "_info" * (m.type == "info") for m in metrics}
    assert {name for name in exposed if name.startswith("sitrep_")} == listed


def test_values_can_be_read_back() -> None:
    def value() -> float:
        return telemetry.REGISTRY.get_sample_value("sitrep_posts_total", {"sender": "a", "outcome": "accepted"}) or 0

    before = value()
    telemetry.POSTS.labels("a", "accepted").inc()
    assert value() == before + 1


def test_redactions_are_exposed_by_kind() -> None:
    def value() -> float:
        return telemetry.REGISTRY.get_sample_value("sitrep_redactions_total", {"kind": "url_userinfo"}) or 0

    before = value()
    redact("amqp://a:b1c2@h/")
    assert value() == before + 1


def test_labels_stay_bounded_whatever_comes() -> None:
    for number in range(1000):
        telemetry.GAPS.labels(f"source-{number}", "prod").inc()
    family = next(family for family in telemetry.REGISTRY.collect() if family.name == "sitrep_gaps")
    series = [sample for sample in family.samples if sample.name == "sitrep_gaps_total"]
    assert len(series) <= telemetry.MAX_SOURCES + 1
    assert sum(sample.value for sample in series) >= 1000


def test_the_exposition_names_the_version_and_reads_as_prometheus_text() -> None:
    text = generate_latest(telemetry.REGISTRY).decode()
    assert 'sitrep_build_info{version="' in text
    assert "_created" not in text


def test_time_stamps_start_at_the_start_so_that_a_restart_raises_no_alarm() -> None:
    for name in ("sitrep_watchdog_last_seen_timestamp_seconds", "sitrep_webhook_last_seen_timestamp_seconds"):
        assert (telemetry.REGISTRY.get_sample_value(name) or 0) > 1_600_000_000
