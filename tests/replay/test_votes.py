"""The votes of single reviewers behind a file's means."""

from math import fsum

import pytest

from espalier.domain.message import LABELS, LIKERT_STEPS, LabelKind, Role, offered_labels
from espalier.domain.policy import Policy
from espalier.replay.original import Original
from espalier.replay.votes import Vote, spread, votes_for

POLICY = Policy()


def message(accepted: bool | None = True, review_count: int = 3, **labels: float) -> Original:
    return Original("text", Role.ASSISTANT, accepted, review_count=review_count, labels=labels)


def mean(votes: tuple[Vote, ...], label: str) -> float:
    return fsum(vote.labels[label] for vote in votes) / len(votes)


@pytest.mark.parametrize(("wanted", "given"), [(0.0, 0.0), (0.6, 7 / 12), (0.9375, 11 / 12), (1.0, 1.0)])
def test_three_answers_come_as_near_to_a_mean_as_they_can(wanted: float, given: float) -> None:
    answers = spread(wanted, 3, 4)
    assert fsum(answers) / 3 == pytest.approx(given)
    assert set(answers) <= set(LIKERT_STEPS)


def test_labels_keep_their_means_and_what_nobody_answered_stays_absent() -> None:
    votes = votes_for(message(spam=0.0, quality=0.75, pii=0.4, toxicity=0.0), POLICY, prompt=False)
    assert len(votes) == 3
    assert mean(votes, "quality") == 0.75
    assert mean(votes, "pii") == pytest.approx(1 / 3)
    assert all(vote.labels.keys() == {"spam", "quality", "pii", "toxicity"} for vote in votes)


@pytest.mark.parametrize(
    ("accepted", "spam", "mismatch", "given"),
    [
        (True, 0.25, 0.0, (1 / 3, 0.0)),
        (True, 0.5, 0.0, (1 / 3, 0.0)),
        (True, 0.2, 0.2, (1 / 3, 0.0)),
        (False, 0.4, 0.0, (2 / 3, 0.0)),
        (False, 0.3, 0.3, (1 / 3, 1 / 3)),
        (False, 0.0, 1.0, (0.0, 1.0)),
        (False, 0.0, 0.0, (1 / 3, 1 / 3)),
    ],
)
def test_the_result_of_the_file_comes_before_its_means(
    accepted: bool, spam: float, mismatch: float, given: tuple[float, float]
) -> None:
    votes = votes_for(message(accepted, spam=spam, lang_mismatch=mismatch), POLICY, prompt=False)
    means = mean(votes, "spam"), mean(votes, "lang_mismatch")
    assert sum(means) == pytest.approx(sum(given))
    assert (1 - sum(means) > 0.6) is accepted


def test_a_message_without_labels_is_judged_by_its_result_alone() -> None:
    assert [vote.labels for vote in votes_for(message(True), POLICY, prompt=True)] == [{"spam": 0.0}] * 3
    assert [vote.labels for vote in votes_for(message(False), POLICY, prompt=True)] == [{"spam": 1.0}] * 3


@pytest.mark.parametrize(("had", "gets"), [(0, 0), (1, 1), (2, 2), (4, 2)])
def test_a_message_without_result_gets_too_few_votes_to_be_decided(had: int, gets: int) -> None:
    votes = votes_for(message(None, had, spam=0.5, quality=0.5), POLICY, prompt=False)
    assert len(votes) == gets


def test_reviewers_are_as_many_as_the_policy_wants() -> None:
    policy = Policy(num_reviews_initial_prompt=2, num_reviews_reply=5)
    assert len(votes_for(message(), policy, prompt=True)) == 2
    assert len(votes_for(message(), policy, prompt=False)) == 5


def test_a_simple_review_answers_only_what_it_is_asked() -> None:
    vote = Vote({"spam": 0.0, "lang_mismatch": 0.0, "quality": 1.0, "pii": 1.0, "humor": 0.25})
    simple = [label.name for label in offered_labels(Role.PROMPTER, full=False)]
    assert vote.form(simple) == {"labels": {"spam": 0.0, "lang_mismatch": 0.0, "quality": 1.0}, "flags": None}


def test_flags_are_ticked_together_and_none_of_these_is_an_answer() -> None:
    full = [label.name for label in offered_labels(Role.ASSISTANT, full=True)]
    clean = Vote({"spam": 0.0, "pii": 0.0, "hate_speech": 0.0})
    assert clean.form(full) == {"labels": {"spam": 0.0}, "flags": []}
    ticked = Vote({"spam": 0.0, "pii": 1.0, "hate_speech": 0.0})
    assert ticked.form(full)["flags"] == ["pii"]
    assert Vote({"spam": 0.0}).form(full)["flags"] is None


def test_every_label_of_the_campaign_can_be_voted() -> None:
    means = dict.fromkeys(LABELS, 0.34)
    votes = votes_for(Original("t", Role.ASSISTANT, True, labels=means), POLICY, prompt=False)
    for name, label in LABELS.items():
        allowed = LIKERT_STEPS if label.kind is LabelKind.LIKERT else (0.0, 1.0)
        assert all(vote.labels[name] in allowed for vote in votes)
