//! Every shape is taken out; what a person has to read stays.

use super::*;

/// A line, and the part of it that must not be seen.
const SECRETS: &[(&str, &str)] = &[
    ("MYSQL_ROOT_PASSWORD=hunter2hunter2", "hunter2"),
    ("  - POSTGRES_PASSWORD=correct-horse", "correct-horse"),
    ("DB_PASS=opensesame", "opensesame"),
    ("export SMTP_PWD='with space inside'", "space"),
    ("ENCRYPTION_SECRET=Zm9vYmFyYmF6", "Zm9v"),
    ("APP_KEY=base64:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ", "q83v"),
    ("SECRET_KEY_BASE=0123456789abcdef", "0123456789abcdef"),
    ("STRIPE_WEBHOOK_KEY = abcdefgh", "abcdefgh"),
    ("  password: 'with space inside'", "space"),
    ("db-1  | root_password: plain words too", "plain"),
    ("  api_token: 0a1b2c3d4e5f", "0a1b2c3d"),
    (r#"{"apiKey": "abc123"}"#, "abc123"),
    (r#"{\"clientSecret\":\"abc123\",\"x\":1}"#, "abc123"),
    ("{'password': 'abc123', 'user': 'x'}", "abc123"),
    (r#"{"auths":{"registry.example":{"auth":"dXNlcjpwYXNzd29yZA=="}}}"#, "dXNl"),
    (r#"{"identitytoken": "0123456789abcdef"}"#, "0123456789"),
    (r#"{"name": "DB_PASSWORD", "value": "abc123"}"#, "abc123"),
    ("<adminPassword>abc123</adminPassword>", "abc123"),
    ("postgres://app:s3cr3t@db:5432/x", "s3cr3t"),
    ("redis://:s3cr3t@cache:6379/0", "s3cr3t"),
    ("mongodb+srv://app:s3cr3t@cluster.example/x", "s3cr3t"),
    ("fatal: unable to access 'https://0123456789abcdefghij0123@git.example/x.git/'", "0123456789abcdefghij"),
    ("scott/tig3rtig3r@//db:1521/x", "tig3r"),
    ("app:s3cr3t@tcp(db:3306)/x", "s3cr3t"),
    ("Server=db;User ID=sa;Password=P4ss.word!;Encrypt=true", "P4ss"),
    ("Server=db;Uid=sa;Pwd=P4ss.word!;", "P4ss"),
    ("DefaultEndpointsProtocol=https;AccountName=x;AccountKey=Zm9vYmFyYmF6;EndpointSuffix=y", "Zm9v"),
    ("Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey=Zm9vYmFyYmF6=", "Zm9v"),
    ("InstrumentationKey=00000000-1111-2222-3333-444444444444;IngestionEndpoint=x", "00000000-1111"),
    ("https://x.blob/y?sv=1&sig=AbC%2F123&se=2", "AbC"),
    ("https://s3.example/x?X-Amz-Credential=AKIAX/1&X-Amz-Signature=0a1b2c3d", "0a1b2c3d"),
    ("https://x/callback?access_token=abcdefgh&state=1", "abcdefgh"),
    ("SharedAccessSignature sr=x&sig=AbC123&se=1&skn=y", "AbC123"),
    ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNl"),
    ("curl -H 'X-Api-Key: 0a1b2c3d' https://x", "0a1b2c3d"),
    ("Set-Cookie: session=0a1b2c3d; HttpOnly", "0a1b2c3d"),
    ("PRIVATE-TOKEN: 0a1b2c3d", "0a1b2c3d"),
    ("docker login -u me -p opensesame registry.example", "opensesame"),
    ("az login --service-principal -u x --password opensesame --tenant y", "opensesame"),
    ("tool --api-token=opensesame run", "opensesame"),
    ("mysql -u root -popensesame db", "opensesame"),
    ("curl -u me:opensesame https://x", "opensesame"),
    ("t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_d", "eyJzdWIi"),
    ("ghp_0123456789abcdefghijABCDEFGHIJ", "ghp_0123"),
    ("github_pat_11ABCDEFG0123456789_abcdefghij", "github_pat_11"),
    ("glpat-0123456789abcdefghij", "glpat-0123"),
    ("xoxb-1234567890-abcdefghij", "xoxb-1234"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOS"),
    ("dckr_pat_0123456789abcdefghij", "dckr_pat_0123"),
    ("npm_0123456789abcdefghijABCDEFGHIJ012345", "npm_0123"),
    ("pypi-AgEIcHlwaS5vcmcCJDAxMjM0NTY3ODlhYmNkZWY", "AgEI"),
    ("sk_live_0123456789abcdefghij", "sk_live_0123"),
    ("AIzaSyA0123456789abcdefghijABCDEFGHIJ012", "AIzaSyA"),
    ("hvs.0123456789abcdefghijABCD", "hvs.0123"),
    ("SG.0123456789abcdef.0123456789abcdef", "SG.0123"),
    ("secret is Abc8Q~0123456789abcdefghijABCDEFGHIJ01", "Abc8Q~"),
    ("https://hooks.slack.com/services/T000/B000/XXXXyyyy", "XXXXyyyy"),
    ("https://discord.com/api/webhooks/123456/abcdefgh", "abcdefgh"),
    ("bot 123456789:AAF0123456789abcdefghijABCDEFGHIJ01", "AAF0123"),
    ("-----BEGIN RSA PRIVATE KEY-----MIIEow", "MIIE"),
];

/// What names no secret, or names one without showing it.
const PROSE: &[&str] = &[
    "Bind for 0.0.0.0:9090 failed: port is already allocated",
    "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
    "pull access denied for private/thing, repository does not exist or may require 'docker login'",
    "unauthorized: authentication required",
    "error getting credentials: err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``",
    "required variable DB_PASSWORD is missing a value: set DB_PASSWORD",
    "The \"ENCRYPTION_SECRET\" variable is not set. Defaulting to a blank string.",
    "Database is uninitialized and password option is not specified",
    "You need to specify one of the following as an environment variable: MYSQL_ROOT_PASSWORD, MYSQL_RANDOM_ROOT_PASSWORD",
    "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value",
    "The access token expiry UTC time '11/20/2026 10:00:00 AM' is earlier than current UTC time",
    "error from registry: token: expired",
    "A vault with the same name already exists in deleted state",
    "(Forbidden) Caller is not authorized to perform action 'Microsoft.KeyVault/vaults/secrets/getSecret/action'",
    "Container 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef is unhealthy",
    "manifest for shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef not found",
    "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv",
    "PWD=/srv/shop",
    "ManagedIdentityCredential: No managed identity endpoint found",
    "ClientSecretCredential: authentication failed",
];

#[test]
fn every_shape_of_a_secret_is_taken_out() {
    assert!(SECRETS.len() >= 40);
    for (line, gone) in SECRETS {
        let safe = redacted(line);
        assert!(!safe.contains(gone) && safe.contains(REDACTED), "{line:?} became {safe:?}");
    }
}

#[test]
fn what_a_person_has_to_read_stays() {
    for line in PROSE {
        assert_eq!(redacted(line), *line);
    }
}

#[test]
fn what_stands_beside_a_secret_stays() {
    assert_eq!(redacted("postgres://app:s3cr3t@db:5432/x?a=1"), "postgres://app:[redacted]@db:5432/x?a=1");
    assert_eq!(redacted("Server=db;Password=x1;Encrypt=true"), "Server=db;Password=[redacted];Encrypt=true");
    assert_eq!(
        redacted("docker run -e DB_PASSWORD=x1 -p 8080:80 web"),
        "docker run -e DB_PASSWORD=[redacted] -p 8080:80 web"
    );
}

#[test]
fn redacting_twice_changes_nothing() {
    for (line, _) in SECRETS {
        assert_eq!(redacted(&redacted(line)), redacted(line), "{line:?}");
    }
}

#[test]
fn a_private_key_is_hidden_to_its_end_and_no_further() {
    let text = "before\nweb-1  | -----BEGIN PRIVATE KEY-----\nweb-1  | MIIEvQIBADANBgkqhkiG9w0BAQEF\nweb-1  | c2hvcnQ=\nweb-1  | -----END PRIVATE KEY-----\nafter";
    let mut redactor = Redactor::default();
    let lines: Vec<String> = text.lines().map(|line| redactor.line(line)).collect();
    assert!(!lines.concat().contains("MIIE") && !lines.concat().contains("c2hv"), "{lines:?}");
    assert_eq!((lines[0].as_str(), lines[5].as_str()), ("before", "after"));
    let mut redactor = Redactor::default();
    redactor.line("-----BEGIN PRIVATE KEY-----");
    let failure = "Error response from daemon: port is already allocated";
    assert_eq!(redactor.line(failure), failure, "a key without end hides no failure");
}
