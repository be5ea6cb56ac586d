//! The catalogue is whole: both languages say everything, nothing is said twice or by nobody, and
//! every place in a message is filled by whoever uses it.
//!
//! Uses are found by reading our own sources, with white space taken out: messages are only ever
//! asked for by a literal key, which these tests demand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::Language;
use crate::ledger::{CertificateColumn, Column, ColumnKey, Reason, VisitColumn};
use crate::words::{VOCABULARIES, lists};
use shouwang_crdt_schema::field::Field;
use shouwang_node::identity::grant::Role;
use shouwang_node::path::Via;

/// Key, or `key.attribute`, and the names of its places.
type Places = BTreeMap<String, BTreeSet<String>>;

fn catalogue(language: Language) -> Places {
    let mut found = Places::new();
    for source in language.sources() {
        let resource = fluent_syntax::parser::parse(*source)
            .unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
        for entry in resource.body {
            let Entry::Message(message) = entry else {
                assert!(!matches!(entry, Entry::Junk { .. } | Entry::Term(_)), "{entry:?}");
                continue;
            };
            let mut add = |key: String, pattern: &Pattern<&str>| {
                let mut places = BTreeSet::new();
                pattern_places(pattern, &mut places);
                assert!(found.insert(key.clone(), places).is_none(), "{key} is said twice");
            };
            if let Some(value) = &message.value {
                add(message.id.name.to_owned(), value);
            }
            for attribute in &message.attributes {
                add(format!("{}.{}", message.id.name, attribute.id.name), &attribute.value);
            }
        }
    }
    found
}

fn pattern_places(pattern: &Pattern<&str>, places: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { .. } => {}
            PatternElement::Placeable { expression } => match expression {
                Expression::Inline(inline) => inline_places(inline, places),
                Expression::Select { selector, variants } => {
                    inline_places(selector, places);
                    variants.iter().for_each(|variant| pattern_places(&variant.value, places));
                }
            },
        }
    }
}

fn inline_places(inline: &InlineExpression<&str>, places: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            places.insert(id.name.to_owned());
        }
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        other => panic!("the catalogue has no use for {other:?}"),
    }
}

/// A source without white space and without its tests.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn all(root: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let (mut found, mut directories) = (Vec::new(), vec![root]);
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    directories.push(path);
                } else if name.ends_with(".rs") && !name.contains("tests") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                    let text = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
                    found.push(Self { path, text });
                }
            }
        }
        assert!(!found.is_empty());
        found
    }

    /// What follows each occurrence of a call.
    fn calls<'a>(&'a self, call: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.text.match_indices(call).map(|(at, found)| &self.text[at + found.len()..])
    }

    /// The literals that each call begins with.
    fn literals<'a>(&'a self, call: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.calls(call).filter_map(literal)
    }
}

/// The string literal at the front, and what follows it.
fn literal(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

/// The text up to the bracket that closes what is open at its front.
fn balanced(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 1 => return &text[..=at],
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// The literals that stand first in parentheses: `[("a",…),("b",…)]`.
fn names(text: &str) -> BTreeSet<String> {
    text.match_indices("(\"")
        // A name before the bracket makes it a call, not a pair.
        .filter(|(at, _)| *at == 0 || text[..*at].ends_with(['[', ',']))
        .filter_map(|(at, _)| literal(&text[at + 1..]))
        .filter(|(_, rest)| rest.starts_with(','))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Calls that name a message by its key.
const SAYING: [&str; 4] = ["messages.text(", "messages.say(", "self.done(", "self.converge("];

#[test]
fn both_languages_say_the_same_messages_with_the_same_places() {
    let (zh, en) = (catalogue(Language::Zh), catalogue(Language::En));
    let lacks = |one: &Places, other: &Places| -> Vec<String> {
        other.keys().filter(|key| !one.contains_key(*key)).cloned().collect()
    };
    assert_eq!(lacks(&zh, &en), Vec::<String>::new(), "Chinese lacks these");
    assert_eq!(lacks(&en, &zh), Vec::<String>::new(), "English lacks these");
    for (key, places) in &zh {
        assert_eq!(Some(places), en.get(key), "{key} has other places");
    }
}

#[test]
fn every_message_that_is_asked_for_is_there_and_filled() {
    let catalogue = catalogue(Language::En);
    for source in Source::all("src") {
        for call in SAYING {
            for rest in source.calls(call) {
                let path = source.path.display();
                let Some((key, rest)) = literal(rest) else {
                    // The one place that passes a step's key on.
                    assert!(rest.starts_with("key,"), "{path}: {call} needs a literal key");
                    continue;
                };
                let places = catalogue.get(key).unwrap_or_else(|| panic!("{path} says {key}"));
                let given = match (call, rest.strip_prefix(',')) {
                    // `converge` fills the step's place itself.
                    ("self.converge(", _) => continue,
                    (_, Some(values)) if values.starts_with('[') => names(balanced(values)),
                    // The values stand in a variable.
                    (_, Some(_)) => continue,
                    (_, None) => BTreeSet::new(),
                };
                assert_eq!(&given, places, "{path}: {key}");
            }
        }
    }
}

#[test]
fn every_message_is_used() {
    let mut used = BTreeSet::new();
    for source in Source::all("src") {
        for call in SAYING {
            used.extend(source.literals(call).map(|(key, _)| key.to_owned()));
        }
    }
    let catalogue = catalogue(Language::En);
    for key in catalogue.keys() {
        // Commands are found by their path; `help.rs` checks them.
        let command = key == "help" || catalogue.contains_key(&format!("{key}.example"));
        let family = key.contains('.') || command;
        assert!(family || key.starts_with("error-") || used.contains(key), "nobody says {key}");
    }
}

#[test]
fn every_failure_of_ours_has_words_and_fills_them() {
    let catalogue = catalogue(Language::En);
    for source in Source::all("src") {
        for call in ["Failure::usage(", "Failure::failed("] {
            for (code, rest) in source.literals(call) {
                let path = source.path.display();
                let mut given = BTreeSet::new();
                let mut rest = rest.strip_prefix(')').unwrap_or(rest);
                while let Some(with) = rest.strip_prefix(".with") {
                    let arguments = balanced(with);
                    given.extend(names(arguments));
                    rest = &with[arguments.len()..];
                }
                if source.path.ends_with("arguments.rs") {
                    given.insert("help".to_owned());
                }
                let key = format!("error-{code}");
                let message = catalogue.get(&key).unwrap_or_else(|| panic!("{path}: {code}"));
                let hint = catalogue.get(&format!("{key}.hint"));
                for place in message.iter().chain(hint.into_iter().flatten()) {
                    assert!(given.contains(place), "{path}: {code} leaves {place} open");
                }
            }
        }
    }
}

#[test]
fn every_error_of_the_node_has_words() {
    let catalogue = catalogue(Language::En);
    for source in Source::all("../node/src") {
        let path = source.path.display();
        let new = ["CommandError::new(", "Self::new("].into_iter().flat_map(|call| {
            source.calls(call).filter_map(|rest| {
                let (kind, rest) = rest.split_once(',')?;
                kind.starts_with("ErrorKind::").then_some(rest)
            })
        });
        for (code, _) in new.filter_map(literal) {
            assert!(catalogue.contains_key(&format!("error-{code}")), "{path}: {code}");
        }
        // What a person typed is refused through one door.
        let nouns = ["check.rs", "incident.rs", "items.rs", "record.rs", "roster.rs"];
        let is_command = nouns.iter().any(|noun| source.path.ends_with(format!("command/{noun}")));
        for call in ["=refused(", "Err(refused(", "wrong("].into_iter().filter(|_| is_command) {
            for (code, _) in source.literals(call) {
                assert!(catalogue.contains_key(&format!("error-{code}")), "{path}: {code}");
            }
        }
    }
    for flag in shouwang_node::command::check::FLAGS {
        assert!(catalogue.contains_key(&format!("flag.{flag}")), "{flag}");
    }
    for code in ["no_node", "not_joined", "already_joined", "in_use", "invite_for_another_device"] {
        assert!(catalogue.contains_key(&format!("error-{code}")), "{code}");
    }
}

#[test]
fn every_error_in_the_catalogue_can_happen() {
    let sources: Vec<Source> =
        Source::all("src").into_iter().chain(Source::all("../node/src")).collect();
    for key in catalogue(Language::En).keys() {
        let Some(code) = key.strip_prefix("error-") else { continue };
        let code = code.trim_end_matches(".hint");
        let quoted = format!("\"{code}\"");
        let happens = sources.iter().any(|source| source.text.contains(&quoted));
        assert!(happens || code == "unexpected", "nothing fails with {code}");
    }
}

#[test]
fn families_have_exactly_their_members() {
    let catalogue = catalogue(Language::En);
    let members = |family: &str| -> BTreeSet<String> {
        let prefix = format!("{family}.");
        catalogue.keys().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    let set = |words: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
        words.map(str::to_owned).collect()
    };
    for (family, words) in VOCABULARIES {
        assert_eq!(members(family), set(&mut words.iter().map(|word| word.0)), "{family}");
    }
    let fields = set(&mut Field::ALL.iter().map(|field| field.spec().key));
    assert_eq!(members("field"), fields);
    let mut lists = lists().map(|list| list.key()).chain(["visits"]);
    assert_eq!(members("list"), set(&mut lists));
    let mut roles = Role::GRANTABLE.iter().map(|role| role.as_str()).chain(["root"]);
    assert_eq!(members("role"), set(&mut roles));
    assert_eq!(members("via"), set(&mut Via::ALL.iter().map(|via| via.as_str())));
    let known = &members("list") | &fields;
    let keys = Column::ALL.iter().map(|column| column.key());
    let keys = keys.chain(VisitColumn::ALL.iter().map(|column| column.key()));
    let keys = keys.chain(CertificateColumn::ALL.iter().map(|column| column.key()));
    let mut columns = keys.filter(|key| !known.contains(*key));
    assert_eq!(members("ledger-column"), set(&mut columns));

    let sources = Source::all("src");
    let mut headers = BTreeSet::new();
    for source in &sources {
        for rest in source
            .calls("Table::new(messages,")
            .chain(source.calls("Table::new(&context.messages,"))
        {
            let list = match rest.starts_with('[') {
                true => balanced(rest),
                // The columns stand in a variable of that name.
                false => source.calls("letcolumns=").next().map(balanced).unwrap_or_default(),
            };
            headers.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        for rest in source.calls("letcolumns=") {
            headers.extend(balanced(rest).split('"').skip(1).step_by(2).map(str::to_owned));
        }
        headers.extend(source.literals("computed(").map(|(key, _)| key.to_owned()));
    }
    assert_eq!(members("column"), headers);
}

#[test]
fn every_word_of_a_page_is_there_and_is_used() {
    let catalogue = catalogue(Language::En);
    let sources = Source::all("src/console");
    for source in &sources {
        // A closure of that name, over one family of words.
        for (member, rest) in source.literals("word(").filter(|(_, rest)| rest.starts_with(')')) {
            let of = ["console-word", "incident-state"];
            let known =
                of.iter().any(|family| catalogue.contains_key(&format!("{family}.{member}")));
            assert!(known && !rest.is_empty(), "{}: {member}", source.path.display());
        }
        for (family, rest) in source.literals("word(").filter(|(_, rest)| rest.starts_with(',')) {
            let Some((member, _)) = literal(&rest[1..]) else { continue };
            let key = format!("{family}.{member}");
            assert!(catalogue.contains_key(&key), "{}: {key}", source.path.display());
        }
    }
    for key in catalogue.keys().filter(|key| key.starts_with("console-")) {
        let Some((_, member)) = key.split_once('.') else { continue };
        let quoted = [format!("\"{member}\""), format!("saved={member}"), format!("{member}:")];
        let is_used = |source: &Source| quoted.iter().any(|quoted| source.text.contains(quoted));
        assert!(sources.iter().any(is_used), "nobody says {key}");
    }
}

/// Places that `verify` names by a word that is no code.
const PLACES: [&str; 2] = ["usage", "incidents"];

#[test]
fn codes_of_rows_entries_peers_and_faults_have_words_and_come_from_somewhere() {
    let catalogue = catalogue(Language::En);
    for reason in Reason::ALL {
        assert!(catalogue.contains_key(&format!("reason.{}", reason.code())), "{reason}");
    }
    let node = Source::all("../node/src");
    for source in node.iter().filter(|source| source.path.ends_with("src/verify.rs")) {
        for rest in source.calls("self.fault(") {
            // A place may stand before it as a text of its own.
            let call = format!("({rest}");
            let call = balanced(&call);
            let code = call.split('"').skip(1).step_by(2).find(|text| !PLACES.contains(text));
            let code = code.map(str::to_owned);
            if let Some(code) = code.filter(|code| !code.contains('{')) {
                assert!(catalogue.contains_key(&format!("fault.{code}")), "fault {code}");
            }
        }
    }
    for file in ["sync/error.rs", "ingest.rs"] {
        for source in node.iter().filter(|source| source.path.ends_with(file)) {
            for code in source.calls("fncode(&self)").flat_map(body_literals) {
                assert!(catalogue.contains_key(&format!("peer-fault.{code}")), "peer fault {code}");
            }
        }
    }
    let everywhere: Vec<Source> = node.into_iter().chain(Source::all("src")).collect();
    for key in catalogue.keys() {
        let Some((family, code)) = key.split_once('.') else { continue };
        if !matches!(family, "reason" | "fault" | "unsettled" | "peer-fault") {
            continue;
        }
        let quoted = [format!("\"{code}\""), format!("\"{code}:")];
        let comes = everywhere
            .iter()
            .any(|source| quoted.iter().any(|quoted| source.text.contains(quoted)));
        assert!(comes, "nothing says {key}");
    }
}

/// What ends a session and is nobody's fault.
const NOBODYS: [&str; 5] = ["busy", "silence", "unread", "replaced", "grant_changed"];

#[test]
fn every_code_of_refused_things_has_words_of_what_to_do() {
    let catalogue = catalogue(Language::En);
    let node = Source::all("../node/src");
    let mut expected =
        BTreeSet::from(["not_allowed", "ill_formed", "set_aside_by_peer"].map(str::to_owned));
    for source in &node {
        for file in ["sync/error.rs", "ingest.rs", "store/rows.rs"] {
            if source.path.ends_with(file) {
                let codes = source.calls("fncode(&self)").flat_map(body_literals);
                // What ends a session and is nobody's fault leaves no evidence.
                expected.extend(codes.filter(|code| !NOBODYS.contains(&code.as_str())));
            }
        }
        for (call, prefix) in [
            ("NotAllowed(", ""),
            ("returnnot_allowed(", ""),
            ("=>not_allowed(", ""),
            ("refused(", ""),
            ("receipt_refused(", "receipt_"),
        ] {
            // What may be said is decided in one place, and what may be written in another.
            if call == "refused(" && !source.path.ends_with("src/statement.rs") {
                continue;
            }
            let codes = source.literals(call).map(|(code, _)| code);
            expected.extend(
                codes
                    .filter(|code| !code.contains('{'))
                    .map(|code| format!("not_allowed-{prefix}{code}")),
            );
        }
    }
    for source in node.iter().filter(|source| source.path.ends_with("authority/standing.rs")) {
        let codes = source.literals("Err(").chain(source.literals("NotAllowed("));
        expected.extend(codes.map(|(code, _)| format!("not_allowed-{code}")));
    }
    expected.extend(shouwang_node::lineage::NOTICES.map(str::to_owned));
    let said: BTreeSet<String> = catalogue
        .keys()
        .filter_map(|key| key.strip_prefix("refused."))
        .map(str::to_owned)
        .collect();
    assert_eq!(said, expected);
}

/// The codes that a `fn code(&self)` answers with.
fn body_literals(rest: &str) -> Vec<String> {
    let body = rest.find('{').map(|at| balanced(&rest[at..])).unwrap_or_default();
    body.split("=>")
        .filter_map(literal)
        .map(|(code, _)| code.to_owned())
        .filter(|code| !code.contains('{'))
        .collect()
}
