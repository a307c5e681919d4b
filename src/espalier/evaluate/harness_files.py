"""Files of questions as tasks of lm-evaluation-harness: a task's own data from a file instead of a hub, or questions in
one of the forms below, which say themselves what is asked.

Knows how the harness describes tasks; loads none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from espalier.evaluate.questions import BadSet, rows

ENDINGS: Final = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
DESCRIBED: Final = (".yaml", ".yml")
ACC: Final = {"metric": "acc", "aggregation": "mean", "higher_is_better": True}
FORMS: Final[Mapping[frozenset[str], Mapping[str, Any]]] = {
    # A question that says that it is one is answered after "Answer:"; what is none goes on.
    frozenset({"query", "choices", "gold"}): {
        "doc_to_text": "{{query.strip()}}{{'\nAnswer:' if 'Question:' in query else ''}}",
        "doc_to_choice": "choices", "doc_to_target": "gold",
        "metric_list": [ACC, {**ACC, "metric": "acc_norm"}],
    },
    # Of several beginnings the one after which the same end is likeliest.
    frozenset({"context_options", "continuation", "gold"}): {
        "doc_to_text": "{{gold}}", "doc_to_choice": "context_options", "doc_to_target": "continuation",
        "metric_list": [ACC],
    },
}  # fmt: skip
"""What an object of a file holds, and how the harness is told to ask it."""
FORM: Final = " or ".join(", ".join(f"`{name}`" for name in sorted(form)) for form in FORMS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A task as somebody wrote it. name: of a task of the harness, or what a file of questions is called; None where a
    description says it. file: of questions, or a description.
    """

    name: str | None
    file: Path | None


def asked(written: str) -> Asked:
    """`NAME`, `FILE` or `NAME=FILE`. Raises BadSet where a file is not there."""
    name, is_both, place = written.partition("=")
    if not is_both:
        name, place = "", written
    is_described, is_data = place.endswith(DESCRIBED), place.endswith(ENDINGS)
    if not (is_both or is_described or is_data):
        return Asked(written, None)
    path = Path(place)
    if not path.is_file():
        raise BadSet(f"{place} is not there; name a file that describes a task, one of questions, or a task's name")
    if is_both and not (name and is_data):
        raise BadSet(f"{written} is no task with its data; write NAME=FILE, a file that ends with {', '.join(ENDINGS)}")
    return Asked(name or (None if is_described else path.name.partition(".")[0]), path)


def described(task: Asked) -> dict[str, Any]:
    """How the harness is told of a file of questions: whole where the file has one of the forms, else only where the
    task's data comes from. Raises BadSet where it holds nothing.
    """
    assert task.file is not None, f"{task=}"
    first = next((each for _, each in rows(task.file)), None)
    if first is None:
        raise BadSet(f"{task.file} holds no question")
    found = {
        "task": task.name, "dataset_path": "json", "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(task.file.resolve())}},
        "training_split": None, "validation_split": None, "test_split": "test",
        "fewshot_split": "test",  # the question itself is never among its examples
    }  # fmt: skip
    form = next((form for names, form in FORMS.items() if names <= first.keys()), None)
    return found if form is None else {**found, "output_type": "multiple_choice", **form}


def is_whole(description: Mapping[str, Any]) -> bool:
    """Whether it says what is asked, or leaves that to the harness's own task."""
    return "doc_to_text" in description
