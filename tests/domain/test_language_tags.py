"""Language tags: one language is one language, however its tag is spelled."""

import pytest

from espalier.domain.language import checked_tag, language_tag, primary, usual_tag
from espalier.domain.parameter import InvalidPolicy
from espalier.domain.policy import CampaignPolicy, Policy


@pytest.mark.parametrize(
    ("given", "usual"),
    [
        ("EN", "en"), ("pt-br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("uk-UA", "uk-UA"), ("sgn-be-fr", "sgn-BE-FR"),
        ("EN-ca-X-CA", "en-CA-x-ca"), ("sl-ROZAJ-1994", "sl-rozaj-1994"), ("es-419", "es-419"),
    ],
)  # fmt: skip
def test_a_tag_gets_its_usual_case(given: str, usual: str) -> None:
    assert language_tag(given) == checked_tag(given) == usual_tag(given) == usual
    assert language_tag(usual) == usual


@pytest.mark.parametrize("given", ["", "e", "en_US", "english!", "en-", None, 3])
def test_what_is_no_tag_is_none(given: object) -> None:
    assert language_tag(given) is None


def test_the_language_alone_has_one_spelling() -> None:
    assert [primary(tag) for tag in ("pt-BR", "NO", "nb-NO", "iw", "zh_CN")] == ["pt", "nb", "nb", "he", "zh"]


def test_a_policy_takes_languages_in_any_case_but_none_twice() -> None:
    policy = CampaignPolicy(
        Policy(init_prompt_disabled_langs=["DE", "pt-br"], language_weights={"EU": 4}),  # type: ignore[arg-type]
        {"zh-cn": {"goal_tree_size": 9}},
    )
    assert policy.base.init_prompt_disabled_langs == {"de", "pt-BR"}
    assert policy.base.language_weights == {"eu": 4.0}
    assert policy.for_lang("zh-CN").goal_tree_size == 9
    with pytest.raises(InvalidPolicy, match="language_weights"):
        Policy(language_weights={"EN": 1, "en": 2})
    with pytest.raises(InvalidPolicy, match="EN"):
        CampaignPolicy(langs={"en": {"goal_tree_size": 9}, "EN": {"goal_tree_size": 8}})
