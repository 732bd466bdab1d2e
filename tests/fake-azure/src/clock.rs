//! Times as Azure writes them. State is kept in true time; only what a client is shown can be skewed.

use jiff::{SignedDuration, Timestamp};

/// `2025-03-03T07:01:23.1234567Z`: seven digits after the point, as ARM writes.
pub(crate) fn iso(time: Timestamp) -> String {
    let ticks = time.subsec_nanosecond() / 100;
    format!("{}.{ticks:07}Z", time.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// `2025-03-03T07:01:23Z`, as Key Vault writes the dates of deleted vaults.
pub(crate) fn iso_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2025-03-03 07:01:23Z`, as Key Vault writes into the result of an operation.
pub(crate) fn spaced(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `3/3/2025 7:01:23 AM`, as ARM writes within sentences.
pub(crate) fn spoken(time: Timestamp) -> String {
    time.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

/// The `Date` header (RFC 9110, 5.6.7).
pub(crate) fn http(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `PT1.2345678S`.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let nanos = to.duration_since(from).as_nanos().max(0);
    format!("PT{}.{:07}S", nanos / 1_000_000_000, nanos % 1_000_000_000 / 100)
}

/// `time` and `seconds` more, or less.
pub(crate) fn shifted(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(time)
}

/// `time` and `millis` more.
pub(crate) fn later(time: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    time.saturating_add(SignedDuration::from_millis(millis)).unwrap_or(time)
}
