//! Events in the life of a file: reviews, the roster, incidents, moves, files joined.

use chrono::{NaiveDate, NaiveTime};

use super::elements;
use crate::division::DivisionCode;
use crate::parts::PartKind;
use crate::record::{
    ElderId, EntryReason, ExitReason, IncidentKind, IncidentStep, MergeStep, ReviewOutcome,
    RosterStep, TransferStep,
};

elements! {
    /// 季度更新: somebody went through the file (Lijiang 2024 item 3).
    Review in Reviews => {
        /// The day; it decides the journal's year.
        date: NaiveDate,
        /// Whether anything was different.
        outcome: ReviewOutcome,
        /// Who, as written.
        reviewer: Option<String>,
        /// Free text.
        note: Option<String>,
    }

    /// 进出: the elder came onto the roster or left it (Lijiang 2024 item 3). A confirmation is a
    /// township's.
    RosterEvent in RosterEvents, effective in |event, part| match event.step {
        RosterStep::Confirmed => part == PartKind::Ledger,
        RosterStep::Entered | RosterStep::Left => true,
    } => {
        /// What happened.
        step: RosterStep,
        /// From which day.
        date: NaiveDate,
        /// Why in.
        entry_reason: Option<EntryReason>,
        /// Why out.
        exit_reason: Option<ExitReason>,
        /// Free text.
        note: Option<String>,
    }

    /// 特殊情况: one step of an incident (Ziyang 2018 (2), (4)).
    IncidentEvent in IncidentEvents => {
        /// What happened.
        step: IncidentStep,
        /// What it is, in the step that raises it or says that it is something else.
        kind: Option<IncidentKind>,
        /// The day of the step.
        date: NaiveDate,
        /// The time of day; without it the day counts from its beginning.
        time: Option<NaiveTime>,
        /// Where.
        place: Option<String>,
        /// Who acted, as written.
        by: Option<String>,
        /// What was seen or done.
        note: Option<String>,
    }

    /// 移交: one step of a move between villages (`docs/architecture.md`, moves).
    TransferEvent in TransferEvents => {
        /// What happened.
        step: TransferStep,
        /// The village that has the duty.
        from: DivisionCode,
        /// The village that is to have it.
        to: DivisionCode,
        /// Whom it is about, so that the receiver knows before the file is there.
        name: Option<String>,
        /// The day.
        date: Option<NaiveDate>,
        /// Free text.
        note: Option<String>,
    }

    /// 合并: two files were found to be one person's.
    Merge in Merges => {
        /// Which of the two this is.
        step: MergeStep,
        /// The other file.
        other: ElderId,
        /// The day.
        date: Option<NaiveDate>,
        /// Free text.
        note: Option<String>,
    }
}
