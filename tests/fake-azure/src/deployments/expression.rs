//! The expressions of templates, `[…]`: literals, function calls, members and indices.

use serde_json::{Map, Value, json};

use super::functions;
use crate::world::World;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    /// It depends on what is only known while the deployment runs.
    NotYet,
    /// It is wrong.
    Wrong(String),
}

impl Trouble {
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(what.into())
    }

    /// In words; what is not yet known has no place where the words are needed.
    pub(crate) fn words(self) -> String {
        match self {
            Self::NotYet => "The template function 'reference' is not expected at this location. Please see \
                             https://aka.ms/arm-functions for usage details."
                .to_owned(),
            Self::Wrong(words) => words,
        }
    }
}

/// What names in expressions stand for.
pub(crate) struct Scope<'a> {
    pub(crate) world: &'a World,
    pub(crate) url: &'a str,
    pub(crate) subscription: &'a str,
    pub(crate) group: &'a str,
    pub(crate) deployment: &'a str,
    pub(crate) template: &'a Value,
    pub(crate) parameters: &'a Map<String, Value>,
    /// Whether resources can be looked at, as they can while the deployment runs.
    pub(crate) live: bool,
}

impl Scope<'_> {
    /// A value of the template with all its expressions worked out. What is not yet known keeps its text.
    pub(crate) fn value(&self, source: &Value) -> Result<Value, Trouble> {
        match source {
            Value::String(text) => match self.text(text) {
                Err(Trouble::NotYet) if !self.live => Ok(source.clone()),
                other => other,
            },
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => {
                let pairs = map.iter().map(|(key, value)| Ok((key.clone(), self.value(value)?)));
                pairs.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    /// A string of the template, which has to become a string at once.
    pub(crate) fn string(&self, source: &Value) -> Result<String, Trouble> {
        let value = source.as_str().map_or_else(|| Ok(source.clone()), |text| self.text(text))?;
        value.as_str().map(str::to_owned).ok_or_else(|| Trouble::wrong(format!("expected a string, got {value}")))
    }

    /// A string that may be an expression.
    pub(crate) fn text(&self, text: &str) -> Result<Value, Trouble> {
        if text.starts_with("[[") {
            return Ok(json!(text[1..]));
        }
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(json!(text));
        };
        let mut parser = Parser { rest: inner, whole: inner };
        let expression = parser.expression()?;
        if !parser.rest.trim().is_empty() {
            return Err(parser.error());
        }
        self.evaluate(&expression)
    }

    pub(crate) fn variable(&self, name: &str) -> Result<Value, Trouble> {
        let variables = self.template["variables"].as_object();
        let found = variables.and_then(|map| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
        let missing = || {
            Trouble::wrong(format!(
                "The template variable '{name}' is not found. Please see https://aka.ms/arm-syntax-variables for \
                 usage details."
            ))
        };
        self.value(found.ok_or_else(missing)?.1)
    }

    fn evaluate(&self, expression: &Expression) -> Result<Value, Trouble> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Call(name, arguments) if name.eq_ignore_ascii_case("if") && arguments.len() == 3 => {
                let chosen = if self.evaluate(&arguments[0])? == true { &arguments[1] } else { &arguments[2] };
                self.evaluate(chosen)
            }
            Expression::Call(name, arguments) => {
                let values: Result<Vec<_>, _> = arguments.iter().map(|argument| self.evaluate(argument)).collect();
                functions::call(self, name, &values?)
            }
            Expression::Member(of, key) => {
                let of = self.evaluate(of)?;
                let missing = || {
                    Trouble::wrong(format!(
                        "The language expression property '{key}' doesn't exist. Please see \
                         https://aka.ms/arm-functions for usage details."
                    ))
                };
                let map = of.as_object().ok_or_else(missing)?;
                let found = map.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).ok_or_else(missing)?;
                Ok(found.1.clone())
            }
            Expression::Index(of, key) => {
                let (of, key) = (self.evaluate(of)?, self.evaluate(key)?);
                let found = match &key {
                    Value::String(key) => of.get(key),
                    other => other.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| of.get(at)),
                };
                found.cloned().ok_or_else(|| {
                    Trouble::wrong(format!(
                        "The language expression property '{key}' can't be evaluated. Please see \
                         https://aka.ms/arm-functions for usage details."
                    ))
                })
            }
        }
    }
}

#[derive(Debug)]
enum Expression {
    Literal(Value),
    Call(String, Vec<Expression>),
    Member(Box<Expression>, String),
    Index(Box<Expression>, Box<Expression>),
}

struct Parser<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl Parser<'_> {
    fn error(&self) -> Trouble {
        Trouble::wrong(format!(
            "The template language expression '{}' is not valid: unexpected text at '{}'. Please see \
             https://aka.ms/arm-template-expressions for usage details.",
            self.whole, self.rest
        ))
    }

    fn takes(&mut self, letter: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn expression(&mut self) -> Result<Expression, Trouble> {
        let mut whole = self.start()?;
        loop {
            if self.takes('.') {
                let key = self.word();
                if key.is_empty() {
                    return Err(self.error());
                }
                whole = Expression::Member(Box::new(whole), key);
            } else if self.takes('[') {
                let key = self.expression()?;
                if !self.takes(']') {
                    return Err(self.error());
                }
                whole = Expression::Index(Box::new(whole), Box::new(key));
            } else {
                return Ok(whole);
            }
        }
    }

    fn start(&mut self) -> Result<Expression, Trouble> {
        if self.takes('\'') {
            return self.quoted().map(|text| Expression::Literal(json!(text)));
        }
        let negative = self.takes('-');
        let word = self.word();
        if word.starts_with(|letter: char| letter.is_ascii_digit()) {
            let number: i64 = word.parse().map_err(|_| self.error())?;
            return Ok(Expression::Literal(json!(if negative { -number } else { number })));
        }
        if word.is_empty() || negative || !self.takes('(') {
            return Err(self.error());
        }
        let mut arguments = Vec::new();
        if self.takes(')') {
            return Ok(Expression::Call(word, arguments));
        }
        loop {
            arguments.push(self.expression()?);
            if self.takes(')') {
                return Ok(Expression::Call(word, arguments));
            }
            if !self.takes(',') {
                return Err(self.error());
            }
        }
    }

    /// The rest of a literal; two quotes stand for one.
    fn quoted(&mut self) -> Result<String, Trouble> {
        let mut text = String::new();
        loop {
            let Some(end) = self.rest.find('\'') else { return Err(self.error()) };
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.rest = rest;
                }
                None => return Ok(text),
            }
        }
    }
}
