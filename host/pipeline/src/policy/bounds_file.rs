//! Bounds from TOML, one field at a time, so that every problem is reported at its own line.
//!
//! Refuses unknown fields, values out of range and anything that would widen a bound; it never clamps.

use std::collections::BTreeMap;

use repair_model::bounds::{Bounds, BoundsLayer};
use repair_model::limits::POLICY_FILE_BYTES_MAX;
use serde::Deserialize as _;
use similar::TextDiff;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::explain::BoundExplained;
use super::layers::{BoundsSource, Page, PolicyProblem};

/// Names as alike as this are taken for a slip of the pen.
const ALIKE_MIN: f32 = 0.7;

/// The bounds after all layers, and who set each.
#[derive(Clone, Debug)]
pub(super) struct Tightened {
    pub bounds: Bounds,
    /// The source that last named the field, by field.
    set_by: BTreeMap<String, usize>,
}

/// Tightens the ceilings by each source in turn; what is wrong with any of them goes to `problems`.
pub(super) fn tighten(sources: &[BoundsSource], problems: &mut Vec<PolicyProblem>) -> Tightened {
    let mut tightened = Tightened { bounds: Bounds::default(), set_by: BTreeMap::new() };
    for (at, source) in sources.iter().enumerate() {
        let mut page = Page { file: &source.name, text: &source.text, problems: &mut *problems };
        apply(&mut tightened, at, &mut page);
    }
    tightened
}

fn apply(tightened: &mut Tightened, source: usize, page: &mut Page<'_>) {
    if page.text.len() > POLICY_FILE_BYTES_MAX {
        page.problem(
            0,
            format!("it is longer than {POLICY_FILE_BYTES_MAX} bytes"),
            "bounds are fourteen numbers at most",
        );
        return;
    }
    let table = match DeTable::parse(page.text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let offset_bytes = error.span().map_or(0, |span| span.start);
            return page.problem(offset_bytes, error.message(), "write one `name = number` on each line");
        }
    };
    let mut fields: Vec<_> = table.into_iter().collect();
    fields.sort_by_key(|(key, _)| key.span().start);
    let known = field_names();
    for (key, value) in fields {
        let (name, key_at, value_at) = (key.get_ref().to_string(), key.span().start, value.span());
        if !known.contains(&name) {
            page.problem(key_at, format!("there is no bound named `{name}`"), closest(&name, &known));
            continue;
        }
        let one = DeTable::from_iter([(key, value)]);
        let layer = BoundsLayer::deserialize(Deserializer::from(Spanned::new(value_at.clone(), one)));
        match layer.map(|layer| tightened.bounds.clone().tightened(&layer)) {
            Ok(Ok(bounds)) => {
                tightened.bounds = bounds;
                tightened.set_by.insert(name, source);
            }
            Ok(Err(error)) => {
                let fix = format!("leave `{name}` out or keep it at {}", error.in_force);
                page.problem(value_at.start, error.to_string(), fix);
            }
            Err(error) => {
                let what = format!("`{name}`: {}", error.message());
                page.problem(value_at.start, what, "a bound is a whole number that is not negative");
            }
        }
    }
}

impl Tightened {
    /// Every bound with its value and where that comes from.
    pub fn explain(&self, sources: &[BoundsSource]) -> Vec<BoundExplained> {
        let values = as_map(&self.bounds);
        let bound = |(name, value): (String, serde_json::Value)| {
            // The built-in file names every bound, and it is the first source.
            let source = &sources[self.set_by.get(&name).copied().unwrap_or(0)];
            let value = value.as_u64().unwrap_or_default();
            BoundExplained { name, value, layer: source.layer, file: source.name.clone() }
        };
        values.into_iter().map(bound).collect()
    }
}

fn as_map(bounds: &Bounds) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(bounds) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    }
}

fn field_names() -> Vec<String> {
    as_map(&Bounds::default()).into_iter().map(|(name, _)| name).collect()
}

fn closest(name: &str, known: &[String]) -> String {
    let alike = |candidate: &String| TextDiff::from_chars(name, candidate.as_str()).ratio();
    match known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))) {
        Some(best) if alike(best) >= ALIKE_MIN => format!("did you mean `{best}`?"),
        _ => format!("the bounds are {}", known.join(", ")),
    }
}
