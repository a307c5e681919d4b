"""When a text raises the warning that it is in another language than its task, and when it must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.language import primary
from espalier.safety.language import detect, looks_foreign

TEXTS = {
    "en": "Could you explain to me how a bicycle stays upright while somebody rides it slowly around a corner?",
    "de": "Kannst du mir erklären, warum ein Fahrrad nicht umfällt, wenn man damit langsam um eine Kurve fährt?",
    "es": "¿Me podrías explicar por qué una bicicleta no se cae cuando alguien dobla despacio por una esquina?",
    "fr": "Pourrais-tu m'expliquer pourquoi un vélo ne tombe pas quand on prend lentement un virage en ville ?",
    "it": "Potresti spiegarmi perché una bicicletta non cade quando qualcuno gira lentamente dietro l'angolo?",
    "pl": "Czy możesz mi wyjaśnić, dlaczego rower się nie przewraca, kiedy ktoś powoli skręca za róg ulicy?",
    "tr": "Birisi köşeyi yavaşça dönerken bisikletin neden devrilmediğini bana açıklayabilir misin acaba?",
    "ru": "Объясни, пожалуйста, почему велосипед не падает, когда на нём медленно поворачивают за угол?",
    "el": "Μπορείς να μου εξηγήσεις γιατί το ποδήλατο δεν πέφτει όταν κάποιος στρίβει αργά στη γωνία;",
    "he": "תוכל להסביר לי למה אופניים לא נופלים כשמישהו רוכב עליהם לאט ופונה מעבר לפינת הרחוב?",
    "ar": "هل يمكنك أن تشرح لي لماذا لا تسقط الدراجة عندما ينعطف بها شخص ما ببطء عند زاوية الشارع؟",
    "hi": "क्या आप मुझे समझा सकते हैं कि मोड़ पर धीरे चलाने पर भी साइकिल क्यों नहीं गिरती है?",
    "th": "ช่วยอธิบายให้ฉันฟังหน่อยว่าทำไมจักรยานถึงไม่ล้มเวลาที่มีคนขี่ช้าๆ เลี้ยวผ่านหัวมุมถนน",
    "ja": "誰かがゆっくりと角を曲がるときに、自転車がなぜ倒れないのかを説明してもらえますか。",
    "ko": "누군가 천천히 모퉁이를 돌 때 자전거가 왜 넘어지지 않는지 설명해 주실 수 있나요?",
    "zh": "你能给我解释一下，为什么一个人骑着自行车慢慢转弯的时候，自行车不会倒下来吗？",
}
CODE = """
```python
def largest(values):
    return max(values, key=lambda value: value.size, default=None)
```
"""


@pytest.mark.parametrize("lang", TEXTS)
def test_a_text_in_the_language_of_its_task_raises_no_warning(lang: str) -> None:
    assert looks_foreign(TEXTS[lang], lang) is None


@pytest.mark.parametrize(("lang", "other"), [(a, b) for a in TEXTS for b in TEXTS if a != b])
def test_a_text_in_another_language_is_named(lang: str, other: str) -> None:
    # Spanish and its neighbours are close; all of these pairs are not.
    assert looks_foreign(TEXTS[other], lang) == other


@pytest.mark.parametrize("lang", TEXTS)
def test_a_clear_text_is_recognised(lang: str) -> None:
    guess = detect(TEXTS[lang])
    assert guess is not None
    assert guess.lang == lang
    assert 0.95 <= guess.confidence <= 1


@pytest.mark.parametrize("text", ["", " ", "ok", "Gracias!", "lol", "12345 67890 12345 67890", "👍👍👍", "こんにちは"])
def test_a_short_text_says_too_little(text: str) -> None:
    assert detect(text) is None
    for lang in ("en", "de", "ru", "ja", "ar"):
        assert looks_foreign(text, lang) is None


@pytest.mark.parametrize(
    ("text", "lang", "other"),
    [
        ("How does one prune an old pear?", "ar", "en"),
        ("Warum ist der Himmel so blau?", "ru", "de"),
        ("Почему небо днём голубое?", "en", "ru"),
        ("天空为什么是蓝色的", "de", "zh"),
    ],
)
def test_a_few_words_are_enough_where_no_letter_can_be_of_the_language(text: str, lang: str, other: str) -> None:
    assert looks_foreign(text, lang) == other
    near = {"en": "de", "de": "en", "ru": "bg", "zh": "ja"}[other]
    assert looks_foreign(text, near) is None


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        "```\n" + TEXTS["en"] + "\n```",
        "https://example.org/a/very/long/path/that/is/made/of/english/words?and=a&query=of&such=words",
        "x_new = x_old - learning_rate * gradient(x_old); assert loss(x_new) < loss(x_old)",
        "| Name | Size | Weight |\n|---|---|---|\n| first thing | quite large | not very heavy at all |",
        "<div class='box'><span title='hello'></span></div>",
    ],
)
def test_code_links_and_tables_have_no_language(text: str) -> None:
    for lang in TEXTS:
        assert looks_foreign(text, lang) is None


@pytest.mark.parametrize("lang", TEXTS)
def test_a_text_with_english_code_in_it_is_still_in_its_language(lang: str) -> None:
    assert looks_foreign(TEXTS[lang] + CODE * 3 + TEXTS[lang], lang) is None


@pytest.mark.parametrize("lang", [lang for lang in TEXTS if lang != "en"])
def test_a_text_about_an_english_passage_is_no_slip(lang: str) -> None:
    assert looks_foreign(f"{TEXTS[lang]}\n\n“{TEXTS['en']}”", lang) is None
    assert looks_foreign(f"“{TEXTS['en']}”\n\n{TEXTS[lang]}", "en") is None
    assert detect(f"{TEXTS[lang]}\n\n{TEXTS['en']}") is None


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (
            "pt-BR",
            "Você poderia me explicar por que uma bicicleta não cai quando alguém vira devagar a esquina da rua?",
        ),
        ("pt-PT", "Podias explicar-me porque é que uma bicicleta não cai quando alguém vira devagar a esquina da rua?"),
        ("zh-TW", "你能跟我解釋一下，為什麼一個人騎著腳踏車慢慢轉彎的時候，腳踏車不會倒下來嗎？"),
        ("zh-Hans-CN", TEXTS["zh"]),
        ("de_AT", TEXTS["de"]),
        ("EN-us", TEXTS["en"]),
        ("no", "Kan du forklare meg hvorfor en sykkel ikke faller når noen sakte sykler rundt et hjørne i byen?"),
        ("sr", "Можеш ли да ми објасниш зашто бицикл не пада када неко полако скреће иза угла улице у граду?"),
        ("sr-Latn", "Možeš li da mi objasniš zašto bicikl ne pada kada neko polako skreće iza ugla ulice u gradu?"),
    ],
)
def test_regions_and_scripts_of_a_language_are_no_other_language(tag: str, text: str) -> None:
    assert looks_foreign(text, tag) is None


@pytest.mark.parametrize(
    ("lang", "near", "text"),
    [
        ("ca", "es", TEXTS["es"]),
        ("gl", "pt", "Poderias explicar-me por que uma bicicleta não cai quando alguém vira devagar a esquina da rua?"),
        ("da", "nb", "Kan du forklare meg hvorfor en sykkel ikke faller når noen sakte sykler rundt et hjørne i byen?"),
        (
            "sk",
            "cs",
            "Můžeš mi prosím vysvětlit, proč jízdní kolo nespadne, když s ním někdo pomalu zatáčí za roh ulice?",
        ),
        (
            "ms",
            "id",
            "Saya ingin tahu bagaimana cara memasak nasi goreng yang enak karena besok teman-teman saya datang.",
        ),
    ],
)
def test_a_close_language_raises_no_warning_but_a_far_one_does(lang: str, near: str, text: str) -> None:
    assert looks_foreign(text, lang) is None
    assert looks_foreign(text, "ja") is not None


def test_of_a_language_that_the_detector_cannot_tell_only_the_script_is_judged() -> None:
    breton = (
        "Ha gallout a rafes displegañ din perak ne gouezh ket ur marc'h-houarn pa dro unan bennak gorrek er straed?"
    )
    assert looks_foreign(breton, "br") is None
    assert looks_foreign(TEXTS["en"], "br") is None
    assert looks_foreign(TEXTS["ru"], "br") == "ru"


def test_of_a_long_text_both_ends_are_read() -> None:
    assert looks_foreign(TEXTS["en"] * 50, "de") == "en"
    assert looks_foreign(TEXTS["en"] * 50 + TEXTS["de"] * 3, "de") is None
    assert looks_foreign(TEXTS["de"] * 3 + TEXTS["en"] * 50, "de") is None


@pytest.mark.parametrize(
    ("tag", "lang"),
    [
        ("en", "en"),
        ("pt-BR", "pt"),
        ("uk_UA", "uk"),
        ("zh-Hant-TW", "zh"),
        ("iw", "he"),
        ("nn-NO", "nb"),
        ("fil", "tl"),
    ],
)
def test_a_tag_is_read_by_its_language(tag: str, lang: str) -> None:
    assert primary(tag) == lang


@given(st.text(max_size=300), st.sampled_from(sorted(TEXTS)))
def test_any_text_gets_an_answer_and_the_same_one_again(text: str, lang: str) -> None:
    assert looks_foreign(text, lang) == looks_foreign(text, lang) != lang
    assert detect(text) == detect(text)


def test_half_a_surrogate_pair_of_an_imported_file_does_no_harm() -> None:
    assert looks_foreign("\ud800" + TEXTS["de"], "de") is None
    assert looks_foreign("\ud800" + TEXTS["de"], "en") == "de"
