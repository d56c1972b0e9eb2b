"""Comparison text: what folds together and what stays apart."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dedup.compare import _UNCHANGED, comparison_text, decode, encode

EQUAL = {
    "full-width letters and digits": ("ＮＡＴＯは２０２６年", "NATOは2026年"),
    "half-width katakana with dakuten": ("ｶﾞｿﾘﾝ価格", "ガソリン価格"),
    "combining dakuten": ("ガス", "ガス"),
    "letter case": ("The Prime Minister", "the PRIME minister"),
    "sharp s": ("Straße", "STRASSE"),
    "line breaks and ideographic space": ("首相は\n　会見した", "首相は会見した"),
    "zero width space and byte order mark": ("首\u200b相\ufeff", "首相"),
    "circled number": ("①目", "1目"),
    "company mark": ("㈱山川", "(株)山川"),
    "ellipsis": ("続く…", "続く..."),
    "full-width tilde and percent": ("５～６％", "5~6%"),
    "Hangul as jamo": ("한국", "한국"),
    "Arabic presentation forms": ("ﻻ", "لا"),
    "Thai sara am": ("น้ำ", "น้ํา"),
    "kelvin sign": ("300 K", "300k"),
}

DIFFERENT = {
    "dakuten": ("ガス", "カス"),
    "okurigana": ("出来る", "できる"),
    "kanji variants": ("髙橋", "高橋"),
    "old and new form": ("國際", "国際"),
    "corner brackets against curly quotes": ("「平和」", "“平和”"),
    "curly against straight quotes": ("“peace”", '"peace"'),
    "middle dots": ("ドナルド・トランプ", "ドナルド·トランプ"),
    "long vowel mark": ("サーバー", "サーバ"),
    "numbers": ("死者は12人", "死者は13人"),
    "kanji numerals": ("十二人", "12人"),
    "wave dash": ("5〜6%", "5~6%"),
    "variation selector": ("葛\U000e0100城", "葛城"),
    "emoji skin tone": ("👍🏽", "👍"),
    "accents": ("résumé", "resume"),
    "Arabic vowel marks": ("مُحَمَّد", "محمد"),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL.keys())
def test_folds(pair: tuple[str, str]) -> None:
    assert comparison_text(pair[0]) == comparison_text(pair[1])


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_keeps_apart(pair: tuple[str, str]) -> None:
    assert comparison_text(pair[0]) != comparison_text(pair[1])


@settings(deadline=None)
@given(st.lists(st.text(st.characters(), max_size=40), max_size=8))
@example(["\ud800", "", "a\u0301", "각", "ﾡￂ", "e\u200d\u0301", "İ", "\U00016d67\U00016d67", "ﬃ①㈱"])
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_encode_is_comparison_text(compiled: bool, texts: list[str]) -> None:
    if compiled:
        pytest.importorskip("numba")
    encoded = encode(texts, compiled=compiled)
    assert [decode(encoded, i) for i in range(len(texts))] == [comparison_text(text) for text in texts]


@settings(deadline=None)
@given(st.text(st.sampled_from("aＡガｶﾞ\u3099\u0301각ᆨ゙\u200b\u200dǰẞ\u0345ͅ。、 \nﾊﾟ"), max_size=12))
def test_characters_that_meet_across_what_is_dropped(text: str) -> None:
    pytest.importorskip("numba")
    encoded = encode([text, "x" + text], compiled=True)
    assert decode(encoded, 0) == comparison_text(text)
    assert decode(encoded, 1) == comparison_text("x" + text)


def test_blocks_taken_for_unchanged_are() -> None:
    for block in _UNCHANGED:
        for code in range(block.start, block.stop):
            assert comparison_text(chr(code)) == chr(code)
