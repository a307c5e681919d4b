"""What an export promises: what stands in the campaign, in the published fields, and nothing of who is gone."""

import json
from typing import Any

import pytest

from espalier.collect.exports import count_trees, export_trees, export_votes
from espalier.collect.imports import import_trees
from espalier.collect.intake import Source
from espalier.dataset.objects import tree_record
from espalier.dataset.records import MessageRecord, Spelling, TreeRecord, VoteRecord, by_subject
from espalier.dataset.trees import messages_of
from espalier.dataset.write import line_of
from espalier.domain.contribution import Deleted, Reacted, Skipped
from espalier.domain.message import Reaction, Skip, SkipOf
from espalier.domain.tree import Shape, State
from gardens import Garden
from oasst import message, tree

SMALL = Shape(max_tree_depth=2, max_children_count=2, num_prompter_replies=1, goal_tree_size=3)


def messages(garden: Garden) -> dict[str, MessageRecord]:
    return {each.message_id: each for record in export_trees(garden.db) for each in messages_of(record)}


def grown(garden: Garden) -> tuple[str, str, str]:
    """A finished tree: its prompt, the better and the worse reply."""
    chief, ann, bob, rita = (garden.admin(), *(garden.person(name) for name in ("Ann", "Bob", "Rita")))
    tree_id = garden.tree(chief, shape=SMALL)
    worse = garden.accepted_reply(ann, rita, tree_id, "The worse one.")
    better = garden.accepted_reply(bob, rita, tree_id, "The better one.")
    garden.rank(rita, tree_id, better, worse)
    assert garden.load(tree_id).state is State.READY_FOR_EXPORT
    return tree_id, better, worse


def test_a_finished_tree_has_all_the_published_fields(garden: Garden) -> None:
    tree_id, better, worse = grown(garden)
    (found,) = export_trees(garden.db)
    assert (found.message_tree_id, found.tree_state, found.origin) == (tree_id, "ready_for_export", None)
    assert [reply.message_id for reply in found.prompt.replies] == [better, worse]
    first = found.prompt.replies[0]
    author = garden.load(tree_id).messages[better].author
    assert first == MessageRecord(
        message_id=better,
        text="The better one.",
        role="assistant",
        parent_id=tree_id,
        user_id=author,
        created_date=garden.load(tree_id).messages[better].at.isoformat(),
        lang="en",
        review_count=1,
        review_result=True,
        deleted=False,
        rank=0,
        synthetic=False,
        labels={
            "spam": {"value": 0.0, "count": 1},
            "quality": {"value": 0.75, "count": 1},
            "pii": {"value": 0.0, "count": 1},
        },
    )


def test_a_sparse_line_of_a_tree_names_no_field_without_a_value(garden: Garden) -> None:
    grown(garden)
    (found,) = export_trees(garden.db)
    line = line_of(found, Spelling.SPARSE)
    assert line.startswith(b'{"message_tree_id":')
    assert b"null" not in line


def test_unranked_replies_come_last_and_by_date(garden: Garden) -> None:
    replies = [
        message("late", "a", created_date="2023-03-01T00:00:00+00:00"),
        message("early", "a", created_date="2023-01-01T00:00:00+00:00"),
        message("second", "a", rank=1),
        message("first", "a", rank=0),
    ]
    bring(garden, tree(message("a", replies=replies)))
    (found,) = export_trees(garden.db)
    assert [reply.message_id for reply in found.prompt.replies] == ["first", "second", "early", "late"]


def bring(garden: Garden, *given: dict[str, Any], votes: tuple[VoteRecord, ...] = ()) -> None:
    records = [tree_record(one) for one in given]
    import_trees(garden.db, records, by_subject(votes), Source("some"), None, garden.now, garden.rng)


def test_states_and_languages_choose_trees_oldest_first(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    chief = garden.admin()
    one = garden.tree(chief, "One?", state=State.PROMPT_LOTTERY_WAITING)
    two = garden.tree(chief, "Zwei?", lang="de")
    three = garden.tree(chief, "Three?")
    assert [record.message_tree_id for record in export_trees(garden.db)] == [one, two, three]
    assert [record.message_tree_id for record in export_trees(garden.db, [State.GROWING])] == [two, three]
    assert [record.message_tree_id for record in export_trees(garden.db, langs=["de"])] == [two]
    assert list(export_trees(garden.db, [State.RANKING])) == []
    assert count_trees(garden.db, [State.GROWING], None) == 2
    assert count_trees(garden.db, list(State), ["de"]) == 1


def test_more_trees_than_fit_on_a_page_are_all_there_once(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.store.exports.PAGE", 3)
    date = "2023-01-01T00:00:00+00:00"
    bring(garden, *(tree(message(f"t{number}", created_date=date)) for number in range(10)))
    assert [record.message_tree_id for record in export_trees(garden.db)] == [f"t{number}" for number in range(10)]


def test_deleted_and_undecided_messages_are_there_and_say_so(garden: Garden) -> None:
    tree_id, better, worse = grown(garden)
    garden.add(tree_id, None, Deleted(better))
    found = messages(garden)
    assert (found[better].deleted, found[better].rank) == (True, None)
    assert (found[worse].deleted, found[worse].rank) == (False, None)


def test_skips_and_reactions_are_counted_by_name(garden: Garden) -> None:
    ann = garden.person("Ann")
    tree_id = garden.tree(garden.admin())
    garden.add(tree_id, ann, Skipped(tree_id, Skip(ann.id, SkipOf.REPLY, "unclear")))
    garden.add(tree_id, ann, Reacted(tree_id, Reaction(ann.id, "+1")))
    assert messages(garden)[tree_id].emojis == {"+1": 1, "_skip_reply": 1}


def test_fields_that_mean_nothing_here_come_back(garden: Garden) -> None:
    detoxify = {"toxicity": 0.5, "more": [1, {"deep": None}]}
    nested = tree(message("a", detoxify=detoxify, events=None), origin="elsewhere", license="cc0")
    bring(garden, nested)
    (found,) = export_trees(garden.db)
    assert found.prompt.extra == {"detoxify": detoxify, "events": None}
    assert (found.origin, found.extra) == ("elsewhere", {"license": "cc0"})


@pytest.mark.parametrize("spelled", ["2023-02-08T05:01:06.589964+00:00", "2023-02-08T07:01Z", "yesterday", None])
def test_a_date_is_spelled_as_its_file_spelled_it(garden: Garden, spelled: str | None) -> None:
    bring(garden, tree(message("a", created_date=spelled)))
    assert messages(garden)["a"].created_date == spelled


def test_an_empty_object_of_the_file_comes_back_until_somebody_says_something(garden: Garden) -> None:
    bring(garden, tree(message("a", emojis={}, labels={})))
    assert (messages(garden)["a"].emojis, messages(garden)["a"].labels) == ({}, {})
    ann = garden.person("Ann")
    garden.add("a", ann, Reacted("a", Reaction(ann.id, "+1")))
    assert messages(garden)["a"].emojis == {"+1": 1}
    assert "emojis" not in messages(garden)["a"].extra


def test_votes_say_who_judged_what_when(garden: Garden) -> None:
    tree_id, better, worse = grown(garden)
    votes = list(export_votes(garden.db))
    ranking = votes[-1]
    assert [vote.kind for vote in votes] == ["labels", "labels", "ranking"]
    assert (ranking.parent_id, ranking.message_id, ranking.value) == (tree_id, None, [[better], [worse]])
    assert (votes[0].message_id, votes[0].parent_id) == (worse, None)
    assert votes[0].value == {"spam": 0.0, "quality": 0.75, "pii": 0.0}
    assert votes[0].voter == ranking.voter
    assert votes[0].created_date is not None
    assert votes[0].created_date.endswith("+00:00")
    assert len({vote.vote_id for vote in votes}) == 3


def test_a_reaction_that_was_taken_back_is_no_vote(garden: Garden) -> None:
    ann, bob = garden.person("Ann"), garden.person("Bob")
    tree_id = garden.tree(garden.admin())
    for person, emoji, on in ((ann, "+1", True), (bob, "+1", True), (ann, "+1", False), (bob, "poop", True)):
        garden.add(tree_id, person, Reacted(tree_id, Reaction(person.id, emoji), on))
    votes = list(export_votes(garden.db))
    assert [(vote.voter, vote.value) for vote in votes] == [(bob.id, "+1"), (bob.id, "poop")]
    assert messages(garden)[tree_id].emojis == {"+1": 1, "poop": 1}


def test_a_campaign_goes_from_one_database_to_another_with_its_votes(garden: Garden) -> None:
    tree_id, better, worse = grown(garden)
    ann = garden.person("Critic")
    garden.add(tree_id, ann, Reacted(better, Reaction(ann.id, "+1")))
    trees, votes = list(export_trees(garden.db)), list(export_votes(garden.db))
    before = messages(garden)

    def renamed(given: str | None) -> str | None:
        return None if given is None else f"copy-{given}"

    copies = [tree_record(_renamed(record)) for record in trees]
    moved = tuple(
        VoteRecord(
            f"copy-{vote.vote_id}", vote.kind, renamed(vote.message_id), renamed(vote.parent_id), vote.voter,
            [[renamed(each) for each in group] for group in vote.value] if vote.kind == "ranking" else vote.value,
            vote.created_date, vote.extra, line=line,
        )
        for line, vote in enumerate(votes)
    )  # fmt: skip
    report = import_trees(garden.db, copies, by_subject(moved), Source("copy"), None, garden.now, garden.rng)
    assert report.findings.first == []
    after = messages(garden)
    for message_id in (tree_id, better, worse):
        was, now = before[message_id], after[f"copy-{message_id}"]
        assert (was.rank, was.labels, was.emojis, was.review_count) == (
            now.rank, now.labels, now.emojis, now.review_count,
        )  # fmt: skip
    assert [vote for vote in export_votes(garden.db) if vote.vote_id.startswith("copy-")] == list(moved)


def _renamed(record: TreeRecord) -> dict[str, Any]:
    def of(node: dict[str, Any]) -> dict[str, Any]:
        parent = node["parent_id"]
        ids = {"message_id": f"copy-{node['message_id']}", "parent_id": parent and f"copy-{parent}"}
        return {**node, **ids, "replies": [of(reply) for reply in node["replies"]]}

    given = json.loads(line_of(record))
    return {**given, "message_tree_id": f"copy-{given['message_tree_id']}", "prompt": of(given["prompt"])}
