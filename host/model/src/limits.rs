//! Every limit of the host that no policy can widen, units last. Related limits are checked at compile time.
//!
//! Bounds that a policy may tighten stand in [`crate::bounds`]; their defaults never exceed the ceilings here.

/// Bytes of output kept of a failed command; the end is kept, because the last failure decides.
pub const EVIDENCE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one line of evidence; longer lines are cut and marked.
pub const EVIDENCE_LINE_BYTES_MAX: usize = 4 * 1024;
/// Lines of one container log that a tool may ask for.
pub const LOG_LINES_MAX: u16 = 500;
/// Bytes of one container log.
pub const LOG_BYTES_MAX: usize = 64 * 1024;
/// Free ports that one query may ask for.
pub const FREE_PORTS_MAX: u8 = 32;

/// Bytes of a repair tool's component.
pub const COMPONENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Linear memory of one call of a tool, in bytes.
pub const TOOL_MEMORY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Table elements of one call of a tool.
pub const TOOL_TABLE_ELEMENTS_MAX: usize = 20_000;
/// Core instances within one component.
pub const TOOL_INSTANCES_MAX: usize = 32;
/// Fuel of one call of a tool; about one unit for each WASM instruction.
pub const TOOL_FUEL_MAX: u64 = 200_000_000;
/// Wall time of one call of a tool, in milliseconds.
pub const TOOL_WALL_MS_MAX: u64 = 2_000;
/// Interval at which the wall time of a tool is looked at, in milliseconds.
pub const TOOL_TICK_MS: u64 = 10;
/// Bytes of a component from which on a tool counts as one that brings a language runtime, and gets the limits below; who
/// installs such a tool is told so.
pub const RUNTIME_COMPONENT_BYTES_MIN: usize = 4 * 1024 * 1024;
/// Linear memory of one call of such a tool, in bytes.
pub const RUNTIME_TOOL_MEMORY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Fuel of one call of such a tool.
pub const RUNTIME_TOOL_FUEL_MAX: u64 = 2_000_000_000;
/// Wall time of one call of such a tool, in milliseconds.
pub const RUNTIME_TOOL_WALL_MS_MAX: u64 = 10_000;
/// Core instances within one component of such a tool.
pub const RUNTIME_TOOL_INSTANCES_MAX: usize = 64;
/// Wall time of compiling one tool, in milliseconds; generous, because a machine may have much else to do.
pub const TOOL_COMPILE_MS_MAX: u64 = 300_000;
/// Processor time of compiling one tool that somebody else made, in seconds; the kernel ends the compiler then.
pub const TOOL_COMPILE_CPU_SECONDS_MAX: u64 = 60;
/// Address space of the process that compiles such a tool, in bytes.
pub const TOOL_COMPILE_MEMORY_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Compiled tools that are kept; the oldest go first. More than there can be tools, so that no run compiles again what it
/// let go itself.
pub const CACHE_ENTRIES_MAX: usize = 192;
/// Bytes of one compiled tool.
pub const CACHE_ENTRY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Compiled functions that are kept while tools are loaded, in bytes; what is beyond them is compiled for each tool.
pub const SHARED_FUNCTIONS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Stack of a tool, in bytes.
pub const TOOL_STACK_BYTES_MAX: usize = 512 * 1024;
/// Work that one host call may spend on lifting what a tool returns; wasmtime's host-call fuel, about one for each byte.
pub const TOOL_REPLY_FUEL_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a case as the host encodes it for the log.
pub const CASE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a file with a recorded case for the author of a tool.
pub const RECORDED_CASE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of `repair-tools.lock`.
pub const TOOL_LOCK_BYTES_MAX: usize = 256 * 1024;
/// Tools that can be installed beside the built-in ones.
pub const INSTALLED_TOOLS_MAX: usize = 64;
/// Bytes of any one text in a tool's reply.
pub const REPLY_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Notes in a tool's reply.
pub const REPLY_NOTES_MAX: usize = 100;
/// Bytes of a tool's id.
pub const TOOL_ID_BYTES_MAX: usize = 64;
/// Bytes of a tool's version.
pub const TOOL_VERSION_BYTES_MAX: usize = 64;
/// Bytes of a tool's summary.
pub const TOOL_SUMMARY_BYTES_MAX: usize = 256;
/// Bytes of the JSON Schema of a tool's parameters.
pub const PARAMS_SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Nesting of that schema.
pub const PARAMS_SCHEMA_DEPTH_MAX: usize = 32;
/// JSON values in a parameter schema, where each reference counts as everything that it refers to.
pub const PARAMS_SCHEMA_VALUES_MAX: usize = 10_000;
/// Patterns in a parameter schema, counted in the same way: each is compiled before a tool is asked.
pub const PARAMS_PATTERNS_MAX: usize = 32;
/// Bytes of one compiled pattern of a parameter schema, about.
pub const PARAMS_PATTERN_BYTES_MAX: usize = 256 * 1024;
/// Queries in one `need` of a tool.
pub const NEED_QUERIES_MAX: usize = 64;
/// Observations in one case.
pub const OBSERVATIONS_MAX: usize = 256;

/// Random bytes behind a value that `repair` draws: below that a password can be guessed.
pub const ENV_VALUE_BYTES_MIN: u16 = 16;
/// Random bytes behind a value that `repair` draws.
pub const ENV_VALUE_BYTES_MAX: u16 = 64;

/// Required variables without a value for which a project is still looked at.
pub const STAND_INS_MAX: usize = 32;

/// Services of one Compose project.
pub const SERVICES_MAX: usize = 1_000;
/// Bytes of a file of the project that is read or edited.
pub const PROJECT_FILE_BYTES_MAX: usize = 1024 * 1024;
/// Entries of `ports` in the files of a project, and single ports that they make, over all services.
pub const PORTS_MAX: usize = 128 * 1024;
/// Services of one file that extend one another in a row.
pub const EXTENDS_CHAIN_MAX: usize = 64;
/// Variables within the word of a variable, as in `${A:-${B:-1}}`, and so on inwards.
pub const INTERPOLATION_NESTING_MAX: usize = 32;
/// Bytes of a text with its variables replaced: what Linux takes as one variable of a process.
pub const INTERPOLATED_BYTES_MAX: usize = 128 * 1024;
/// Bytes of all values of `.env` files, with the variables in them replaced.
pub const DOTENV_VALUES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of `docker compose config` output.
pub const COMPOSE_OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Wall time until an engine has answered for the first time, in milliseconds.
pub const ENGINE_CONNECT_MS_MAX: u64 = 5_000;
/// The same through ssh, where a connection is logged in first.
pub const ENGINE_CONNECT_SSH_MS_MAX: u64 = 20_000;
/// Wall time of one answer of the engine, in seconds.
pub const ENGINE_ANSWER_SECONDS_MAX: u64 = 30;
/// Bytes of one answer of the engine.
pub const ENGINE_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Containers that are inspected at the same time.
pub const ENGINE_INSPECTS_AT_ONCE: usize = 8;
/// Containers that do not run and are asked which ports they claim, over all projects of the engine; newest first.
pub const PORT_CLAIMS_INSPECTED_MAX: usize = 128;
/// Ports that are tried in the search for free ones.
pub const PORT_CANDIDATES_MAX: usize = 4_096;
/// Time that a process gets to end after it was asked to, before it is killed, in milliseconds.
pub const PROCESS_GRACE_MS: u64 = 10_000;
/// Time that a container gets to end by itself when it is restarted, before the engine kills it, in seconds.
pub const RESTART_GRACE_SECONDS: u64 = 10;
/// Time that the engine may take beyond that to carry out a request, in seconds: so long is looked whether one that
/// outlived its `repair` shows, and so long is its answer waited for after a person wished to stop.
pub const ENGINE_SETTLES_SECONDS_MAX: u64 = 5;
/// Time after which a removal that the engine has begun and not finished is no longer waited for, in seconds.
pub const REMOVAL_SHOWS_SECONDS_MAX: u64 = 15;

/// Bytes of one line of the log.
pub const LOG_LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one segment of the log after which the next session begins a new one: a resume reads and verifies the newest
/// segment only, and this much takes it a few tens of milliseconds.
pub const LOG_SEGMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of the state that a segment opens with.
pub const OPENING_STATE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the projection of one session.
pub const PROJECTION_BYTES_MAX: usize = 256 * 1024;
/// Earlier tries that the state of a segment carries on.
pub const CARRIED_TRIES_MAX: usize = 512;
/// Modified files that are named; the rest is counted.
pub const MODIFIED_FILES_SHOWN_MAX: usize = 20;
/// Bytes of one blob of the log.
pub const BLOB_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Blobs that an audit remembers having looked at; beyond that it looks at some again.
pub const AUDIT_BLOBS_REMEMBERED_MAX: usize = 64 * 1024;
/// Lines in the proof of one session.
pub const PROOF_LINES_MAX: usize = 20_000;
/// Bytes of the proof of one session.
pub const PROOF_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the list of known targets.
pub const KNOWN_TARGETS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a signed head, of a key file, and of what a lease says of its holder.
pub const HEAD_BYTES_MAX: usize = 4 * 1024;
/// How long somebody who wants the lease tries again, because it may only be looked at, in milliseconds.
pub const LEASE_WAIT_MS_MAX: u64 = 50;
/// How long a record waits for another process that is just writing one, in milliseconds.
pub const APPEND_WAIT_MS_MAX: u64 = 10_000;
/// Bytes of one policy file.
pub const POLICY_FILE_BYTES_MAX: usize = 256 * 1024;
/// Policy files of all layers together, and bounds files too.
pub const POLICY_FILES_MAX: usize = 256;
/// Nesting of brackets and `if`s in one policy. Cedar's own parser recurses and overflows the stack somewhere above 100
/// (measured with 2 MiB), and a policy file may come with a stranger's project.
pub const POLICY_NESTING_MAX: usize = 48;
/// Bytes of a policy's `@id`.
pub const POLICY_ID_BYTES_MAX: usize = 64;
/// Bytes of `repair.toml`.
pub const SETTINGS_BYTES_MAX: usize = 256 * 1024;

/// Bytes of the answer to one HTTP probe.
pub const PROBE_BODY_BYTES_MAX: usize = 256 * 1024;
/// Wall time of one try of one probe, in milliseconds.
pub const PROBE_TRY_MS_MAX: u64 = 3_000;

/// Bytes of the bundle that `collect-logs` writes for a person.
pub const BUNDLE_BYTES_MAX: usize = 1024 * 1024;

const _: () = assert!(EVIDENCE_LINE_BYTES_MAX < EVIDENCE_BYTES_MAX);
const _: () = assert!(EVIDENCE_BYTES_MAX < CASE_BYTES_MAX);
const _: () = assert!(COMPONENT_BYTES_MAX <= BLOB_BYTES_MAX);
const _: () = assert!(CASE_BYTES_MAX <= BLOB_BYTES_MAX);
const _: () = assert!(REPLY_TEXT_BYTES_MAX * REPLY_NOTES_MAX < TOOL_REPLY_FUEL_MAX);
const _: () = assert!(OPENING_STATE_BYTES_MAX <= BLOB_BYTES_MAX);
const _: () = assert!(LOG_LINE_BYTES_MAX as u64 <= LOG_SEGMENT_BYTES_MAX);
const _: () = assert!(LEASE_WAIT_MS_MAX < APPEND_WAIT_MS_MAX);
const _: () = assert!(NEED_QUERIES_MAX <= OBSERVATIONS_MAX);
const _: () = assert!(ENV_VALUE_BYTES_MIN < ENV_VALUE_BYTES_MAX);
const _: () = assert!(TOOL_TICK_MS < TOOL_WALL_MS_MAX);
