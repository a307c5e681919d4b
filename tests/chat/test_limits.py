"""So many replies in so long, and how long to wait after them."""

from datetime import UTC, datetime, timedelta

from espalier.chat.limits import seconds_to_wait

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def ago(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=each) for each in seconds]


def test_the_twenty_first_reply_within_ten_minutes_has_to_wait_until_the_first_is_ten_minutes_old() -> None:
    assert seconds_to_wait(ago(*range(19)), NOW) == 0
    assert seconds_to_wait(ago(*range(19), 400), NOW) == 200
    assert seconds_to_wait(ago(*range(19), 599.5), NOW) == 1, "never 0 while it is not yet time"
    assert seconds_to_wait(ago(*range(19), 600), NOW) == 0


def test_after_more_than_there_may_be_enough_of_them_have_to_pass() -> None:
    assert seconds_to_wait(ago(50, 10, 30, 20), NOW, most=2, within=timedelta(seconds=60)) == 40
