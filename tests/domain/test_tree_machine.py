"""One tree under random hands: whatever comes in whatever order, none of the rules is ever broken.

Volunteers take places, let leases run out and send all the same; staff delete, undelete, edit and order; policies
change; the tree is settled as an import would leave it. After every step all that must always hold is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from espalier.domain.arrival import is_late, refuse_stale
from espalier.domain.contribution import (
    Contribution,
    Deleted,
    Dismissed,
    Edited,
    Ordered,
    Planted,
    PolicyChanged,
    Ranked,
    Reacted,
    Replied,
    Reviewed,
    Settled,
    Skipped,
    Undeleted,
    apply,
    grow,
    rebuild,
)
from espalier.domain.credit import changed_credits, credits
from espalier.domain.errors import Stale, WrongState
from espalier.domain.lifecycle import COMMANDS, LEADS_TO, LEAVES, Command, advance, decided, size
from espalier.domain.message import SKIP_REASONS, Message, Ranking, Reaction, Review, Role, Skip
from espalier.domain.moderation import remedy
from espalier.domain.points import Counts
from espalier.domain.policy import Policy
from espalier.domain.review import required_reviews
from espalier.domain.tree import STOPPED, TERMINAL, State, Tree, accepted, awaits_review, faults, stands
from espalier.domain.work import SKIP_OF, Act, Kind, changed_done, done_by, open_work
from story import BEGINNING, imported, small

POLICIES = tuple(
    small(**{"auto_mod_red_flags": 2, "auto_mod_max_skip_reply": 2, **changed})
    for changed in (
        {},
        {"num_reviews_reply": 1, "num_reviews_initial_prompt": 1},
        {"num_reviews_reply": 3, "acceptance_threshold_reply": 0.2, "least_reviewer_weight": 0.05},
        {"num_required_rankings": 1, "rank_prompter_replies": True, "num_prompter_replies": 2},
        {"num_required_rankings": 3, "auto_mod_enabled": False, "lonely_children_count": 0},
        {"max_tree_depth": 3, "goal_tree_size": 7, "acceptance_threshold_initial_prompt": -0.5},
    )
)
PEOPLE = tuple("abcdefgh")
PLANTED = (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING, State.GROWING)
IMPORTED = (
    State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING, State.RANKING, State.READY_FOR_SCORING,
    State.READY_FOR_EXPORT, State.BACKLOG_RANKING, State.SCORING_FAILED, State.HALTED_BY_MODERATOR,
)  # fmt: skip
ANY = st.integers(0, 719_999)
VALUES = st.sampled_from([0.0, 0.0, 0.0, 1.0])


@dataclass
class Lease:
    person: str
    act: Act
    subject: str
    replies: tuple[str, ...]
    runs: bool = True


def policy_of(version: int, lang: str) -> Policy:
    return POLICIES[version]


class TreeInUse(RuleBasedStateMachine):
    tree: Tree

    @initialize(version=ANY, state=st.sampled_from(PLANTED))
    def plant(self, version: int, state: State) -> None:
        self.facts: list[Contribution] = []
        self.leases: list[Lease] = []
        self.ways: set[tuple[State, State]] = set()
        self.now = BEGINNING
        self.restored = 0  # messages that came back and may overfill: by an undelete or a late review
        self.parked = False
        self.loosened = False  # a change of policy or an import may want less than is held
        version %= len(POLICIES)
        root = Message("m0", None, Role.PROMPTER, "a", self.tick(), "en", "?", 0)
        self.begin(Planted(root, POLICIES[version].shape(), version, state))

    def begin(self, fact: Contribution) -> None:
        self.tree = grow(None, fact, policy_of)
        self.facts.append(fact)

    def tick(self) -> datetime:
        self.now += timedelta(hours=5)
        return self.now

    @property
    def policy(self) -> Policy:
        return POLICIES[self.tree.policy]

    def pick(self, options: Sequence[str], number: int) -> str:
        return options[number % len(options)]

    def happen(self, fact: Contribution) -> None:
        """One contribution, and what the automatic rules answer; leases end whose work was taken away."""
        before = self.tree
        self.follow(fact)
        after = grow(before, fact, policy_of)
        nothing = Counts()
        kept = {key: counts for key, counts in credits(before).items() if counts != nothing}
        for key, counts in changed_credits(before, after).items():
            kept[key] = kept.get(key, nothing) + counts
        assert {key: counts for key, counts in kept.items() if counts != nothing} == credits(after)
        added, gone = changed_done(before, after)
        assert (done_by(before) - gone) | added == done_by(after)
        self.tree = after
        self.facts.append(fact)
        if before.state is State.READY_FOR_EXPORT and isinstance(fact, Replied | Reviewed | Ranked | Skipped | Reacted):
            assert after.state is before.state
            assert all(
                (after.messages[key].rank, after.messages[key].accepted) == (was.rank, was.accepted)
                for key, was in before.messages.items()
            )
        turned = [key for key, was in before.messages.items() if was.accepted is False and after.messages[key].accepted]
        self.restored += len(turned)
        for lease in self.leases:
            if after.state in STOPPED or not after.is_live(lease.subject):
                lease.runs = False
        if wanted := remedy(after, self.policy):
            order = Ordered(Command.ABORT if wanted.abort else Command.HALT, after.policy)
            self.happen(Deleted(wanted.delete) if wanted.delete is not None else order)

    def follow(self, fact: Contribution) -> None:
        """Each step of `advance` is in the table of ways."""
        tree = apply(self.tree, fact, policy_of)
        policy = POLICIES[tree.policy]
        tree = decided(tree, policy)
        while (leave := LEAVES.get(tree.state)) and (state := leave(tree, policy)):
            assert state in LEADS_TO[tree.state]
            self.ways.add((tree.state, state))
            tree = decided(replace(tree, state=state), policy)

    # --- volunteers ---

    def held(self, act: Act, subject: str | None = None) -> int:
        return sum(
            lease.runs and lease.act is act and (subject is None or lease.subject == subject) for lease in self.leases
        )

    @rule(number=ANY, person=st.sampled_from(PEOPLE))
    def take(self, number: int, person: str) -> None:
        self.lease(number, person)

    def lease(self, number: int, person: str) -> Lease | None:
        done = done_by(self.tree)
        free = [
            (act, subject)
            for (act, subject), work in open_work(self.tree, self.policy).items()
            if work.needs > self.held(act, subject)
            and (act is not Act.REPLY or work.budget > self.held(act))
            and (person, act, subject) not in done
            and not any((lease.person, lease.act, lease.subject) == (person, act, subject) for lease in self.leases)
        ]
        if not free:
            return None
        act, subject = free[number % len(free)]
        live = self.tree.live().values()
        replies = tuple(message.id for message in live if message.parent_id == subject and accepted(message))
        taken = Lease(person, act, subject, replies)
        self.leases.append(taken)
        return taken

    @rule(number=ANY, times=st.integers(1, 12), value=VALUES)
    def work(self, number: int, times: int, value: float) -> None:
        """Several people, each of whom at once does what they take."""
        for turn in range(number, number + times):
            if lease := self.lease(turn, PEOPLE[turn % len(PEOPLE)]):
                self.answer_to(lease, turn, value)

    @precondition(lambda self: self.leases)
    @rule(number=ANY)
    def let_run_out(self, number: int) -> None:
        self.leases[number % len(self.leases)].runs = False

    @precondition(lambda self: self.leases)
    @rule(number=ANY, value=VALUES)
    def send(self, number: int, value: float) -> None:
        self.answer_to(self.leases[number % len(self.leases)], number, value)

    def answer_to(self, lease: Lease, number: int, value: float) -> None:
        try:
            refuse_stale(self.tree, lease.subject)
        except Stale:
            assert self.tree.state in STOPPED or not self.tree.is_live(lease.subject)
            self.leases.remove(lease)
            return
        others, in_tree = self.held(lease.act, lease.subject) - lease.runs, self.held(lease.act) - lease.runs
        late = is_late(
            self.tree,
            self.policy,
            lease.act,
            lease.subject,
            held=lease.runs,
            others=others,
            others_in_tree=in_tree,
        )
        work = open_work(self.tree, self.policy).get((lease.act, lease.subject))
        if not late and not lease.runs:
            assert work is not None
            assert work.needs > others
        if work is None and not lease.runs:
            assert late
        self.leases.remove(lease)
        self.happen(self.answer(lease, number, value, late))

    def answer(self, lease: Lease, number: int, value: float, late: bool) -> Contribution:
        at, about, weight = self.tick(), self.tree.messages[lease.subject], (1.0, 0.5, 0.0)[number % 3]
        if lease.act is Act.REPLY:
            name = f"m{len(self.facts)}"
            role = about.role.other
            return Replied(Message(name, about.id, role, lease.person, at, "en", ".", about.depth + 1, late=late))
        if lease.act is Act.LABEL:
            labels = {"spam": value, "lang_mismatch": (0.0, None, value)[number // 7 % 3]}
            review = Review(len(self.facts), lease.person, at, labels, number % 2 == 0, late, weight=weight)
            return Reviewed(about.id, review)
        turn = number % max(1, len(lease.replies))
        order = (*lease.replies[turn:], *lease.replies[:turn])
        ballot = (order,) if value and number % 3 else tuple((reply,) for reply in order)
        nothing = number % 11 == 0
        given = () if nothing else ballot
        return Ranked(about.id, Ranking(len(self.facts), lease.person, at, given, nothing, late, weight=weight))

    @rule(number=ANY)
    def a_model_replies(self, number: int) -> None:
        """It takes a place that nobody holds, as a person does."""
        free = [
            subject
            for (act, subject), work in open_work(self.tree, self.policy).items()
            if work.kind is Kind.ASSISTANT_REPLY
            and work.needs > self.held(act, subject)
            and work.budget > self.held(act)
        ]
        if free:
            about, name = self.tree.messages[self.pick(free, number)], f"m{len(self.facts)}"
            self.happen(
                Replied(
                    Message(
                        name, about.id, Role.ASSISTANT, None, self.tick(), "en", ".", about.depth + 1, synthetic=True,
                        model_name="a model",
                    )
                )
            )  # fmt: skip

    @precondition(lambda self: self.leases)
    @rule(number=ANY, reason=st.sampled_from(SKIP_REASONS))
    def skip(self, number: int, reason: str) -> None:
        lease = self.leases.pop(number % len(self.leases))
        self.happen(Skipped(lease.subject, Skip(lease.person, SKIP_OF[lease.act], reason)))

    @rule(
        number=ANY, person=st.sampled_from(PEOPLE), emoji=st.sampled_from(["+1", "red_flag", "clap"]), on=st.booleans()
    )
    def react(self, number: int, person: str, emoji: str, on: bool) -> None:
        self.happen(Reacted(self.pick(list(self.tree.messages), number), Reaction(person, emoji), on))

    # --- staff ---

    @rule(number=ANY)
    def delete(self, number: int) -> None:
        message = self.tree.messages[self.pick(list(self.tree.messages), number)]
        if message.deleted:
            self.refused(Deleted(message.id))
        else:
            self.happen(Deleted(message.id))

    @rule(number=ANY)
    def undelete(self, number: int) -> None:
        if gone := list(self.tree.deletions):
            self.restored += 1 + len(self.tree.messages)  # all below it comes back as well
            self.happen(Undeleted(self.pick(gone, number)))
        else:
            self.refused(Undeleted(self.pick(list(self.tree.messages), number)))

    @rule(number=ANY)
    def edit_or_dismiss(self, number: int) -> None:
        message_id = self.pick(list(self.tree.messages), number)
        self.happen(Edited(message_id, f"text {number}") if number % 2 else Dismissed(message_id))

    @rule(command=st.sampled_from([*Command, Command.RESUME, Command.DRAW, Command.RESUME]))
    def order(self, command: Command) -> None:
        fact = Ordered(command, self.tree.policy)
        if self.tree.state not in COMMANDS[command]:
            self.refused(fact)
            return
        try:
            apply(self.tree, fact, policy_of)
        except WrongState:
            assert not self.tree.is_live(self.tree.id)
            self.refused(fact)
            return
        self.loosened = True
        self.parked = self.parked or command is Command.PARK
        self.happen(fact)

    def refused(self, fact: Contribution) -> None:
        before = self.tree
        try:
            grow(before, fact, policy_of)
        except WrongState:
            assert self.tree is before
        else:
            raise AssertionError(f"{fact} was accepted in {before.state}")

    @precondition(lambda self: self.tree.state not in TERMINAL)
    @rule(version=st.integers(0, len(POLICIES) - 1))
    def change_policy(self, version: int) -> None:
        self.loosened = True
        self.happen(PolicyChanged(version))

    @precondition(lambda self: len(self.tree.messages) > 1)
    @rule(state=st.sampled_from(IMPORTED), number=ANY)
    def leave_and_come_back(self, state: State, number: int) -> None:
        """The tree as it is exported and imported again: no votes, means instead, ranks as they are."""
        ranks = {message.id: message.rank for message in self.tree.messages.values() if message.rank is not None}
        parked = state if state in (State.RANKING, State.BACKLOG_RANKING) else None
        tree = imported(self.tree, **ranks)
        root = replace(tree.root, accepted=tree.root.accepted if state is State.INITIAL_PROMPT_REVIEW else True)
        tree = replace(
            tree.with_message(root), state=state, parked=parked, deletions=dict.fromkeys(self.tree.deletions, state)
        )
        self.leases.clear()
        self.parked = self.loosened = True
        self.restored += len(tree.messages)
        self.happen(Settled(tree))

    # --- what must always hold ---

    @invariant()
    def the_structure_is_sound(self) -> None:
        assert faults(self.tree) == []
        assert {key for key, message in self.tree.messages.items() if message.deleted} == set(self.tree.deletions)

    @invariant()
    def nothing_that_could_go_on_waits(self) -> None:
        assert advance(self.tree, self.policy) == self.tree
        assert self.tree.state not in (State.READY_FOR_SCORING, State.SCORING_FAILED)
        if self.tree.state in (State.GROWING, State.RANKING):
            assert open_work(self.tree, self.policy), f"{self.tree.state} with nothing to do"

    @invariant()
    def no_reply_is_left_behind_undecided(self) -> None:
        """Only a file may bring a tree with such a reply to its ranking, or an undelete while it is parked for it."""
        if self.tree.state in (State.RANKING, State.READY_FOR_EXPORT) and not self.parked:
            assert not [message.id for message in self.tree.live().values() if awaits_review(message)]

    @invariant()
    def work_is_what_the_tree_lacks(self) -> None:
        tree, live = self.tree, self.tree.live()
        work = open_work(tree, self.policy)
        if tree.state in TERMINAL | {State.PROMPT_LOTTERY_WAITING, State.BACKLOG_RANKING}:
            assert work == {}
        for (act, subject), place in work.items():
            message = live[subject]
            assert place.needs >= 1
            if act is Act.LABEL:
                assert message.accepted is None
                assert place.needs == required_reviews(message, self.policy) - message.review_count
            elif act is Act.REPLY:
                taken = sum(stands(reply) for reply in live.values() if reply.parent_id == subject)
                assert taken + place.needs <= tree.shape.places_under(message.role)
                assert size(tree) + place.budget == tree.shape.goal_tree_size
                assert place.needs <= place.budget
                assert message.accepted
                assert message.depth < tree.shape.max_tree_depth
            else:
                assert place.kind in (Kind.RANK_ASSISTANT_REPLIES, Kind.RANK_PROMPTER_REPLIES)
                given = sum(ranking.counted for ranking in tree.rankings.get(subject, ()))
                assert given + place.needs <= self.policy.num_required_rankings

    @invariant()
    def no_place_holds_more_than_it_needs(self) -> None:
        if self.loosened or self.tree.state in STOPPED:
            return
        live = self.tree.live()
        for message in live.values():
            replies = [reply for reply in live.values() if reply.parent_id == message.id and stands(reply)]
            places = self.tree.shape.places_under(message.role)
            assert len(replies) + self.held(Act.REPLY, message.id) <= places + self.restored
            in_time = sum(review.counted and not review.late for review in message.reviews)
            assert in_time + self.held(Act.LABEL, message.id) <= required_reviews(message, self.policy)
            ranked = [ranking for ranking in self.tree.rankings.get(message.id, ()) if not ranking.late]
            assert len(ranked) + self.held(Act.RANK, message.id) <= self.policy.num_required_rankings + self.restored
        assert size(self.tree) + self.held(Act.REPLY) <= self.tree.shape.goal_tree_size + self.restored

    @invariant()
    def nobody_did_what_nobody_may(self) -> None:
        for message in self.tree.messages.values():
            reviewers = [review.person for review in message.reviews]
            assert len(reviewers) == len(set(reviewers))
            assert message.author not in reviewers
        answered = [
            (message.author, message.parent_id)
            for message in self.tree.messages.values()
            if message.parent_id and not message.synthetic
        ]
        assert len(answered) == len(set(answered))
        for rankings in self.tree.rankings.values():
            rankers = [ranking.person for ranking in rankings]
            assert len(rankers) == len(set(rankers))

    @invariant()
    def ranks_are_a_permutation_without_the_dead(self) -> None:
        live = self.tree.live()
        for replies in self.tree.children().values():
            ranks = sorted(reply.rank for reply in replies if reply.rank is not None)
            assert ranks == list(range(len(ranks)))
            assert all(reply.id in live for reply in replies if reply.rank is not None)

    @invariant()
    def undeleting_gives_back_exactly_what_was_there(self) -> None:
        for message in self.tree.messages.values():
            if not message.deleted:
                gone = grow(self.tree, Deleted(message.id), policy_of)
                assert message.id not in gone.live()
                assert not {message.id, *(below.id for below in self.tree.descendants(message.id))} & {
                    subject for _, subject in open_work(gone, self.policy)
                }
                back = grow(gone, Undeleted(message.id), policy_of)
                answered = replace(back.messages[message.id], dismissed_flags=message.dismissed_flags)
                assert back.with_message(answered) == self.tree

    def step(self, rng: Random) -> None:
        """One of the rules, with values of chance: volunteers act most of the time."""
        number = rng.randrange(720_000)
        match rng.choice("wwwwwttttttttsssssxxxxekrdduuuoopi"):
            case "t":
                self.take(number, rng.choice(PEOPLE))
            case "w":
                self.work(number, rng.randrange(1, 12), rng.choice([0.0, 0.0, 0.0, 1.0]))
            case "s" if self.leases:
                self.send(number, rng.choice([0.0, 0.0, 0.0, 1.0]))
            case "x" if self.leases:
                self.let_run_out(number)
            case "k" if self.leases:
                self.skip(number, rng.choice(SKIP_REASONS))
            case "r":
                self.react(number, rng.choice(PEOPLE), rng.choice(["+1", "red_flag"]), True)
            case "d":
                self.delete(number)
            case "u":
                self.undelete(number)
            case "e":
                self.edit_or_dismiss(number)
            case "o":
                self.order(rng.choice(list(Command)))
            case "p" if self.tree.state not in TERMINAL:
                self.change_policy(rng.randrange(len(POLICIES)))
            case "i" if len(self.tree.messages) > 1:
                self.leave_and_come_back(rng.choice(IMPORTED), number)

    def teardown(self) -> None:
        if hasattr(self, "facts"):
            assert rebuild(self.facts, policy_of) == self.tree


TestTreeInUse = TreeInUse.TestCase
TestTreeInUse.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_random_hands_reach_every_state_and_take_every_way() -> None:
    """The same hands with a seed, so that what they visit is known and not only likely."""
    rng = Random(2023)
    seen: set[State] = set()
    ways: set[tuple[State, State]] = set()
    for _ in range(120):
        story = TreeInUse()
        story.plant(rng.randrange(720_000), rng.choice(PLANTED))
        for _ in range(60):
            story.step(rng)
            seen.add(story.tree.state)
        story.teardown()
        ways |= story.ways
    assert set(State) - seen == {State.READY_FOR_SCORING, State.SCORING_FAILED}
    assert ways == {(state, following) for state, others in LEADS_TO.items() for following in others}
