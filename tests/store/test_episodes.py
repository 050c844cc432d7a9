"""Which episode an alert belongs to, in every order of arrival."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.alert import Alert, AlertStatus
from app.store.episodes import StoredEpisode, merge

T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


def alert(starts: float, ends: float | None = None, fingerprint: str = "f1") -> Alert:
    status = AlertStatus.FIRING if ends is None else AlertStatus.RESOLVED
    ended_at = None if ends is None else minutes(ends)
    return Alert(fingerprint, status, {"alertname": "A"}, {}, minutes(starts), ended_at)


def stored(starts: float, ends: float | None = None, fingerprint: str = "f1") -> StoredEpisode:
    return StoredEpisode(fingerprint, minutes(starts), None if ends is None else minutes(ends))


def test_an_unknown_alert_is_a_new_episode() -> None:
    merged = merge([], [alert(1)], minutes(2))
    assert [(a.starts_at, a.ended_at) for a in merged.writes] == [(minutes(1), None)]
    assert merged.fires


def test_while_open_an_earlier_start_moves_the_episode_and_makes_no_second_one() -> None:
    merged = merge([stored(5)], [alert(3)], minutes(6))
    assert merged.writes[0].starts_at == minutes(3)
    assert merged.moves == ((minutes(5), merged.writes[0]),)


def test_while_open_a_later_start_is_the_same_episode() -> None:
    merged = merge([stored(5)], [alert(9)], minutes(10))
    assert merged.writes[0].starts_at == minutes(5)
    assert merged.moves == ()


def test_a_late_firing_body_never_reopens_an_ended_episode() -> None:
    merged = merge([stored(1, 10)], [alert(1)], minutes(11))
    assert merged.writes == ()
    assert merged.is_known


def test_a_start_after_the_end_is_a_new_episode() -> None:
    merged = merge([stored(1, 10)], [alert(12)], minutes(13))
    assert merged.writes[0].starts_at == minutes(12)
    assert merged.fires


def test_a_resolve_of_an_older_episode_does_not_end_the_open_one() -> None:
    merged = merge([stored(1, 10), stored(12)], [alert(1, 10)], minutes(13))
    assert merged.is_known


def test_a_resolved_alert_without_an_end_ends_when_it_is_heard_of() -> None:
    resolved = Alert("f1", AlertStatus.RESOLVED, {}, {}, minutes(1), None)
    assert merge([stored(1)], [resolved], minutes(7)).writes[0].ended_at == minutes(7)


def test_a_late_alert_beside_a_fresh_one_costs_only_itself() -> None:
    merged = merge([stored(1, 10)], [alert(1), alert(11, fingerprint="f2")], minutes(12))
    assert [a.fingerprint for a in merged.writes] == ["f2"]
    assert merged.late == 1
    assert not merged.is_known


def test_a_copy_of_an_old_firing_body_leaves_both_episodes_alone() -> None:
    merged = merge([stored(1, 10), stored(12)], [alert(1)], minutes(13))
    assert merged.is_known
    assert merged.is_old
    assert merged.moves == ()


def test_a_resolve_that_names_an_old_start_ends_the_open_episode_without_moving_it() -> None:
    merged = merge([stored(1, 10), stored(12)], [alert(1, 14)], minutes(15))
    assert [(a.starts_at, a.ended_at) for a in merged.writes] == [(minutes(12), minutes(14))]
    assert merged.moves == ()


def test_an_end_in_the_far_future_ends_now_and_swallows_nothing() -> None:
    far = Alert("f1", AlertStatus.RESOLVED, {}, {}, minutes(1), datetime(9999, 1, 1, tzinfo=UTC))
    ended = merge([stored(1)], [far], minutes(5)).writes[0]
    assert ended.ended_at == minutes(5)
    assert merge([stored(1, 5)], [alert(6)], minutes(7)).fires


def test_an_old_copy_cannot_reopen_and_a_new_episode_can() -> None:
    muted = [stored(1, 5), stored(1, None, "muted")]
    old_copy = merge(muted, [alert(1), alert(1, fingerprint="muted")], minutes(9))
    assert old_copy.fires
    assert not old_copy.may_reopen
    assert merge(muted, [alert(1, fingerprint="muted")], minutes(9)).may_reopen, "it is not muted any more"
    assert merge(muted, [alert(8), alert(1, fingerprint="muted")], minutes(9)).may_reopen


def test_an_alert_that_begins_anew_without_having_ended_is_noticed() -> None:
    assert merge([stored(1)], [alert(600)], minutes(601)).restarted_at == minutes(600)
    assert merge([stored(1)], [alert(1)], minutes(2)).restarted_at is None


def test_an_alert_that_timed_out_and_comes_back_with_its_old_start_is_believed_after_a_quiet_time() -> None:
    assert merge([stored(1, 10)], [alert(1)], minutes(11), timedelta(minutes=1)).is_known
    back = merge([stored(1, 10)], [alert(1)], minutes(30), timedelta(minutes=20))
    assert back.fires
    assert back.may_reopen
    assert back.writes[0].starts_at > minutes(10)


episodes = st.lists(
    st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(1, 10))).map(
        lambda pair: alert(pair[0], None if pair[1] is None else pair[0] + pair[1])
    ),
    min_size=1,
    max_size=8,
)


def apply(bodies: list[Alert]) -> dict[datetime, datetime | None]:
    """The stored episodes after these bodies, one alert each, as the database would hold them."""
    rows: dict[datetime, datetime | None] = {}
    for body in bodies:
        merged = merge([StoredEpisode("f1", s, e) for s, e in rows.items()], [body], minutes(60))
        for before, moved in merged.moves:
            assert moved.starts_at not in rows, "no episode is moved onto another"
            rows[moved.starts_at] = rows.pop(before)
        for written in merged.writes:
            known = rows.get(written.starts_at)
            ends = [end for end in (known, written.ended_at) if end is not None]
            rows[written.starts_at] = max(ends) if ends else None
    return rows


@given(episodes)
def test_at_most_one_episode_is_open_and_it_is_the_newest(bodies: list[Alert]) -> None:
    rows = apply(bodies)
    open_starts = [start for start, end in rows.items() if end is None]
    assert len(open_starts) <= 1
    assert not open_starts or open_starts[0] == max(rows)


@given(episodes)
def test_the_same_bodies_again_change_nothing(bodies: list[Alert]) -> None:
    once = apply(bodies)
    assert apply([*bodies, bodies[-1]]) == once
