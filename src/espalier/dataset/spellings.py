"""Lines of others as examples: `messages`, ShareGPT, `prompt`/`chosen`/`rejected`, HH-RLHF, UltraFeedback, FastChat.

Which of them a line is, its keys tell. Knows JSON objects; knows no files.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from espalier.dataset.examples import (
    ASSISTANT,
    ROLES,
    USER,
    Battle,
    Chat,
    Example,
    Preference,
    Prompt,
    Ranking,
    Turn,
    Turns,
    shared,
)
from espalier.dataset.records import Malformed

WON_BY: Final[Mapping[str, str]] = {
    "left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "tie (bothbad)",
}  # fmt: skip
"""What a vote of the site is in a file of battles, where A stands on the left."""
WINNERS: Final = tuple(WON_BY.values())
UNSAID: Final = "error"  # as FastChat has it
NO_VERDICT: Final = "is error: the judge gave no verdict, so there is no battle; evaluate battles counts it"
HUMAN, MODEL = "\n\nHuman:", "\n\nAssistant:"
TEXT_OR_TURNS: Final = "a text or a list of turns"


def example(given: Mapping[str, Any]) -> Example:
    """What a line says. Raises Malformed."""
    for keys, _, read in _SPELLINGS:
        if all(key in given for key in keys):
            return read(given)
    known = "; ".join(", ".join(keys) for keys, _, _ in _SPELLINGS)
    raise Malformed("$", f"is no known spelling of an example; those have the keys {known}", missing=True)


def is_example(given: Mapping[str, Any]) -> bool:
    """Whether a line has the keys of any of the spellings; whether it is sound, `example` says."""
    return spelling(given) is not None


def spelling(given: Mapping[str, Any]) -> str | None:
    """What lines with these keys are called; None where they are in none of the spellings."""
    return next((called for keys, called, _ in _SPELLINGS if all(key in given for key in keys)), None)


def _messages(given: Mapping[str, Any]) -> Chat:
    return Chat(_turns(given["messages"], "$.messages"))


def _sharegpt(given: Mapping[str, Any]) -> Chat:
    return Chat(_turns(given["conversations"], "$.conversations"))


def _preference(given: Mapping[str, Any]) -> Preference:
    """With an explicit prompt, or with one that both sides begin with, as HH-RLHF has it."""
    are_texts = all(isinstance(given[side], str) for side in ("chosen", "rejected"))
    read = _human_assistant if are_texts and "prompt" not in given else _side
    chosen, rejected = read(given["chosen"], "$.chosen"), read(given["rejected"], "$.rejected")
    prompt: Turns = ()
    if "prompt" in given:
        prompt = _prompt(given["prompt"])
        chosen, rejected = _after(prompt, chosen), _after(prompt, rejected)
    elif chosen != rejected:
        prompt = shared(chosen, rejected)
        chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]
    if not chosen or not rejected or chosen == rejected:
        raise Malformed("$", "has nothing that is preferred to something else")
    return Preference(prompt, chosen, rejected)


def _prompt(value: object) -> Turns:
    if isinstance(value, str):
        return (Turn(USER, value),)
    return _turns(value, "$.prompt", TEXT_OR_TURNS)


def _side(value: object, path: str) -> Turns:
    if isinstance(value, str):
        return (Turn(ASSISTANT, value),)
    return _turns(value, path, TEXT_OR_TURNS)


def _after(prompt: Turns, side: Turns) -> Turns:
    """A side without the prompt, which some files say again (UltraFeedback as it is commonly prepared)."""
    return side[len(prompt) :] if side[: len(prompt)] == prompt else side


def _human_assistant(text: Any, path: str) -> Turns:
    """HH-RLHF's one text: turns that begin with `Human:` and `Assistant:` on lines of their own."""
    if not text.startswith(HUMAN):
        raise Malformed(path, "must begin with two line breaks and Human:")
    turns: list[Turn] = []
    rest, role = text, USER
    while rest:
        mark = HUMAN if role == USER else MODEL
        rest = rest.removeprefix(mark)
        ends = [place for other in (HUMAN, MODEL) if (place := rest.find(other)) >= 0]
        end = min(ends, default=len(rest))
        said, rest = rest[:end].strip(), rest[end:]
        if turns and turns[-1].role == role:  # the same side speaks twice in a row
            said = f"{turns.pop().content}\n\n{said}"
        turns.append(Turn(role, said))
        role = USER if rest.startswith(HUMAN) else ASSISTANT
    return tuple(turns)


def _ultrafeedback(given: Mapping[str, Any]) -> Ranking:
    """The scored completions of one instruction, in the order of their overall scores."""
    scored = []
    for place, each in enumerate(_list(given["completions"], "$.completions")):
        path = f"$.completions[{place}]"
        if not isinstance(each, dict):
            raise Malformed(path, "must be an object")
        score = each.get("overall_score", each.get("fine-grained_score"))
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise Malformed(f"{path}.overall_score", "must be a number")
        scored.append((-score, place, _text(each.get("response"), f"{path}.response")))
    scored.sort()
    ties = {(i, j) for i in range(len(scored)) for j in range(i + 1, len(scored)) if scored[i][0] == scored[j][0]}
    prompt = (Turn(USER, _text(given["instruction"], "$.instruction")),)
    return Ranking(prompt, tuple(text for _, _, text in scored), frozenset(ties))


def _ranking(given: Mapping[str, Any]) -> Ranking:
    replies = tuple(_text(each, f"$.replies[{n}]") for n, each in enumerate(_list(given["replies"], "$.replies")))
    ties = set()
    for n, pair in enumerate(_list(given.get("ties") or [], "$.ties")):
        if (
            not isinstance(pair, list) or len(pair) != 2 or any(type(place) is not int for place in pair)
            or not 0 <= pair[0] < pair[1] < len(replies)
        ):  # fmt: skip
            raise Malformed(f"$.ties[{n}]", "must be two places of replies, the smaller first")
        ties.add((pair[0], pair[1]))
    return Ranking(_prompt(given["prompt"]), replies, frozenset(ties))


def _battle(given: Mapping[str, Any]) -> Battle:
    winner = given["winner"]
    if winner == UNSAID:
        raise Malformed("$.winner", NO_VERDICT)
    if winner not in WINNERS:
        raise Malformed("$.winner", f"must be one of {', '.join(WINNERS)}")
    turn = given.get("turn", 1)
    if type(turn) is not int or turn < 1:
        raise Malformed("$.turn", "must be a whole number from 1 on")
    judge = given.get("judge")
    if isinstance(judge, list):
        judge = " ".join(map(str, judge))
    question = given.get("question_id", given.get("conversation_id", ""))
    return Battle(
        str(question), _text(given["model_a"], "$.model_a"), _text(given["model_b"], "$.model_b"), winner,
        None if judge is None else str(judge), turn, _conversations(given),
    )  # fmt: skip


def _conversations(given: Mapping[str, Any]) -> tuple[Turns, Turns] | None:
    one, other = (given.get(name) for name in ("conversation_a", "conversation_b"))
    return one and other and (_turns(one, "$.conversation_a"), _turns(other, "$.conversation_b"))


def _completed(given: Mapping[str, Any]) -> Chat:
    if given.get("label", True) is not True:
        raise Malformed("$.label", "must be true: what was judged bad is nothing to learn from")
    return Chat((*_prompt(given["prompt"]), *_side(given["completion"], "$.completion")))


def _alpaca(given: Mapping[str, Any]) -> Chat:
    """Alpaca's instruction, input and output; Dolly's instruction, context and response."""
    words = [_text(given["instruction"], "$.instruction")]
    for key in ("input", "context"):
        if given.get(key):
            words.append(_text(given[key], f"$.{key}"))
    answer = "output" if "output" in given else "response"
    return Chat((Turn(USER, "\n\n".join(words)), Turn(ASSISTANT, _text(given[answer], f"$.{answer}"))))


def _answered(given: Mapping[str, Any]) -> Chat:
    """GSM8K's problems with their solutions."""
    question, answer = (_text(given[key], f"$.{key}") for key in ("question", "answer"))
    return Chat((Turn(USER, question), Turn(ASSISTANT, answer)))


def _only_prompt(given: Mapping[str, Any]) -> Prompt:
    return Prompt(_prompt(given["prompt"]))


def _question(given: Mapping[str, Any]) -> Prompt:
    """FastChat's questions; of several turns only the first can be asked before there is an answer."""
    turns = _list(given["turns"], "$.turns")
    first = turns[0] if turns else None
    if isinstance(first, dict):
        first = first.get("content")
    return Prompt((Turn(USER, _text(first, "$.turns[0]")),))


def _judged_twice(given: Mapping[str, Any]) -> Battle:
    """FastChat's judge asked in both orders: who won both, else a tie."""
    sides = {"model_1": "model_a", "model_2": "model_b", "tie": "tie"}
    games = [given["g1_winner"], given["g2_winner"]]
    for place, winner in enumerate(games, 1):
        if winner == UNSAID:
            raise Malformed(f"$.g{place}_winner", NO_VERDICT)
        if winner not in sides:
            raise Malformed(f"$.g{place}_winner", f"must be one of {', '.join(sides)}")
    winner = sides[games[0]] if games[0] == games[1] else "tie"
    return _battle({**given, "model_a": given["model_1"], "model_b": given["model_2"], "winner": winner})


_SPELLINGS: Final[tuple[tuple[tuple[str, ...], str, Callable[[Mapping[str, Any]], Example]], ...]] = (
    (("model_a", "model_b", "winner"), "battles", _battle),
    (("model_1", "model_2", "g1_winner", "g2_winner"), "battles in both orders", _judged_twice),
    (("chosen", "rejected"), "preference pairs", _preference),
    (("instruction", "completions"), "scored completions", _ultrafeedback),
    (("prompt", "replies"), "ranked lists", _ranking),
    (("messages",), "chats", _messages),
    (("conversations",), "ShareGPT chats", _sharegpt),
    (("prompt", "completion"), "prompts with completions", _completed),
    (("instruction", "output"), "instructions with outputs", _alpaca),
    (("instruction", "response"), "instructions with responses", _alpaca),
    (("question", "answer"), "questions with answers", _answered),
    (("prompt",), "prompts", _only_prompt),
    (("question_id", "turns"), "questions", _question),
)


def _list(value: object, path: str, right: str = "a list") -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(path, f"must be {right}")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise Malformed(path, "must be a text")
    return value


def _turns(value: object, path: str, right: str = "a list of turns") -> Turns:
    turns = []
    for place, each in enumerate(_list(value, path, right)):
        here = f"{path}[{place}]"
        if not isinstance(each, dict):
            raise Malformed(here, "must be a turn: an object with role and content, or from and value")
        role_key = "from" if "from" in each else "role"
        text_key = next((key for key in _TEXTS if key in each), _TEXTS[0])
        role = each.get(role_key)
        if not isinstance(role, str) or role.lower() not in ROLES:
            raise Malformed(f"{here}.{role_key}", f"must be one of {', '.join(ROLES)}")
        turns.append(Turn(ROLES[role.lower()], _content(each.get(text_key), f"{here}.{text_key}")))
    if not turns:
        raise Malformed(path, "must hold at least one turn")
    return tuple(turns)


def _content(value: object, path: str) -> str:
    """A text, or the texts of several parts; parts that are none cannot be kept."""
    if not isinstance(value, list):
        return _text(value, path)
    parts = []
    for place, part in enumerate(value):
        if not isinstance(part, dict) or part.get("type") != "text":
            raise Malformed(f"{path}[{place}]", "must be a part of the type text")
        parts.append(_text(part.get("text"), f"{path}[{place}].text"))
    return "".join(parts)


_TEXTS: Final = ("content", "value", "text")
"""Under which of these keys a turn has its text."""
