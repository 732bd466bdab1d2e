//! Every limit of the Azure layer, units last. None of them can be widened from outside.

use std::time::Duration;

/// Bytes kept of the body of an answer that is not a success; the rest is not read.
pub const ERROR_BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of the body of a successful answer. A longer one is refused, because half a document says nothing.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Levels of errors within errors that are unfolded, JSON within strings included.
pub const NESTED_ERRORS_DEPTH_MAX: usize = 8;
/// Errors kept of one tree of them.
pub const NESTED_ERRORS_MAX: usize = 64;
/// Bytes kept of one message of an error.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Deployments that are told of one resource group, the newest.
pub const DEPLOYMENTS_MAX: usize = 200;
/// Deployments that are read for that, over all pages: they come in no order, and Azure keeps 800 of a resource group
/// ("Resource group limits", Microsoft Learn).
pub const HISTORY_MAX: usize = 1_000;
/// Entries that any other list is read to, over all pages.
pub const LIST_ENTRIES_MAX: usize = 5_000;
/// Pages of one list.
pub const PAGES_MAX: usize = 100;
/// Subscriptions that are named where several could be meant.
pub const SUBSCRIPTIONS_NAMED_MAX: usize = 20;
/// Bytes of the whole text of a resource id; the longest that Azure documents is far shorter.
pub const RESOURCE_ID_BYTES_MAX: usize = 2_048;
/// Bytes of an address that is polled: newer ones carry a signature of about two thousand.
pub const POLL_URL_BYTES_MAX: usize = 8_192;
/// Bytes of a template and its parameters together; Resource Manager refuses templates above 4 MiB.
pub const DEPLOYMENT_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that are kept of what the Azure CLI prints.
pub const CLI_OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of the file with a federated token.
pub const FEDERATED_TOKEN_BYTES_MAX: usize = 64 * 1024;
/// The highest place of a step that a request id has room for.
pub const PLACE_MAX: u16 = 0xfff;

/// Wall time until a connection stands.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Wall time between two pieces of an answer, the first included: Resource Manager validates a template before it answers.
pub const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// Wall time of one whole request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(180);
/// Wall time until the data plane of a vault has answered, all in all.
pub const VAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// Wall time of one run of `az`, which starts slowly.
pub const CLI_TIMEOUT: Duration = Duration::from_secs(60);
/// Wall time until a managed identity has given a token. Its endpoint is on the machine, or it is not there at all.
pub const IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often one look is made that Azure refuses in passing.
pub const LOOKS_MAX: u32 = 4;
/// Pause before such a look is made again when Azure names none; it grows with each.
pub const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// The same where Resource Manager is on this machine, as in a test.
pub const LOOK_PAUSE_LOCALLY: Duration = Duration::from_millis(50);
/// The longest pause that is kept before such a look; what asks for more is told to the person.
pub const LOOK_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Pause between two looks at an operation when Azure names none.
pub const POLL_PAUSE: Duration = Duration::from_secs(5);
/// The shortest pause between two looks, whatever Azure names.
pub const POLL_PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause that is honoured between two looks, whatever Azure names.
pub const POLL_PAUSE_MAX: Duration = Duration::from_secs(300);
/// Server errors in a row behind a `Location` after which the operation itself counts as failed.
pub const POLL_SERVER_ERRORS_MAX: u32 = 5;
/// How often it is asked whether the person wants to stop.
pub const TICK: Duration = Duration::from_millis(100);
/// How far a pause is moved at random, in percent either way, so that two sessions do not keep step.
pub const JITTER_PERCENT: u64 = 20;
/// Time before its end at which a token is not used any more.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(120);
/// Wall time that a preview of a deployment gets.
pub const WHAT_IF_TIMEOUT: Duration = Duration::from_secs(300);

const _: () = assert!(DEPLOYMENTS_MAX < HISTORY_MAX && HISTORY_MAX <= LIST_ENTRIES_MAX);
const _: () = assert!(ERROR_BODY_BYTES_MAX < ANSWER_BYTES_MAX);
const _: () = assert!(MESSAGE_BYTES_MAX * 4 <= ERROR_BODY_BYTES_MAX);
const _: () = assert!(CONNECT_TIMEOUT.as_secs() < READ_TIMEOUT.as_secs());
const _: () = assert!(READ_TIMEOUT.as_secs() < REQUEST_TIMEOUT.as_secs());
const _: () = assert!(TICK.as_millis() * 10 <= POLL_PAUSE.as_millis());
const _: () = assert!(POLL_PAUSE_MIN.as_millis() < POLL_PAUSE.as_millis());
const _: () = assert!(POLL_PAUSE.as_secs() < POLL_PAUSE_MAX.as_secs());
const _: () = assert!(JITTER_PERCENT < 100);
