"""What prompts are about: topics of each language by latent Dirichlet allocation, and the words that name them.

How many topics: as many as make the words of a topic stand together most in prompts that were held out. Knows prompts;
knows nothing of trees.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from espalier.dataset.columns import Prompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_PROMPTS: Final = 500
MOST_SWEPT: Final = 4000
SWEPT: Final = (5, 10, 20, 33, 50)
AS_IN_THE_PAPER: Final = 33
HELD_OUT: Final = 0.2
MOST_WORDS: Final = 5000
NAMING: Final = 8
COMPARED: Final = 10
EXAMPLES: Final = 3
SHOWN_CHARS: Final = 160
MIN_DF: Final = 5
MAX_DF: Final = 0.5
PASSES: Final = 5
DOCUMENT_PASSES: Final = 30
BATCH: Final = 256
_WITHOUT_SPACES: Final = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+)|([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+)"
)
_WORD: Final = re.compile(r"[^\W\d_][\w'’]+")


@dataclass(frozen=True, slots=True)
class Topic:
    """share: of all prompts' words, as the model gives them to topics. words: that name it, the first first.
    examples: the beginnings of the prompts that are most about it.
    """

    share: float
    words: Sequence[str]
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class Topics:
    """Of one language. coherence: by number of topics the mean NPMI of their words on held-out prompts; empty where
    the number was given, and `topics` where there are too few prompts. swept: how many prompts the numbers were tried
    on.
    """

    lang: str
    prompts: int
    swept: int
    coherence: dict[int, float]
    topics: Sequence[Topic]


def topics(prompts: Iterable[Prompt], seed: int, number: int | None = None) -> list[Topics]:
    """Topics of each language, the one with most prompts first. number: of topics; by default SWEPT are tried.

    A language with fewer than FEWEST_PROMPTS has none, since their words would be chance.
    """
    by_lang: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        by_lang.setdefault(prompt.lang, []).append(prompt)
    order = sorted(by_lang, key=lambda lang: (-len(by_lang[lang]), lang))
    return [_of_lang(lang, by_lang[lang], seed, number) for lang in order]


def _of_lang(lang: str, prompts: Sequence[Prompt], seed: int, number: int | None) -> Topics:
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer

    nothing = Topics(lang, len(prompts), 0, {}, ())
    if len(prompts) < FEWEST_PROMPTS:
        return nothing
    vectorizer = CountVectorizer(
        tokenizer=words, lowercase=False, token_pattern=None, stop_words=stop_words(lang),
        min_df=MIN_DF, max_df=MAX_DF, max_features=MOST_WORDS, dtype=np.int32,
    )  # fmt: skip
    try:
        table = vectorizer.fit_transform(prompt.text for prompt in prompts)
    except ValueError:  # no word is frequent enough
        return nothing
    coherence: dict[int, float] = {}
    swept = 0
    if number is None:
        chosen = np.random.default_rng(seed).permutation(len(prompts))[:MOST_SWEPT]
        held_out, learned = np.split(chosen, [int(len(chosen) * HELD_OUT)])
        swept = len(chosen)
        there = (table[np.sort(held_out)] > 0).astype(np.float64)
        together = (there.T @ there).toarray() if there.shape[1] else np.zeros((0, 0))
        for tried in SWEPT:
            fitted = _fitted(table[np.sort(learned)], tried, seed)
            coherence[tried] = npmi(fitted.components_, together, len(held_out))
        number = max(coherence, key=lambda tried: coherence[tried])
    model = _fitted(table, number, seed)
    return Topics(lang, len(prompts), swept, coherence, _named(model, table, vectorizer, prompts))


def _fitted(table: Any, number: int, seed: int) -> Any:
    from sklearn.decomposition import LatentDirichletAllocation

    model = LatentDirichletAllocation(
        number, batch_size=BATCH, total_samples=table.shape[0], max_doc_update_iter=DOCUMENT_PASSES, random_state=seed
    )
    for _ in range(PASSES):  # as fit does, which at its end also measures what nobody asks for here
        model.partial_fit(table)
    return model


def npmi(weights: "NDArray[np.float64]", together: "NDArray[np.float64]", documents: int) -> float:
    """The mean, over topics and pairs of their first words, of ln(p(a, b) / p(a)p(b)) / −ln p(a, b); −1 for words that
    never stand together. From −1 to 1.

    weights: of words in topics (topics, words). together: in how many documents two words stand (words, words).
    G. Bouma, Normalized (Pointwise) Mutual Information in Collocation Extraction (2009).
    """
    import numpy as np

    first = np.argsort(-weights, axis=1, kind="stable")[:, :COMPARED]
    found = []
    for row in first.tolist():
        for one, other in combinations(row, 2):
            alone, beside, both = together[one, one], together[other, other], together[one, other]
            if not both:
                found.append(-1.0)
            elif both == documents:
                found.append(1.0)
            else:
                share = both / documents
                found.append(float(np.log(share * documents**2 / (alone * beside)) / -np.log(share)))
    return sum(found) / len(found) if found else 0.0


def _named(model: Any, table: Any, vectorizer: Any, prompts: Sequence[Prompt]) -> list[Topic]:
    """The topics, the largest first."""
    import numpy as np

    vocabulary = vectorizer.get_feature_names_out()
    mix = model.transform(table)  # (prompts, topics)
    lengths = np.asarray(table.sum(axis=1)).ravel()
    shares = lengths @ mix / max(1, lengths.sum())
    named = []
    for topic in np.argsort(-shares, kind="stable"):
        first = np.argsort(-model.components_[topic], kind="stable")[:NAMING]
        about = np.argsort(-mix[:, topic] * np.minimum(lengths, COMPARED), kind="stable")
        examples = list(dict.fromkeys(_beginning(prompts[at].text) for at in about[: 3 * EXAMPLES]))[:EXAMPLES]
        named.append(Topic(float(shares[topic]), [str(vocabulary[word]) for word in first], examples))
    return named


def _beginning(text: str) -> str:
    line = " ".join(text[: 2 * SHOWN_CHARS].split())
    return line if len(line) <= SHOWN_CHARS else line[: SHOWN_CHARS - 1].rstrip() + "…"


def words(text: str) -> list[str]:
    """The words of a text in lower case. Where a script puts no spaces between words: of Chinese and Japanese every
    two characters that follow each other, of Thai, Lao, Burmese and Khmer every four.
    """
    found = []
    lower = text.lower()
    for run in _WITHOUT_SPACES.finditer(lower):
        width = 2 if run[1] else 4
        found += [run[0][at : at + width] for at in range(max(1, len(run[0]) - width + 1))]
    return [*_WORD.findall(_WITHOUT_SPACES.sub(" ", lower)), *found]


def stop_words(lang: str) -> list[str]:
    """Words of a language that say nothing of a text's subject; of one that nobody listed, none."""
    from stopwordsiso import has_lang, stopwords

    base = lang.partition("-")[0].partition("_")[0].lower()
    base = {"nb": "no", "nn": "no"}.get(base, base)
    if not base or not has_lang(base):
        return []
    # As they are cut, so that each is found again.
    return sorted({part for word in stopwords(base) for part in words(word)})
