//! As much of HTTP/1.1 as clients of Azure use: keep-alive, bodies with a length or in chunks, and answers that can be
//! cut in the middle. No TLS, no compression, no pipelining.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read as _, Result, Write};
use std::net::TcpStream;

use serde_json::Value;

/// The head of a request may have so many bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The body of a request may have so many bytes; ARM takes 4 MiB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A chunk of an answer has at most so many bytes.
const CHUNK_BYTES: usize = 16 * 1024;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// `GET`, in capitals.
    pub(crate) method: String,
    /// The path as it was sent, with its percent signs, without the query.
    pub(crate) path: String,
    /// The query as it was sent, without its question mark.
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the client said how long its body is, zero included.
    pub(crate) length_known: bool,
}

impl Request {
    /// Reads the next request of a connection; nothing, when the client has closed it.
    pub(crate) fn read(stream: &mut BufReader<TcpStream>) -> Result<Option<Self>> {
        let mut budget = HEAD_BYTES_MAX;
        let Some(first) = line(stream, &mut budget)? else { return Ok(None) };
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !target.starts_with('/') {
            return Err(Error::new(ErrorKind::InvalidData, "not a request for a path"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        };
        while let Some(text) = line(stream, &mut budget)?.filter(|text| !text.is_empty()) {
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            request.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.read_body(stream)?;
        Ok(Some(request))
    }

    fn read_body(&mut self, stream: &mut BufReader<TcpStream>) -> Result<()> {
        let too_long = || Error::new(ErrorKind::InvalidData, "the body is too long");
        if self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
            self.length_known = true;
            loop {
                let size = line(stream, &mut HEAD_BYTES_MAX.clone())?.unwrap_or_default();
                let size = size.split(';').next().unwrap_or_default().trim().to_owned();
                let size = usize::from_str_radix(&size, 16)
                    .map_err(|_| Error::new(ErrorKind::InvalidData, "a chunk without a size"))?;
                if size + self.body.len() > BODY_BYTES_MAX {
                    return Err(too_long());
                }
                let begin = self.body.len();
                self.body.resize(begin + size, 0);
                stream.read_exact(&mut self.body[begin..])?;
                line(stream, &mut HEAD_BYTES_MAX.clone())?;
                if size == 0 {
                    return Ok(());
                }
            }
        }
        if let Some(length) = self.header("content-length") {
            let length: usize =
                length.parse().map_err(|_| Error::new(ErrorKind::InvalidData, "a length that is no number"))?;
            if length > BODY_BYTES_MAX {
                return Err(too_long());
            }
            self.length_known = true;
            self.body.resize(length, 0);
            stream.read_exact(&mut self.body)?;
        }
        Ok(())
    }

    /// A header by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A value of the query, decoded; names differ in case as they like.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form(self.query.as_bytes())
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The parts of the path, decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.trim_start_matches('/').split('/').map(|part| decoded(part.as_bytes(), false)).collect()
    }

    /// Path and query in small letters, as a quirk looks for its requests.
    pub(crate) fn target(&self) -> String {
        format!("{}?{}", self.path, self.query).to_ascii_lowercase()
    }

    /// The body, where it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the client wants to be asked no more on this connection.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A line without its end; nothing at the end of the stream.
fn line(stream: &mut BufReader<TcpStream>, budget: &mut usize) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(*budget).unwrap_or(u64::MAX);
    let count = stream.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
    if count == 0 {
        return Ok(None);
    }
    *budget -= count;
    if !bytes.ends_with(b"\n") {
        return Err(Error::new(ErrorKind::InvalidData, "a line without an end"));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Pairs as in a query or in a body of `application/x-www-form-urlencoded`.
pub(crate) fn form(bytes: &[u8]) -> Vec<(String, String)> {
    bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decoded(&pair[..at], true), decoded(pair.get(at + 1..).unwrap_or_default(), true))
        })
        .collect()
}

fn decoded(bytes: &[u8], plus_is_space: bool) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What stands behind the head of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    Empty,
    Json(Value),
    Raw(Vec<u8>),
}

/// An answer before it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: Body::Json(body) }
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        let headers = vec![("Content-Type".to_owned(), "text/html; charset=us-ascii".to_owned())];
        Self { status, headers, body: Body::Raw(body.as_bytes().to_vec()) }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Empty => Vec::new(),
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Raw(bytes) => bytes.clone(),
        }
    }

    /// Writes it.
    pub(crate) fn write(&self, stream: &mut TcpStream, way: Way) -> Result<()> {
        let body = self.bytes();
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let chunked = way.chunked && !body.is_empty();
        if chunked {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if self.status != 204 {
            // One byte that never comes makes an empty body one that can be cut.
            head.push_str(&format!("Content-Length: {}\r\n", body.len() + usize::from(way.cut && body.is_empty())));
        }
        head.push_str(if way.close || way.cut { "Connection: close\r\n\r\n" } else { "\r\n" });
        stream.write_all(head.as_bytes())?;
        if !way.head_only {
            let sent = if way.cut { &body[..body.len() / 2] } else { &body };
            if chunked {
                for chunk in sent.chunks(CHUNK_BYTES) {
                    stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                    stream.write_all(chunk)?;
                    stream.write_all(b"\r\n")?;
                }
                stream.write_all(if way.cut { b"" } else { b"0\r\n\r\n" })?;
            } else {
                stream.write_all(sent)?;
            }
        }
        stream.flush()
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// Without its body, as `HEAD` wants it.
    pub(crate) head_only: bool,
    /// It is the last on its connection.
    pub(crate) close: bool,
    /// Half of its body and no more.
    pub(crate) cut: bool,
    /// The body in chunks.
    pub(crate) chunked: bool,
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}
