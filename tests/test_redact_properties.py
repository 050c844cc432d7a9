import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.redact import LINE_CHARACTERS, TEXT_CHARACTERS, redact, redact_labels

BEGIN, END = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"

# What rules look for, cut up: random text alone would hardly ever touch one.
FRAGMENTS = [
    *(
        "password",
        "secret",
        "token",
        "api_key",
        "AccountKey",
        "authorization",
        "bearer ",
        "cookie",
        "name: ",
        "value: ",
    ),
    *(
        "=",
        ":",
        ": ",
        ":=",
        "=>",
        "%3D",
        '"',
        "'",
        '\\"',
        "\\\\",
        "\\n",
        "\n",
        " ",
        ",",
        "{",
        "}",
        "[",
        "]",
        "&",
        "?",
        "@",
    ),
    *("://", "user:pw1", "host:8080/", "kind: Secret", "data:\n  a: ", BEGIN, END, "eyJhbGciOi", ".eyJzdWIi", ".sig"),
    *(
        "4111 1111 1111 1111",
        "4111",
        "-p",
        "mysql ",
        "--",
        "[REDACTED:",
        "kv]",
        "[REDACTED:kv]",
        "\\u0026",
        "\\u0022",
        "+4917012345678",
    ),
    *(
        "AKI" + "A",
        "gh" + "p_",
        "xox" + "b-",
        "a" * 30,
        "9f" * 20,
        "jane@example.org",
        "|\n",
        "#",
        ";",
        "hunter2",
        "\x00",
        "\r",
    ),
]
pieced = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=25).map("".join)
texts = st.text(max_size=300) | pieced

SECRETS = st.text("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789", min_size=20, max_size=40).filter(
    lambda text: any(character.isdigit() for character in text) and any(character.isalpha() for character in text)
)
CARRIERS = [
    "password={}",
    '"password": "{}"',
    "'client_secret': '{}'",
    '\\"token\\":\\"{}\\"',
    "db_password: {}",
    "https://user:{}@host.example/path",
    "Authorization: Bearer {}",
    "X-Api-Key: {}",
    "--token {}",
    "?access_token={}&",
    "gh" + "p_{}",
    "hv" + "s.{}",
    BEGIN + "\n{}\n" + END,
    "Cookie: id={}",
]
# Ends what came before: inside an open quote or a name, the carrier would not be what it says.
FENCES = ["\n", "\nmsg ", "\n{} "]


@given(texts)
@settings(max_examples=400, deadline=None)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(st.characters(), max_size=400))
@settings(max_examples=300, deadline=None)
def test_no_text_at_all_makes_it_raise_or_grow_without_bound(text: str) -> None:
    assert len(redact(text)) <= max(20 * len(text), 40)
    redact_labels({text: text})


@given(st.tuples(texts, st.sampled_from(FENCES), texts), st.sampled_from(CARRIERS), SECRETS)
@settings(max_examples=500, deadline=None)
def test_a_planted_secret_never_comes_out(around: tuple[str, str, str], carrier: str, secret: str) -> None:
    before, fence, after = around
    assume(secret not in before + after)
    assert secret not in redact(before + fence + carrier.replace("{}", secret) + "\n" + after)


@given(st.integers(0, 9000), st.sampled_from(CARRIERS), SECRETS)
@settings(max_examples=60, deadline=None)
def test_no_cut_lets_a_part_of_a_secret_through(padding: int, carrier: str, secret: str) -> None:
    redacted = redact("a " * (padding // 2) + " " + carrier.replace("{}", secret) + " z" * 3000)
    assert secret[:8] not in redacted
    assert all(len(line) <= LINE_CHARACTERS for line in redacted.split("\n"))
    assert redact(redacted) == redacted


ADVERSARIAL = [
    *("-----BEGIN " + "PRIVATE KEY-----", "passw", "password=", 'password="', 'password\\"', '"secret":{', '"token":['),
    *("a@", "a.b", "://a:b", "authorization: ", "cookie: ", "4111 ", "1", "+1 ", "eyAAAAAAAA.", "name: A\n", "\\u0041"),
    *("name: PASSWORD value: x", "mysql -x ", "DE89 ", "--password", "password: |\n  a\n", "x-amz-signature=", "sk-"),
    *(
        "kind: Secret\ndata:\n  a: b\n",
        "kind: Secret data: {",
        "identified by '",
        '"\\n',
        '"\\"',
        "password ",
        "key",
        "[REDACTED:",
    ),
]


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_work_grows_no_faster_than_the_text(piece: str) -> None:
    """Seconds for each character on four times the text: at most thrice (linear: once, quadratic: four times)."""

    def seconds(characters: int) -> float:
        text = _in_lines(piece, characters)
        measured = []
        for _ in range(3):
            began = time.process_time()
            redact(text)
            measured.append(time.process_time() - began)
        return min(measured)

    small, large = seconds(12_000), seconds(48_000)
    assert large <= 4 * 3 * max(small, 0.004), (small, large)


def test_beyond_the_cap_a_text_costs_nothing_more() -> None:
    at_cap, far_beyond = "token=ab12 " * 6500, "token=ab12 " * 200_000
    assert redact(_in_lines(far_beyond, len(far_beyond)))[:-10] == redact(_in_lines(at_cap, len(far_beyond)))[:-10]
    assert len(redact("x y\n" * 100_000)) <= TEXT_CHARACTERS


def _in_lines(piece: str, characters: int) -> str:
    line = (piece * (3800 // len(piece))) + "\n"
    return (line * (characters // len(line) + 1))[:characters]
