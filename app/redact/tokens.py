"""Tokens that vendors made recognisable, and key material: kind, hints in lower case, one bounded pattern."""

import re

_I = re.IGNORECASE

# Hints that most texts hold: they cannot say that a text is worth a look (a run of digits or a long word does).
TOO_COMMON = frozenset({"", "s.", ":a"})

# One line of a key whose lines were logged one by one: all three kinds of character, so no hash.
KEY_LINE = re.compile(
    r"^[ \t]{0,20}(?=[^\n]{0,75}[a-z])(?=[^\n]{0,75}[A-Z])(?=[^\n]{0,75}\d)(?P<secret>[A-Za-z0-9+/]{60,76}={0,2})\r?$",
    re.MULTILINE,
)

TOKEN_PATTERNS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("jwt", (".ey",), re.compile(r"\bey[A-Za-z0-9_-]{8,4000}\.ey[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{0,4000})?")),
    ("private_key", ("",), KEY_LINE),
    (
        "slack",
        ("xox", "xapp-", "hooks.slack.com"),
        re.compile(
            r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{8,300}|\bxapp-\d-[A-Za-z0-9-]{8,300}"
            r"|(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]{8,300}",
            _I,
        ),
    ),
    (
        "github",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255})"),
    ),
    (
        "gitlab",
        ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glagent-", "glft-", "glsoat-", "gloas-"),
        re.compile(r"\bgl(?:pat|dt|rt|cbt|ptt|agent|ft|soat|oas)-[\w.-]{16,300}"),
    ),
    (
        "aws",
        ("akia", "asia", "abia", "acca"),
        re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b(?:[:/, \t]{1,3}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))?"),
    ),
    ("gcp", ("aiza", "ya29."), re.compile(r"\bAIza[\w-]{35}|\bya29\.[\w.-]{16,1000}")),
    (
        "azure",
        ("accountkey", "sharedaccess", "q~"),
        re.compile(
            r"(?<=AccountKey=)[^;\s\"']{8,200}|(?<=SharedAccessKey=)[^;\s\"']{8,200}|(?<![\w~.])[\w~.]{3}\dQ~[\w~.-]{31,34}",
            _I,
        ),
    ),
    (
        "llm",
        ("sk-", "hf_", "gsk_", "pplx-", "xai-"),
        re.compile(r"\bsk-[\w-]{20,300}|\b(?:hf|gsk)_[A-Za-z0-9]{20,100}|\b(?:pplx|xai)-[A-Za-z0-9]{32,120}"),
    ),
    (
        "payment",
        ("_live_", "_test_", "_prod_", "whsec_", "sq0", "eaaa"),
        re.compile(
            r"\b[rsp]k_(?:live|test|prod)_[A-Za-z0-9]{10,200}|\bwhsec_[A-Za-z0-9+/=]{16,100}|\bsq0[a-z]{3}-[\w-]{22,60}|\bEAAA[\w-]{56,70}"
        ),
    ),
    (
        "observability",
        ("glsa_", "glc_", "sntrys_", "sntryu_", "nrak-", "geniekey"),
        re.compile(
            r"\bglsa_\w{32,60}|\bglc_[A-Za-z0-9+/=]{32,400}|\bsntry[su]_[\w+/=.-]{32,400}|\bNRAK-[A-Z0-9]{27}"
            r"|(?<=GenieKey )[A-Za-z0-9-]{16,64}"
        ),
    ),
    (
        "vault",
        ("hvs.", "hvb.", "hvr.", "s."),
        re.compile(r"\bhv[sbr]\.[\w-]{20,300}|(?<![\w./-])s\.[A-Za-z0-9]{24}(?![\w.-])"),
    ),
    (
        "registry",
        ("npm_", "pypi-", "dckr_pat_", "rubygems_", "akcp"),
        re.compile(
            r"\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{40,400}|\bdckr_pat_[\w-]{20,60}|\brubygems_[0-9a-f]{48}|\bAKCp[A-Za-z0-9]{60,80}"
        ),
    ),
    (
        "saas",
        (
            "_v1_",
            "dapi",
            "shp",
            "sg.",
            "dp.",
            "age-secret-key-",
            "ops_ey",
            "atatt3",
            "lin_api_",
            "pmak-",
            "figd_",
            "ntn_",
        ),
        re.compile(
            r"\bdo[opr]_v1_[0-9a-f]{64}|\bdapi[0-9a-f]{32}(?:-\d)?|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
            r"|\bSG\.[\w-]{16,32}\.[\w-]{30,64}|\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,80}|\bAGE-SECRET-KEY-1[A-Z0-9]{40,70}"
            r"|\bops_ey[\w+/=-]{40,2000}|\bATATT3[\w=-]{60,300}|\blin_api_[A-Za-z0-9]{32,60}|\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}"
            r"|\bfigd_[\w-]{32,80}|\bntn_[A-Za-z0-9]{40,60}"
        ),
    ),
    ("mailgun", ("key-",), re.compile(r"\bkey-[0-9a-f]{32}\b")),
    ("telegram", (":a",), re.compile(r"(?<!\d)\d{8,10}:A[\w-]{34}(?![\w-])")),
    (
        "webhook",
        ("discord", "webhook.office.com", "/integration/"),
        re.compile(
            r"(?<=discord\.com/api/webhooks/)[\w/-]{8,200}|(?<=discordapp\.com/api/webhooks/)[\w/-]{8,200}"
            r"|(?<=webhook\.office\.com/)[\w@/-]{8,400}|(?<=pagerduty\.com/integration/)\w{16,64}",
            _I,
        ),
    ),
    ("docker_auth", ("auth",), re.compile(r"(?<=\"auth)\\?\"\s{0,3}:\s{0,3}\\?\"(?P<secret>[A-Za-z0-9+/=]{8,1000})")),
)
