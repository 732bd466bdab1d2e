//! What classifying a text costs: time against a plain multi-pattern scan of the same file in the same run, and memory.
//!
//! The baseline is one automaton over the same anchors, run once over the file in memory. It finds where something stands
//! and nothing else: no terminal sequences, no line numbers, no patterns.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use anyhow::{Context as _, Result, ensure};

use super::{median, wall_time};
use crate::memory;

const RATIO_AIM: f64 = 3.0;
const SPEED_AIM_MB_PER_SECOND: f64 = 100.0;
const MEMORY_AIM_MB: f64 = 64.0;
/// How often each file is read.
const ROUNDS: usize = 3;

/// A kind of text, by what one block of it consists of.
struct Kind {
    name: &'static str,
    bytes: u64,
    block: fn(u64) -> Vec<u8>,
}

const MIB: u64 = 1024 * 1024;

const KINDS: [Kind; 6] = [
    Kind { name: "a gigabyte of an ordinary log, a failure in every 10 000 lines", bytes: 1024 * MIB, block: ordinary },
    Kind { name: "the same in colour, with redraws and CRLF", bytes: 128 * MIB, block: coloured },
    Kind { name: "nothing but terminal sequences", bytes: 128 * MIB, block: sequences },
    Kind { name: "one line without an end", bytes: 128 * MIB, block: endless },
    Kind { name: "bytes that are no UTF-8", bytes: 128 * MIB, block: binary },
    Kind { name: "every line a failure", bytes: 16 * MIB, block: failures },
];

/// Prints the table.
pub(super) fn measure(program: &Path) -> Result<()> {
    let folder = program.ancestors().nth(2).context("the program lies in the target folder")?.join("bench");
    fs::create_dir_all(&folder).context("cannot create the folder for the texts")?;
    let anchors = automaton()?;
    println!("\n{:>9} {:>8} {:>8} {:>6} {:>9}  text", "classify", "scan", "speed", "ratio", "memory");
    for kind in &KINDS {
        let file = folder.join("text.log");
        write(&file, kind)?;
        let row = row(program, &file, kind, &anchors);
        fs::remove_file(&file).context("cannot remove the measured text")?;
        row?;
    }
    println!("aims: ratio at most {RATIO_AIM}, {SPEED_AIM_MB_PER_SECOND} MB/s or more, below {MEMORY_AIM_MB} MB");
    Ok(())
}

fn row(program: &Path, file: &Path, kind: &Kind, anchors: &AhoCorasick) -> Result<()> {
    let command = || {
        let mut command = Command::new(program);
        command.args(["classify", "--json"]).arg(file);
        command
    };
    let peak = memory::peaks(&mut command())?;
    let (mut classified, mut scanned) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        classified.push(wall_time(&mut command())?);
        scanned.push(scan(file, anchors)?);
    }
    let (classified, scanned) = (median(classified), median(scanned));
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let (megabytes, peak) = (kind.bytes as f64 / 1e6, peak.own_kib as f64 * 1024.0 / 1e6);
    let ratio = classified.as_secs_f64() / scanned.as_secs_f64();
    let speed = megabytes / classified.as_secs_f64();
    let met = ratio <= RATIO_AIM && speed >= SPEED_AIM_MB_PER_SECOND && peak < MEMORY_AIM_MB;
    println!(
        "{:>7.2} s {:>6.2} s {speed:>5.0} MB/s {ratio:>5.2} {peak:>6.1} MB  {}{}",
        classified.as_secs_f64(),
        scanned.as_secs_f64(),
        kind.name,
        if met { "" } else { " (aim MISSED)" }
    );
    Ok(())
}

/// Reading the file belongs to the time, as it does for the program.
fn scan(file: &Path, anchors: &AhoCorasick) -> Result<Duration> {
    let begun = Instant::now();
    let text = fs::read(file).context("cannot read the measured text")?;
    let found = anchors.find_iter(&text).count();
    let time = begun.elapsed();
    ensure!(found < text.len(), "an anchor is empty");
    Ok(time)
}

/// The anchors of all rule files, as one automaton.
fn automaton() -> Result<AhoCorasick> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../host/classification/rules");
    let mut anchors = Vec::new();
    for entry in fs::read_dir(&folder).context("cannot list the rule files")? {
        let path = entry.context("cannot list the rule files")?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let table: toml::Table = text.parse().with_context(|| format!("{} is no TOML", path.display()))?;
        collect_anchors(&toml::Value::Table(table), &mut anchors);
    }
    ensure!(anchors.len() > 100, "the rule files have lost their anchors");
    let mut building = AhoCorasick::builder();
    building.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    building.build(&anchors).context("the anchors do not fit into one automaton")
}

fn collect_anchors(value: &toml::Value, anchors: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match value.as_array().filter(|_| key == "anchors") {
                    Some(texts) => anchors.extend(texts.iter().filter_map(|text| text.as_str().map(str::to_owned))),
                    None => collect_anchors(value, anchors),
                }
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| collect_anchors(value, anchors)),
        _ => {}
    }
}

fn write(file: &Path, kind: &Kind) -> Result<()> {
    let mut writer = BufWriter::new(File::create(file).context("cannot create the text to measure")?);
    let (mut written, mut number) = (0, 0);
    while written < kind.bytes {
        let block = (kind.block)(number);
        writer.write_all(&block).context("cannot write the text to measure")?;
        written += u64::try_from(block.len()).unwrap_or(u64::MAX);
        number += 1;
    }
    writer.flush().context("cannot write the text to measure")
}

const FAILURE: &str = "Error response from daemon: driver failed programming external connectivity on endpoint shop-web-1 \
                       (5f1d0c7be2): Bind for 0.0.0.0:18080 failed: port is already allocated\n";

fn ordinary(number: u64) -> Vec<u8> {
    if number % 10_000 == 9_999 {
        return FAILURE.as_bytes().to_vec();
    }
    let (second, size) = (number % 60, number * 7919 % 90_000);
    format!(
        "2026-03-02T10:15:{second:02}.{:06}Z web-1  | 172.20.0.{} - \"GET /orders/{number}?page={} HTTP/1.1\" 200 {size}\n",
        number % 1_000_000,
        number % 250,
        number % 40
    )
    .into_bytes()
}

fn coloured(number: u64) -> Vec<u8> {
    let text = String::from_utf8_lossy(&ordinary(number)).trim_end().to_owned();
    format!("\u{1b}[36mweb-1  |\u{1b}[0m pulling {}%\rpulling {}%\r{text}\r\n", number % 100, number % 100).into_bytes()
}

fn sequences(number: u64) -> Vec<u8> {
    format!("\u{1b}[{};1H\u{1b}[2K\u{1b}[38;5;{}m", number % 50, number % 256).into_bytes()
}

fn endless(number: u64) -> Vec<u8> {
    format!("{{\"item\":{number},\"state\":\"stored\",\"size\":{}}},", number * 7919 % 90_000).into_bytes()
}

fn binary(number: u64) -> Vec<u8> {
    // A fixed sequence (xorshift), so that every run measures the same bytes.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut block = Vec::with_capacity(4096);
    while block.len() < 4096 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.extend_from_slice(&state.to_le_bytes());
    }
    block
}

fn failures(_number: u64) -> Vec<u8> {
    FAILURE.as_bytes().to_vec()
}
