//! What the answers are worth: the arithmetic, its aims and its words. It reads and runs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::cases::{Case, UNKNOWN};

/// Of the answers that name a class, so many must be right.
const PRECISION_MIN: f64 = 0.98;
/// Of the cases that have a class, so many must get it.
const RECALL_MIN: f64 = 0.92;
/// So far may confidence and truth lie apart, on average.
const CALIBRATION_ERROR_MAX: f64 = 0.05;
/// Fewer cases prove nothing.
const CASES_MIN: usize = 150;
/// One case in so many must be a look-alike or unknown, or the report rewards credulity.
const LOOK_ALIKE_ONE_IN: usize = 3;
/// Confidences are compared in so many bins of equal width.
const BINS: usize = 10;
/// Classes whose repair changes or starts something: no look-alike may be taken for one of them.
const NEVER_FOR_LOOK_ALIKES: [&str; 3] = ["docker-port-conflict", "azure-keyvault-soft-deleted", "azure-mysql-stopped"];

/// What the program says of one case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) class: String,
    /// From 0 to 1.
    pub(crate) confidence: f64,
    pub(crate) facts: BTreeMap<String, String>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { class: UNKNOWN.to_owned(), confidence: 0.0, facts: BTreeMap::new() }
    }
}

/// How often a class was right, claimed and due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    right: usize,
    claimed: usize,
    due: usize,
}

impl Counts {
    /// Of the claims, the share that is right; 1 without claims.
    fn precision(self) -> f64 {
        share(self.right, self.claimed)
    }

    /// Of the cases due, the share that was found; 1 without cases.
    fn recall(self) -> f64 {
        share(self.right, self.due)
    }
}

/// The comparison of all answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    cases: usize,
    /// With those that are unknown.
    look_alikes: usize,
    /// True class, claimed class, how often.
    confusion: BTreeMap<(String, String), usize>,
    by_class: BTreeMap<String, Counts>,
    bins: [Bin; BINS],
    wrong: Vec<String>,
    missing_facts: Vec<String>,
    dangerous: Vec<String>,
}

/// Answers of similar confidence.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    answers: usize,
    right: usize,
    confidence: f64,
}

impl Score {
    /// Compares each case with the answer at the same place.
    pub(crate) fn of(cases: &[Case], answers: &[Answer]) -> Self {
        let mut score = Self::default();
        for (case, answer) in cases.iter().zip(answers) {
            score.add(case, answer);
        }
        score
    }

    fn add(&mut self, case: &Case, answer: &Answer) {
        let right = case.class == answer.class;
        self.cases += 1;
        self.look_alikes += usize::from(!case.decisive);
        *self.confusion.entry((case.class.clone(), answer.class.clone())).or_default() += 1;
        self.by_class.entry(case.class.clone()).or_default().due += 1;
        let claimed = self.by_class.entry(answer.class.clone()).or_default();
        claimed.claimed += 1;
        claimed.right += usize::from(right);
        // What is called unknown claims nothing, so its confidence has nothing to agree with.
        if answer.class != UNKNOWN {
            let bin = &mut self.bins[bin_of(answer.confidence)];
            bin.answers += 1;
            bin.right += usize::from(right);
            bin.confidence += answer.confidence;
        }
        if right {
            self.compare_facts(case, answer);
        } else {
            let Answer { class, confidence, .. } = answer;
            let line = format!("{}: {} taken for {class} ({confidence:.3})", case.name, case.class);
            if !case.decisive && NEVER_FOR_LOOK_ALIKES.contains(&answer.class.as_str()) {
                self.dangerous.push(line.clone());
            }
            self.wrong.push(line);
        }
    }

    fn compare_facts(&mut self, case: &Case, answer: &Answer) {
        for (name, value) in &case.facts {
            let found = answer.facts.get(name);
            if found != Some(value) {
                self.missing_facts.push(format!("{}: {name} is `{value}` and not {found:?}", case.name));
            }
        }
    }

    /// All classes but `unknown` together.
    fn total(&self) -> Counts {
        let named = self.by_class.iter().filter(|(class, _)| *class != UNKNOWN);
        named.fold(Counts::default(), |sum, (_, counts)| Counts {
            right: sum.right + counts.right,
            claimed: sum.claimed + counts.claimed,
            due: sum.due + counts.due,
        })
    }

    /// The mean distance between confidence and the share of right answers, weighted by the answers of each bin
    /// (expected calibration error; Naeini, Cooper and Hauskrecht, 2015).
    #[expect(clippy::cast_precision_loss, reason = "numbers of cases are far below 2^52")]
    fn calibration_error(&self) -> f64 {
        let answers: usize = self.bins.iter().map(|bin| bin.answers).sum();
        let distance: f64 = self.bins.iter().map(|bin| (bin.right as f64 - bin.confidence).abs()).sum();
        if answers == 0 { 0.0 } else { distance / answers as f64 }
    }

    /// Each aim that is missed, in words.
    pub(crate) fn missed_aims(&self) -> Vec<String> {
        let total = self.total();
        let (precision, recall, calibration) = (total.precision(), total.recall(), self.calibration_error());
        let mut missed = Vec::new();
        let mut demand = |met: bool, words: String| {
            if !met {
                missed.push(words);
            }
        };
        demand(precision >= PRECISION_MIN, format!("precision {precision:.4}, at least {PRECISION_MIN}"));
        demand(recall >= RECALL_MIN, format!("recall {recall:.4}, at least {RECALL_MIN}"));
        let words = format!("calibration error {calibration:.4}, at most {CALIBRATION_ERROR_MAX}");
        demand(calibration <= CALIBRATION_ERROR_MAX, words);
        demand(self.cases >= CASES_MIN, format!("{} cases, at least {CASES_MIN}", self.cases));
        let words = format!(
            "{} of {} cases look alike or are unknown, one in {LOOK_ALIKE_ONE_IN}",
            self.look_alikes, self.cases
        );
        demand(self.look_alikes * LOOK_ALIKE_ONE_IN >= self.cases, words);
        demand(self.dangerous.is_empty(), format!("taken for what it resembles:\n{}", self.dangerous.join("\n")));
        missed
    }

    /// Everything, for people.
    pub(crate) fn report(&self) -> String {
        let mut text = String::from("== confusion: what it is, what it was taken for, how often\n");
        let classes: BTreeSet<_> = self.confusion.keys().map(|(class, _)| class).collect();
        for class in classes {
            let row = self.confusion.iter().filter(|((of, _), _)| of == class);
            let cells: Vec<_> = row.map(|((_, taken), count)| format!("{taken} {count}")).collect();
            let _ = writeln!(text, "{class:<40} {}", cells.join(", "));
        }
        text.push_str("== classes: precision, recall, cases\n");
        for (class, counts) in &self.by_class {
            let _ = writeln!(text, "{class:<40} {:.3}  {:.3}  {}", counts.precision(), counts.recall(), counts.due);
        }
        for (title, lines) in [("wrong", &self.wrong), ("facts not found", &self.missing_facts)] {
            let _ = writeln!(text, "== {title}: {}", lines.len());
            lines.iter().for_each(|line| text.extend([line, "\n"]));
        }
        let total = self.total();
        let _ = writeln!(
            text,
            "== total: {} cases, {} look alike or are unknown; precision {:.4} ({}/{}), recall {:.4} ({}/{}), calibration error {:.4}",
            self.cases,
            self.look_alikes,
            total.precision(),
            total.right,
            total.claimed,
            total.recall(),
            total.right,
            total.due,
            self.calibration_error()
        );
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of cases are far below 2^52")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Bins are open below, as in the definition, but for the first: 0.9 belongs to the ninth.
fn bin_of(confidence: f64) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "there are ten bins")]
    let upper = |bin: usize| (bin + 1) as f64 / BINS as f64;
    (0..BINS).find(|bin| confidence <= upper(*bin)).unwrap_or(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(class: &str) -> Case {
        Case {
            name: format!("{class}.toml"),
            class: class.to_owned(),
            decisive: class != UNKNOWN,
            facts: BTreeMap::new(),
            text: Vec::new(),
        }
    }

    fn score(pairs: &[(&str, &str, f64)]) -> Score {
        let cases: Vec<_> = pairs.iter().map(|(class, ..)| case(class)).collect();
        let answer = |class: &str, confidence| Answer { class: class.to_owned(), confidence, facts: BTreeMap::new() };
        let answers: Vec<_> = pairs.iter().map(|(_, class, confidence)| answer(class, *confidence)).collect();
        Score::of(&cases, &answers)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn precision_counts_claims_and_recall_counts_cases() {
        let score =
            score(&[("a", "a", 1.0), ("a", "b", 1.0), ("a", UNKNOWN, 0.0), ("b", "b", 1.0), (UNKNOWN, "b", 1.0)]);
        assert_eq!(score.by_class["a"], Counts { right: 1, claimed: 1, due: 3 });
        assert_eq!(score.by_class["b"], Counts { right: 1, claimed: 3, due: 1 });
        let total = score.total();
        assert!(close(total.precision(), 2.0 / 4.0), "an answer `unknown` claims nothing: {total:?}");
        assert!(close(total.recall(), 2.0 / 4.0), "a case without a class is not due: {total:?}");
    }

    #[test]
    fn calibration_is_the_weighted_distance_within_bins() {
        // Bin (0.8, 0.9]: two answers, one right, confidence 0.9. Bin (0.5, 0.6]: one answer, right, confidence 0.6.
        let score = score(&[("a", "a", 0.9), ("a", "b", 0.9), ("a", "a", 0.6), ("a", UNKNOWN, 0.4)]);
        assert!(close(score.calibration_error(), (0.8 + 0.4) / 3.0), "{}", score.calibration_error());
        assert_eq!([0.0, 0.1, 0.11, 0.9, 0.91, 1.0].map(bin_of), [0, 0, 1, 8, 9, 9]);
    }

    #[test]
    fn perfect_answers_meet_every_aim_and_each_lack_is_told() {
        let of = |decisive: usize, unknown: usize| {
            let mut pairs = vec![("a", "a", 1.0); decisive];
            pairs.extend(vec![(UNKNOWN, UNKNOWN, 0.0); unknown]);
            score(&pairs).missed_aims()
        };
        assert_eq!(of(100, 50), Vec::<String>::new());
        assert_eq!(of(99, 50), ["149 cases, at least 150"]);
        assert_eq!(of(101, 50), ["50 of 151 cases look alike or are unknown, one in 3"]);
    }

    #[test]
    fn wrong_answers_miss_their_aims() {
        let mut pairs = vec![("a", "a", 1.0); 100];
        pairs.extend(vec![(UNKNOWN, UNKNOWN, 0.0); 50]);
        for wrong in &mut pairs[..9] {
            wrong.1 = UNKNOWN;
        }
        let missed = score(&pairs).missed_aims();
        assert!(missed.len() == 1 && missed[0].starts_with("recall 0.9100"), "{missed:?}");
        for wrong in &mut pairs[..9] {
            wrong.1 = "b";
        }
        let missed = score(&pairs).missed_aims();
        let starts = ["precision 0.9100", "recall 0.9100", "calibration error 0.0900"];
        assert!(
            missed.len() == 3 && missed.iter().zip(starts).all(|(words, start)| words.starts_with(start)),
            "{missed:?}"
        );
    }

    #[test]
    fn one_look_alike_taken_for_a_port_conflict_is_too_many() {
        let mut pairs = vec![("docker-port-conflict", "docker-port-conflict", 1.0); 200];
        pairs.extend(vec![(UNKNOWN, UNKNOWN, 0.0); 200]);
        assert!(score(&pairs).missed_aims().is_empty());
        pairs[399].1 = "docker-port-conflict";
        let missed = score(&pairs).missed_aims();
        assert!(missed.len() == 1 && missed[0].contains("unknown taken for docker-port-conflict"), "{missed:?}");
    }

    #[test]
    fn a_fact_that_is_not_found_is_reported() {
        let with_port = |port: &str| BTreeMap::from([("port".to_owned(), port.to_owned())]);
        let cases = [Case { facts: with_port("8080"), ..case("a") }];
        let answer = |port| Answer { class: "a".to_owned(), confidence: 1.0, facts: with_port(port) };
        assert!(Score::of(&cases, &[answer("8080")]).missing_facts.is_empty());
        assert_eq!(Score::of(&cases, &[answer("1")]).missing_facts.len(), 1);
    }
}
