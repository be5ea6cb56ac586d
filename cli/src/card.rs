//! The card 一卡: one printable page for an elder, without the ID number (Lijiang 2024 item 2).
//!
//! It hangs where visitors and neighbours read it. So it holds who helps and who is called, and
//! nothing of the elder's health beyond the care group.

use chrono::NaiveDate;
use shouwang_node::command::export::ExportedElder;

use crate::ledger::Places;
use crate::message::Messages;
use crate::words;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::PairingKind;

/// One page an elder, as one HTML document without anything from elsewhere.
pub(crate) fn pages(
    elders: &[ExportedElder],
    places: &Places,
    as_of: NaiveDate,
    messages: &Messages,
) -> String {
    let language = messages.text("card-language");
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
        style-src 'unsafe-inline'\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        escaped(&messages.text("card-title"))
    );
    for elder in elders {
        html += &page(elder, places, as_of, messages);
    }
    html += "</body>\n</html>\n";
    html
}

const STYLE: &str = "\
@page{size:A5 landscape;margin:10mm}\
body{margin:0;font-family:\"Noto Serif CJK SC\",\"Source Han Serif SC\",SimSun,serif;color:#000}\
section{box-sizing:border-box;width:190mm;min-height:126mm;margin:4mm auto;padding:7mm 9mm;\
border:0.6mm solid #000;break-after:page;break-inside:avoid}\
section:last-child{break-after:auto}\
h1{margin:0 0 4mm;font-size:20pt;text-align:center;letter-spacing:2mm}\
table{width:100%;border-collapse:collapse;font-size:13pt}\
th,td{border:0.3mm solid #000;padding:2.2mm 3mm;text-align:left;vertical-align:top;\
overflow-wrap:anywhere}\
th{width:28mm;font-weight:normal;background:#eee}\
td.name{font-size:20pt}\
.line{display:block}\
footer{margin-top:4mm;font-size:9pt}\
@media print{section{margin:0;border:none;width:auto;min-height:0;padding:0}}";

fn page(elder: &ExportedElder, places: &Places, as_of: NaiveDate, messages: &Messages) -> String {
    let mut html =
        format!("<section>\n<h1>{}</h1>\n<table>\n", escaped(&messages.text("card-title")));
    for (number, Row { label, lines }) in rows(elder, places, as_of, messages).iter().enumerate() {
        let line = |line: &String| format!("<span class=\"line\">{}</span>", escaped(line));
        let lines: String = lines.iter().map(line).collect();
        let class = if number == 0 { "name" } else { "" };
        html +=
            &format!("<tr><th>{}</th><td class=\"{class}\">{lines}</td></tr>\n", escaped(label));
    }
    html + &format!("</table>\n<footer>{}</footer>\n</section>\n", escaped(&date(as_of, messages)))
}

/// What stands in one row of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) lines: Vec<String>,
}

/// The day of a card.
pub(crate) fn date(as_of: NaiveDate, messages: &Messages) -> String {
    messages.say("card-date", [("date", fluent_bundle::FluentValue::from(as_of.to_string()))])
}

/// The rows of an elder's card, the name first.
pub(crate) fn rows(
    elder: &ExportedElder,
    places: &Places,
    as_of: NaiveDate,
    messages: &Messages,
) -> Vec<Row> {
    let row = &elder.row;
    let mut contacts: Vec<(u16, String)> = Vec::new();
    for contact in &row.guardian_contacts {
        let line = person(messages.word("card-row", "guardian"), &contact.name, &contact.phone);
        contacts.push((contact.rank.unwrap_or(u16::MAX), line));
    }
    for contact in &row.emergency_contacts {
        let line = person(messages.word("card-row", "emergency"), &contact.name, &contact.phone);
        contacts.push((contact.rank.unwrap_or(u16::MAX), line));
    }
    contacts.sort_by_key(|(rank, _)| *rank);
    let contacts: Vec<String> = contacts.into_iter().map(|(_, line)| line).collect();
    let running = |until: Option<NaiveDate>| until.is_none_or(|until| until >= as_of);
    let helpers: Vec<String> = row
        .pairings
        .iter()
        .filter(|pairing| running(pairing.until))
        .map(|pairing| match pairing.kind {
            PairingKind::Unknown => pairing.helper.clone(),
            kind => person(words::label(messages, kind), &pairing.helper, &None),
        })
        .collect();
    let doctor = [Field::FamilyDoctor, Field::FamilyDoctorClinic].map(|field| row.field(field));
    let doctor: Vec<String> = doctor.into_iter().flatten().map(str::to_owned).collect();
    let above = elder.scope.parent().and_then(|place| places.name(place)).unwrap_or_default();
    let here = places.name(elder.scope).map_or_else(|| elder.scope.to_string(), str::to_owned);
    let hamlet = row.field(Field::Hamlet).unwrap_or_default();
    let village = [above, &here, hamlet].join(" ");
    let name = row.field(Field::Name).unwrap_or_default().to_owned();
    [
        ("name", vec![name]),
        ("village", vec![village.trim().to_owned()]),
        ("care_group", vec![words::label(messages, elder.care_group)]),
        ("helper", helpers),
        ("contacts", contacts),
        ("doctor", doctor),
    ]
    .map(|(key, lines)| Row { label: messages.word("card-row", key), lines })
    .to_vec()
}

/// What somebody is, the name, and the telephone.
fn person(what: String, name: &str, phone: &Option<String>) -> String {
    match phone {
        Some(phone) => format!("{what} {name} {phone}"),
        None => format!("{what} {name}"),
    }
}

/// A text that means nothing to a browser.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;
    use shouwang_crdt_schema::element::{EmergencyContact, GuardianContact, Pairing};
    use shouwang_crdt_schema::ledger_row::LedgerRow;
    use shouwang_crdt_schema::record::{CareGroup, ElderId};

    fn elder(name: &str) -> ExportedElder {
        let scope = "990121101203".parse().unwrap();
        let mut row = LedgerRow::new(scope);
        let fields = [
            (Field::Name, name),
            (Field::ResidentId, "990121194203150047"),
            (Field::DisabilityGrade, "G2"),
            (Field::Remarks, "糖尿病"),
            (Field::FamilyDoctor, "何医生"),
        ];
        row.fields.extend(fields.map(|(field, text)| (field, text.to_owned())));
        let contact = |name: &str, rank| (name.to_owned(), Some("13800000000".to_owned()), rank);
        let (name, phone, rank) = contact("吴建国", Some(2));
        row.guardian_contacts.push(GuardianContact { name, phone, rank });
        let (name, phone, rank) = contact("吴芳", Some(1));
        row.emergency_contacts.push(EmergencyContact { name, phone, rank });
        for (helper, until) in [("周主任", None), ("旧人", NaiveDate::from_ymd_opt(2020, 1, 1))]
        {
            let (helper, kind) = (helper.to_owned(), PairingKind::Cadre);
            row.pairings.push(Pairing { helper, kind, from: None, until });
        }
        ExportedElder {
            elder_id: ElderId([1; 16]),
            scope,
            row,
            age: Some(84),
            care_group: CareGroup::Key,
            last_visit: None,
        }
    }

    fn html(elders: &[ExportedElder], language: Language) -> String {
        let places = [("990121101000", "松雾镇"), ("990121101203", "上禾村")]
            .map(|(code, name)| (code.parse().unwrap(), name.to_owned()));
        let day = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        pages(elders, &Places::new(places), day, &Messages::new(language))
    }

    #[test]
    fn a_card_holds_who_helps_and_nothing_of_health_or_number() {
        for language in Language::ALL {
            let html = html(&[elder("卫德福")], language);
            for text in
                ["卫德福", "上禾村", "松雾镇", "周主任", "吴建国", "吴芳", "13800000000", "何医生"]
            {
                assert!(html.contains(text), "{text}: {html}");
            }
            for text in ["0047", "990121194203150047", "糖尿病", "旧人", "二级", "Grade"] {
                assert!(!html.contains(text), "{text}: {html}");
            }
            assert!(!html.contains('['), "a word is missing: {html}");
            // The one who is called first stands first.
            assert!(html.find("吴芳") < html.find("吴建国"));
        }
    }

    #[test]
    fn texts_are_no_markup_and_each_elder_has_a_page() {
        let name = "<script>alert(1)</script>&\"'";
        let html = html(&[elder(name), elder("卫德福")], Language::Zh);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"), "{html}");
        assert_eq!(html.matches("<section>").count(), 2);
    }
}
