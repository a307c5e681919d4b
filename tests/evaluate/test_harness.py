"""Our models under lm-evaluation-harness say what the harness's own model says."""

import json
from collections.abc import Sequence
from pathlib import Path

import lm_eval.tasks
import pytest
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from commands import Run
from espalier.evaluate.harness import Adapter, evaluate, figures_of
from espalier.evaluate.local import LocalModel
from espalier.evaluate.model import BadModelName, Context
from espalier.evaluate.questions import BadSet
from espalier.infer.engine import Sampling
from oasst import lines

WORDS = ("blue", "green", "the air", "a function", "because of the sky")
TASK = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
output_type: {output}
test_split: test
doc_to_text: "{{{{query}}}}"
{more}
"""
CHOICE = """\
doc_to_choice: "{{choices}}"
doc_to_target: "{{gold}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""
REPLY = """\
doc_to_target: "{{choices[gold]}}"
generation_kwargs: {until: ["e", "."], max_gen_toks: 8, do_sample: false}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def task(folder: Path, name: str, output: str, more: str) -> Path:
    questions = [
        {"query": f"Why is {first} like {second}?", "choices": list(WORDS[:3]), "gold": number % 3}
        for number, (first, second) in enumerate((one, other) for one in WORDS for other in WORDS)
    ]
    data = lines(folder / "questions.jsonl", *questions)
    path = folder / f"{name}.yaml"
    path.write_text(TASK.format(name=name, data=data.resolve(), output=output, more=more), "utf-8")
    return path


@pytest.fixture
def theirs(local_model: LocalModel) -> HFLM:
    return HFLM(pretrained=local_model.model, tokenizer=local_model.reads, batch_size=1, max_length=local_model.longest)


def asked(kind: str, arguments: Sequence[tuple[object, ...]]) -> list[Instance]:
    return [Instance(kind, {}, each, number) for number, each in enumerate(arguments)]


@pytest.mark.filterwarnings("ignore")
def test_likelihoods_are_those_of_the_harness_own_model(local_model: LocalModel, theirs: HFLM) -> None:
    ours = Adapter(local_model, in_chat=False, seed=0)
    pairs = [(f"Why is the sky {one}?", f" {other}") for one in WORDS for other in WORDS] + [("the sky is ", "blue")]
    found, expected = (model.loglikelihood(asked("loglikelihood", pairs)) for model in (ours, theirs))
    assert [each for each, _ in found] == pytest.approx([each for each, _ in expected], abs=1e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    texts = [(word * 5,) for word in WORDS]
    rolled, expected_rolled = (
        model.loglikelihood_rolling(asked("loglikelihood_rolling", texts)) for model in (ours, theirs)
    )
    assert rolled == pytest.approx(expected_rolled, abs=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("offline")
def test_tasks_count_alike(local_model: LocalModel, theirs: HFLM, tmp_path: Path) -> None:
    files = [task(tmp_path, "chosen", "multiple_choice", CHOICE), task(tmp_path, "replied", "generate_until", REPLY)]
    found = evaluate(Adapter(local_model, False, 0), [str(file) for file in files], None, None, 0)
    manager = TaskManager(include_defaults=False)
    loaded = [each for file in files for each in manager.load([str(file)])["tasks"].values()]
    said = simple_evaluate(theirs, tasks=loaded, bootstrap_iters=1_000, task_manager=manager)
    expected = figures_of(said["results"], {"chosen": 25, "replied": 25})
    assert found.figures == expected
    assert found.figures.keys() == {"chosen acc", "chosen acc_norm", "replied exact_match"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("offline")
def test_a_file_of_questions_is_a_task_and_may_be_the_data_of_one(
    local_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Reading all 14,000 descriptions takes longer than the whole test.
    some = TaskManager(include_path=str(Path(lm_eval.tasks.__file__).parent / "xcopa"), include_defaults=False)
    monkeypatch.setattr("espalier.evaluate.harness.its_tasks", lambda: some)
    chosen = task(tmp_path, "questions", "multiple_choice", CHOICE)
    ends = [
        {"context_options": [f"The {one} is", f"The {other} is"], "continuation": "blue.", "gold": 1}
        for one in WORDS
        for other in WORDS
    ]
    causes = [
        {"premise": f"{word} oli.", "choice1": "See oli.", "choice2": "Too oli.", "question": "cause", "label": 0}
        for word in WORDS
    ]
    of_ends, of_causes = lines(tmp_path / "ends.jsonl", *ends), lines(tmp_path / "causes.jsonl", *causes)
    adapter = Adapter(local_model, False, 0)
    by_itself = evaluate(adapter, [str(tmp_path / "questions.jsonl"), f"winogrande={of_ends}"], None, None, 0)
    assert (
        by_itself.figures["questions acc"] == evaluate(adapter, [str(chosen)], None, None, 0).figures["questions acc"]
    )
    # Both ends are the same, so what stands before them decides.
    contexts = [[(each["context_options"][place], " blue.") for place in range(2)] for each in ends]
    told = [[each.log_p for each in local_model.loglikelihood(pair)] for pair in contexts]
    right = sum(second > first for first, second in told)
    assert by_itself.figures["winogrande acc"].value * len(ends) == pytest.approx(right)
    assert evaluate(adapter, [f"xcopa_et={of_causes}"], None, None, 0).figures["xcopa_et acc"].n == len(causes)
    for wrong, says in (
        (str(of_causes), "neither"), (f"xcopa_ett={of_causes}", "no task|have a task 'xcopa_ett'"),
        (f"xcopa_et={chosen}", "no task with its data"), (str(tmp_path / "away.jsonl"), "is not there"),
    ):  # fmt: skip
        with pytest.raises(BadSet, match=says):
            evaluate(adapter, [wrong], None, None, 0)


class Server:
    """Replies, and tells nothing else."""

    name = source = identity = "server"

    def __init__(self) -> None:
        self.asked: list[Context] = []

    def reading(self) -> None:
        """It only replies."""

    def generate(self, prompts: Sequence[Context], sampling: Sampling, seed: int) -> list[str]:
        self.asked += prompts
        return [f"blue. {sampling.longest} and more" for _ in prompts]


def test_a_server_replies_in_a_conversation_once_and_tells_no_likelihoods(tmp_path: Path) -> None:
    server, kept = Server(), tmp_path / "kept.jsonl"
    requests = asked("generate_until", [("Why?", {"until": ["."], "max_gen_toks": 9})])
    assert Adapter(server, True, 0, kept).generate_until(requests) == ["blue"]
    assert Adapter(server, True, 0, kept).generate_until(requests) == ["blue"]
    (turns,) = server.asked
    assert not isinstance(turns, str)
    assert turns[0].content == "Why?"
    with pytest.raises(BadModelName, match="tells no probabilities"):
        Adapter(server, True, 0).loglikelihood(asked("loglikelihood", [("a", " b")]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("offline")
def test_the_command_evaluates_a_file_offline(run: Run, model_directory: Path) -> None:
    file = task(Path(), "chosen", "multiple_choice", CHOICE)
    command = ("evaluate", "harness", f"tiny={model_directory / 'model'}", "--first", 6, "--threads", 1)
    done = run(*command, "--tasks", file)
    assert done.code == 0, done.err
    found = json.loads(Path("results/tiny/harness.json").read_text("utf-8"))
    assert found["figures"]["chosen acc"]["n"] == 6
    assert found["inputs"].keys() == {"chosen.yaml"}
    for wrong, says in (("nowhere.yaml", "nowhere.yaml is not there"), ("bad.yaml", "bad.yaml gives no task")):
        Path("bad.yaml").write_text(file.read_text("utf-8").replace("questions.jsonl", "nothing.jsonl"), "utf-8")
        done = run(*command, "--tasks", wrong)
        assert done.code == 1
        assert says in done.err
        assert "Traceback" not in done.err
