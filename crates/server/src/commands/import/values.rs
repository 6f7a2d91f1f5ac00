//! What a cell says: yes or no, a number.

use hearback_rules::Property;

/// Yes or no, as programs write it.
pub fn flag(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "t" | "on" => Some(true),
        "false" | "no" | "n" | "0" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// A whole number; `9.0` is one, since tables with missing values are often written so.
pub fn whole(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => digits,
        _ => text,
    };
    digits.parse().ok()
}

/// A property: true and false, a number as computers write it, else text. `007` stays text.
pub fn property(text: String) -> Property {
    match text.as_str() {
        "true" => Property::Flag(true),
        "false" => Property::Flag(false),
        _ => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number.to_string() == text => Property::Number(number),
            _ => Property::Text(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_people_mean_them() {
        assert_eq!(["true", "No", "1", "perhaps"].map(flag), [Some(true), Some(false), Some(true), None]);
        assert_eq!(["7", "7.0", "7.", "7.5", "x", "-1"].map(whole), [Some(7), Some(7), None, None, None, Some(-1)]);
        let properties = ["1.5", "-3", "007", "1e3", "true", "yes", "inf"].map(|text| property(text.to_owned()));
        let text = |text: &str| Property::Text(text.to_owned());
        assert_eq!(
            properties,
            [Property::Number(1.5), Property::Number(-3.0), text("007"), text("1e3"), Property::Flag(true), text("yes"), text("inf")]
        );
    }
}
