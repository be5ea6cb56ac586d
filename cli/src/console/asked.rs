//! What somebody asks of a page, and the answer.

use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::command::clock::{CheckedToday, Today};
use shouwang_node::command::drafts::{DraftDrop, DraftKeep, DraftShow};
use shouwang_node::command::status::{Status, StatusReport};
use shouwang_node::home::Node;

use super::form::{self, Fields, Form, FormField};
use super::page::{Block, Page};
use super::session::{Moment, Refused};
use super::sync::Seen;
use super::{Console, drawn, frame, status, token};
use crate::audit;
use crate::context::Context;
use crate::error::{Described, Failure};
use crate::message::Language;
use crate::moment;
use crate::output::Mark;

/// Forms of which a page keeps drafts at once; more than any has.
const FORMS_MAX: usize = 64;

/// What somebody asks of a page.
pub(super) struct Asked<'a> {
    pub(super) console: &'a Console,
    pub(super) node: Node,
    pub(super) context: Context,
    pub(super) language: Language,
    pub(super) csrf: String,
    cookie: String,
    /// The path without what stands behind its question mark.
    pub(super) here: String,
    ids: BTreeMap<String, String>,
    pub(super) query: Fields,
    /// What was filled in, if this is the answer to it.
    pub(super) sent: Option<Fields>,
    pub(super) files: BTreeMap<String, Upload>,
    /// Why what was filled in could not be taken.
    pub(super) error: Option<Described>,
    /// When the draft that stands on the page was kept.
    kept_at_ms: i64,
    /// Whether what was sent and not taken could not be kept as a draft either.
    is_unkept: bool,
    /// What had happened before anything on the page was read.
    pub(super) seen: Option<Seen>,
    status: Option<StatusReport>,
}

/// A file that was sent along.
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// What a page comes to.
pub(super) enum Answer {
    /// This page.
    Page(Box<Page>),
    /// Another one.
    Go(String),
    /// A file to be kept.
    File { name: String, kind: &'static str, bytes: Vec<u8> },
}

impl From<Page> for Answer {
    fn from(page: Page) -> Self {
        Self::Page(Box::new(page))
    }
}

impl<'a> Asked<'a> {
    #[expect(clippy::too_many_arguments, reason = "all that a browser sends")]
    pub(super) fn new(
        console: &'a Console,
        language: Language,
        csrf: String,
        cookie: String,
        here: String,
        ids: BTreeMap<String, String>,
        query: Fields,
        sent: Option<Fields>,
        files: BTreeMap<String, Upload>,
    ) -> Self {
        let node = console.inside.node();
        let context = console.context(language);
        Self {
            console,
            node,
            context,
            language,
            csrf,
            cookie,
            here,
            ids,
            query,
            sent,
            files,
            error: None,
            kept_at_ms: 0,
            is_unkept: false,
            seen: None,
            status: None,
        }
    }

    /// Shows a page.
    pub(super) fn show(&mut self, shows: super::Handler) -> Response {
        // A page that was sent and not taken is shown again, by an address of its own that may be loaded anew.
        if let Some(refused) = self.console.door().refused(&self.cookie, &self.here) {
            (self.error, self.sent) = (Some(refused.why), Some(refused.sent));
            self.is_unkept = !refused.kept;
        }
        self.seen = Seen::now(&mut self.node).ok();
        let shown = self.today().and_then(|()| shows(self));
        match shown {
            Ok(Answer::Page(mut page)) => {
                // Where there is no form any more it is said all the same.
                if let Some(error) = self.error.take().filter(|_| !page.says_an_error()) {
                    page.add_first(Block::Note {
                        mark: Mark::Bad,
                        text: error.message,
                        fix: error.hint,
                    });
                }
                drawn(&page, StatusCode::OK)
            }
            Ok(answer) => self.response(answer, StatusCode::OK),
            Err(error) => self.failed(&error),
        }
    }

    /// Takes what was filled in; where that fails the page is shown again, with all that was typed.
    pub(super) fn take(&mut self, takes: super::Handler) -> Response {
        if let Err(error) = self.today() {
            return self.failed(&error);
        }
        let sent = self.sent.clone().unwrap_or_default();
        if sent.has("draft_drop") {
            self.forget_draft();
            return Redirect::to(&self.here).into_response();
        }
        let once = sent.text("once").unwrap_or_default().to_owned();
        if !self.console.door().is_first(&self.cookie, &once) {
            let error = Failure::usage("form_sent_twice").into();
            return self.failed(&error);
        }
        match takes(self) {
            Ok(answer) => {
                self.forget_draft();
                self.response(answer, StatusCode::OK)
            }
            Err(error) => {
                self.console.door().may_send_again(&self.cookie, &once);
                let why = Described::new(&error, &self.context.messages);
                let kept = keep(self.console, &sent).is_ok();
                let page = self.here.clone();
                self.console.door().refuse(&self.cookie, Refused { page, why, sent, kept });
                Redirect::to(&self.query.address(&self.here, &[])).into_response()
            }
        }
    }

    fn response(&self, answer: Answer, code: StatusCode) -> Response {
        match answer {
            Answer::Page(page) => drawn(&page, code),
            Answer::Go(to) => Redirect::to(&to).into_response(),
            Answer::File { name, kind, bytes } => {
                let name = form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>();
                let name = name.replace('+', "%20");
                let kept = format!("attachment; filename*=UTF-8''{name}");
                (
                    [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, kept)],
                    bytes,
                )
                    .into_response()
            }
        }
    }

    fn failed(&mut self, error: &anyhow::Error) -> Response {
        let described = Described::new(error, &self.context.messages);
        let code = status(&described);
        let title = self.context.messages.text("console-failed");
        let mut page = self.page(title);
        page.add(Block::Note { mark: Mark::Bad, text: described.message, fix: described.hint });
        drawn(&page, code)
    }

    /// Learns the day. Where the machine's clock cannot be right it is that of the clock all the same, and the pages
    /// say so.
    fn today(&mut self) -> anyhow::Result<()> {
        if !self.context.as_of_typed {
            self.context.as_of = match self.node.call(Today {})?.today {
                CheckedToday::Plausible { date } => date,
                CheckedToday::Implausible { local, .. } => local,
            };
        }
        Ok(())
    }

    /// A page with what stands around every page.
    pub(super) fn page(&mut self, title: String) -> Page {
        let chrome = frame::chrome(self);
        Page::new(chrome, title)
    }

    /// How the node is; asked for once a page.
    pub(super) fn status(&mut self) -> anyhow::Result<StatusReport> {
        if let Some(status) = &self.status {
            return Ok(status.clone());
        }
        let status = self.node.call(Status {})?;
        self.status = Some(status.clone());
        Ok(status)
    }

    /// What sort of office this is.
    pub(super) fn level(&mut self) -> anyhow::Result<Level> {
        Ok(self.status()?.area.level())
    }

    /// What the path names.
    pub(super) fn id(&self) -> String {
        self.ids.get("id").cloned().unwrap_or_default()
    }

    /// A word of the catalogue for a place in a form or a page.
    pub(super) fn word(&self, member: &str) -> String {
        self.context.messages.word("console-word", member)
    }

    /// Notes that data of elders is about to be shown, once for as long as a page stays open.
    pub(super) fn note(
        &mut self,
        what: &str,
        about: &str,
        area: Option<DivisionCode>,
        elders: usize,
    ) -> anyhow::Result<()> {
        if elders == 0 {
            return Ok(());
        }
        let place = area.map(|area| area.to_string()).unwrap_or_default();
        // Another filter shows others; another page of the same does not, for all its pages were noted.
        let asked = self.query.address("", &[("page", None), ("saved", None)]);
        let key = format!("{what} {about} {place} {elders} {asked}");
        if !self.console.door().is_noted(&self.cookie, &key, Moment::now()) {
            audit::note(&mut self.node, what, area, elders, &self.context)?;
            self.console.door().noted(&self.cookie, key, Moment::now());
        }
        Ok(())
    }

    /// What was filled in. Only what takes a form asks.
    pub(super) fn filled(&self) -> Fields {
        self.sent.clone().unwrap_or_default()
    }

    /// What stands in a form that is shown: what was sent and not taken, or what was typed earlier, or nothing.
    pub(super) fn typed(&mut self, draft: &str) -> anyhow::Result<(Fields, Option<i64>)> {
        let kept = self.node.call(DraftShow { form: draft.to_owned() })?.drafts.into_iter().next();
        self.kept_at_ms = kept.as_ref().map_or(0, |kept| kept.at_ms);
        // There may be several forms on a page.
        let of_this = |sent: &&Fields| sent.text("draft").is_none_or(|sent| sent == draft);
        Ok(match (kept, self.sent.as_ref().filter(of_this)) {
            (_, Some(sent)) => (sent.clone(), None),
            (Some(kept), None) => (Fields(kept.fields), Some(kept.at_ms)),
            (None, None) => (Fields::default(), None),
        })
    }

    /// A form that is sent to where it stands.
    pub(super) fn form(&self, submit: String, fields: Vec<FormField>) -> anyhow::Result<Form> {
        Ok(Form {
            action: self.here.clone(),
            draft: None,
            elder: None,
            once: token()?,
            csrf: self.csrf.clone(),
            fields,
            submit,
            looks: false,
            file: false,
            grave: false,
            inline: false,
            kept_at_ms: 0,
            is_unkept: false,
            error: self.error.clone(),
            drafted: None,
        })
    }

    /// The same, of which a draft is kept.
    pub(super) fn drafted(
        &self,
        form: Form,
        draft: &str,
        elder: Option<&str>,
        typed_at_ms: Option<i64>,
    ) -> Form {
        let messages = &self.context.messages;
        let ago = typed_at_ms.map(|at_ms| moment::ago(messages, at_ms, self.context.now_ms, false));
        let mut form = form;
        form.fields.push(FormField::hidden("draft", draft));
        form.fields.push(FormField::hidden("draft_at", self.kept_at_ms.to_string()));
        form.fields.push(FormField::hidden("draft_elder", elder.unwrap_or_default()));
        Form {
            draft: Some(draft.to_owned()),
            elder: elder.map(str::to_owned),
            kept_at_ms: self.kept_at_ms,
            is_unkept: self.is_unkept,
            drafted: ago.map(|ago| form::drafted(messages, ago)),
            ..form
        }
    }

    /// Forgets the draft of what was sent. One that another window has typed since this one was shown stays.
    fn forget_draft(&mut self) {
        let sent = self.filled();
        let Some(form) = sent.text("draft").map(str::to_owned) else { return };
        let Ok(kept) = self.node.call(DraftShow { form: form.clone() }) else { return };
        let is_own = kept.drafts.into_iter().next().is_some_and(|kept| {
            sent.text("draft_at") == Some(&kept.at_ms.to_string())
                || kept.fields.get("once").is_some_and(|page| page.as_slice() == sent.all("once"))
        });
        if is_own {
            let _ = self.node.call(DraftDrop { form });
        }
    }

    /// The day in a form, which must be there.
    pub(super) fn day(&self, fields: &Fields, name: &str) -> anyhow::Result<NaiveDate> {
        match fields.text(name) {
            Some(text) => Ok(crate::parse::date(&self.word("date"), text)?),
            None => Ok(self.context.as_of),
        }
    }
}

/// When each of the drafts was kept that the address names; 0 where there is none.
pub(super) fn kept_at(asked: &mut Asked) -> anyhow::Result<Answer> {
    let mut kept_at_ms = Vec::new();
    for form in asked.query.all("form").to_vec().into_iter().take(FORMS_MAX) {
        let kept = asked.node.call(DraftShow { form })?.drafts.into_iter().next();
        kept_at_ms.push(kept.map_or(0, |kept| kept.at_ms).to_string());
    }
    let bytes = kept_at_ms.join(" ").into_bytes();
    Ok(Answer::File { name: "draft.txt".to_owned(), kind: "text/plain", bytes })
}

/// Keeps what stands in a form: as its script sends it, or as the form itself was sent.
pub(super) fn keep(console: &Console, sent: &Fields) -> anyhow::Result<()> {
    let (form, elder, fields) = match sent.typed("typed") {
        Some(typed) => (sent.text("form"), sent.text("elder"), Fields::read(typed.as_bytes())),
        None => (sent.text("draft"), sent.text("draft_elder"), sent.clone()),
    };
    let Some(form) = form else { return Ok(()) };
    let (form, elder) = (form.to_owned(), elder.map(str::to_owned));
    let mut fields = fields.0;
    for own in ["csrf", "draft", "draft_elder", "draft_at", "draft_drop"] {
        fields.remove(own);
    }
    // Which page typed it: another one that is saved leaves it.
    fields.insert("once".to_owned(), sent.all("once").to_vec());
    let mut node = console.inside.node();
    let kept = node.call(DraftShow { form: form.clone() })?.drafts.into_iter().next();
    if kept.is_none_or(|kept| kept.fields != fields) {
        node.call(DraftKeep { form, elder, fields })?;
    }
    Ok(())
}
