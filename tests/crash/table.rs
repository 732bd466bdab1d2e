//! What the matrix came to, one line for each scenario and point.

use std::collections::BTreeMap;
use std::fmt;

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<(String, String), Row>,
}

/// One line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Runs that were killed there, and came to the right end.
    pub kills: u32,
    /// What the engine did more often than without the kill.
    pub duplicates: u32,
    /// Runs that did not come by.
    pub passed: u32,
    /// Runs that came to a wrong end.
    pub failures: u32,
}

impl Row {
    /// All runs.
    pub fn runs(self) -> u32 {
        self.kills + self.passed + self.failures
    }
}

impl Table {
    /// The line of a scenario and a point.
    pub fn row(&mut self, scenario: &str, point: &str) -> &mut Row {
        self.rows.entry((scenario.to_owned(), point.to_owned())).or_default()
    }

    /// All lines together.
    pub fn total(&self) -> Row {
        self.rows.values().fold(Row::default(), |total, row| Row {
            kills: total.kills + row.kills,
            duplicates: total.duplicates + row.duplicates,
            passed: total.passed + row.passed,
            failures: total.failures + row.failures,
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |scenario: &str, point: &str, row: &Row| {
            let Row { kills, duplicates, passed, failures } = row;
            writeln!(f, "{scenario:<22}{point:<22}{kills:>7}{duplicates:>12}{passed:>9}{failures:>10}")
        };
        for ((scenario, point), row) in &self.rows {
            line(scenario, point, row)?;
        }
        line("total", "", &self.total())?;
        writeln!(f, "(columns: kills, duplicates, skipped, failures)")
    }
}
