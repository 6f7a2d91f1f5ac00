//! The published and computed vectors, every key and every entry: a key that no check reads is a failure,
//! so that nothing is passed over in silence.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a malformed file is a failed test")]

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value};

#[path = "vectors/others.rs"]
mod others;
#[path = "vectors/scores.rs"]
mod scores;

/// Points, unless an entry states its own.
const TOLERANCE: f64 = 1e-6;

/// An object of the file that notices which of its keys were read.
struct Entry<'a> {
    path: String,
    map: &'a Map<String, Value>,
    read: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Entry<'a> {
    fn new(path: impl Into<String>, value: &'a Value) -> Self {
        let path = path.into();
        let map = value.as_object().unwrap_or_else(|| panic!("{path} is not an object"));
        Self { path, map, read: RefCell::default() }
    }

    fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    fn value(&self, key: &str) -> &'a Value {
        let (key, value) = self.map.get_key_value(key).unwrap_or_else(|| panic!("{} has no {key}", self.path));
        self.read.borrow_mut().insert(key);
        value
    }

    fn entry(&self, key: &str) -> Entry<'a> {
        Entry::new(format!("{}.{key}", self.path), self.value(key))
    }

    fn float(&self, key: &str) -> f64 {
        self.value(key).as_f64().unwrap_or_else(|| panic!("{}.{key} is not a number", self.path))
    }

    fn count(&self, key: &str) -> u64 {
        self.value(key).as_u64().unwrap_or_else(|| panic!("{}.{key} is not a count", self.path))
    }

    fn text(&self, key: &str) -> &'a str {
        self.value(key).as_str().unwrap_or_else(|| panic!("{}.{key} is not text", self.path))
    }

    fn floats(&self, key: &str) -> Vec<f64> {
        floats(self.value(key))
    }

    /// Keys that explain and hold nothing to check.
    fn notes(&self, keys: &[&str]) {
        keys.iter().filter(|key| self.has(key)).for_each(|key| {
            self.value(key);
        });
    }

    /// Checks a number, or that both sides have none.
    fn near(&self, key: &str, actual: impl Into<Option<f64>>, tolerance: f64) {
        let (expected, actual) = (self.value(key).as_f64(), actual.into());
        let fits = match (expected, actual) {
            (Some(expected), Some(actual)) => (expected - actual).abs() <= tolerance,
            (None, None) => self.value(key).is_null(),
            _ => false,
        };
        assert!(fits, "{}.{key}: expected {expected:?}, got {actual:?}", self.path);
    }

    /// [`Entry::near`] with the default tolerance.
    fn same(&self, key: &str, actual: impl Into<Option<f64>>) {
        self.near(key, actual, TOLERANCE);
    }

    fn all_same(&self, key: &str, actual: &[f64]) {
        let expected = self.floats(key);
        let fits = expected.len() == actual.len() && expected.iter().zip(actual).all(|(a, b)| (a - b).abs() <= TOLERANCE);
        assert!(fits, "{}.{key}: expected {expected:?}, got {actual:?}", self.path);
    }
}

impl Drop for Entry<'_> {
    /// Every key must have been read.
    fn drop(&mut self) {
        let read = self.read.borrow();
        let left: Vec<&String> = self.map.keys().filter(|key| !read.contains(key.as_str())).collect();
        assert!(left.is_empty() || std::thread::panicking(), "{} has keys that nothing checks: {left:?}", self.path);
    }
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Runs a check over each entry of a list; every entry has its source noted.
fn each(file: &Entry, key: &str, check: impl Fn(&Entry)) {
    let list = file.value(key).as_array().unwrap_or_else(|| panic!("{key} is not a list"));
    assert!(!list.is_empty(), "{key} is empty");
    for (index, value) in list.iter().enumerate() {
        let entry = Entry::new(format!("{key}[{index}]"), value);
        entry.notes(&["source", "name", "note"]);
        check(&entry);
    }
}

#[test]
fn every_vector_holds() {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let file = Entry::new("vectors", &file);
    let meta = file.entry("meta");
    meta.near("tolerance_default", TOLERANCE, 0.0);
    meta.near("z_0.975", hearback_core::stats::Confidence::P95.z(), 1e-8);
    meta.notes(&["units", "order", "generated", "tags"]);

    each(&file, "nps_published", scores::published);
    each(&file, "nps_intervals", scores::intervals);
    each(&file, "tango_closed_forms", scores::tango_closed_forms);
    each(&file, "two_sample", scores::two_sample);
    each(&file, "rounding", scores::rounding);
    each(&file, "bands", scores::bands);
    each(&file, "display_floor", scores::display_floor);
    each(&file, "histogram", others::histogram);
    each(&file, "merge", others::merge);
    each(&file, "multiple_comparisons", others::multiple_comparisons);
    each(&file, "sample_size_margin", others::sample_size_margin);
    each(&file, "sample_size_difference", others::sample_size_difference);
    each(&file, "csat", others::csat);
    each(&file, "ces", others::ces);
    each(&file, "crr", others::crr);
    each(&file, "themes", others::themes);
    each(&file, "trend", others::trend);
    each(&file, "percentiles", others::percentiles);
    each(&file, "recovery", others::recovery);
    others::plural_rules(&file.entry("plural_rules"));
}

#[test]
#[should_panic(expected = "keys that nothing checks: [\"surprise\"]")]
fn a_key_that_nothing_checks_is_a_failure() {
    let value = serde_json::json!({"known": 1, "surprise": 2});
    Entry::new("entry", &value).same("known", 1.0);
}

#[test]
#[should_panic(expected = "expected Some(1.0), got Some(1.00001)")]
fn a_number_that_is_off_is_a_failure() {
    let value = serde_json::json!({"known": 1.0});
    Entry::new("entry", &value).same("known", 1.000_01);
}
