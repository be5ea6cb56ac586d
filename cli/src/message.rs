//! What the program says, in Chinese and English: a Fluent catalogue built into the binary.
//!
//! A message is found by key (`Messages::text`, `Messages::say`), a word of an open or closed
//! family by family and member (`Messages::word`): families are messages whose attributes are the
//! members. `docs/messages.md` tells how to add one; the tests beside this file fail on anything
//! that is missing in a language, unused, or filled with other values than it names.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::resolver::ResolverError;
use fluent_bundle::resolver::errors::ReferenceKind;
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// Names come from other machines: none of them may steer a terminal.
pub(crate) fn printable(text: std::borrow::Cow<'_, str>) -> String {
    let steers = |c: char| c.is_control() && c != '\n';
    match text.contains(steers) {
        true => text.replace(steers, "\u{fffd}"),
        false => text.into_owned(),
    }
}

#[cfg(test)]
mod catalogue_tests;

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// 中文
    Zh,
    /// English
    En,
}

/// The catalogue in one language.
pub(crate) struct Messages {
    bundle: FluentBundle<FluentResource>,
}

macro_rules! sources {
    ($language:literal) => {
        &[
            include_str!(concat!("../locales/", $language, "/help.ftl")),
            include_str!(concat!("../locales/", $language, "/words.ftl")),
            include_str!(concat!("../locales/", $language, "/errors.ftl")),
            include_str!(concat!("../locales/", $language, "/reasons.ftl")),
            include_str!(concat!("../locales/", $language, "/screens.ftl")),
            include_str!(concat!("../locales/", $language, "/demo.ftl")),
            include_str!(concat!("../locales/", $language, "/erase.ftl")),
            include_str!(concat!("../locales/", $language, "/fieldwork.ftl")),
            include_str!(concat!("../locales/", $language, "/transfer.ftl")),
            include_str!(concat!("../locales/", $language, "/ruleset.ftl")),
            include_str!(concat!("../locales/", $language, "/reports.ftl")),
            include_str!(concat!("../locales/", $language, "/ledger.ftl")),
            include_str!(concat!("../locales/", $language, "/inbox.ftl")),
            include_str!(concat!("../locales/", $language, "/bundle.ftl")),
            include_str!(concat!("../locales/", $language, "/paths.ftl")),
            include_str!(concat!("../locales/", $language, "/links.ftl")),
            include_str!(concat!("../locales/", $language, "/operator.ftl")),
            include_str!(concat!("../locales/", $language, "/watch.ftl")),
            include_str!(concat!("../locales/", $language, "/console.ftl")),
        ]
    };
}

impl Language {
    /// Every language.
    pub(crate) const ALL: [Self; 2] = [Self::Zh, Self::En];

    /// The catalogue's files.
    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Zh => sources!("zh"),
            Self::En => sources!("en"),
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        match self {
            Self::Zh => unic_langid::LanguageIdentifier::from_bytes(b"zh").unwrap_or_default(),
            Self::En => unic_langid::LanguageIdentifier::from_bytes(b"en").unwrap_or_default(),
        }
    }

    /// The language of this user's locale: Chinese where that is Chinese, else English.
    pub(crate) fn of_system() -> Self {
        match sys_locale::get_locale() {
            Some(locale) if locale.to_ascii_lowercase().starts_with("zh") => Self::Zh,
            _ => Self::En,
        }
    }
}

impl Messages {
    /// The catalogue in this language.
    pub(crate) fn new(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
        // Isolation marks keep right-to-left names apart; a terminal shows them as rubbish.
        bundle.set_use_isolating(false);
        for source in language.sources() {
            // What does not parse is skipped and caught by the tests.
            let resource = match FluentResource::try_new((*source).to_owned()) {
                Ok(resource) | Err((resource, _)) => resource,
            };
            let _ = bundle.add_resource(resource);
        }
        Self { bundle }
    }

    /// A message without values.
    pub(crate) fn text(&self, key: &str) -> String {
        self.find(key, None, &FluentArgs::new()).unwrap_or_else(|| format!("[{key}]"))
    }

    /// A message with values.
    pub(crate) fn say<const N: usize>(
        &self,
        key: &str,
        values: [(&str, FluentValue<'_>); N],
    ) -> String {
        let arguments: FluentArgs<'_> = values.into_iter().collect();
        self.find(key, None, &arguments).unwrap_or_else(|| format!("[{key}]"))
    }

    /// A word of a family, or the member itself where the catalogue does not know it.
    pub(crate) fn word(&self, family: &str, member: &str) -> String {
        self.known_word(family, member).unwrap_or_else(|| member.to_owned())
    }

    /// A word of a family, if the catalogue has it.
    pub(crate) fn known_word(&self, family: &str, member: &str) -> Option<String> {
        self.find(family, Some(member), &FluentArgs::new())
    }

    /// A message, or an attribute of one, with dots in the places that only an occasion fills.
    pub(crate) fn dotted(&self, key: &str, attribute: Option<&str>) -> Option<String> {
        let message = self.bundle.get_message(key)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut arguments = FluentArgs::new();
        loop {
            let (mut errors, mut named) = (Vec::new(), false);
            let text = self.bundle.format_pattern(pattern, Some(&arguments), &mut errors);
            for error in &errors {
                if let FluentError::ResolverError(ResolverError::Reference(
                    ReferenceKind::Variable { id },
                )) = error
                {
                    named |= arguments.get(id).is_none();
                    arguments.set(id.clone(), "…");
                }
            }
            match (errors.is_empty(), named) {
                (true, _) => return Some(text.into_owned()),
                (false, true) => {}
                (false, false) => return None,
            }
        }
    }

    /// A message, or an attribute of one, if the catalogue has it and every place can be filled.
    pub(crate) fn find(
        &self,
        key: &str,
        attribute: Option<&str>,
        arguments: &FluentArgs<'_>,
    ) -> Option<String> {
        let message = self.bundle.get_message(key)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(arguments), &mut errors);
        errors.is_empty().then(|| printable(text))
    }
}
