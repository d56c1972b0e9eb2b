"""Bytes to text. All sentences are invented for these tests."""

import contextlib
import gzip
import html
import io
import json
import random
import re
import zipfile
from pathlib import Path

import pytest
import webencodings
from hypothesis import given
from hypothesis import strategies as st

from dedup.decode import DecodeError, decode
from dedup.settings import ReadSettings
from dedup.types import Encoding

JAPANESE = (
    "港町の商工会は二十日、来月から朝市を週二回に増やすと発表した。魚の値段は一割ほど下がる見通しだという。"
)
KANA = "カモメのパレードは、おひるすぎにはじまります。こどもたちはみなとのひろばへどうぞ。"
CHINESE = "市交通局昨天宣布，新的渡轮航线将从下月开始运行，每天往返六次，票价为三元。"
TAIWANESE = "市府昨天宣布，新的渡輪航線將從下個月開始營運，每天往返六次，票價為三十元。"
KOREAN = "항구 도시의 상인회는 다음 달부터 아침 시장을 일주일에 두 번 열기로 했다고 밝혔다."
RUSSIAN = "Портовый рынок с сентября будет работать два раза в неделю, сообщила вчера мэрия."
UKRAINIAN = "Портовий ринок із вересня працюватиме двічі на тиждень, повідомила вчора міська рада."
POLISH = "Rada miejska ogłosiła, że od września targ rybny będzie czynny także w środę, już o świcie."
CZECH = "Přístavní trh bude od září otevřený dvakrát týdně, řekl včera mluvčí městského úřadu."
HUNGARIAN = "A kikötői piac szeptembertől hetente kétszer nyílik, közölte tegnap a városháza szóvivője."
FRENCH = "Le marché du port sera ouvert deux fois par semaine dès la rentrée, a annoncé la mairie à midi."
GERMAN = "Der Fischmarkt öffnet künftig zweimal wöchentlich, erklärte die Bürgermeisterin am Dienstag."
SPANISH = "El mercado del puerto abrirá dos días más por semana, según anunció ayer el señor alcalde."
ENGLISH = "“The harbour market can’t wait,” the mayor said – and it’ll open twice a week from May."
TURKISH = "Liman çarşısı eylülden itibaren haftada iki gün açılacak, diye açıkladı dün belediye başkanı."
GREEK = "Η αγορά του λιμανιού θα ανοίγει δύο φορές την εβδομάδα, ανακοίνωσε χθες ο δήμος."
HEBREW = "שוק הנמל ייפתח פעמיים בשבוע החל מהחודש הבא, הודיעה אתמול העירייה."
ARABIC = "أعلنت البلدية أمس أن سوق الميناء سيفتح مرتين في الأسبوع ابتداء من الشهر المقبل."
LITHUANIAN = "Uosto turgus nuo rugsėjo veiks dukart per savaitę, vakar pranešė miesto savivaldybė."
THAI = "เทศบาลเมืองท่าประกาศเมื่อวานว่าตลาดริมน้ำจะเปิดสัปดาห์ละสองครั้งตั้งแต่เดือนหน้า"

# Text, Python's codec, the name it is found under.
LEGACY = {
    f"{codec} {text[:8]}": (text, codec, name)
    for text, codec, name in [
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "euc_jp", "euc-jp"),
        (KANA, "cp932", "shift_jis"),
        (KANA, "euc_jp", "euc-jp"),
        (CHINESE, "gbk", "gbk"),
        (CHINESE + "龦", "gb18030", "gbk"),
        (TAIWANESE, "cp950", "big5"),
        (KOREAN, "cp949", "euc-kr"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8_r", "koi8-r"),
        (RUSSIAN, "iso8859_5", "iso-8859-5"),
        (UKRAINIAN, "koi8_u", "koi8-u"),
        (POLISH, "cp1250", "windows-1250"),
        (POLISH, "iso8859_2", "iso-8859-2"),
        (CZECH, "cp1250", "windows-1250"),
        (HUNGARIAN, "cp1250", "windows-1250"),
        (FRENCH, "cp1252", "windows-1252"),
        (GERMAN, "cp1252", "windows-1252"),
        (SPANISH, "cp1252", "windows-1252"),
        (ENGLISH, "cp1252", "windows-1252"),
        (TURKISH, "cp1254", "windows-1254"),
        (GREEK, "cp1253", "windows-1253"),
        (HEBREW, "cp1255", "windows-1255"),
        (ARABIC, "cp1256", "windows-1256"),
        (LITHUANIAN, "cp1257", "windows-1257"),
        (THAI, "cp874", "windows-874"),
    ]
}
legacy = pytest.mark.parametrize(("text", "codec", "name"), LEGACY.values(), ids=LEGACY)

WORDS = (
    "港 朝市 市長 は が を に で と も、 。 発表した 会議 予算案 カレンダー ロープウェイ 観光客 千人 "
    "（土） 「安い」 増えた しかし、 これまで 二割 雨 橋の工事 小学校 図書館 ・ ー 来週 見送る 方針 "
    "だという ことになった 値上げ 反対"
)
japanese = st.lists(st.sampled_from(WORDS.split()), min_size=12, unique=True).map("".join)


def read_as(text: str, codec: str, declared: str | None = None) -> tuple[str, str]:
    decoded, encoding = decode(text.encode(codec), declared)
    return decoded, encoding.name


@legacy
def test_legacy_encodings_are_detected(text: str, codec: str, name: str) -> None:
    assert decode(text.encode(codec)) == (text, Encoding(name, "detected"))


@legacy
@pytest.mark.parametrize("lie", ["shift_jis", "euc-jp", "gb2312", "iso-8859-1", "utf-8", "windows-1251"])
def test_a_lying_declaration_is_outweighed(text: str, codec: str, name: str, lie: str) -> None:
    decoded, encoding = decode(text.encode(codec), lie)
    assert decoded == text
    assert (encoding.found_by == "declared") == (webencodings.lookup(lie).name == encoding.name)


@legacy
def test_a_true_declaration_is_told(text: str, codec: str, name: str) -> None:
    assert decode(text.encode(codec), name.upper()) == (text, Encoding(name, "declared"))


@pytest.mark.parametrize(
    ("content", "declared", "expected"),
    [
        (b"na\xefve", "latin1", ("naïve", "windows-1252")),
        ("十日".encode("cp932"), "x-sjis", ("十日", "shift_jis")),
        ("十日".encode("cp932"), "cp932", ("十日", "shift_jis")),
        ("十日".encode("euc_jp"), "EUC-JP", ("十日", "euc-jp")),
        ("Šárka".encode("cp1250"), "windows-1250", ("Šárka", "windows-1250")),
        (JAPANESE.encode("cp932"), "no-such-charset", (JAPANESE, "shift_jis")),
        (JAPANESE.encode("cp932"), "", (JAPANESE, "shift_jis")),
        (JAPANESE.encode("cp932"), "utf-16le", (JAPANESE, "shift_jis")),
        (JAPANESE.encode("cp932"), "x-user-defined", (JAPANESE, "shift_jis")),
    ],
)
def test_declared_labels(content: bytes, declared: str, expected: tuple[str, str]) -> None:
    text, encoding = decode(content, declared)
    assert (text, encoding.name) == expected


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="euc-jp">',
        "<META CHARSET=EUC-JP />",
        '<meta http-equiv="Content-Type" content="text/html; charset=EUC-JP">',
        "<?xml version='1.0' encoding='euc-jp'?>",
        "<script>" + "x" * 3000 + "</script><meta charset='euc-jp'>",
    ],
)
def test_a_page_declares_its_encoding(head: str) -> None:
    content = f"{head}<p>十日".encode("euc_jp")
    assert decode(content, html=True)[1] == Encoding("euc-jp", "declared")
    assert decode(content)[1].found_by == "detected"


@pytest.mark.parametrize(
    ("codec", "name"), [("cp932", "shift_jis"), ("euc_jp", "euc-jp"), ("iso2022_jp", "iso-2022-jp")]
)
def test_characters_of_vendors_are_read_as_browsers_read_them(codec: str, name: str) -> None:
    rare = {"cp932": "①㈱髙～－".encode("cp932"), "euc_jp": b"\xad\xa1\xad\xea\xfc\xe2\xa1\xc1\xa1\xdd"}
    rare["iso2022_jp"] = b"\x1b$B" + bytes(byte & 0x7F for byte in rare["euc_jp"]) + b"\x1b(B"
    text, encoding = decode(rare[codec] + JAPANESE.encode(codec))
    assert (text, encoding.name) == ("①㈱髙～－" + JAPANESE, name)


def test_iso_2022_jp_is_found_although_it_is_valid_utf8() -> None:
    content = JAPANESE.encode("iso2022_jp")
    assert content.isascii()
    assert decode(content, "utf-8") == (JAPANESE, Encoding("iso-2022-jp", "escape sequences"))
    assert decode(b"\x1b(I\x36\x45\x1b(B \x1b$B%+\x1b(B")[0] == "ｶﾅ カ"
    assert decode(b"\x1b[31mred\x1b[0m")[1] == Encoding("utf-8", "utf-8")


@pytest.mark.parametrize("text", ["ｶﾓﾒ ﾉ ﾊﾟﾚｰﾄﾞ ﾊ ｱｼﾀ ﾃﾞｽ", "東京ｽｶｲﾂﾘｰの入場券、値段はｶﾀｶﾅで1,200円です"])
def test_half_width_katakana(text: str) -> None:
    assert read_as(text, "cp932") == (text, "shift_jis")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16le"),
        ("utf-32", "utf-32le"),
    ],
)
def test_a_byte_order_mark_decides_and_is_no_text(codec: str, name: str) -> None:
    assert decode(JAPANESE.encode(codec), "euc-jp") == (JAPANESE, Encoding(name, "bom"))


@pytest.mark.parametrize("text", [ENGLISH, f"<p>{JAPANESE}</p>\n", f"<p>{RUSSIAN}</p>\n", KOREAN])
@pytest.mark.parametrize("name", ["utf-16le", "utf-16be"])
def test_utf_16_without_its_mark(text: str, name: str) -> None:
    assert decode(text.encode(name.replace("16", "16-"))) == (text, Encoding(name, "detected"))


@pytest.mark.parametrize("text", [JAPANESE, CHINESE, KOREAN, RUSSIAN, THAI, ENGLISH * 3, FRENCH])
def test_broken_utf_8_stays_utf_8(text: str) -> None:
    content = text.encode()
    last = max(at for at, byte in enumerate(content) if byte > 0xBF)
    cut, at = content[: last + 1], content.index(text[text.index(" ") + 1 if " " in text else 5].encode())
    broken = content[:at] + b"\xff" + content[at:]
    assert decode(cut) == (cut.decode(errors="replace"), Encoding("utf-8", "utf-8 with errors"))
    assert decode(broken) == (broken.decode(errors="replace"), Encoding("utf-8", "utf-8 with errors"))


def test_a_latin_comment_does_not_change_a_japanese_page() -> None:
    text, encoding = decode(f"<p>{JAPANESE}</p>".encode() + b"<!-- caf\xe9 -->", "iso-8859-1", html=True)
    assert encoding == Encoding("utf-8", "utf-8 with errors")
    assert JAPANESE in text


def test_a_broken_character_does_not_change_the_encoding() -> None:
    text, encoding = decode(JAPANESE.encode("cp932")[:-1])
    assert encoding.name == "shift_jis"
    assert text == JAPANESE[:-1] + "\ufffd"


def packed() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("page.html", ENGLISH * 20)
    return target.getvalue()


BINARY = {
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01",
    "GIF": b"GIF89a\x01\0\x01\0\x80\0\0",
    "PDF": b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n",
    "ZIP": packed(),
    "gzip": gzip.compress(ENGLISH.encode()),
    "program": b"\x7fELF\x02\x01\x01" + bytes(60),
    "binary data": random.Random(7).randbytes(2000),
}


@pytest.mark.parametrize("what", BINARY)
def test_binary_data_is_refused_by_name(what: str) -> None:
    with pytest.raises(DecodeError, match=what) as caught:
        decode(BINARY[what], "iso-8859-1", html=True)
    assert caught.value.error == "binary"
    assert "instead" in str(caught.value)


def test_bytes_that_no_language_explains_are_refused() -> None:
    source = random.Random(7)
    with pytest.raises(DecodeError, match="UTF-8") as caught:
        decode(bytes(source.randrange(0x80, 0x100) for _ in range(400)))
    assert caught.value.error == "undecodable"


@pytest.mark.parametrize(
    "text", ["RIFF ran the market.", "BZhm?", "PAR1S", "GIF8 me a break", "a\0b" + ENGLISH]
)
def test_text_that_begins_like_a_format_is_text(text: str) -> None:
    assert decode(text.encode()) == (text, Encoding("utf-8", "utf-8"))


def test_text_stays_as_it_was_decoded() -> None:
    text = "一行目\r\n二行目\r三行目\n\u3000四行目\u2028五\ufeff"
    assert decode(text.encode())[0] == text
    assert read_as(text[:14] * 3, "cp932") == (text[:14] * 3, "shift_jis")


def test_a_str_is_text_already() -> None:
    assert decode("half \ud83d a character, whole 😀") == (
        "half \ufffd a character, whole 😀",
        Encoding("utf-8", "text"),
    )
    assert decode(b"") == ("", Encoding("utf-8", "utf-8"))


def test_the_sample_finds_text_after_long_markup_and_script() -> None:
    filler = "<script>" + "var a = 1; " * 50_000 + "</script>" + "<br>" * 10_000
    content = (filler + JAPANESE).encode("cp932")
    assert decode(content, settings=ReadSettings(sample_bytes=64))[1].name == "shift_jis"


@given(japanese, st.sampled_from(["cp932", "euc_jp", "iso2022_jp", "utf-8", "utf-8-sig"]))
def test_japanese_comes_back_from_every_encoding(text: str, codec: str) -> None:
    assert decode(text.encode(codec))[0] == text


@given(
    japanese,
    st.sampled_from(["cp932", "euc_jp"]),
    st.sampled_from(["shift_jis", "euc-jp", "gbk", "big5", "euc-kr", "iso-8859-1", "koi8-r", "ibm866"]),
)
def test_japanese_comes_back_whatever_is_declared(text: str, codec: str, declared: str) -> None:
    assert decode(text.encode(codec), declared)[0] == text


@given(st.binary(max_size=3000), st.none() | st.text(max_size=12), st.booleans())
def test_any_bytes_are_decoded_or_refused(content: bytes, declared: str | None, page: bool) -> None:
    with contextlib.suppress(DecodeError):
        text, encoding = decode(content, declared, html=page)
        assert (text, encoding) == decode(content, declared, html=page)
        assert encoding.name.startswith("utf-32") or webencodings.lookup(encoding.name).name == encoding.name


@given(st.text(max_size=300))
def test_utf_8_is_never_taken_for_something_else(text: str) -> None:
    content = text.encode("utf-8", "replace")
    if not any(byte < 0x20 or byte == 0x7F for byte in content) and not content.startswith(b"\xef\xbb\xbf"):
        assert decode(content) == (content.decode(), Encoding("utf-8", "utf-8"))


EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
needs_pages = pytest.mark.skipif(not EVAL.is_dir(), reason="the measuring pages are not here")


@needs_pages
@pytest.mark.parametrize("codec", ["cp932", "euc_jp", "iso2022_jp"])
def test_real_japanese_pages_come_back(codec: str) -> None:
    web = str.maketrans({} if codec == "cp932" else dict(zip("〜‖−¢£¬", "～∥－￠￡￢", strict=True)))
    pages = sorted((EVAL / "ja" / "html").glob("*.gz"))
    assert pages
    for path in pages:
        content = gzip.decompress(path.read_bytes()).decode().encode(codec, "xmlcharrefreplace")
        for page in (False, True):  # all but one declare UTF-8
            assert decode(content, html=page)[0] == content.decode(codec).translate(web)


@needs_pages
def test_real_chinese_pages_hold_their_gold_text() -> None:
    gold = [json.loads(line) for line in (EVAL / "cwced" / "gold.jsonl").read_text("utf-8").splitlines()]
    wanted = found = 0
    for row in gold:
        text, encoding = decode(gzip.decompress((EVAL / "cwced/html" / f"{row['id']}.html.gz").read_bytes()))
        if encoding.name != "utf-8":
            visible = re.sub(r"\s", "", html.unescape(re.sub(r"<[^>]*>", "", text)))
            lines = [re.sub(r"\s", "", line) for line in row["gold"].splitlines()]
            wanted += len(lines)
            found += sum(line in visible for line in lines)
    assert found > 0.99 * wanted > 0
