//! What the name of a variable says about its value.
//!
//! Only a secret that nobody else knows yet can be drawn at random: a key that a service encrypts with, not one that
//! somebody has issued. The rules refuse too much rather than too little, because a wrong value looks like a right one.

/// Parts of a name that say secret wherever they stand.
const SECRET_PARTS: [&str; 4] = ["SECRET", "PASSWORD", "PASSWD", "PASSPHRASE"];
/// Words that say secret as the end of a word, so that `KEYCLOAK` and `TOKENIZER` do not.
const SECRET_ENDS: [&str; 4] = ["KEY", "TOKEN", "SALT", "PEPPER"];
/// Words that end like those and are none.
const NO_SECRETS: [&str; 4] = ["HOTKEY", "TURKEY", "MONKEY", "WHISKEY"];
/// Last words of names that hold something about a secret, or where it is kept.
const ABOUT: [&str; 40] = [
    "ADDR",
    "ADDRESS",
    "ALG",
    "ALGORITHM",
    "ARN",
    "BITS",
    "CHARSET",
    "COUNT",
    "DIR",
    "DIRECTORY",
    "DOMAIN",
    "ENABLED",
    "ENDPOINT",
    "EXPIRATION",
    "EXPIRES",
    "EXPIRY",
    "FILE",
    "FOLDER",
    "FORMAT",
    "HEADER",
    "HOST",
    "HOSTNAME",
    "ID",
    "ISSUER",
    "LENGTH",
    "LIFETIME",
    "LOCATION",
    "LOGIN",
    "NAME",
    "PATH",
    "POLICY",
    "PORT",
    "PREFIX",
    "SIZE",
    "TTL",
    "TYPE",
    "URI",
    "URL",
    "USER",
    "USERNAME",
];
/// Neighbouring words of secrets that somebody else has issued or knows as well.
const ISSUED: [(&str, &str); 18] = [
    ("ACCESS", "KEY"),
    ("ACCESS", "TOKEN"),
    ("ACCOUNT", "KEY"),
    ("API", "KEY"),
    ("API", "SECRET"),
    ("API", "TOKEN"),
    ("BOT", "TOKEN"),
    ("CLIENT", "SECRET"),
    ("CONSUMER", "SECRET"),
    ("LICENCE", "KEY"),
    ("LICENSE", "KEY"),
    ("PRIVATE", "KEY"),
    ("PUBLIC", "KEY"),
    ("REFRESH", "TOKEN"),
    ("SITE", "KEY"),
    ("SSH", "KEY"),
    ("TLS", "KEY"),
    ("TUNNEL", "TOKEN"),
];
/// Words that name who issued it: vendors, mail servers, directories, certificates.
const ISSUERS: [&str; 42] = [
    "ANTHROPIC",
    "APNS",
    "AWS",
    "AZURE",
    "BITBUCKET",
    "CAPTCHA",
    "CERT",
    "CERTIFICATE",
    "CLOUDFLARE",
    "DATADOG",
    "DISCORD",
    "DOCKERHUB",
    "DROPBOX",
    "EMAIL",
    "FACEBOOK",
    "FCM",
    "FIREBASE",
    "GCP",
    "GEMINI",
    "GH",
    "GITEE",
    "GITHUB",
    "GITLAB",
    "GOOGLE",
    "HCAPTCHA",
    "HUGGINGFACE",
    "IMAP",
    "JIRA",
    "LDAP",
    "MAIL",
    "MAILGUN",
    "OAUTH",
    "OAUTH2",
    "OIDC",
    "OPENAI",
    "RECAPTCHA",
    "SENDGRID",
    "SENTRY",
    "SLACK",
    "SMTP",
    "STRIPE",
    "TWILIO",
];

/// Whether any random value will do: the name says that it holds a secret, and not one that somebody else has issued.
pub fn secret_like(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split(['_', '-', '.']).filter(|word| !word.is_empty()).collect();
    let says_secret = |word: &str| {
        SECRET_PARTS.iter().any(|part| word.contains(part))
            || (SECRET_ENDS.iter().any(|end| word.ends_with(end)) && !NO_SECRETS.contains(&word))
    };
    let about = words.last().is_some_and(|last| ABOUT.contains(last));
    let issued = words.windows(2).any(|pair| ISSUED.contains(&(pair[0], pair[1])))
        || words.iter().any(|word| ISSUERS.contains(word));
    let in_one_word = ISSUED.iter().any(|(one, other)| words.contains(&format!("{one}{other}").as_str()));
    words.iter().any(|word| says_secret(word)) && !about && !issued && !in_one_word
}

/// Whether it may be the password of somebody in a database, which the data itself remembers.
pub fn password_like(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASSWORD", "PASSWD"].iter().any(|part| name.contains(part))
        || name.split(['_', '-', '.']).any(|word| matches!(word, "PASS" | "PWD" | "PW"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_may_be_drawn_is_told_by_its_name() {
        for name in [
            "ENCRYPTION_SECRET",
            "ENCRYPTION_KEY",
            "APP_KEY",
            "SECRET_KEY",
            "SECRET_KEY_BASE",
            "JWT_SECRET",
            "jwt_secret",
            "JWTSECRET",
            "NEXTAUTH_SECRET",
            "SESSION_SECRET",
            "DJANGO_SECRET_KEY",
            "N8N_ENCRYPTION_KEY",
            "MYSQL_ROOT_PASSWORD",
            "POSTGRES_PASSWORD",
            "POSTGRES_PASSWD",
            "KEYCLOAK_ADMIN_PASSWORD",
            "REDIS_PASSWORD",
            "ADMIN_TOKEN",
            "AUTHTOKEN",
            "KEY_PASSPHRASE",
            "PASSWORD_SALT",
            "PEPPER",
            "MEILI_MASTER_KEY",
            "SECRETKEY",
        ] {
            assert!(secret_like(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_secret_or_somebody_elses_is_never_drawn() {
        for name in [
            "KEYCLOAK",
            "KEYCLOAK_HOST",
            "KEYSPACE",
            "KEYBOARD",
            "MONKEY",
            "TOKENIZER",
            "SECRET_FILE",
            "PASSWORD_FILE",
            "TOKEN_URL",
            "KEY_PATH",
            "SECRET_NAME",
            "KEY_ID",
            "AWS_ACCESS_KEY_ID",
            "TOKEN_TTL",
            "SECRET_LENGTH",
            "PORT",
            "TAG",
            "MYSQL_USER",
            "DATABASE_URL",
            "",
            "_",
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "GITHUB_APP_SECRET",
            "OPENAI_API_KEY",
            "API_KEY",
            "APIKEY",
            "SLACK_BOT_TOKEN",
            "STRIPE_SECRET_KEY",
            "OAUTH_CLIENT_SECRET",
            "SMTP_PASSWORD",
            "LDAP_BIND_PASSWORD",
            "TLS_KEY",
            "SSH_PRIVATE_KEY",
            "LICENSE_KEY",
            "RECAPTCHA_SITE_KEY",
        ] {
            assert!(!secret_like(name), "{name}");
        }
    }

    #[test]
    fn a_password_is_not_a_key() {
        for name in ["MYSQL_PASSWORD", "PGPASSWORD", "DB_PASSWD", "DB_PASS", "mysql_root_password"] {
            assert!(password_like(name), "{name}");
        }
        for name in ["ENCRYPTION_SECRET", "APP_KEY", "PASSPHRASE", "COMPASS"] {
            assert!(!password_like(name), "{name}");
        }
    }
}
