"""What a watch sees again and again is written once; what differs always is."""

from dataclasses import replace

from app.domain.subject import Subject
from app.domain.watched import Field, Gone, Watched, Whole
from app.journal.keeper import HEARD_EVERY_SECONDS, SightMemory
from tests.store.house import CHECKOUT, PAYMENTS, T0

SEEN = Watched(CHECKOUT, "u1", {"image": Field("a:1"), "env[X]": Field("(not shown)", "m1")}, T0)


class Clock:
    """Time that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def memory(clock: Clock | None = None) -> SightMemory:
    made = SightMemory(clock or Clock())
    made.taken_in((SEEN,))
    return made


def test_the_same_again_is_no_news_whoever_edited_it() -> None:
    assert not memory().is_news((replace(SEEN, actor="kubelet", at=T0),))
    assert not memory().is_news(())


def test_another_value_and_another_hidden_value_are_news() -> None:
    assert memory().is_news((replace(SEEN, fields={**SEEN.fields, "image": Field("a:2")}),))
    assert memory().is_news((replace(SEEN, fields={**SEEN.fields, "env[X]": Field("(not shown)", "m2")}),))
    assert memory().is_news((replace(SEEN, uid="u2"),))


def test_what_is_new_or_gone_is_news() -> None:
    kept = memory()
    assert kept.is_news((replace(SEEN, subject=PAYMENTS),))
    assert kept.is_news((Gone(CHECKOUT, T0),))
    kept.taken_in((Gone(CHECKOUT, T0),))
    assert kept.is_news((SEEN,))


def test_what_was_not_written_stays_news() -> None:
    kept = memory()
    changed = (replace(SEEN, fields={}),)
    assert kept.is_news(changed)
    assert kept.is_news(changed)


def test_a_whole_list_is_always_written_and_forgets_what_is_not_in_it() -> None:
    kept = memory()
    whole: frozenset[Subject] = frozenset()
    assert kept.is_news(Whole(whole, T0))
    kept.taken_in(Whole(whole, T0))
    assert kept.is_news((SEEN,))


def test_the_store_hears_now_and_then_that_somebody_watches() -> None:
    clock = Clock()
    kept = memory(clock)
    clock.now = HEARD_EVERY_SECONDS - 1
    assert not kept.is_news(())
    clock.now = HEARD_EVERY_SECONDS
    assert kept.is_news(())
