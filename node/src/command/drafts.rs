//! What somebody has begun to type and not saved: kept across whatever ends a page, a browser or the node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::record::ElderId;

use super::elder::find;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::limits::{DRAFT_BYTES_MAX, DRAFT_FORM_BYTES_MAX, DRAFTS_MAX};
use crate::store::drafts::{DraftRead, DraftRow};
use crate::sync::Now;

/// Keeps what stands in a form. It is on the disk when this is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DraftKeep {
    /// The form's name.
    pub form: String,
    /// Whom it is about, if that is one elder: the id, or the first characters of it that are enough.
    pub elder: Option<String>,
    /// Names of fields and what stands in them.
    pub fields: BTreeMap<String, Vec<String>>,
}

/// Asks for what stands in a form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DraftShow {
    /// The form's name.
    pub form: String,
}

/// Forgets what stands in a form: it was saved, or nobody wants it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DraftDrop {
    /// The form's name.
    pub form: String,
}

/// Asks for the forms in which something stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DraftList {}

/// Forms in which something stands that is not saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftsReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// By their names.
    pub drafts: Vec<ListedDraft>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedDraft {
    /// The form's name.
    pub form: String,
    /// When it was typed (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// Whom it is about.
    pub elder_id: Option<ElderId>,
    /// Names of fields and what stands in them.
    pub fields: BTreeMap<String, Vec<String>>,
}

impl Request for DraftKeep {
    const NAME: &'static str = "draft_keep";
    type Reply = DraftsReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<DraftsReport, CommandError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_:./".contains(c);
        let named = !self.form.is_empty() && self.form.len() <= DRAFT_FORM_BYTES_MAX;
        if !named || !self.form.chars().all(plain) {
            let unreadable = "the form's name is not a plain word";
            return Err(CommandError::new(ErrorKind::Usage, "bad_request", unreadable));
        }
        let texts = || self.fields.values().flatten().chain(self.fields.keys());
        let bytes: usize = texts().map(String::len).sum();
        if bytes > DRAFT_BYTES_MAX {
            let long = "too much stands in the form";
            let error = CommandError::new(ErrorKind::Usage, "draft_too_long", long);
            return Err(error.with("bytes", bytes).with("limit", DRAFT_BYTES_MAX));
        }
        let snapshot = engine.read()?;
        let is_new = snapshot.draft(&self.form)?.is_none();
        if is_new && snapshot.drafts_count()? >= DRAFTS_MAX {
            let many = "too many forms are begun and not saved";
            let error = CommandError::new(ErrorKind::Refused, "too_many_drafts", many);
            return Err(error.with("limit", DRAFTS_MAX));
        }
        // Of a file that is erased, or is somebody else's now, nothing is kept.
        let about = self.elder.as_deref().map(|text| find(&snapshot, engine.area(), text));
        let elder = about.transpose()?.map(|(_, elder)| elder);
        let row = DraftRow { at_ms: now.wall_ms, elder, fields: self.fields };
        engine.keep_draft(&self.form, &row)?;
        Ok(report([(self.form, row)]))
    }
}

impl Request for DraftShow {
    const NAME: &'static str = "draft_show";
    type Reply = DraftsReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<DraftsReport, CommandError> {
        let row = engine.read()?.draft(&self.form)?;
        Ok(report(row.map(|row| (self.form, row))))
    }
}

impl Request for DraftDrop {
    const NAME: &'static str = "draft_drop";
    type Reply = DraftsReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<DraftsReport, CommandError> {
        engine.drop_draft(&self.form)?;
        Ok(report([]))
    }
}

impl Request for DraftList {
    const NAME: &'static str = "draft_list";
    type Reply = DraftsReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<DraftsReport, CommandError> {
        Ok(report(engine.read()?.drafts_all()?))
    }
}

fn report(drafts: impl IntoIterator<Item = (String, DraftRow)>) -> DraftsReport {
    let listed = |(form, row): (String, DraftRow)| ListedDraft {
        form,
        at_ms: row.at_ms,
        elder_id: row.elder,
        fields: row.fields,
    };
    DraftsReport {
        schema_version: JSON_SCHEMA_VERSION,
        drafts: drafts.into_iter().map(listed).collect(),
    }
}
