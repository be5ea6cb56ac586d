//! Texts that people and files bring: places, numbers of persons, ids, days, values of fields, rules; and
//! what is typed on the command line.

use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::OnceLock;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{ElderId, IncidentId, TransferId};
use shouwang_crdt_schema::report::half_year::HalfYear;
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::rules::calendar::{Month, MonthDay};
use shouwang_crdt_schema::rules::ruleset::{Occasion, OccasionName, Ruleset};
use shouwang_node::identity::DeviceId;

use crate::message::{Language, Messages};
use crate::parse;
use crate::qr;
use crate::target::{Verdict, any};

/// A text that reads is said in one way, which reads as the same.
fn one_form<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Verdict {
    let Ok(read) = text.parse::<T>() else { return Verdict::Refused };
    let said = read.to_string();
    assert_eq!(said.parse::<T>().ok(), Some(read), "{said:?} of {text:?}");
    Verdict::Accepted
}

/// As [`one_form`], and no other text says it, but for capitals.
fn only_form<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Verdict {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text.to_ascii_lowercase());
    }
    one_form::<T>(text)
}

/// Any text, read as everything that a text may be.
pub(super) fn text(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let named = [
        only_form::<DivisionCode>(text),
        only_form::<ElderId>(text),
        only_form::<IncidentId>(text),
        only_form::<TransferId>(text),
        only_form::<DeviceId>(text),
        only_form::<Month>(text),
        only_form::<MonthDay>(text),
        only_form::<HalfYear>(text),
        one_form::<OccasionName>(text),
        one_form::<Occasion>(text),
    ];
    let resident = match ResidentId::parse(text) {
        Ok(id) => {
            assert_eq!(id.as_str(), text.to_ascii_uppercase());
            assert_eq!(ResidentId::parse(id.as_str()).as_ref(), Ok(&id));
            assert!(!format!("{id} {id:?}").contains(&id.as_str()[..14]), "it is masked");
            id.birth_date();
            Verdict::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Verdict::Refused
        }
    };
    let fields = Field::ALL.iter().map(|field| match field.value(text) {
        Ok(value) => {
            assert_eq!(field.value(value.as_str()).as_ref(), Ok(&value), "one spelling: {field}");
            Verdict::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Verdict::Refused
        }
    });
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let mut ruleset = Ruleset::default();
    let rule = match ruleset.set(key, value) {
        Ok(()) => {
            let texts = ruleset.texts();
            let again =
                Ruleset::read(texts.iter().map(|(key, text)| (key.as_str(), text.as_str())));
            assert!(again.faults.is_empty() && again.unknown_keys.is_empty(), "{texts:?}");
            assert_eq!(again.ruleset, ruleset, "rules read back");
            Verdict::Accepted
        }
        Err(_) => Verdict::Refused,
    };
    assert_eq!(List::from_key(text).map(List::key), List::from_key(text).map(|_| text));
    any(named.into_iter().chain([resident, rule]).chain(fields))
}

/// The catalogue, read once.
pub(super) fn messages() -> &'static Messages {
    static MESSAGES: OnceLock<Messages> = OnceLock::new();
    MESSAGES.get_or_init(|| Messages::new(Language::En))
}

/// Any text as it is typed behind an argument.
pub(super) fn typed(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let messages = messages();
    let mut read = Vec::new();
    let mut note = |is: bool| read.push(if is { Verdict::Accepted } else { Verdict::Refused });
    let signs = |text: &str| text.contains(['+', '-']);
    if let Ok(bytes) = parse::size(text) {
        assert!(!signs(text), "a size has no sign: {text:?}");
        assert_eq!(parse::size(&bytes.to_string()).ok(), Some(bytes));
        let letters = text.chars().filter(char::is_ascii_alphabetic).count();
        assert!(letters <= 2, "a size has one unit: {text:?}");
        note(true);
    }
    if let Ok(span) = parse::duration("--for", text) {
        assert!(!signs(text), "a span has no sign: {text:?}");
        let letters = text.chars().filter(char::is_ascii_alphabetic).count();
        assert!(letters <= 2, "a span has one unit: {text:?}");
        let again = parse::duration("--for", &format!("{}ms", span.as_millis()));
        assert_eq!(again.ok(), Some(span));
        note(true);
    }
    if let Ok(day) = parse::date("--as-of", text) {
        assert_eq!(parse::date("--as-of", &day.to_string()).ok(), Some(day));
        note(true);
    }
    if let Ok(time) = parse::time("--at", text) {
        assert_eq!(parse::time("--at", &time.format("%H:%M").to_string()).ok(), Some(time));
        note(true);
    }
    note(parse::division("--scope", text).is_ok());
    let pairs: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if let Ok(fields) = parse::fields(&pairs, messages) {
        assert_eq!(fields.len(), pairs.len(), "nothing that was typed is dropped");
        for (field, text) in &fields {
            assert_eq!(field.value(text).map(|value| value.as_str() == text), Ok(true));
        }
        note(true);
    }
    for list in List::ALL {
        if let Ok(element) = parse::element(*list, &pairs) {
            assert_eq!(element.len(), pairs.len(), "nothing that was typed is dropped");
            note(true);
        }
    }
    note(parse::list(text, messages).is_ok());
    note(parse::addresses(&[text.to_owned()]).is_ok());
    if let Some(code) = qr::Code::of(text) {
        let lines = code.draw(qr::Ink::Ascii);
        assert!(lines.lines().all(|line| line.len() == code.columns(qr::Ink::Ascii)));
        note(true);
    }
    any(read)
}

pub(super) fn text_seeds() -> Vec<Vec<u8>> {
    let plain = [
        "990121101203",
        "07070707070707070707070707070707",
        "0707070707070707070707070707070707070707070707070707070707070707",
        "2026-09",
        "06-10",
        "2026-1",
        "110101194203150018",
        "11010119420315003X",
        "周国强",
        "1942-03-15",
        "Alone",
        "独居",
        "occasion.spring=Festival 2027-02-05 2027-02-12 x2",
        "sync_interval_days=5",
        "monthly_report_day=25",
        "supporters",
    ];
    plain
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .filter(|seed| text(seed) == Verdict::Accepted)
        .collect()
}

pub(super) fn typed_seeds() -> Vec<Vec<u8>> {
    let plain = [
        "512M",
        "1.4M",
        "700000",
        "90",
        "90s",
        "2m",
        "500ms",
        "2026-11-21",
        "2026年11月21日",
        "2026/1/2",
        "9:30",
        "9：30",
        "name=周国强\nphone=13900000001",
        "姓名＝周国强",
        "name=李明\nrelation=女儿",
        "助餐",
        "supporters",
        "/ip4/10.0.0.1/tcp/4420",
        "990121101203",
        "swreq1qqqq",
    ];
    plain.iter().map(|text| text.as_bytes().to_vec()).collect()
}
