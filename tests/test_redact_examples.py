"""Each kind of secret, as the redaction contract spells it, and what only looks like one."""

import pytest

from app.redact import redact

HEX = "9f" * 16
EXPECTED = [
    ("redis://:hunter2hunter@cache:6379/0", "redis://[REDACTED:url_userinfo]@cache:6379/0"),
    ('{"Authorization":"Basic dXNlcjpwYXNz","x":1}', '{"Authorization":"Basic [REDACTED:auth_header]","x":1}'),
    (
        '{"password":"a b c","user":"x","apiKey":"zzzzzz"}',
        '{"password":"[REDACTED:kv]","user":"x","apiKey":"[REDACTED:kv]"}',
    ),
    ("Set-Cookie: sid=abc; Path=/", "Set-Cookie: [REDACTED:cookie]"),
    (
        "https://b/k?X-Amz-Signature=deadbeef&X-Amz-Date=2026",
        "https://b/k?X-Amz-Signature=[REDACTED:presigned]&X-Amz-Date=2026",
    ),
    ("-----BEGIN " + "PRIVATE KEY-----\nMIIabcdef", "[REDACTED:private_key]"),
    ("pan 4111 1111 1111 1111 end", "pan [REDACTED:card] end"),
    (
        "dial postgres://app:s3cr3t%40x@db.shop:5432/o failed",
        "dial postgres://[REDACTED:url_userinfo]@db.shop:5432/o failed",
    ),
]
UNTOUCHED = [
    "trace 1787392800123456789 id",
    "GET /tokens/list 200 12ms",
    f"exit 137 node ip-10-0-1-2 sha256:{'ab12' * 16}",
    "pod shop/checkout-7d9f8b6c5-x2x1z restarted 5 times",
    'pod_template_hash="7d9f8b6c5" uid=0b6a4c3e-1f2d-4a5b-8c9d-0e1f2a3b4c5d',
    f"commit {'0a1b2c3d4e' * 4} by build 1234",
    f"trace_id={HEX} span_id=00f067aa0ba902b7 traceparent=00-{HEX}-00f067aa0ba902b7-01",
    'resourceVersion: "123456789"',
    "fingerprint 4111111111111111a",
    "secretName: my-tls",
    "secretKeyRef:\n  name: db\n  key: password",
    "imagePullSecrets:\n- name: regcred",
    '{"imagePullSecrets":[{"name":"regcred"}],"secretName":"db-tls"}',
    "tokenreviews.authentication.k8s.io is forbidden",
    "token_count=5 max_tokens=4096 prompt_tokens: 1500",
    "rate(password_resets_total[5m]) > 3",
    'kube_secret_info{secret="shop-tls"} == 1',
    "SecretNotFound: there is none",
    'MountVolume.SetUp failed for volume "db-secret" : secret "db-secret" not found',
    'MountVolume.SetUp failed for volume "default-token-x7k2p" : timed out waiting for the condition',
    "open /var/run/secrets/kubernetes.io/serviceaccount/token: permission denied",
    "open /etc/app/password: no such file or directory",
    'Back-off pulling image "registry.example/shop/secret-manager:1.2.3"',
    "docker-pullable://nginx:1.25@sha256:" + "ab" * 32,
    "dial tcp: lookup token-service.shop.svc.cluster.local: no such host",
    "Get http://password-reset:8080/health: connection refused",
    "dial token-service:8080 failed",
    "couldn't find key DB_PASSWORD in Secret shop/db",
    "invalid token: expired",
    "password=${DB_PASSWORD} token=$(TOKEN) secret={{ .Values.secret }}",
    "password=*** token=<redacted> secret=null passwordEnabled=true",
    "http://[::1]:8080/a@b http://127.0.0.1:9090/graph?g0.expr=up%7Bjob%3D%22x%22%7D",
    "https://github.com/o/r.git git@github.com:o/r.git",
    "2026-11-22T23:44:46.572353Z took=12ms n=1.5e+10 ratio=0.999 offset=+0000",
    "namespace/kube-system node-3 10.42.0.17:8080 aa:bb:cc:dd:ee:ff",
    "x" * 4000,
    "",
    "Überlast: 你好 🚒",
]


@pytest.mark.parametrize(("text", "expected"), EXPECTED)
def test_the_agreed_examples_come_out_word_for_word(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text
