"""The lexicon: what it calls lines of many languages, and its short cuts, by which nothing is missed."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import lexicon as module
from dedup.lexicon import fold, lexicon, lexicon_for

TABLES = ("header", "line", "certain")
# A letter for each script, for the engine that makes up texts knows none.
LETTERS = {
    r"\p{L}": "é",
    r"\p{Han}": "一",
    r"\p{Hiragana}": "ぁ",
    r"\p{Katakana}": "ァ",
    r"\p{Hangul}": "가",
}
HEADERS = {
    "related": [
        *("Mehr zum Thema", "Lesen Sie auch", "À lire aussi", "Sur le même sujet", "Te puede interesar"),
        *("Leggi anche", "Leia também", "Lees ook", "Czytaj także", "Läs också", "Lue myös", "Læs også"),
        *("İlgili haberler", "Baca juga", "Читайте также", "По теме", "Διαβάστε επίσης", "Vezi și"),
        *("Xem thêm", "相关新闻", "延伸閱讀", "관련기사"),
    ],
    "ranking": [
        *("Meistgelesen", "Les plus lus", "Lo más leído", "I più letti", "Mais lidas", "Mest lest"),
        *("Çok okunanlar", "Самое читаемое", "热门新闻", "많이 본 뉴스"),
    ],
    "comments": ["Kommentare (12)", "Commentaires", "Comentarios", "Комментарии", "网友评论", "댓글"],
    "cookie_notice": ["Cookie Preferences", "Strictly Necessary Cookies", "Sale of Personal Data"],
}
LINES = {
    "cookie_notice": [
        *("YouTube-Inhalte erlauben", "Empfohlener redaktioneller Inhalt", "Continuer sans accepter"),
        "An dieser Stelle steht ein externer Inhalt, der den Artikel ergänzt.",
    ],
    "dateline": [
        *("Stand: 12.03.2024, 10:12 Uhr", "28. April 2024 um 10:17 Uhr", "Publié le 3 mars 2024 à 10h"),
        *("12 de marzo de 2024", "发布时间：2024-03-04 10:00", "입력 2024.03.04 10:00"),
    ],
    "caption": ["Foto: dpa", "Crédit photo : AFP", "Fot. PAP", "图片来源：新华社"],
    "byline": [
        *("责任编辑：王晓", "김철수 기자", "About the author"),
        "Mina Orlov is a senior reporter for the Harlow Feed.",
        "Mina Orlov writes about rivers and the towns on them for the Harlow Feed.",
    ],
    "copyright": ["Alle Rechte vorbehalten.", "Tous droits réservés", "未经授权不得转载"],
    "share": ["Teilen", "Partager", "Поделиться", "分享到："],
    "comments": ["3 Kommentare", "Répondre", "Ответить", "2. Rheinfahrer sagt:", "답글"],
    "advertisement": ["Anzeige", "Publicité", "Publicidad", "Реклама", "广告"],
    "subscription": ["Jetzt spenden", "Abonnieren Sie unseren Newsletter", "订阅我们的公众号"],
}
# Sentences and sub-headings of articles.
CONTENT = [
    *("Mehr Geld für Kitas", "Sie sagt, dass es geht.", "Der Minister sagt:", "Von der Stadt zum Land"),
    "Von der Brücke aus sah man am Dienstag das Wasser steigen.",
    "Die Werbung für den Hafen kostet zwei Millionen Euro.",
    *("Le plus grand pont de la région", "Lire est un plaisir, dit-elle.", "Des droits pour tous"),
    *("El presidente dijo que sí.", "Más agua que ayer", "Una foto del puerto cambió su vida."),
    *("Il ministro dice di no.", "Più treni per la costa", "O rio subiu dois metros.", "Mais do que um rio"),
    *("Meer water dan ooit", "Więcej niż most", "Mer än en bro", "Vanheneva silta suljetaan."),
    *("Daha çok su, daha az toprak", "Мост закрыли на год.", "Тема воды снова важна.", "Η γέφυρα έκλεισε."),
    *("Podul a fost închis marți.", "Cầu đóng cửa trong một năm.", "Jembatan itu ditutup."),
    *("桥将关闭一年。", "记者在现场看到水位上涨。", "評論家說這座橋很重要。", "다리가 일 년 동안 닫힌다."),
    *("The president is a liar, the mayor said.", "The river was a problem.", "More water than before"),
    *("回应", "구독 경제의 그늘", "구독자 100만 돌파", "订阅用户突破百万", "의견", "事故经过被路人拍摄。"),
    *("法院宣布，他是版权所有人。", "该校在微信公众号发布通报称桥已关闭。", "외신 기자 한 명이 숨졌다."),
    *("2024年3月4日，会议在北京召开", "법원은 무단 복제를 금지했다고 밝혔다.", "쿠키 굽는 법"),
    *("Más de 300 muertos", "Más en casa que fuera", "Assinem o acordo", "Comparte la culpa"),
    "O boletim médico informa que o rio subiu.",
    *(
        "For 40 years",
        "Il y a un problème",
        "Vor einer Wahl",
        "Há um problema",
        "Stand heute sind 20 vermisst.",
    ),
    *("3. Oktober 1990 – ein Tag der Freude", "9 мая 1945 года война закончилась."),
    *("Journaliste tué à Gaza", "Reporter shot dead", "Folge des Krieges", "Suivez l’argent"),
    "Norge har brutt kvinnenes rettigheter, slo domstolen fast.",
    *("Los afiliados al sindicato votarán.", "Die Provision steigt auf drei Prozent."),
    *("Orlov was a well-known journalist and a critic of the mill.", "The deal covers only oil and gas."),
    *("She covers the mirror with a cloth.", "He is the third of four brothers.", "橋は一年間閉鎖される。"),
]


def called(text: str) -> tuple[str | None, str | None]:
    """The reasons of the line as a header and as a line."""
    folded = fold(text)
    return lexicon_for(folded).header(folded), lexicon_for(folded).line(folded)


@pytest.mark.parametrize(
    ("reason", "text"), [(reason, text) for reason, texts in HEADERS.items() for text in texts]
)
def test_headers_of_many_languages(reason: str, text: str) -> None:
    assert called(text)[0] == reason


@pytest.mark.parametrize(
    ("reason", "text"), [(reason, text) for reason, texts in LINES.items() for text in texts]
)
def test_lines_of_many_languages(reason: str, text: str) -> None:
    assert called(text)[1] == reason


@pytest.mark.parametrize("text", CONTENT)
def test_what_articles_say_has_no_name(text: str) -> None:
    assert called(text) == (None, None)


@cache
def parts(language: str, name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Reason, pattern and words of all that a table holds."""
    folder = files("dedup.lexicon")
    read = [tomllib.loads(folder.joinpath(f"{n}.toml").read_text("utf-8")) for n in module._FILES[language]]
    reasons = dict.fromkeys(reason for tables in read for reason in tables[name])
    listed = [(r, part) for r in reasons for tables in read for part in tables[name].get(r, [])]
    return [(r, p, ()) if isinstance(p, str) else (r, p["pattern"], tuple(p["needs"])) for r, p in listed]


@cache
def in_one(language: str, name: str) -> regex.Pattern[str]:
    """All patterns of a table tried in turn, the longest decoration first."""
    named = "|".join(f"(?P<r{i}>{pattern})" for i, (_, pattern, _) in enumerate(parts(language, name)))
    return regex.compile(f"{module._DECORATION}(?:{named}){module._DECORATION_END}")


@cache
def texts_of(pattern: str) -> st.SearchStrategy[str]:
    for script, letter in LETTERS.items():
        pattern = pattern.replace(script, letter)
    return st.from_regex(re.compile(pattern), fullmatch=True)


@pytest.mark.parametrize("language", ["en", "ja"])
@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_what_is_not_tried_could_not_have_matched(language: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(TABLES))
    asked = {"header": lexicon(language).header, "line": lexicon(language).line}
    ask = asked.get(name, lexicon(language).certain)
    _, pattern, _ = data.draw(st.sampled_from(parts(language, name)))
    text = fold(data.draw(st.sampled_from(["", "> ", "■"])) + data.draw(texts_of(pattern)))
    if len(text) <= (60 if name == "header" else 260):
        match = in_one(language, name).fullmatch(text)
        expected = parts(language, name)[int(match.lastgroup[1:])][0] if match and match.lastgroup else None
        assert ask(text) == expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [part[1:] for language in module._FILES for name in TABLES for part in parts(language, name) if part[2]],
)
@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_every_match_has_one_of_the_words(pattern: str, words: tuple[str, ...], data: st.DataObject) -> None:
    text = fold(data.draw(texts_of(pattern)))
    assert not regex.fullmatch(pattern, text) or any(word in text for word in words)
