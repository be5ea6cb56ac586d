//! What people type on the command line, read forgivingly: words in either language, full-width
//! separators, short dates.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::rules::calendar::Month;
use shouwang_crdt_schema::visit::AreaReport;
use shouwang_node::command::area::AreaList;
use shouwang_node::home::Node;

use crate::error::Failure;
use crate::message::Messages;
use crate::words::{self, Labelled};

/// A civil date: `2026-11-21`, also with slashes or dots, one digit or two.
pub(crate) fn date(argument: &str, text: &str) -> Result<NaiveDate, Failure> {
    let plain = text.trim();
    let plain = plain.strip_suffix('日').unwrap_or(plain);
    let parts: Vec<&str> = plain.split(['-', '/', '.', '年', '月']).collect();
    let number = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        digits(part).filter(|part| lengths.contains(&part.len()))?.parse::<u32>().ok()
    };
    let date = match parts.as_slice() {
        [year, month, day] => number(year, 4..=4)
            .and_then(|year| i32::try_from(year).ok())
            .zip(number(month, 1..=2).zip(number(day, 1..=2)))
            .and_then(|(year, (month, day))| NaiveDate::from_ymd_opt(year, month, day)),
        _ => None,
    };
    date.ok_or_else(|| Failure::usage("date").with("argument", argument).with("value", text))
}

/// A text of digits alone: no sign, which numbers would be read with.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// A size: `512M`, `1.4M`, `700000`. As sticks are labelled, thousands are thousands.
pub(crate) fn size(text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::usage("size").with("value", text);
    let plain = text.trim();
    let plain = plain.strip_suffix(['b', 'B']).unwrap_or(plain);
    let (number, unit) = match plain.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let unit = match unit.to_ascii_lowercase() {
                'k' => 1_000,
                'm' => 1_000_000,
                'g' => 1_000_000_000,
                _ => return Err(wrong()),
            };
            (plain.get(..at).unwrap_or_default(), unit)
        }
        _ => (plain, 1),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = digits(whole).and_then(|whole| whole.parse().ok()).ok_or_else(wrong)?;
    let places = u32::try_from(fraction.len()).map_err(|_| wrong())?;
    let part: u64 = match fraction {
        "" => 0,
        fraction => digits(fraction).and_then(|part| part.parse().ok()).ok_or_else(wrong)?,
    };
    let scale = 10u64.checked_pow(places).ok_or_else(wrong)?;
    let part = part.checked_mul(unit).ok_or_else(wrong)? / scale;
    whole.checked_mul(unit).and_then(|bytes| bytes.checked_add(part)).ok_or_else(wrong)
}

/// A span of time: `90`, `90s`, `2m`, `500ms`.
pub(crate) fn duration(argument: &str, text: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::usage("duration").with("argument", argument).with("value", text);
    let text = text.trim();
    // The longer unit first: `ms` ends in `s`.
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (number, unit_ms) = units
        .iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, *ms)))
        .unwrap_or((text, 1_000));
    let number: u64 =
        digits(number.trim()).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    Ok(Duration::from_millis(number.checked_mul(unit_ms).ok_or_else(wrong)?))
}

/// Checks that each text is an address of the network.
pub(crate) fn addresses(texts: &[String]) -> Result<(), Failure> {
    // An empty text is an address too, of nothing.
    let is_address = |text: &str| !text.is_empty() && shouwang_node::process::is_address(text);
    match texts.iter().find(|text| !is_address(text)) {
        Some(text) => Err(Failure::usage("not_address").with("text", text)),
        None => Ok(()),
    }
}

/// A division code.
pub(crate) fn division(argument: &str, text: &str) -> Result<DivisionCode, Failure> {
    text.trim()
        .parse()
        .map_err(|_| Failure::usage("division_code").with("argument", argument).with("value", text))
}

/// A place by its code, or by its name where the directories here know exactly one of that name.
pub(crate) fn place(node: &mut Node, argument: &str, text: &str) -> anyhow::Result<DivisionCode> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(division(argument, text)?);
    }
    let places = node.call(AreaList { within: None })?.places;
    let mut named = places.iter().filter(|place| place.name == text).map(|place| place.code);
    match (named.next(), named.next()) {
        (Some(code), None) => Ok(code),
        (None, _) => Err(Failure::usage("unknown_place")
            .with("argument", argument)
            .with("value", text)
            .into()),
        (Some(one), Some(other)) => Err(Failure::usage("ambiguous_place")
            .with("argument", argument)
            .with("value", text)
            .with("codes", format!("{one}, {other}"))
            .into()),
    }
}

/// A word of a vocabulary: its stored spelling in any case, or Chinese.
pub(crate) fn choice<C: Labelled>(argument: &str, text: &str) -> Result<C, Failure> {
    let plain = text.trim();
    let spelling = plain.replace(['-', '_', ' '], "");
    C::ALL
        .iter()
        .copied()
        .find(|value| value.as_str().eq_ignore_ascii_case(&spelling) || value.chinese() == plain)
        .ok_or_else(|| {
            let allowed: Vec<String> = C::ALL
                .iter()
                .map(|value| format!("{} {}", value.as_str().to_ascii_lowercase(), value.chinese()))
                .collect();
            Failure::usage("choice")
                .with("argument", argument)
                .with("value", plain)
                .with("allowed", allowed.join(", "))
        })
}

/// Several words of a vocabulary, separated by commas.
pub(crate) fn choices<C: Labelled>(argument: &str, text: &str) -> Result<BTreeSet<C>, Failure> {
    text.split([',', '，', '、'])
        .filter(|word| !word.trim().is_empty())
        .map(|word| choice(argument, word))
        .collect()
}

/// What a visitor found in one area: `concern:mobility,illness` or `fine`.
pub(crate) fn area_report<I: Labelled>(
    argument: &str,
    text: &str,
) -> Result<AreaReport<I>, Failure> {
    let (finding, items) = text.split_once([':', '：']).unwrap_or((text, ""));
    Ok(AreaReport { finding: choice(argument, finding)?, items: choices(argument, items)? })
}

/// Fields as `key=value`. Keys may be Chinese; words of a vocabulary may be in any case.
pub(crate) fn fields(
    pairs: &[String],
    messages: &Messages,
) -> Result<BTreeMap<Field, String>, Failure> {
    let mut fields = BTreeMap::new();
    for pair in pairs {
        let (key, text) = pair
            .split_once(['=', '＝'])
            .ok_or_else(|| Failure::usage("field_without_value").with("value", pair))?;
        let field = words::field_named(key).ok_or_else(|| {
            let known = words::field_keys(messages);
            Failure::usage("unknown_field").with("value", key).with("allowed", known)
        })?;
        let value = field
            .value(&in_stored_case(field, text))
            .map_err(|error| Failure::value(&error, messages))?;
        if fields.insert(field, value.as_str().to_owned()).is_some() {
            return Err(Failure::usage("field_twice").with("value", key));
        }
    }
    Ok(fields)
}

/// A month that has begun: `2026-09`.
pub(crate) fn month(text: &str, as_of: NaiveDate) -> Result<Month, Failure> {
    let month: Month =
        text.trim().parse().map_err(|_| Failure::usage("month").with("value", text))?;
    has_begun(month, as_of)?;
    Ok(month)
}

/// A month that is still to come would be a page of zeros.
pub(crate) fn has_begun(month: Month, as_of: NaiveDate) -> Result<(), Failure> {
    match month.first() <= as_of {
        true => Ok(()),
        false => Err(Failure::usage("month_to_come").with("month", month).with("as_of", as_of)),
    }
}

/// A time of day: `9:30`.
pub(crate) fn time(argument: &str, text: &str) -> Result<NaiveTime, Failure> {
    NaiveTime::parse_from_str(text.trim().replace('：', ":").as_str(), "%H:%M")
        .map_err(|_| Failure::usage("time").with("argument", argument).with("value", text))
}

/// A list of a file, by its key or its name.
pub(crate) fn list(text: &str, messages: &Messages) -> Result<List, Failure> {
    words::list_named(text).ok_or_else(|| {
        let known = words::list_keys(messages);
        Failure::usage("unknown_list").with("value", text).with("allowed", known)
    })
}

/// An element as `key=value`, or one word for a list of words; an empty value is None. Keys and the
/// words of vocabularies may be in either language.
pub(crate) fn element(
    list: List,
    pairs: &[String],
) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let keys = shouwang_node::command::items::keys(list);
    let mut texts = BTreeMap::new();
    for pair in pairs {
        let (key, text) = match pair.split_once(['=', '＝']) {
            None if keys == ["value"] => ("value", pair.as_str()),
            None => return Err(Failure::usage("field_without_value").with("value", pair)),
            Some((key, text)) => {
                let known = words::element_key(keys, key).ok_or_else(|| {
                    let allowed = keys.join(", ");
                    Failure::usage("unknown_key").with("value", key).with("allowed", allowed)
                })?;
                (known, text)
            }
        };
        let text = match key {
            _ if text.trim().is_empty() => None,
            "date" | "left" | "returned" | "from" | "until" => Some(date(key, text)?.to_string()),
            key => Some(words::element_stored(list, key, text)),
        };
        if texts.insert(key.to_owned(), text).is_some() {
            return Err(Failure::usage("field_twice").with("value", key));
        }
    }
    Ok(texts)
}

/// A text as a field stores it: a word of a vocabulary may be in any case.
pub(crate) fn in_stored_case(field: Field, text: &str) -> String {
    let Kind::Choice(words) = field.spec().kind else { return text.to_owned() };
    let plain = text.trim().replace(['-', '_', ' '], "");
    words
        .iter()
        .find(|(stored, _)| stored.eq_ignore_ascii_case(&plain))
        .map_or_else(|| text.to_owned(), |(stored, _)| (*stored).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;
    use shouwang_crdt_schema::record::{Finding, HealthItem, ServiceNeed, VisitMode};

    #[test]
    fn dates_in_the_usual_styles() {
        for text in ["2026-09-01", "2026-9-1", "2026/9/1", "2026.09.01", "2026年9月1日"] {
            assert_eq!(date("--date", text).unwrap().to_string(), "2026-09-01", "{text}");
        }
        for text in [
            "2026-13-01",
            "yesterday",
            "+2026-09-01",
            "12026-9-1",
            "+262142-12-31",
            "2026-9-1日日",
            "2日026-9-1",
            "2026--9-1",
        ] {
            assert!(date("--date", text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_whole() {
        let check = |text: &str| addresses(&[text.to_owned()]);
        assert!(check("/ip4/127.0.0.1/tcp/4420").is_ok());
        for text in ["", "127.0.0.1:4420", "/ip4/127.0.0.1/tcp", "/ip4/999.0.0.1/tcp/1"] {
            assert_eq!(check(text).unwrap_err().to_string(), "not_address", "{text}");
        }
    }

    #[test]
    fn spans_of_time() {
        for (text, ms) in [("60", 60_000), ("60s", 60_000), ("2m", 120_000), ("500ms", 500)] {
            assert_eq!(duration("--timeout", text).unwrap().as_millis(), ms, "{text}");
        }
        for text in ["", "s", "-1", "+1", "1d", "90ss", "5msms", "99999999999999999999"] {
            assert!(duration("--timeout", text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_in_either_language() {
        for text in ["phone", "Phone", "PHONE", "电话"] {
            assert_eq!(choice::<VisitMode>("--mode", text).unwrap(), VisitMode::Phone);
        }
        assert!(choice::<VisitMode>("--mode", "walk").is_err());
        let needs = choices::<ServiceNeed>("--needs", "meals，助洁、legal-aid").unwrap();
        assert_eq!(
            needs,
            [ServiceNeed::Meals, ServiceNeed::Cleaning, ServiceNeed::LegalAid].into()
        );
    }

    #[test]
    fn findings_with_and_without_items() {
        let report = area_report::<HealthItem>("--health", "concern:mobility,illness").unwrap();
        assert_eq!(report.finding, Finding::Concern);
        assert_eq!(report.items, [HealthItem::Mobility, HealthItem::Illness].into());
        let report = area_report::<HealthItem>("--health", "需关注：行动").unwrap();
        assert_eq!(report.items, [HealthItem::Mobility].into());
        assert!(area_report::<HealthItem>("--health", "正常").unwrap().items.is_empty());
        assert!(area_report::<HealthItem>("--health", "mobility").is_err());
    }

    #[test]
    fn fields_take_their_stored_spelling_or_are_refused_by_name() {
        let messages = Messages::new(Language::En);
        let pair = |text: &str| fields(&[text.to_owned()], &messages);
        assert_eq!(pair("sex=female").unwrap()[&Field::Sex], "Female");
        assert_eq!(pair("居住状况=alone").unwrap()[&Field::LivingArrangement], "Alone");
        assert_eq!(pair("能力等级=重度失能").unwrap()[&Field::AbilityLevel], "Severe");
        for text in ["phone", "age=80", "birth_date=soon", "name= "] {
            assert!(pair(text).is_err(), "{text}");
        }
        let twice = ["phone=1".to_owned(), "电话=2".to_owned()];
        assert!(fields(&twice, &messages).is_err());
    }

    #[test]
    fn sizes_are_read_as_sticks_are_labelled() {
        for (text, expected) in [
            ("512M", 512_000_000),
            ("1.4M", 1_400_000),
            ("1.44MB", 1_440_000),
            ("700000", 700_000),
            ("4g", 4_000_000_000),
            ("90k", 90_000),
        ] {
            assert_eq!(size(text).unwrap(), expected, "{text}");
        }
        for text in ["", "M", "1.x", "-1", "+1", "1.+5M", "1T5", "5BB", "99999999999999999999"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("1.99999999999999999999M").is_err());
    }
}
