//! What stands around every page: whose node it is, where one can go, and how it stands with the others.

use shouwang_crdt_schema::division::Level;

use super::asked::Asked;
use super::page::{Chrome, Link, Words};
use super::session::IDLE_LIFE;
use super::sync::{self, Seen};
use crate::message::{Language, Messages};

/// Everything around a page for somebody who is in. What cannot be found out is left out: the page itself says why.
pub(super) fn chrome(asked: &mut Asked) -> Chrome {
    let messages = asked.context.messages.clone();
    let status = asked.status().ok();
    let mut chrome = plain(&messages, asked.language, &asked.csrf, &asked.here);
    chrome.open = true;
    chrome.seen = asked.seen.as_ref().map(Seen::to_string).unwrap_or_default();
    let Some(status) = status else { return chrome };
    chrome.place = status.area_name.clone().unwrap_or_else(|| status.device.name.clone());
    chrome.role = messages.word("role", status.device.role.as_str());
    chrome.sync = Some(sync::state(&status, &asked.context));
    let here = asked.here.clone();
    let link = |member: &str, href: &str| Link {
        href: href.to_owned(),
        text: messages.word("console-place", member),
        current: here == href,
    };
    let everybody = [
        link("today", "/"),
        link("elders", "/elders"),
        link("incidents", "/incidents"),
        link("conflicts", "/conflicts"),
        link("transfers", "/transfers"),
    ];
    chrome.places.extend(everybody);
    if status.area.level() < Level::Village {
        chrome.places.extend([
            link("chasing", "/chasing"),
            link("ledger", "/ledger"),
            link("import", "/import"),
            link("duplicates", "/duplicates"),
            link("reports", "/reports"),
            link("mesh", "/mesh"),
            link("devices", "/devices"),
        ]);
    }
    if status.area.level() <= Level::County {
        chrome.places.push(link("ruleset", "/ruleset"));
    }
    chrome.places.push(link("health", "/health"));
    chrome
}

/// What stands around a page for whoever is not in.
pub(super) fn plain(messages: &Messages, language: Language, csrf: &str, here: &str) -> Chrome {
    let word = |member: &str| messages.word("console-word", member);
    Chrome {
        language: match language {
            Language::Zh => "zh-CN".to_owned(),
            Language::En => "en".to_owned(),
        },
        csrf: csrf.to_owned(),
        here: here.to_owned(),
        words: Words {
            product: word("product"),
            skip: word("skip"),
            find: word("find"),
            find_what: word("find_what"),
            other_language: word("other_language"),
            lock: word("lock"),
            pages: word("pages"),
            same_as: word("same_as"),
            print: word("print"),
            earlier: word("earlier"),
            later: word("later"),
        },
        said: vec![
            ("kept".to_owned(), word("kept")),
            ("not-kept".to_owned(), word("not_kept")),
            ("gone".to_owned(), word("gone")),
            ("not-sent".to_owned(), word("not_sent")),
            ("covered".to_owned(), word("covered")),
        ],
        idle_ms: IDLE_LIFE.as_millis(),
        ..Chrome::default()
    }
}
