//! The shapes of secrets.

use std::sync::LazyLock;

use regex::Regex;

/// One shape, and what becomes of a text that has it.
pub(super) struct Shape {
    pub pattern: Regex,
    pub replacement: &'static str,
}

/// What the names of secret values contain.
const SECRET_WORD: &str = r"(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|(?:access|account|shared[_-]?access|private|encryption|signing|master|storage|auth|subscription|instrumentation|primary|secondary|client|ssh|license|webhook|session|service|app|jwt|hmac|cipher|crypt|deploy|admin)[_-]?key|key[_-]?base|credential|connection[_-]?string)";

/// A value in quotes, escaped quotes included, or up to a space or separator.
const VALUE: &str = r#"(?:\[redacted\]|\\?"(?:[^"\\]|\\[^"])*\\?"|\\?'[^']*'|[^\s"',;&|)}\]\\]+)"#;

pub(super) static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let shape = |pattern: &str, replacement| Shape {
        pattern: Regex::new(&pattern.replace("SECRET_WORD", SECRET_WORD).replace("VALUE", VALUE))
            .expect("a test compiles every shape"),
        replacement,
    };
    vec![
        // `MYSQL_ROOT_PASSWORD=…`, `ClientSecret = …`, `Password=…;` of a connection string; with or without quotes.
        shape(r#"(?i)([\w.-]*SECRET_WORD[\w.-]*["']?\s*=\s*)VALUE"#, "${1}[redacted]"),
        shape(r#"(?i)([\w-]*(?:[_-]pass|[_-]pwd|[_-]auth|[_-]sas|_dsn|_pat)["']?\s*=\s*)VALUE"#, "${1}[redacted]"),
        shape(
            r#"(?i)((?:^|[;\s"'?&])(?:pwd|pass|auth|sas|pat|creds?)\s*=\s*)([^\s"',;&/][^\s"',;&]*)"#,
            "${1}[redacted]",
        ),
        shape(r"\b([A-Z0-9]+(?:_[A-Z0-9]+)*_KEY\s*=\s*)VALUE", "${1}[redacted]"),
        // `"apiKey": "…"`, `'password': '…'`, and the same escaped.
        shape(
            r#"(?i)(\\?["'][\w.-]*(?:SECRET_WORD|[_-]key|passwd|pwd|\bpass)[\w.-]*\\?["']\s*:\s*)(?:\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*')"#,
            "${1}[redacted]",
        ),
        // `"auth": "dXNlcjpw…"` of Docker's own configuration.
        shape(r#"(?i)(\\?["'](?:auth|identitytoken|registrytoken)\\?["']\s*:\s*)\\?"[^"]{8,}""#, "${1}[redacted]"),
        // `{"name": "DB_PASSWORD", "value": "…"}`
        shape(
            r#"(?i)(\\?"name\\?"\s*:\s*\\?"[^"]*(?:SECRET_WORD|_key|_pass)[^"]*"\s*,\s*\\?"value\\?"\s*:\s*)\\?"[^"]*""#,
            "${1}[redacted]",
        ),
        // A YAML line, with the prefix of a log before it or not: the whole rest of a password, else one word, because
        // names of error types end in `Token` and `Credential` too and have a sentence behind them.
        shape(
            r"(?i)^((?:[\w.-]+\s*\|)?\s*(?:-\s+)?[\w.-]*(?:pass(?:word|wd|phrase)|[_-]pass)[\w.-]*\s*:\s+)(?:[^\s{\[$#&*|>].*)$",
            "${1}[redacted]",
        ),
        shape(
            r"(?i)^((?:[\w.-]+\s*\|)?\s*(?:-\s+)?[\w.-]*(?:SECRET_WORD|[_-]key)[\w.-]*\s*:\s+)(?:[^\s{\[$#&*|>]\S*)\s*$",
            "${1}[redacted]",
        ),
        // `<password>…</password>`
        shape(r"(?i)(<[\w:.-]*(?:SECRET_WORD|pwd)[\w:.-]*>)[^<]+", "${1}[redacted]"),
        // `--password …`, `--token=…`; `-p …` of a login
        shape(r"(?i)(--[\w-]*(?:SECRET_WORD|account-key|sas-token)[\w-]*[ =])VALUE", "${1}[redacted]"),
        shape(r"(?i)(\blogin\b.*\s-p\s*)VALUE", "${1}[redacted]"),
        shape(r"(?i)(\bmysql(?:dump|admin)?\b.*\s-p)[^\s-]\S*", "${1}[redacted]"),
        shape(r"(?i)(\bcurl\b.*\s(?:-u|--user)\s+[^\s:]+:)\S+", "${1}[redacted]"),
        // user:password@host in URLs and connection strings, and a token before the @
        shape(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@", "${1}[redacted]@"),
        shape(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[A-Za-z0-9_-]{20,}@", "${1}[redacted]@"),
        // user/password@host of Oracle, user:password@tcp(host) of Go's MySQL driver
        shape(r"\b([A-Za-z_]\w*/)[^\s/@]{4,}@(\(|//|[\w.-]+:\d)", "${1}[redacted]@${2}"),
        shape(r"\b([A-Za-z_][\w-]*:)[^\s@]+@((?:tcp|unix)\()", "${1}[redacted]@${2}"),
        // headers
        shape(r#"(?i)\b(authorization["']?\s*[:=]\s*["']?)(?:[A-Za-z][\w-]*\s+)?[^\s"',]{6,}"#, "${1}[redacted]"),
        shape(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_=.~-]{16,}", "${1} [redacted]"),
        shape(
            r"(?i)\b((?:x-[\w-]*(?:key|token|auth|secret|signature)|(?:set-)?cookie|private-token|api-key)\s*:\s*)\S.*",
            "${1}[redacted]",
        ),
        // signatures of URLs: shared access, S3, CloudFront, Google
        shape(
            r"(?i)([?&;](?:sig|signature|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|key-pair-id|access_token|id_token|refresh_token|code_verifier|client_assertion|key|apikey)=)[^&\s\x22']+",
            "${1}[redacted]",
        ),
        shape(r"(SharedAccessSignature\s+)sr=\S+", "${1}[redacted]"),
        // JSON Web Tokens
        shape(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}", "[redacted]"),
        // tokens with a well-known beginning
        shape(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA|AROA)[A-Z0-9]{16}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|s\.[A-Za-z0-9]{24}\b|do[opr]_v1_[a-f0-9]{32,}|dapi[a-f0-9]{32}|rubygems_[a-f0-9]{40,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_api_[A-Za-z0-9]{30,}|NRAK-[A-Z0-9]{20,}|key-[a-f0-9]{32})",
            "[redacted]",
        ),
        // a client secret of Entra ID
        shape(r"\b[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}", "[redacted]"),
        // a key of a storage account, a queue or a database account: 64 bytes in Base64
        shape(r"[A-Za-z0-9+/]{86}==", "[redacted]"),
        // webhooks and bots
        shape(r"(hooks\.slack\.com/(?:services|workflows|triggers)/)\S+", "${1}[redacted]"),
        shape(r"(discord(?:app)?\.com/api/webhooks/\d+/)\S+", "${1}[redacted]"),
        shape(r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b", "[redacted]"),
        shape(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", "[redacted]"),
    ]
});
