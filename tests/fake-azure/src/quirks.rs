//! The ways in which Azure surprises its clients, each to be switched on by itself and at any time.
//!
//! Settings hold until they are changed. A [`Fault`] meets the requests that it looks for, so many times.

use crate::http::Request;

/// Which headers an answer has that begins a long operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PollHeaders {
    /// As each provider does: deployments `Azure-AsyncOperation`, purges and what-if `Location`, MySQL both.
    #[default]
    Real,
    /// `Location` alone.
    OnlyLocation,
    /// `Azure-AsyncOperation` alone.
    OnlyAsyncOperation,
    /// Both.
    Both,
    /// Neither: the client has to look at the resource itself.
    Neither,
}

/// Where the headers of a long operation and the links of a list point to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkTo {
    /// An absolute URL of the fake.
    #[default]
    Absolute,
    /// A path without a host.
    Relative,
    /// The stranger, which answers everything with `{"status":"Succeeded"}` and writes down who sent it a token.
    Stranger,
}

/// What Azure does when it is asked too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttling {
    /// `SubscriptionRequestsThrottled`.
    Subscription,
    /// `ResourceRequestsThrottled`.
    Resource,
    /// `RetryableErrorDueToAnotherOperation`: a 429 that is a lock.
    AnotherOperation,
}

/// What happens to a request that a [`Fault`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 429, nothing done, with `Retry-After` in seconds or without.
    Throttle {
        /// The code and words.
        code: Throttling,
        /// Seconds of `Retry-After`; without it, no such header.
        retry_after_seconds: Option<u32>,
    },
    /// 500 `InternalServerError`, nothing done.
    ServerError,
    /// 500 `InternalServerError`, although it was done.
    ServerErrorAfterwards,
    /// 503 `ServiceUnavailable`, nothing done.
    Unavailable,
    /// 400 with an error whose message is so long; nothing done.
    HugeError {
        /// Bytes of the message; the body has about 100 more.
        bytes: usize,
    },
    /// A redirect to the same path of the stranger; nothing done.
    Redirect {
        /// 302 or 307.
        status: u16,
    },
    /// It is done; then half of the answer is sent and the connection is closed.
    CutAnswer,
    /// It is done; then the connection is closed without an answer.
    NoAnswer,
    /// It is done; the answer waits until [`crate::FakeAzure::release`].
    HoldUntilReleased,
    /// It is done; the answer waits so long.
    HoldFor {
        /// Milliseconds.
        millis: u64,
    },
    /// The long operation that it begins never ends.
    NeverEnds,
    /// This answer, as if it were JSON; nothing done.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body, which need not be JSON.
        body: &'static str,
    },
}

/// What happens to some requests, and to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    method: String,
    fragment: String,
    skip: u32,
    times: u32,
    kind: FaultKind,
}

impl Fault {
    /// `kind` for the next request of this method (`*`: any) whose path and query contain `fragment`, whatever the
    /// case.
    pub fn on(method: &str, fragment: &str, kind: FaultKind) -> Self {
        Self { method: method.to_ascii_uppercase(), fragment: fragment.to_ascii_lowercase(), skip: 0, times: 1, kind }
    }

    /// For so many requests instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// For all such requests.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// Only after so many of them went well.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    fn meets(&mut self, request: &Request, target: &str) -> bool {
        if self.method != "*" && self.method != request.method || !target.contains(&self.fragment) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.times != u32::MAX {
            self.times -= 1;
        }
        true
    }
}

/// All quirks; the default is Azure on a good day.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// Seconds of `Retry-After` in answers that begin or poll a long operation; without it, no such header.
    /// 1 by default. Azure says 5 to 60, or nothing.
    pub retry_after_seconds: Option<u32>,
    /// Which headers lead to a long operation.
    pub poll_headers: PollHeaders,
    /// Where they point to.
    pub poll_link: LinkTo,
    /// Where the `nextLink` of a list points to.
    pub next_link: LinkTo,
    /// A list has so many items on a page, 1 or more. 100 by default.
    pub page_items: usize,
    /// `statusMessage` of deployment operations is a string with JSON in it, as some providers send it.
    pub status_message_as_string: bool,
    /// How many times the error of a resource is packed as a JSON string into the `details` of a deployment's error.
    /// 1 by default; 0 leaves it unpacked.
    pub error_nesting: u32,
    /// Ids and types in answers differ in case from what was sent: small provider names and `resourcegroups`, the
    /// name of the group in capitals.
    pub changed_case: bool,
    /// A token is accepted so many times and is then expired.
    pub token_requests_max: Option<u32>,
    /// A new token lives so many seconds. 3599 by default.
    pub token_seconds: i64,
    /// The `Date` header and the times in answers are off by so many seconds.
    pub clock_skew_seconds: i64,
    /// Bodies come in chunks, without their length, as those of ARM often do.
    pub chunked: bool,
    /// An empty page with a `nextLink` comes before the first page of a list.
    pub empty_first_page: bool,
    faults: Vec<Fault>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            retry_after_seconds: Some(1),
            poll_headers: PollHeaders::default(),
            poll_link: LinkTo::default(),
            next_link: LinkTo::default(),
            page_items: 100,
            status_message_as_string: false,
            error_nesting: 1,
            changed_case: false,
            token_requests_max: None,
            token_seconds: 3599,
            clock_skew_seconds: 0,
            chunked: false,
            empty_first_page: false,
            faults: Vec::new(),
        }
    }
}

impl Quirks {
    /// Adds a fault. Where several meet one request, all of them work; of those that refuse it, the first.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Takes all faults back.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The faults that this request meets; each is used up a little.
    pub(crate) fn take(&mut self, request: &Request) -> Vec<FaultKind> {
        let target = request.target();
        let met: Vec<_> = self
            .faults
            .iter_mut()
            .filter(|fault| fault.times > 0)
            .filter_map(|fault| fault.meets(request, &target).then_some(fault.kind))
            .collect();
        self.faults.retain(|fault| fault.times > 0);
        met
    }
}
