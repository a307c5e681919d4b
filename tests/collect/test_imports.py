"""What an import promises: everything said in the file is there, nothing twice, and what cannot stand is named."""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any

import pytest

from espalier.collect.exports import export_trees, export_votes
from espalier.collect.imports import ImportReport, Moved, finish_import, import_trees, in_batches
from espalier.collect.intake import Source
from espalier.dataset.findings import Code
from espalier.dataset.objects import tree_record, vote_record
from espalier.dataset.records import by_subject
from espalier.dataset.trees import messages_of
from espalier.domain.contribution import Deleted, Ordered, Undeleted
from espalier.domain.lifecycle import Command
from espalier.domain.message import Role
from espalier.domain.points import Counts
from espalier.domain.review import label_means
from espalier.domain.tree import State, Tree
from espalier.domain.work import Act, done_by, open_work
from espalier.store import people
from espalier.store.boards import counts_of
from espalier.store.languages import trees_in
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook
from espalier.store.search import find
from gardens import Garden
from oasst import message, tree


@pytest.fixture(autouse=True)
def _nothing_is_drawn(garden: Garden) -> None:
    garden.policy(max_active_trees=0, num_reviews_reply=3, num_reviews_initial_prompt=3, num_required_rankings=3)


def bring(garden: Garden, *trees: dict[str, Any], votes: Sequence[dict[str, Any]] = (), **source: Any) -> ImportReport:
    """Import these objects as the lines of a file."""
    records = [tree_record(given, line) for line, given in enumerate(trees, 1)]
    asked = by_subject(vote_record(given, line) for line, given in enumerate(votes, 1))
    report = ImportReport()
    where = Source("some.trees.jsonl", **source)
    for batch in in_batches(records):
        report.include(import_trees(garden.db, batch, asked, where, None, garden.now, garden.rng))
    report.include(finish_import(garden.db, report, where, None, garden.now, garden.rng))
    return report


def codes(report: ImportReport) -> list[Code]:
    return [finding.code for finding in report.findings.first]


def reply(message_id: str, parent: str = "a", **more: Any) -> dict[str, Any]:
    return message(message_id, parent, **{"review_count": 3, "review_result": True, **more})


def prompt(message_id: str = "a", *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    return message(message_id, replies=list(replies), **{"review_count": 3, "review_result": True, **more})


def state_of(garden: Garden, tree_id: str = "a") -> State:
    return garden.load(tree_id).state


def ranks(of: Tree) -> dict[str, int | None]:
    return {each.id: each.rank for each in of.messages.values() if each.parent_id}


def test_an_imported_tree_has_its_ids_texts_dates_and_everything_said_of_it(garden: Garden) -> None:
    said = prompt(
        "a",
        reply("b", rank=0, emojis={"+1": 2, "_skip_reply": 3}, user_id="bob", created_date="2023-02-03T04:05:06.7Z"),
        reply("c", rank=1, synthetic=True, model_name="chip", labels={"quality": {"value": 0.25, "count": 2}}),
        created_date="2023-02-03T04:05:06+00:00",
    )
    report = bring(garden, tree(said))
    found = garden.load("a")
    assert (report.trees, report.messages, report.people, report.findings.first) == (1, 3, 1, [])
    assert found.state is State.READY_FOR_EXPORT
    assert found.messages["b"].text == "This is b."
    assert found.messages["b"].at.isoformat() == "2023-02-03T04:05:06.700000+00:00"
    assert found.messages["b"].emoji_counts() == {"+1": 2, "_skip_reply": 3}
    assert found.messages["c"].model_name == "chip"
    assert label_means(found.messages["c"]) == {"quality": (0.25, 2)}
    assert ranks(found) == {"b": 0, "c": 1}


def test_a_tree_joins_those_in_its_language_however_the_file_spells_its_tag(garden: Garden) -> None:
    bring(garden, tree(prompt("a", reply("b", lang="pt-br"), lang="PT-br"), tree_state="ready_for_export"))
    there = garden.load("a")
    assert {there.lang, *(each.lang for each in there.messages.values())} == {"pt-BR"}


def test_the_same_file_twice_adds_nothing(garden: Garden) -> None:
    given = [tree(prompt("a", reply("b"))), tree(prompt("z"))]
    bring(garden, *given)
    before = [garden.load("a"), garden.load("z")]
    report = bring(garden, *given)
    assert (report.trees, report.messages, report.people, report.known) == (0, 0, 0, 2)
    assert [garden.load("a"), garden.load("z")] == before


def test_a_tree_that_the_campaign_has_is_left_as_it_is(garden: Garden) -> None:
    bring(garden, tree(prompt("a", reply("b"))))
    report = bring(garden, tree(prompt("a", reply("b", text="Changed."), reply("c"))))
    assert report.known == 1
    assert list(garden.load("a").messages) == ["a", "b"]
    assert garden.load("a").messages["b"].text == "This is b."


def test_unknown_people_get_accounts_that_nobody_signs_in_with_and_known_people_keep_theirs(garden: Garden) -> None:
    ann = garden.person("Ann")
    bring(garden, tree(prompt("a", reply("b", user_id="stranger"), user_id=ann.id)))
    stranger = people.by_id(garden.db, "stranger")
    assert stranger is not None
    assert (stranger.anonymous, stranger.on_board, stranger.role) == (True, False, PersonRole.CONTRIBUTOR)
    assert "stranger" not in stranger.name
    assert people.by_id(garden.db, ann.id) == ann
    assert garden.load("a").root.author == ann.id


def test_imported_messages_give_no_points(garden: Garden) -> None:
    ann = garden.person("Ann")
    bring(garden, tree(prompt("a", reply("b", user_id=ann.id, rank=0), reply("c", rank=1))))
    assert counts_of(garden.db, ann.id, date.min) == Counts()


@pytest.mark.parametrize("state", [s for s in State if s not in (State.READY_FOR_SCORING, State.SCORING_FAILED)])
def test_a_state_that_nothing_moves_on_stands(garden: Garden, state: State) -> None:
    waiting = {"review_count": 1, "review_result": None} if state is State.INITIAL_PROMPT_REVIEW else {}
    replies = [reply("b"), reply("c")] if state in (State.RANKING, State.BACKLOG_RANKING) else []
    report = bring(garden, tree(prompt("a", *replies, **waiting), tree_state=state.value))
    assert state_of(garden) is state
    assert report.moved == []


def test_a_tree_whose_scoring_failed_or_waits_is_scored(garden: Garden) -> None:
    states = (State.READY_FOR_SCORING, State.SCORING_FAILED)
    report = bring(garden, *(tree(prompt(state.value), tree_state=state.value) for state in states))
    assert [state_of(garden, state.value) for state in states] == [State.READY_FOR_EXPORT] * 2
    assert report.moved == [Moved(state.value, state, State.READY_FOR_EXPORT) for state in states]


def test_what_has_enough_reviews_is_decided_by_its_means_and_the_tree_named(garden: Garden) -> None:
    good = prompt("good", review_result=None)
    bad = prompt("bad", review_result=None, labels={"spam": {"value": 1.0, "count": 3}})
    state = State.INITIAL_PROMPT_REVIEW
    report = bring(garden, tree(good, tree_state=state.value), tree(bad, tree_state=state.value))
    assert report.moved == [
        Moved("good", state, State.PROMPT_LOTTERY_WAITING),
        Moved("bad", state, State.ABORTED_LOW_GRADE),
    ]


def test_a_terminal_state_stands_whatever_its_reviews_say(garden: Garden) -> None:
    spam = {"spam": {"value": 1.0, "count": 3}}
    report = bring(garden, tree(prompt("a", reply("b", review_result=None, labels=spam), labels=spam)))
    assert state_of(garden) is State.READY_FOR_EXPORT
    assert garden.load("a").messages["b"].accepted is None
    assert report.moved == []


def test_a_growing_tree_goes_on_where_it_stood(garden: Garden) -> None:
    waits = reply("b", review_count=1, review_result=None)
    bring(garden, tree(prompt("a", waits), tree_state="growing"))
    work = open_work(garden.load("a"), PolicyBook(garden.db).for_lang("en"))
    assert work[Act.LABEL, "b"].needs == 2
    assert work[Act.REPLY, "a"].needs == 2


def test_a_ranked_order_of_the_file_counts_as_ranked_and_an_unranked_one_is_asked_for(garden: Garden) -> None:
    deeper = reply("p", "b", role="prompter", replies=[reply("q", "p"), reply("r", "p")])
    ranked = [reply("b", rank=1, replies=[deeper]), reply("c", rank=0)]
    bring(garden, tree(prompt("a", *ranked), tree_state="ranking"))
    work = open_work(garden.load("a"), PolicyBook(garden.db).for_lang("en"))
    assert {subject: each.needs for (_, subject), each in work.items()} == {"p": 3}


def test_one_ranked_reply_alone_is_no_order(garden: Garden) -> None:
    bring(garden, tree(prompt("a", reply("b", rank=0), reply("c"), reply("d")), tree_state="ranking"))
    assert state_of(garden) is State.RANKING
    for voter in ("x", "y", "z"):
        garden.rank(garden.person(voter), "a", "c", "b", "d")
    assert state_of(garden) is State.READY_FOR_EXPORT
    assert ranks(garden.load("a")) == {"c": 0, "b": 1, "d": 2}


def test_gaps_in_ranks_are_closed_and_said(garden: Garden) -> None:
    report = bring(garden, tree(prompt("a", reply("b", rank=0), reply("c", rank=2), reply("d", rank=5))))
    assert ranks(garden.load("a")) == {"b": 0, "c": 1, "d": 2}
    assert codes(report) == [Code.RANK_GAP]
    assert report.findings.first[0].line == 1


def test_the_gap_of_a_deleted_reply_is_closed_and_opens_again_with_it(garden: Garden) -> None:
    given = [reply("b", rank=0), reply("c", rank=1, deleted=True), reply("d", rank=2)]
    bring(garden, tree(prompt("a", *given)))
    assert ranks(garden.load("a")) == {"b": 0, "c": None, "d": 1}
    garden.add("a", None, Undeleted("c"))
    assert ranks(garden.load("a")) == {"b": 0, "c": 1, "d": 2}
    garden.add("a", None, Deleted("b"))
    assert ranks(garden.load("a")) == {"b": None, "c": 0, "d": 1}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (reply("b", role="prompter"), Code.WRONG_ROLE),
        (reply("b", role="system"), Code.UNKNOWN_ROLE),
        (reply("b", text="nul \0"), Code.NUL_CHARACTER),
        (reply("c"), Code.DUPLICATE_ID),
        (reply("a"), Code.DUPLICATE_ID),
    ],
)
def test_a_message_that_cannot_stand_is_left_out_with_all_below_it(
    garden: Garden, bad: dict[str, Any], code: Code
) -> None:
    bad = {**bad, "replies": [reply("below", "b", role="prompter")]}
    report = bring(garden, tree(prompt("a", reply("c"), bad)))
    assert sorted(garden.load("a").messages) == ["a", "c"]
    assert codes(report) == [code]
    assert report.findings.first[0].reason.endswith("is left out with 1 below it")
    assert report.left_out == 2


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (tree(prompt("a", role="assistant")), Code.WRONG_ROLE),
        (tree(prompt("a"), tree_state="confused"), Code.UNKNOWN_STATE),
        (tree(prompt("a", lang="no language!")), Code.WRONG_VALUE),
        (tree(prompt("a", text="\0")), Code.NUL_CHARACTER),
    ],
)
def test_a_tree_that_cannot_stand_is_left_out_and_the_others_come(
    garden: Garden, bad: dict[str, Any], code: Code
) -> None:
    report = bring(garden, bad, tree(prompt("z")))
    assert codes(report) == [code]
    assert (report.trees, report.left_out) == (1, 1)
    assert state_of(garden, "z") is State.READY_FOR_EXPORT


def test_a_message_of_another_tree_does_not_come_twice(garden: Garden) -> None:
    report = bring(garden, tree(prompt("a", reply("b"))), tree(prompt("z", reply("b", "z"))))
    assert list(garden.load("z").messages) == ["z"]
    assert codes(report) == [Code.DUPLICATE_ID]
    report = bring(garden, tree(prompt("y", reply("b", "y"))))
    assert list(garden.load("y").messages) == ["y"]


def test_the_shape_is_the_policys_widened_to_what_the_tree_holds(garden: Garden) -> None:
    wide = [reply(f"b{i}") for i in range(5)]
    wide[0]["replies"] = [reply(f"c{i}", "b0", role="prompter") for i in range(2)]
    bring(garden, tree(prompt("a", *wide)), tree(prompt("z")))
    usual = garden.load("z").shape
    shape = garden.load("a").shape
    assert (usual.max_children_count, usual.num_prompter_replies) == (3, 1)
    assert (shape.max_children_count, shape.num_prompter_replies) == (5, 2)
    assert shape.max_tree_depth == usual.max_tree_depth


def test_a_tree_of_five_hundred_messages_works(garden: Garden) -> None:
    rng = Random(5)
    nodes = [prompt("m0")]
    roles = {"m0": Role.PROMPTER}
    for number in range(1, 500):
        parent = nodes[rng.randrange(max(0, len(nodes) - 40), len(nodes))]
        role = Role(roles[parent["message_id"]]).other
        node = reply(f"m{number}", parent["message_id"], role=role.value, user_id=f"u{number % 30}", replies=[])
        roles[node["message_id"]] = role
        parent["replies"].append(node)
        nodes.append(node)
    report = bring(garden, tree(nodes[0], tree_state="growing"))
    assert report.messages == 500
    found = garden.load("m0")
    assert len(found.messages) == 500
    assert state_of(garden, "m0") is State.RANKING  # its goal is what it holds, so it has grown enough
    (again,) = export_trees(garden.db)
    assert sum(1 for _ in messages_of(again)) == 500


def test_a_very_deep_tree_works(garden: Garden) -> None:
    chain = prompt("m0")
    at = chain
    for depth in range(1, 200):
        role = "assistant" if depth % 2 else "prompter"
        at["replies"] = [reply(f"m{depth}", f"m{depth - 1}", role=role, replies=[])]
        at = at["replies"][0]
    bring(garden, tree(chain))
    assert garden.load("m0").shape.max_tree_depth == 199


def test_as_backlog_parks_what_was_drawn_and_it_can_be_activated(garden: Garden) -> None:
    report = bring(
        garden,
        tree(prompt("a", reply("b"), reply("c"))),
        tree(prompt("w"), tree_state="prompt_lottery_waiting"),
        tree(prompt("h"), tree_state="halted_by_moderator"),
        as_backlog=True,
        origin="some.trees.jsonl",
    )
    found = garden.load("a")
    assert (found.state, found.parked, found.origin) == (
        State.BACKLOG_RANKING,
        State.BACKLOG_RANKING,
        "some.trees.jsonl",
    )
    assert report.moved == []
    assert (state_of(garden, "w"), state_of(garden, "h")) == (State.PROMPT_LOTTERY_WAITING, State.HALTED_BY_MODERATOR)
    after = garden.add("a", None, Ordered(Command.ACTIVATE, PolicyBook(garden.db).version))
    assert after.state is State.RANKING


def test_what_is_parked_without_a_word_of_reviews_is_there_to_be_ranked(garden: Garden) -> None:
    samples = [{"message_id": name, "text": f"Sample {name}.", "role": "assistant"} for name in "bcd"]
    samples[2]["review_count"] = 1  # somebody has begun to review this one
    asked = {"message_id": "a", "text": "Why is the sky blue?", "role": "prompter", "replies": samples}
    bring(garden, {"message_tree_id": "a", "prompt": asked}, as_backlog=True)
    accepted = {each.id: each.accepted for each in garden.load("a").messages.values()}
    assert accepted == {"a": True, "b": True, "c": True, "d": None}
    after = garden.add("a", None, Ordered(Command.ACTIVATE, PolicyBook(garden.db).version))
    assert after.state is State.RANKING


def test_a_prompt_that_waits_or_grows_in_the_file_was_accepted(garden: Garden) -> None:
    undecided = {"review_count": 1, "review_result": None}
    bring(
        garden,
        tree(prompt("g", **undecided), tree_state="growing"),
        tree(prompt("w", **undecided), tree_state="prompt_lottery_waiting"),
        tree(prompt("r", **undecided), tree_state="initial_prompt_review"),
    )
    assert [garden.load(name).root.accepted for name in "gwr"] == [True, True, None]
    assert open_work(garden.load("g"), garden.scene().book.for_lang("en")).keys() == {(Act.REPLY, "g")}


def test_a_halted_imported_tree_resumes_where_its_replies_say_it_was(garden: Garden) -> None:
    bring(
        garden,
        tree(prompt("a", reply("b", review_count=0, review_result=None)), tree_state="halted_by_moderator"),
        tree(
            prompt("u", reply("v"), review_count=0, review_result=None),
            tree_state="halted_by_moderator",
        ),
        tree(prompt("z", review_count=1, review_result=None), tree_state="halted_by_moderator"),
    )
    resume = Ordered(Command.RESUME, PolicyBook(garden.db).version)
    assert garden.add("a", None, resume).state is State.GROWING
    undecided = garden.add("u", None, resume)
    assert (undecided.state, undecided.root.accepted) == (State.GROWING, True), "else nobody could ever go on with it"
    assert garden.add("z", None, resume).state is State.INITIAL_PROMPT_REVIEW


def test_imported_prompts_that_wait_are_drawn_when_there_are_places(garden: Garden) -> None:
    garden.policy(max_active_trees=2)
    waiting = [tree(prompt(name, user_id=name), tree_state="prompt_lottery_waiting") for name in "abcd"]
    report = bring(garden, *waiting)
    assert report.drawn == 2
    assert trees_in(garden.db, "en", State.GROWING) == 2


def test_an_import_that_was_cut_off_ends_with_all_its_places_when_it_is_done_again(garden: Garden) -> None:
    waiting = [tree_record(tree(prompt(name), tree_state="prompt_lottery_waiting")) for name in "ab"]
    import_trees(garden.db, waiting, {}, Source("some"), None, garden.now, garden.rng)
    garden.policy(max_active_trees=2)
    report = import_trees(garden.db, waiting, {}, Source("some"), None, garden.now, garden.rng)
    assert (report.known, report.trees) == (2, 0)
    assert finish_import(garden.db, report, Source("some"), None, garden.now, garden.rng).drawn == 2


def test_imported_messages_are_found_by_their_words(garden: Garden) -> None:
    bring(garden, tree(prompt("a", reply("b", text="An espalier of pears."), reply("c", text="Pears.", deleted=True))))
    assert [found.message_id for found in find(garden.db, "pears")] == ["b"]


def test_a_record_without_dates_languages_and_people_is_taken(garden: Garden) -> None:
    bare = {"message_id": "a", "text": "Why?", "role": "prompter"}
    answer = {"message_id": "b", "text": "So.", "role": "assistant"}
    bring(garden, {"message_tree_id": "a", "prompt": {**bare, "replies": [answer]}})
    found = garden.load("a")
    assert (found.lang, found.root.at, found.root.author) == ("en", garden.now, None)
    assert found.state is State.READY_FOR_EXPORT


def test_messages_come_in_the_order_of_their_dates_but_never_before_their_parent(garden: Garden) -> None:
    early = reply("c", "b", role="prompter", created_date="2020-01-01T00:00:00+00:00")
    replies = [
        reply("b", created_date="2023-01-02T00:00:00+00:00", replies=[early]),
        reply("d", created_date="2023-01-01T00:00:00+00:00"),
    ]
    bring(garden, tree(prompt("a", *replies, created_date="2022-01-01T00:00:00+00:00")))
    assert list(garden.load("a").messages) == ["a", "d", "b", "c"]


def test_a_tombstone_is_recognised(garden: Garden) -> None:
    gone = reply("b", text="", user_id=None, deleted=True)
    bring(garden, tree(prompt("a", gone, reply("c", deleted=True))))
    found = garden.load("a")
    assert [found.messages[name].tombstone for name in "bc"] == [True, False]


# Votes


def labels_vote(vote_id: str, message_id: str, voter: str, **labels: float | None) -> dict[str, Any]:
    return {"vote_id": vote_id, "kind": "labels", "message_id": message_id, "voter": voter, "value": labels}


def ballot(vote_id: str, parent_id: str, voter: str, *order: str) -> dict[str, Any]:
    groups = [list(group) for group in order]
    return {"vote_id": vote_id, "kind": "ranking", "parent_id": parent_id, "voter": voter, "value": groups}


def test_votes_explain_their_aggregates_and_are_not_counted_on_top(garden: Garden) -> None:
    means = {"spam": {"value": 0.0, "count": 3}, "quality": {"value": 0.75, "count": 2}}
    votes = [
        labels_vote("v1", "a", "p1", spam=0.0, quality=0.5),
        labels_vote("v2", "a", "p2", spam=0.0, quality=1.0),
        {"vote_id": "v3", "kind": "reaction", "message_id": "a", "voter": "p1", "value": "+1"},
    ]
    report = bring(garden, tree(prompt("a", labels=means, emojis={"+1": 2, "_skip_reply": 1})), votes=votes)
    root = garden.load("a").root
    assert report.votes == 3
    assert root.review_count == 3
    assert label_means(root) == {"spam": (0.0, 3), "quality": (0.75, 2)}
    assert root.emoji_counts() == {"+1": 2, "_skip_reply": 1}
    assert root.baseline is not None
    assert (root.baseline.review_count, root.baseline.labels) == (1, {"spam": (0.0, 1)})
    assert [review.person for review in root.reviews] == ["p1", "p2"]


def test_who_voted_in_the_file_is_not_asked_again(garden: Garden) -> None:
    given = tree(prompt("a", review_count=1, review_result=None), tree_state="initial_prompt_review")
    bring(garden, given, votes=[labels_vote("v1", "a", "p1", spam=0.0)])
    assert ("p1", Act.LABEL, "a") in done_by(garden.load("a"))


def test_ballots_that_give_the_files_order_explain_it(garden: Garden) -> None:
    votes = [ballot(f"v{i}", "a", f"p{i}", "b", "c") for i in range(3)]
    report = bring(garden, tree(prompt("a", reply("b", rank=0), reply("c", rank=1))), votes=votes)
    found = garden.load("a")
    assert [each.baseline.rank for each in found.messages.values() if each.baseline] == [None, None, None]
    assert len(found.rankings["a"]) == 3
    assert ranks(found) == {"b": 0, "c": 1}
    assert report.findings.first == []


def test_an_order_that_the_ballots_do_not_give_stays_baseline(garden: Garden) -> None:
    votes = [ballot("v", "a", "p", "c", "b")]
    bring(garden, tree(prompt("a", reply("b", rank=0), reply("c", rank=1))), votes=votes)
    assert ranks(garden.load("a")) == {"b": 0, "c": 1}


def test_a_ballot_loses_what_is_no_reply_and_is_left_out_when_nothing_is_left(garden: Garden) -> None:
    votes = [ballot("v1", "a", "p1", "b", "x", "c"), ballot("v2", "a", "p2", "x", "y")]
    report = bring(garden, tree(prompt("a", reply("b"), reply("c")), tree_state="ranking"), votes=votes)
    (kept,) = garden.load("a").rankings["a"]
    assert kept.order == (("b",), ("c",))
    assert codes(report) == [Code.WRONG_VALUE, Code.WRONG_VALUE]


def test_votes_that_came_late_stay_late(garden: Garden) -> None:
    late = {**labels_vote("v1", "a", "p1", spam=1.0), "late": True, "counted": False}
    bring(garden, tree(prompt("a")), votes=[late])
    root = garden.load("a").root
    assert [(review.late, review.counted) for review in root.reviews] == [(True, False)]
    assert label_means(root)["spam"] == (0.0, 3)
    (again,) = export_votes(garden.db)
    assert (again.vote_id, again.extra) == ("v1", {"late": True, "counted": False})


def test_votes_of_messages_that_are_not_in_the_file_mean_nothing(garden: Garden) -> None:
    report = bring(garden, tree(prompt("a")), votes=[labels_vote("v", "elsewhere", "p", spam=0.0)])
    assert (report.votes, report.people) == (0, 0)


def test_votes_of_a_known_tree_are_not_added_again(garden: Garden) -> None:
    votes = [labels_vote("v1", "a", "p1", spam=0.0)]
    bring(garden, tree(prompt("a")), votes=votes)
    report = bring(garden, tree(prompt("a")), votes=votes)
    assert report.votes == 0
    assert len(garden.load("a").root.reviews) == 1


def test_later_votes_are_added_to_the_baseline(garden: Garden) -> None:
    given = tree(prompt("a", reply("b", review_count=1, review_result=None)), tree_state="growing")
    bring(garden, given)
    reviewer: Person = garden.person("Rita")
    after = garden.review(reviewer, "b", spam=1.0)
    assert after.messages["b"].review_count == 2
    assert label_means(after.messages["b"])["spam"] == (0.25, 4)


def test_batches_hold_about_as_many_messages_as_asked_for() -> None:
    records = [tree_record(tree(prompt(f"t{i}", reply(f"r{i}", f"t{i}")))) for i in range(7)]
    assert [len(batch) for batch in in_batches(records, 4)] == [2, 2, 2, 1]
    assert [len(batch) for batch in in_batches(records, 1)] == [1] * 7
    assert list(in_batches([])) == []
