//! Something to fill in, and what was filled in.

use std::collections::BTreeMap;

use askama::Template;
use fluent_bundle::FluentValue;

use crate::error::Described;
use crate::message::Messages;
use crate::words::{self, Labelled};

/// The most that may be sent with one form but for its files, bytes; twice what a draft may hold.
pub(super) const FORM_BYTES_MAX: usize = 128 << 10;

/// Something to fill in.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// Where it is sent.
    pub(super) action: String,
    /// What a draft of it is called; None for what is not worth keeping.
    pub(super) draft: Option<String>,
    /// Whom it is about, for its draft.
    pub(super) elder: Option<String>,
    /// One token for one sending.
    pub(super) once: String,
    pub(super) csrf: String,
    pub(super) fields: Vec<FormField>,
    pub(super) submit: String,
    /// Whether it only looks, so that what it asks for stands in the address.
    pub(super) looks: bool,
    /// Whether a file goes with it.
    pub(super) file: bool,
    /// Whether what it does cannot be undone.
    pub(super) grave: bool,
    /// A line with little to fill in.
    pub(super) inline: bool,
    /// When what stands in it was kept (ms since 1970), where it is a draft.
    pub(super) kept_at_ms: i64,
    /// Whether what stands in it could not be kept as a draft yet.
    pub(super) is_unkept: bool,
    /// What was not right when it was sent.
    pub(super) error: Option<Described>,
    /// That something typed earlier stands in it, and a word to forget it by.
    pub(super) drafted: Option<(String, String)>,
}

/// One thing to fill in.
#[derive(Clone, Debug)]
pub(super) struct FormField {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) hint: Option<String>,
    pub(super) control: Control,
    pub(super) required: bool,
}

/// How something is filled in.
#[derive(Clone, Debug)]
pub(super) enum Control {
    /// A line. `kind`: `text`, `date`, `time`, `password`, `number`.
    Line { kind: &'static str, value: String, longest: Option<usize> },
    /// Several lines.
    Lines { value: String, longest: Option<usize> },
    /// One of few: all are seen.
    Radios(Vec<Choice>),
    /// Any of few.
    Checks(Vec<Choice>),
    /// One of many.
    Select(Vec<Choice>),
    /// A file, of these endings.
    File(&'static str),
    /// Not seen.
    Hidden(String),
    /// Seen when its summary is asked for.
    Group(Vec<FormField>, bool),
}

/// One of several.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

/// What was filled in: names, and what stands under each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) BTreeMap<String, Vec<String>>);

impl Fields {
    /// Reads `a=1&b=2` as forms and addresses have it.
    pub(super) fn read(encoded: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            // Text areas are sent with the line ends of another century.
            fields.entry(name.into_owned()).or_default().push(value.replace("\r\n", "\n"));
        }
        Self(fields)
    }

    /// The one text under a name, without the white space around it; None where there is none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.first()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// As it was typed.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    /// Every text under a name.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a name is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// An address with these, one of them changed.
    pub(super) fn address(&self, path: &str, changed: &[(&str, Option<String>)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, values) in &self.0 {
            if !changed.iter().any(|(changed, _)| changed == name) {
                values.iter().filter(|value| !value.is_empty()).for_each(|value| {
                    query.append_pair(name, value);
                });
            }
        }
        for (name, value) in changed {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

impl FormField {
    /// A line of text.
    pub(super) fn line(name: &str, label: String, value: Option<&str>) -> Self {
        Self::of(
            name,
            label,
            Control::Line {
                kind: "text",
                value: value.unwrap_or_default().to_owned(),
                longest: None,
            },
        )
    }

    /// A line of another kind than text.
    pub(super) fn kind(mut self, kind: &'static str) -> Self {
        if let Control::Line { kind: is, .. } = &mut self.control {
            *is = kind;
        }
        self
    }

    /// Several lines of text.
    pub(super) fn lines(name: &str, label: String, value: Option<&str>) -> Self {
        let value = value.unwrap_or_default().to_owned();
        Self::of(name, label, Control::Lines { value, longest: None })
    }

    /// No longer than so many characters.
    pub(super) fn longest(mut self, characters: usize) -> Self {
        if let Control::Line { longest, .. } | Control::Lines { longest, .. } = &mut self.control {
            *longest = Some(characters);
        }
        self
    }

    /// Not seen.
    pub(super) fn hidden(name: &str, value: impl Into<String>) -> Self {
        Self::of(name, String::new(), Control::Hidden(value.into()))
    }

    /// One of a vocabulary, all seen.
    pub(super) fn radios<C: Labelled>(
        name: &str,
        label: String,
        chosen: Option<&str>,
        messages: &Messages,
    ) -> Self {
        Self::of(
            name,
            label,
            Control::Radios(choices::<C>(&[chosen.unwrap_or_default()], messages)),
        )
    }

    /// Any of a vocabulary.
    pub(super) fn checks<C: Labelled>(
        name: &str,
        label: String,
        chosen: &[String],
        messages: &Messages,
    ) -> Self {
        let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
        Self::of(name, label, Control::Checks(choices::<C>(&chosen, messages)))
    }

    /// One of many.
    pub(super) fn select(name: &str, label: String, choices: Vec<Choice>) -> Self {
        Self::of(name, label, Control::Select(choices))
    }

    /// With a word on what is meant.
    pub(super) fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Must be filled in.
    pub(super) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Filled in like this.
    pub(super) fn of(name: &str, label: String, control: Control) -> Self {
        Self { name: name.to_owned(), label, hint: None, control, required: false }
    }
}

/// Fields that stand inside another.
#[derive(Template)]
#[template(path = "nested.html")]
struct Nested<'a> {
    fields: &'a [FormField],
}

/// Fields inside another, drawn.
pub(super) fn drawn(fields: &[FormField]) -> String {
    Nested { fields }.render().unwrap_or_default()
}

/// The words of a vocabulary.
pub(super) fn choices<C: Labelled>(chosen: &[&str], messages: &Messages) -> Vec<Choice> {
    let choice = |value: &C| Choice {
        value: value.as_str().to_owned(),
        text: words::label(messages, *value),
        chosen: chosen.contains(&value.as_str()),
    };
    C::ALL.iter().map(choice).collect()
}

/// That something typed at this moment stands in a form.
pub(super) fn drafted(messages: &Messages, ago: String) -> (String, String) {
    let text = messages.say("console-drafted", [("ago", FluentValue::from(ago))]);
    (text, messages.text("console-draft-drop"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_read_as_it_was_typed() {
        let fields = Fields::read("q=%E5%91%A8+%3Cb%3E&x=1&x=2&empty=&note=a%0D%0Ab".as_bytes());
        assert_eq!(fields.text("q"), Some("周 <b>"));
        assert_eq!(fields.all("x"), ["1", "2"]);
        assert_eq!((fields.text("empty"), fields.has("empty")), (None, true));
        assert_eq!(fields.typed("note"), Some("a\nb"));
        assert_eq!(Fields::read(b"\xff%zz=%"), Fields::read(b"\xff%zz=%"));
        let address = fields.address("/elders", &[("q", None), ("page", Some("2".to_owned()))]);
        assert_eq!(address, "/elders?note=a%0Ab&x=1&x=2&page=2");
    }
}
