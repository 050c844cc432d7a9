"""Secrets are gone before anything is kept, and what is none stays readable."""

import json

import pytest

from app import redact as redaction
from app.redact import counts, redact, redact_labels, redact_value

HEX = "9f" * 16
LONG = "Zq7" * 12
B64 = "QUJD" * 10
PEM_BEGIN, PEM_END = "-----BEGIN " + "RSA PRIVATE KEY-----", "-----END " + "RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1" + ".eyJzdWIiOiIxMjM0NTY3" + ".c2lnbmF0dXJl-_x"
# Each family: the text around the secret, and the secret.
PLANTED = [
    ("postgres", "postgres://app:{}@db/x", "s3cr3t/with@signs"),
    ("mongodb", "mongodb+srv://u:{}@c0.example/db?w=majority", "pa5sw0rd"),
    ("sentry dsn", "https://{}@o1.ingest.example/42", HEX),
    ("go mysql dsn", "open app:{}@tcp(db:3306)/shop: refused", "hunter2x"),
    ("jdbc oracle", "jdbc:oracle:thin:scott/{}@db:1521", "t1ger"),
    ("basic header", "Authorization: Basic {}", "dXNlcjpwYXNz"),
    ("bearer header", "> authorization: bearer {}", LONG),
    ("proxy header", "Proxy-Authorization=Digest {}", LONG),
    ("go header map", "map[Authorization:[Bearer {}] Accept:[*/*]]", LONG),
    ("opsgenie", "Authorization: GenieKey {}", HEX),
    ("bare bearer", "sent Bearer {} to upstream", LONG),
    ("cookie", "Cookie: a=b; session={}", LONG),
    ("json cookie", '{{"cookie":"sid={}","user":"x"}}', LONG),
    ("api key header", "X-Api-Key: {}", "abc123def"),
    ("vault header", "x-vault-token={}", "abc123def"),
    ("csrf header", "X-CSRF-Token: {}", "abc123def"),
    ("slack signature", "X-Slack-Signature: {}", "v0=" + HEX),
    ("gitlab header", "PRIVATE-TOKEN: {}", "abc123def"),
    ("jwt", "got {} from peer", JWT),
    ("slack bot", "{}", "xox" + "b-123456789012-" + LONG),
    ("slack app", "{}", "xap" + "p-1-A012-" + LONG),
    ("slack hook", "POST https://hooks.slack.com/services/{}: 404", "T000/B000/" + LONG),
    ("github", "clone {}", "gh" + "p_" + "aB3" * 12),
    ("github pat", "{}", "github" + "_pat_" + LONG),
    ("gitlab", "{}", "glp" + "at-" + "aB3" * 7),
    ("aws id", "key {} used", "AKI" + "A" + "ABCDEFGH23456723"),
    ("aws pair", "{}", "AKI" + "AABCDEFGH23456723:" + "aB3/" * 10),
    ("aws secret", "aws_secret_access_key = {}", "aB3/" * 10),
    ("aws session", 'AWS_SESSION_TOKEN="{}"', "FwoGZXIv" + B64),
    ("google", "key={}", "AIz" + "a" + "aB3-_" * 7),
    ("google oauth", "{}", "ya2" + "9." + LONG),
    ("azure storage", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};E=y", B64 + "=="),
    ("azure bus", "Endpoint=sb://x/;SharedAccessKeyName=R;SharedAccessKey={}", B64 + "="),
    ("azure sas", "https://x.blob.example/c?sv=2020&sig={}&se=2026", "aB3%2Fx%3D"),
    ("azure client", "{}", "abc8Q" + "~" + "aB3.-" * 7),
    ("openai", "{}", "sk" + "-proj-" + LONG),
    ("anthropic", "{}", "sk" + "-ant-api03-" + LONG),
    ("hugging face", "{}", "h" + "f_" + "aBc" * 11),
    ("stripe", "{}", "sk" + "_live_" + LONG),
    ("grafana", "{}", "gls" + "a_" + "aB3" * 11 + "_1234abcd"),
    ("pagerduty", "routing_key: {}", HEX),
    ("datadog", "DD_API_KEY={}", HEX),
    ("npm", "//registry/:_authToken={}", "np" + "m_" + "aB3" * 12),
    ("pypi", "{}", "pyp" + "i-" + "AgEIcHlwaS5vcmc" * 3),
    ("digitalocean", "{}", "do" + "p_v1_" + "ab" * 32),
    ("databricks", "{}", "dap" + "i" + HEX),
    ("shopify", "{}", "shp" + "at_" + HEX),
    ("sendgrid", "{}", "S" + "G." + "aB3" * 7 + "." + "aB3" * 14),
    ("vault", "{}", "hv" + "s." + "aB3" * 9),
    ("old vault", "login {} ok", "s" + "." + "aB3" * 8),
    ("doppler", "{}", "dp" + ".pt." + "aB3" * 14),
    ("age", "{}", "AGE-SECRET" + "-KEY-1" + "QPZRY" * 11),
    ("telegram", "bot {}", "123456789" + ":AA" + "aB3" * 11),
    ("discord", "https://discord.com/api/webhooks/{}", "123456/" + LONG),
    ("docker auth", '{{"auths":{{"r":{{"auth":"{}"}}}}}}', "dXNlcjpwYXNzd29yZA=="),
    ("google presigned", "?X-Goog-Signature={}&x=1", HEX),
    ("amz security token", "&X-Amz-Security-Token={}", B64),
    ("query token", "GET /x?access_token={}&y=1 200", LONG),
    ("query key", "GET /x?key={} 200", "aB3dE6"),
    ("query code", "GET /cb?code={}&state=1", LONG),
    ("escaped ampersand", '{{"url":"https://x/?token={}\\u0026a=1"}}', "aB3dE6"),
    ("encoded query", "redirect=https%3A%2F%2Fx%3Ftoken%3D{}%26a%3D1", "aB3dE6"),
    ("logfmt", "level=info password={} took=1ms", "hunter2"),
    ("logfmt quoted", 'level=info password="{}" took=1ms', "hunter two, x"),
    ("digits only", "password={} x", "87654321"),
    ("mixed case", "dbPassWord := {}", "hunter2"),
    ("hash rocket", ":secret => '{}'", "hunter2"),
    ("yaml", "db:\n  password: {}\n  host: x", "hunter two"),
    ("yaml block", "password: |\n  {}\n  more\nhost: x", "hunter2line"),
    ("env dump", "export DB_PASSWORD={}\nHOST=x", "p4ss w0rd"),
    ("env in a pod", "- name: DB_PASSWORD\n  value: {}\n", "hunter2"),
    ("env in json", '{{"name":"DB_PASSWORD","value":"{}"}}', "hunter2"),
    ("json in json", '{{"msg":"{{\\"password\\":\\"{}\\",\\"a\\":1}}"}}', "hunter two"),
    ("json object", '{{"credentials":{{"user":"u","pw":"{}"}},"a":1}}', "hunter2"),
    ("json list", '{{"secrets":["a","{}"],"a":1}}', "hunter2"),
    ("cut json", '{{"a":1,"password":"{}', "hunter two"),
    ("go map", "map[password:{} user:x]", "hunter2"),
    ("connection string", "connectionString='{}'", "Server=x;Uid=y"),
    ("mysql option", "mysql -h db -u app -p{} shop", "hunter2"),
    ("long option", "run --password {} --host x", "hunter2"),
    ("api token option", "run --api-token={} x", "hunter2"),
    ("curl user", "curl -u app:{} https://x", "hunter2"),
    ("curl header", "curl -H 'Authorization: token {}' https://x", LONG),
    ("sshpass", "sshpass -p {} ssh x", "hunter2"),
    ("pgpassword", "PGPASSWORD={} psql", "hunter2"),
    ("sql", "ALTER USER app IDENTIFIED BY '{}'", "hunter2"),
    ("secret manifest", "kind: Secret\ndata:\n  tls.key: {}\n  b: x\ntype: Opaque", B64),
    ("secret manifest with data first", "data:\n  k: {}\nkind: Secret\nmetadata:\n  name: x", B64),
    ("secret manifest in json", '{{"kind":"Secret","stringData":{{"k":"{}"}},"m":1}}', "hunter two"),
    ("last applied", 'last: "{{\\"kind\\":\\"Secret\\",\\"data\\":{{\\"k\\":\\"{}\\"}}}}"', B64),
    ("e-mail", "mail to {}@example.org failed", "jane.doe"),
    ("card", "card={} x", "4111-1111-1111-1111"),
    ("amex", "card {} x", "3782 822463 10005"),
    ("bare card", "card {} x", "5555555555554444"),
    ("iban", "from {} to", "DE89 3704 0044 0532 0130 00"),
    ("compact iban", "from {} to", "GB82WEST12345698765432"),
    ("phone", "call {} now", "+49 170 1234567"),
    ("ssn", "ssn {} x", "123-45-6789"),
    ("pem", f"a {PEM_BEGIN}\n{{}}\n{PEM_END} b", "MIIEow" + B64),
    ("pem in json", f'{{{{"private_key":"{PEM_BEGIN}\\n{{}}\\n{PEM_END}\\n","a":1}}}}', "MIIEow" + B64),
    ("end of pem", f"{{}}\n{PEM_END}\nnext", B64),
]


@pytest.mark.parametrize(("around", "secret"), [pytest.param(a, s, id=name) for name, a, s in PLANTED])
def test_a_planted_secret_is_gone_wherever_it_stands(around: str, secret: str) -> None:
    line = around.format(secret)
    for text in (line, f"first line\n{line}\nlast line", f"{line}\n{line}"):
        redacted = redact(text)
        assert secret not in redacted, redacted
        assert "[REDACTED:" in redacted
        assert redact(redacted) == redacted


@pytest.mark.parametrize(("around", "secret"), [pytest.param(a, s, id=name) for name, a, s in PLANTED])
def test_a_planted_secret_is_gone_from_a_json_log_line(around: str, secret: str) -> None:
    line = json.dumps({"level": "error", "msg": around.format(secret), "n": 1})
    redacted = redact(line)
    assert secret not in redacted, redacted
    assert json.dumps(secret)[1:-1] not in redacted, redacted
    assert redact(redacted) == redacted


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("a=1 password=x2y b=2") == "a=1 password=[REDACTED:kv] b=2"
    assert redact(f"x {PEM_BEGIN}\nabc\n{PEM_END} y") == "x [REDACTED:private_key] y"
    assert redact("a jane@example.org b") == "a [REDACTED:email]@example.org b"
    assert (
        redact("kind: Secret\ndata:\n  a: b\ntype: Opaque")
        == "kind: Secret\ndata:\n[REDACTED:k8s_secret]\ntype: Opaque"
    )


def test_two_secrets_of_a_line_both_go() -> None:
    redacted = redact("password=one1 token=two2 https://u:three3@h/")
    assert not {"one1", "two2", "three3"} & set(redacted.replace("=", " ").split())
    assert redacted.count("[REDACTED:") == 3


def test_many_keys_without_an_end_are_one_marker() -> None:
    assert redact(("-----BEGIN " + "PRIVATE KEY-----") * 3000) == "[REDACTED:private_key]"


def test_certificates_are_not_secret_but_their_body_is_left_out() -> None:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    assert redact(f"{begin}\nMIIB\n{end}") == f"{begin}\nMIIB\n{end}"
    before = counts()
    assert redact(f"x {begin}\n" + ("MIIBaB3/" * 8 + "\n") * 20 + f"{end} y") == f"x {begin} […] {end} y"
    assert counts() == before


def test_a_key_whose_lines_were_logged_one_by_one_is_gone() -> None:
    assert redact("MIIEow" + "aB3/" * 14 + "aB") == "[REDACTED:private_key]"
    assert redact("0a1b2c3d" * 8) == "0a1b2c3d" * 8


def test_a_token_that_the_cut_of_a_long_line_would_split_is_gone() -> None:
    token = "gh" + "p_" + "aB3" * 12
    for offset in range(redaction.LINE_CHARACTERS - 60, redaction.LINE_CHARACTERS + 5, 3):
        redacted = redact("x" * (offset - 1) + " " + token + " " + "y" * 9000)
        assert "aB3" not in redacted
        assert len(redacted) <= redaction.LINE_CHARACTERS
        assert redacted.endswith(" […]")
        assert redact(redacted) == redacted


def test_a_key_that_the_cut_of_a_long_text_would_split_is_gone() -> None:
    lines = "a line of log that says nothing\n" * 2047
    redacted = redact(lines + PEM_BEGIN + "\n" + "QUJDxyz" * 2000)
    assert "QUJDxyz" not in redacted
    assert len(redacted) <= redaction.TEXT_CHARACTERS


def test_labels_go_by_their_names_and_by_what_they_hold() -> None:
    assert redact_labels(
        {
            "namespace": "shop",
            "api_key": "zz-top",
            "secret": "shop-tls",
            "runbook_url": "https://u:pw123@wiki/x",
            "secret.reloader.example.com/reload": "db",
            "pod": "checkout-7d9f8b6c5-x2x1z",
            "password_resets_total": "17",
        }
    ) == {
        "namespace": "shop",
        "api_key": "[REDACTED:kv]",
        "secret": "shop-tls",
        "runbook_url": "https://[REDACTED:url_userinfo]@wiki/x",
        "secret.reloader.example.com/reload": "db",
        "pod": "checkout-7d9f8b6c5-x2x1z",
        "password_resets_total": "17",
    }


def test_a_named_value_goes_whole_even_with_spaces() -> None:
    assert redact_value("dbPassword", "two words") == "[REDACTED:kv]"
    assert redact_value("dbPassword", "[REDACTED:kv]") == "[REDACTED:kv]"
    assert redact_value("note", "two words") == "two words"


def test_each_redaction_is_counted_by_its_kind() -> None:
    before = counts()
    redact("postgres://a:b1c2@h/ and password=x1 token=y2")
    after = counts()
    assert after["url_userinfo"] - before.get("url_userinfo", 0) == 1
    assert after["kv"] - before.get("kv", 0) == 2


def test_what_cannot_be_judged_is_withheld() -> None:
    class Broken(str):
        __slots__ = ()

        def lower(self) -> str:
            raise RuntimeError

    assert redact(Broken("password=hunter2")) == "[withheld: redaction failed]"
