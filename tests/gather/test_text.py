"""What PostgreSQL refuses never gets past the edge."""

import json

import pytest

from app.gather.http_answer import short
from app.gather.text import storable, storable_json

LONE = "\ud83d"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("term\x00msg", "term\ufffdmsg"),
        (f"a{LONE}b\udc00", "a\ufffdb\ufffd"),
        ("😀 ä\n\t", "😀 ä\n\t"),
        ("", ""),
    ],
)
def test_nul_and_lone_surrogates_are_replaced_and_all_else_is_kept(text: str, kept: str) -> None:
    assert storable(text) == kept
    storable(text).encode()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"a\u0000b"', "a\ufffdb"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uD83D\ud83d\uDE00"', "\ufffd😀"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\\u0000 \\ud83d \\\u0000"', "\\u0000 \\ud83d \\\ufffd"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (b'"caf\xe9"', "caf\ufffd"),
        (b'\xef\xbb\xbf"with a mark"', "with a mark"),
        (rb'{"k\u0000": ["\ud800"]}', {"k\ufffd": ["\ufffd"]}),
        (rb'"\u00e4\n\"\u001f"', 'ä\n"\x1f'),
    ],
)
def test_the_strings_of_an_answer_are_storable_whatever_their_escapes(body: bytes, value: object) -> None:
    assert json.loads(storable_json(body)) == value


def test_a_reason_is_storable() -> None:
    assert short(f"no\x00 answer {LONE}") == "no\ufffd answer \ufffd"
