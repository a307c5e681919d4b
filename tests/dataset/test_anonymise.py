"""No person's id gets through; the same person is alike everywhere; nothing else changes."""

import hashlib
import hmac
from pathlib import Path

import pytest

from espalier.dataset.anonymise import BadKey, anonymise, pseudonym, read_key
from espalier.dataset.objects import record, tree_record, vote_record
from espalier.dataset.trees import messages_of
from espalier.dataset.write import line_of
from oasst import message, tree

KEY = b"a key of more than sixteen bytes"


def test_a_pseudonym_is_the_keyed_hash_of_the_id() -> None:
    assert pseudonym("abc", KEY) == hmac.new(KEY, b"abc", hashlib.sha256).hexdigest()
    assert pseudonym("abc", KEY) != pseudonym("abc", KEY[1:])


def test_the_same_person_is_alike_in_trees_rows_and_votes() -> None:
    of_tree = tree_record(tree(message("a", user_id="ann", replies=[message("b", "a", user_id="bob")])))
    of_row = record(message("c", user_id="ann"))
    of_vote = vote_record({"vote_id": "v", "kind": "reaction", "message_id": "a", "voter": "ann", "value": "+1"})
    (hidden_tree,), (hidden_row,), (hidden_vote,) = (anonymise([one], KEY) for one in (of_tree, of_row, of_vote))
    ann, bob = pseudonym("ann", KEY), pseudonym("bob", KEY)
    assert [m.user_id for m in messages_of(hidden_tree)] == [ann, bob]  # type: ignore[arg-type]
    assert hidden_row.user_id == hidden_vote.voter == ann  # type: ignore[union-attr]


def test_nobody_stays_nobody_and_messages_keep_their_ids() -> None:
    before = tree_record(tree(message("a", user_id=None, replies=[message("b", "a")])))
    assert list(anonymise([before], KEY)) == [before]


def test_who_is_named_in_fields_of_unknown_meaning_is_hidden_too() -> None:
    events = {"emoji": [{"type": "emoji", "user_id": "bob", "emoji": "+1"}], "seen_by": ["ann", "carol"]}
    (hidden,) = anonymise([tree_record(tree(message("a", user_id="ann", events=events)))], KEY)
    spelled = line_of(hidden).decode()
    assert '"bob"' not in spelled
    assert '"ann"' not in spelled
    assert pseudonym("bob", KEY) in spelled
    assert '"+1"' in spelled


def test_a_key_is_read_without_the_white_space_around_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    assert read_key(path) == KEY


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "0 bytes"),
        (b"short\n", "5 bytes"),
        (b"x" * 5000, "longer than 4,096"),
        (b"0" * 32, "over and over"),
    ],
)
def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(BadKey, match=why):
        read_key(path)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKey, match="nowhere"):
        read_key(tmp_path / "nowhere")
