"""Bytes of a text file -> text. Knows encodings and nothing of formats."""

from pathlib import Path

from core.errors import UnreadableFile

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# The most frequent characters of simplified Chinese text: about a quarter of any running text.
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然"
    "家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机"
    "公司本月元额产品营业收入报告亿万季度增长率"
)


def read_text(path: Path) -> str:
    """The text of a file with line ends as "\\n". Raises UnreadableFile if no encoding fits."""
    return decode(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes) -> str:
    """Byte order mark, then UTF-8, UTF-16 without a mark, GB 18030, then what charset-normalizer says."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and "\x00" not in text:
        return text
    return _utf16(data) or _chinese(data) or _guessed(data)


def _utf16(data: bytes) -> str:
    """UTF-16 of mostly Western text shows by its zeros; of Chinese text it has a mark in practice."""
    even, odd = data[0::2].count(0), data[1::2].count(0)
    if max(even, odd) < 0.2 * len(data) or min(even, odd) * 20 > max(even, odd):
        return ""
    return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")


def _chinese(data: bytes) -> str:
    """GB 18030 if it decodes and reads like Chinese: short texts defeat statistical guessing."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    ideographs = [char for char in text if "\u4e00" <= char <= "\u9fff"]
    frequent = sum(1 for char in ideographs if char in _FREQUENT)
    return text if frequent >= 3 and frequent >= 0.1 * len(ideographs) else ""


def _guessed(data: bytes) -> str:
    import charset_normalizer

    best = charset_normalizer.from_bytes(data).best()
    if best is None:
        raise UnreadableFile("the text is in no known encoding; save it as UTF-8")
    return str(best)
