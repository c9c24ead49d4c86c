"""Shapes of the tokens and keys that services hand out.

Each row of `TOKENS` is one service; to know one more, add a row. The shapes are facts from the services' own
documentation and from the documented rules of secret scanners. Examples are put together when the module is
loaded, so that no scanner finds a token in this file.
"""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import re

from triage.text.secret_shapes import Shape, shape

_MIXED = "a1B2c3D4e5F6g7H8i9J0" * 8
_HEX = "0123456789abcdef" * 8
_UPPER = "Q2W3E4R5T6Z7" * 4
_UUID = "01234567-89ab-cdef-0123-456789abcdef"

_CUT = r"(?= [A-Za-z_.-]* \d ) [\w-]{4,} \.{3} [\w-]{4,} (?= ['\"] )"
"""What pytest leaves of a long text in quotes: its head and its tail, with dots between them."""

_WRAPPED = r"""(?: \\*["'] (?: \s | \\+n ){1,20} (?: E[ ]+ )? \\*["'] )?"""
"""Where a literal ends and goes on in the next line."""


def _prefixed(service: str, prefixes: str, body: str) -> Shape:
    """Make a row of a service whose tokens have one of some prefixes, separated by blanks, before `body`."""
    starts = prefixes.split()
    expression = rf"(?: {'|'.join(re.escape(start) for start in starts)} ) (?: {body} | {_CUT} )"
    sample = _HEX if "a-f" in body else _MIXED
    examples = [start + sample for start in starts]
    return shape(service, prefixes, expression, *examples, innocent=f"{starts[0]}x")


TOKENS = (
    shape("AWS key id", "AKIA ASIA ABIA ACCA", r"(?: AKIA | ASIA | ABIA | ACCA ) [A-Z0-9]{16}",
           "AKIA" + _UPPER, innocent="AKIAN"),
    _prefixed("AWS Bedrock", "ABSK", r"[A-Za-z0-9+/=]{60,}"),
    shape("AWS Marketplace", "amzn.mws.", r"amzn\.mws\.[0-9a-f-]{36}", "amzn.mws." + _UUID),
    _prefixed("Google API key", "AIza", r"[\w-]{30,}"),
    shape("Google OAuth", "ya29.", r"ya29\.[\w.-]{16,}", "ya29." + _MIXED, innocent="ya29.x"),
    shape("Google refresh token", "1//0", r"(?<!/) 1//0[\w-]{30,}", "1//0" + _MIXED, innocent="1//0"),
    _prefixed("Google OAuth client", "GOCSPX-", r"[\w-]{20,}"),
    shape("Azure client secret", "~", r"(?<![\w.~-]) [\w.~-]{3} \d Q~ [\w.~-]{31,34}",
           "abc8Q~" + _MIXED[:34], innocent="8Q~", begins=False),
    _prefixed("Azure DevOps", "azd_", r"[A-Za-z0-9]{40,}"),
    _prefixed("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{30,}"),
    _prefixed("GitHub, fine-grained", "github_pat_", r"\w{22,}"),
    shape("GitLab", "gl", r"gl (?: pat|ptt|dt|rt|cbt|ft|soat|imt|agent|oas|ffct|wt ) - [\w.-]{16,}",
           "glpat-" + _MIXED, "glrt-" + _MIXED, innocent="glpat-x"),
    _prefixed("GitLab runner", "GR1348941", r"[\w-]{20,}"),
    shape("Slack", "xox xapp- xwfp-",
           r"(?: xox[a-z] (?: \.xox[a-z] )? | xapp | xwfp ) - [\w-]{10,}",
           "xoxb-" + _MIXED, "xapp-1-" + _MIXED, innocent="xoxb"),
    shape("Slack webhook", "hooks.slack",
           r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/ (?P<secret> [\w+/-]{16,} )",
           "https://hooks.slack.com/services/T0/B0/" + _MIXED, innocent="https://hooks.slack.com/services/"),
    shape("Discord webhook", "/api/webhooks/", r"/api/webhooks/ (?P<secret> \d{5,}/[\w-]{16,} )",
           "https://discord.com/api/webhooks/12345678/" + _MIXED, innocent="/api/webhooks/1"),
    shape("Discord", "MT Mj Mz ND NT Nj Nz OD OT", r"(?<![._-]) [MNO][\w-]{22,27} \. [\w-]{6,7} \. [\w-]{27,}",
           "MTk4" + _MIXED[:20] + ".a1b2C3." + _MIXED[:30], innocent="Module.name.value"),
    shape("Teams webhook", "webhook.office.com logic.azure.com",
           r"webhook\.office\.com/webhookb2/ (?P<secret> [^\s'\"<>]{16,} )",
           "https://x.webhook.office.com/webhookb2/" + _UUID, innocent="webhook.office.com/"),
    shape("Google Chat and Zapier webhooks", "hooks.zapier.com", r"hooks\.zapier\.com/hooks/catch/ (?P<secret> [\w/]{8,} )",
           "https://hooks.zapier.com/hooks/catch/" + _HEX[:16], innocent="hooks.zapier.com/"),
    shape("Telegram", ":AA", r"(?<![0-9]) \d{7,11} :AA [\w-]{30,}", "123456789:AA" + _MIXED[:33], innocent="1:AAA", begins=False),
    shape("Stripe", "sk_live_ rk_live_ sk_test_ rk_test_ sk_prod_ rk_prod_ whsec_",
           r"(?: [rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,} | whsec_[A-Za-z0-9+/=]{20,} )",
           "sk_live_" + _MIXED, "rk_test_" + _MIXED, "whsec_" + _MIXED, innocent="task_live_abc"),
    _prefixed("npm", "npm_", r"[A-Za-z0-9]{30,}"),
    _prefixed("PyPI", "pypi-", r"[\w-]{40,}"),
    _prefixed("RubyGems", "rubygems_", r"[0-9a-f]{40,}"),
    shape("NuGet, crates.io", "oy2 cio", r"(?: oy2[a-z0-9]{43} | cio[A-Za-z0-9]{32} ) (?![A-Za-z0-9])",
           "oy2" + "a1b2" * 10 + "c3d", "cio" + _MIXED[:32], innocent="cio"),
    _prefixed("Docker Hub", "dckr_pat_ dckr_oat_", r"[\w-]{20,}"),
    _prefixed("Artifactory", "AKCp AKCP cmVmdGtu", r"[A-Za-z0-9]{50,}"),
    shape("Twilio", "SK", r"SK[0-9a-f]{32} (?![A-Za-z0-9])", "SK" + _HEX[:32], innocent="SKIPPED"),
    shape("SendGrid", "SG.", r"SG\.[\w-]{16,}\.[\w-]{16,}",
           "SG." + _MIXED[:22] + "." + _MIXED[:43], innocent="SG.x"),
    shape("Mailgun", "key-", r"(?<!-) key-[0-9a-f]{32}", "key-" + _HEX[:32], innocent="key-value"),
    shape("Mailchimp", "-us", r"(?<![0-9a-zA-Z]) [0-9a-f]{32}-us\d{1,2}", _HEX[:32] + "-us12", innocent="a-us1", begins=False),
    _prefixed("Sendinblue", "xkeysib- xsmtpsib-", r"[0-9a-f]{40,}[\w-]*"),
    _prefixed("Hugging Face", "hf_ api_org_", r"[A-Za-z0-9]{30,}"),
    shape("OpenAI, Anthropic and alike", "sk-", r"(?<![_-]) sk-(?=[\w-]{0,200}\d)[\w-]{20,}",
           "sk-" + _MIXED, "sk-proj-" + _MIXED, "sk-ant-api03-" + _MIXED, innocent="sk-learn"),
    _prefixed("other model hosts", "gsk_ r8_ pplx- xai- fw_ nvapi- lsv2_pt_ lsv2_sk_ pcsk_ jina_ tgp_v1_", r"[\w-]{24,}"),
    _prefixed("Databricks", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    _prefixed("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{40,}"),
    shape("Heroku", "HRKU-", r"HRKU-[\w-]{30,}", "HRKU-" + _UUID, innocent="HRKU-x"),
    shape("Square", "sq0 EAAA", r"(?: sq0[a-z]{3}-[\w-]{22,} | EAAA[\w-]{56,} )",
           "sq0csp-" + _MIXED, "EAAA" + _MIXED, innocent="sq0"),
    _prefixed("Shopify", "shpat_ shpca_ shppa_ shpss_", r"[0-9a-fA-F]{32}"),
    shape("Vault", "hvs. hvb. hvr. s.", r"(?<![_.]) (?: hv[sbr]\.[\w-]{20,} | s\.(?=[A-Za-z]{0,23}(?:\d|[A-Z]{2}))[A-Za-z0-9]{24} (?![\w.(]) )",
           "hvs." + _MIXED, "s." + _MIXED[:24], innocent="s.startswith"),
    shape("Doppler", "dp.", r"(?<![_.]) dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,}",
           "dp.pt." + _MIXED[:43], innocent="dp.st.x"),
    shape("Atlassian", "ATATT3 ATCTT3 ATBB", r"(?: AT[AC]TT3[\w=+/-]{50,} | ATBB[A-Za-z0-9]{24,} )",
           "ATATT3" + _MIXED, "ATBB" + _MIXED, innocent="ATBB"),
    _prefixed("planning tools", "lin_api_ lin_oauth_ ntn_ figd_ PMAK- tfp_ duffel_live_ duffel_test_ shippo_live_ CFPAT-", r"[\w-]{24,}"),
    _prefixed("Notion", "secret_", r"[A-Za-z0-9]{43}"),
    shape("Airtable", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat" + _MIXED[:14] + "." + _HEX[:64]),
    shape("HubSpot", "pat-", r"pat-(?:na|eu)\d-[0-9a-fA-F-]{36}", "pat-na1-" + _UUID, innocent="pat-na1"),
    _prefixed("New Relic", "NRAK- NRII- NRJS- NRRA- NRSP-", r"[\w-]{16,}"),
    _prefixed("Sentry", "sntrys_ sntryu_", r"[\w=+/-]{30,}"),
    _prefixed("Grafana", "glsa_ glc_", r"[\w=+/]{30,}"),
    _prefixed("Dynatrace", "dt0c01. dt0s01. dt0s16.", r"[A-Za-z0-9.]{24,}"),
    _prefixed("PlanetScale, Supabase, Neon, MongoDB", "pscale_tkn_ pscale_pw_ pscale_oauth_ sbp_ sb_secret_ napi_ mdb_sa_sk_", r"[\w.=-]{20,}"),
    _prefixed("Pulumi", "pul-", r"[0-9a-f]{40}"),
    shape("Terraform", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,}", _MIXED[:14] + ".atlasv1." + _MIXED[:64], innocent="x.atlasv1.y", begins=False),
    _prefixed("Fly, Netlify, Vercel, Render", "fm1_ fm2_ fo1_ nfp_ vcp_ vck_ rnd_", r"[\w+/=,-]{24,}"),
    _prefixed("Cloudflare origin", "v1.0-", r"[0-9a-f]{24}[0-9a-f-]*"),
    _prefixed("JFrog, Sonar, CircleCI, Buildkite, Snyk", "sqp_ squ_ sqa_ CCIPAT_ CCIPRJ_ bkua_ snyk_uat.", r"[\w.-]{30,}"),
    _prefixed("Tailscale, Prefect, Readme, Adafruit, Sourcegraph", "tskey- pnu_ rdme_ aio_ sgp_ CLOJARS_", r"[\w-]{24,}"),
    shape("OpenShift", "sha256~", r"sha256~[\w-]{40,}", "sha256~" + _MIXED[:43], innocent="sha256:x"),
    shape("age", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}", "AGE-SECRET-KEY-1" + _UPPER, innocent="AGE-SECRET"),
    shape("1Password", "ops_eyJ A3-", r"ops_eyJ[\w=+/-]{30,} | A3-[A-Z0-9]{6}-(?:[A-Z0-9]{5,11}-){2,5}[A-Z0-9]{5}",
           "ops_eyJ" + _MIXED, "A3-ABC123-ABCDE12345F-ABCDE-12345-ABCDE", innocent="A3-x"),
    shape("Alibaba, Tencent, Yandex", "LTAI AKID t1.9euelz AQVN",
           r"(?: LTAI[A-Za-z0-9]{12,} | AKID[A-Za-z0-9]{32} | t1\.9euelz[\w.=-]{30,} | AQVN[\w-]{35,} )",
           "LTAI" + _MIXED[:20], "AKID" + _MIXED[:32], innocent="LTAI"),
    _prefixed("Facebook", "EAAB EAAC EAAD EAAG EAAJ", r"[A-Za-z0-9]{60,}"),
    shape("Plaid", "access-", r"access-(?:sandbox|development|production)-[0-9a-f-]{36}",
           "access-sandbox-" + _UUID, innocent="access-log"),
    _prefixed("Flutterwave, EasyPost, LaunchDarkly", "FLWSECK- FLWSECK_TEST- EZAK EZTK sdk- mob-", r"(?=[A-Za-z-]{0,40}\d)[0-9a-zA-Z-]{32,}"),
    shape("JSON Web Token", "eyJ", rf"(?<![_-]) eyJ[\w-]{{8,}}+ (?: \. {_WRAPPED} [\w-]{{8,}}+ (?: \. {_WRAPPED} [\w-]* ){{0,3}} | \.\.\. )",
           "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJqb2UifQ." + "c2lnbmF0dXJl", "eyJhbGciOiJIUzI1NiJ9" + "...", innocent="eyJ"),
)  # fmt: skip
"""One row a service, or a few with tokens of one form."""
