"""The incident's page at every stage, and what of a hostile alert reaches it."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from app.domain.evidence import Gap
from app.domain.incident import Incident
from app.domain.playbook import Guidance
from tests.api.running import INCIDENTS, House
from tests.ingest.bodies import wire_alert, wire_body
from tests.scenarios import incidents as cases
from tests.web.stages import hostile_evidence, judged, opened

pytestmark = pytest.mark.anyio
HOSTILE = (
    """"><img src=x onerror=alert(1)><script>alert(2)</script>'onmouseover='alert(3)'{{7*7}}</title><svg/onload=x>"""
)


class Markup(HTMLParser):
    """What a browser would see: tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


async def page(running: House, identifier: str) -> Markup:
    answer = await running.http.get(f"/incidents/{identifier}")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return Markup(answer.text)


def nothing_runs(markup: Markup) -> None:
    assert set(markup.tags).isdisjoint({"script", "img", "iframe", "object", "embed", "base"})
    assert not [name for name, _ in markup.attributes if name.startswith("on") or name == "style"]
    links = [value for name, value in markup.attributes if name in {"href", "src", "action"}]
    assert all(re.match(r"/|https?://", link) for link in links), links


async def test_a_new_incident_says_that_nothing_is_known_yet_and_renews_itself(sitrep: House) -> None:
    markup = await page(sitrep, await opened(sitrep))
    assert "still gathering" in markup.text
    assert "KubePodCrashLooping fires" in markup.text
    assert ("http-equiv", "refresh") in markup.attributes
    assert "https://runbooks.example/KubePodCrashLooping" in markup.text


async def test_a_partial_incident_shows_what_is_known_and_that_more_comes(sitrep: House) -> None:
    markup = await page(sitrep, await judged(sitrep, cases.oom_after_rollout(), "partial"))
    assert "still gathering" in markup.text
    assert "kubectl -n shop rollout history deploy/checkout" in markup.text
    assert ("http-equiv", "refresh") in markup.attributes


@pytest.mark.parametrize(
    "case",
    [cases.oom_after_rollout, cases.cause_unknown],
)
async def test_a_complete_incident_shows_state_headline_step_and_gaps_first(
    sitrep: House, case: Callable[[], Incident]
) -> None:
    known = case()
    assert known.assessment
    markup = await page(sitrep, await judged(sitrep, known))
    shown = " ".join(markup.text.split())
    brief = known.assessment.briefing
    expected = [brief.still, brief.first_step, *(gap.question for gap in known.gaps), "Why", "What changed"]
    places = [shown.index(" ".join(text.split())) for text in expected if text]
    assert places == sorted(places)
    for text in (known.assessment.headline.partition("; ")[0], *brief.facts, *brief.because, *brief.ruled_out):
        assert text in shown
    assert ("http-equiv", "refresh") not in markup.attributes
    nothing_runs(markup)


async def test_a_resolved_incident_says_how_long_it_lasted_and_what_it_was(sitrep: House) -> None:
    identifier = await judged(sitrep, cases.oom_after_rollout())
    assert await opened(sitrep, status="resolved") == identifier
    await sitrep.http.put(f"{INCIDENTS}/{identifier}/resolution", json={"root_cause": HOSTILE, "fix": "rolled back"})
    markup = await page(sitrep, identifier)
    assert "critical · resolved" in markup.text
    assert "after 60 min" in markup.text
    assert "Fixed by: rolled back" in " ".join(markup.text.split())
    assert "Look here first" not in markup.text
    nothing_runs(markup)


async def test_times_are_told_as_they_lie_to_the_onset(sitrep: House) -> None:
    markup = await page(sitrep, await judged(sitrep, cases.oom_after_rollout()))
    shown = " ".join(markup.text.split())
    assert "since 2026-10-19 02:04 UTC" in shown
    assert "02:00:00, 4 min before" in shown


async def test_nothing_hostile_becomes_markup(sitrep: House) -> None:
    labels = {"alertname": HOSTILE, "namespace": HOSTILE, "pod": HOSTILE, HOSTILE: HOSTILE}
    for address in (
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        f"https://x/{HOSTILE}",
        " javascript:x",
    ):
        notes = {"summary": HOSTILE, "runbook_url": address, HOSTILE: HOSTILE}
        alert = wire_alert(labels=labels, annotations=notes, generatorURL="javascript:x")
        identifier = await sitrep.opened(wire_body(alert, groupKey=address, receiver=HOSTILE))
        nothing_runs(await page(sitrep, identifier))
    listed = Markup((await sitrep.http.get("/")).text)
    nothing_runs(listed)
    assert "<script>alert(2)" in listed.text
    nothing_runs(Markup((await sitrep.http.get("/", params={"q": HOSTILE})).text))
    nothing_runs(Markup((await sitrep.http.get(f"/{HOSTILE}", headers={"Accept": "text/html"})).text))


async def test_hostile_evidence_and_judgement_never_become_markup(sitrep: House) -> None:
    case = cases.oom_after_rollout()
    assert case.assessment
    brief = replace(case.assessment.briefing, still=HOSTILE, facts=(HOSTILE,), first_step=HOSTILE, because=(HOSTILE,))
    first = replace(case.assessment.hypotheses[0], statement=HOSTILE, because=(HOSTILE,), next_step=HOSTILE)
    change = replace(case.assessment.changes[0], summary=HOSTILE, actor=HOSTILE)
    found = replace(case.assessment.findings[0], statement=HOSTILE)
    assessment = replace(
        case.assessment, headline=HOSTILE, briefing=brief, hypotheses=(first,), changes=(change,), findings=(found,)
    )
    gaps = (Gap(HOSTILE, HOSTILE, HOSTILE),)
    identifier = await judged(
        sitrep, replace(case, assessment=assessment, gaps=gaps), evidence=hostile_evidence(HOSTILE)
    )
    markup = await page(sitrep, identifier)
    nothing_runs(markup)
    assert markup.text.count("<script>alert(2)") > 10
    assert "{{7*7}}" in markup.text


async def test_the_list_shows_the_newest_first_and_leads_to_the_older(sitrep: House) -> None:
    for number in range(53):
        await opened(sitrep, f"Alert{number:02}")
    await opened(sitrep, "Alert00", status="resolved")
    first = await sitrep.http.get("/")
    assert first.text.count('href="/incidents/') == 50
    [older] = re.findall(r'href="(/\?cursor=[^"]+)"', first.text)
    second = await sitrep.http.get(older.replace("&amp;", "&"))
    assert second.text.count('href="/incidents/') == 3
    assert 'href="/incidents/' in (await sitrep.http.get("/?q=Alert00")).text
    assert 'href="/incidents/' not in (await sitrep.http.get("/?state=firing&q=Alert00")).text
    assert "Nothing matches" in (await sitrep.http.get("/?q=nowhere")).text


async def test_what_playbooks_say_and_measure_is_on_the_page_until_it_is_over(sitrep: House) -> None:
    case = cases.oom_after_rollout()
    assert case.assessment
    told = Guidance(
        playbooks=("crash_loop",),
        measured=(f"restarts in an hour: {HOSTILE} 6 (usual 0)",),
        notes=(f"The wait doubles {HOSTILE}",),
        first_checks=("kubectl -n shop logs checkout-0 --previous", f"kubectl get pods {HOSTILE}"),
        runbooks=("https://runbooks.ours.example/kubepodcrashlooping", "javascript:alert(1)"),
    )
    identifier = await judged(sitrep, replace(case, assessment=replace(case.assessment, guidance=told)))
    markup = await page(sitrep, identifier)
    shown = " ".join(markup.text.split())
    for text in ("About this alert", "restarts in an hour: ", "The wait doubles", "logs checkout-0 --previous"):
        assert text in shown
    assert "From the playbook crash_loop" in shown
    assert ("href", "https://runbooks.ours.example/kubepodcrashlooping") in markup.attributes
    nothing_runs(markup)
    assert await opened(sitrep, status="resolved") == identifier
    assert "checkout-0 --previous" not in (await page(sitrep, identifier)).text
