//! Events in a file that are a sentence each: reviews 季度更新, agreements 委托照顾协议, absences 外出,
//! how the duty of support is met 赡养履行, the blacklist 黑榜, services and entitlements 待遇.
//!
//! What an event must agree with is checked here; nothing is written unless all of it is sound.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{
    Absence, Agreement, BlacklistEntry, Element, Entitlement, List, Review, Service, Stored,
    SupportDuty,
};
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{AgreementEvent, BlacklistStep};
use shouwang_crdt_schema::view::ElderView;

use super::check::{Begins, Checks, refused};
use super::elder::{Saved, find, journal, save};
use super::{CommandError, ErrorKind, Request};
use crate::engine::Engine;
use crate::identity::grant::{Grant, Rights};
use crate::index;
use crate::limits::SERVICE_MINUTES_MAX;
use crate::sync::Now;

/// Writes events into a file, all or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// What happened, in this order.
    pub events: Vec<FileEvent>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FileEvent {
    /// 季度更新
    Review(Review),
    /// 委托照顾协议
    Agreement(Agreement),
    /// 外出
    Absence(Absence),
    /// 赡养履行
    SupportDuty(SupportDuty),
    /// 黑榜
    Blacklist(BlacklistEntry),
    /// 服务记录
    Service(Service),
    /// 待遇
    Entitlement(Entitlement),
}

impl Request for Record {
    const NAME: &'static str = "record";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let file = File::of(index::view(&snapshot, scope, elder)?);
        let mut checks = Checks::begin(engine, now)?;
        let mut edits = Vec::new();
        for (at, event) in self.events.iter().enumerate() {
            let earlier = self.events.get(..at).unwrap_or_default();
            edits.push(file.edit(event, earlier, engine.grant(), &mut checks)?);
        }
        save(engine, now, scope, elder, edits, checks)
    }
}

/// A file as it stands, for what an event must agree with.
struct File {
    view: ElderView,
    begins: Begins,
}

impl File {
    fn of(view: ElderView) -> Self {
        let begins = Begins::of(view.part(Part::Card));
        Self { view, begins }
    }

    fn edit(
        &self,
        event: &FileEvent,
        earlier: &[FileEvent],
        grant: &Grant,
        checks: &mut Checks,
    ) -> Result<Edit, CommandError> {
        let (list, stored) = event.stored();
        checks.element(list, &stored, self.begins)?;
        if let Some(name) = event.supporter() {
            let field = format!("{}/supporter", list.key());
            checks.supporter(&field, name, self.view.part(Part::Card))?;
        }
        match event {
            FileEvent::Agreement(agreement) => self.follows(agreement, earlier)?,
            FileEvent::Absence(absence) => self.returns(absence)?,
            FileEvent::Blacklist(entry) => self.stands_on_it(entry)?,
            FileEvent::Service(service)
                if service.minutes.is_some_and(|minutes| minutes > SERVICE_MINUTES_MAX) =>
            {
                return Err(refused("number_range", "too much", "services/minutes")
                    .with("limit", SERVICE_MINUTES_MAX));
            }
            _ => {}
        }
        let part = event.part(grant).ok_or_else(|| no_right(list))?;
        Ok(Edit { part, action: Action::Insert { list, element: stored } })
    }

    /// A filing is not before its signing, and nothing ends that was not there.
    fn follows(&self, agreement: &Agreement, earlier: &[FileEvent]) -> Result<(), CommandError> {
        let mut before: Vec<Agreement> = self
            .elements::<Agreement>()
            .into_iter()
            .chain(earlier.iter().filter_map(|event| match event {
                FileEvent::Agreement(agreement) => Some(agreement.clone()),
                _ => None,
            }))
            .collect();
        let parties = |of: &Agreement| (of.supporter.clone(), of.caretaker.clone());
        before.retain(|other| {
            parties(agreement) == (None, None) || parties(other) == parties(agreement)
        });
        let signed = before.iter().rev().find(|other| other.event == AgreementEvent::Signed);
        let is_before = |signed: &Agreement| {
            agreement.date.zip(signed.date).is_some_and(|(this, signed)| this < signed)
        };
        match agreement.event {
            AgreementEvent::Filed if signed.is_some_and(is_before) => {
                Err(refused("filed_before_signed", "filed before signed", "agreements/date"))
            }
            AgreementEvent::Ended => {
                let last = before.iter().rev().find(|other| {
                    !matches!(other.event, AgreementEvent::Refused | AgreementEvent::NoCaretaker)
                });
                match last.is_some_and(|last| last.event != AgreementEvent::Ended) {
                    true => Ok(()),
                    false => Err(refused("no_agreement", "no agreement to end", "agreements")),
                }
            }
            _ => Ok(()),
        }
    }

    /// Nobody comes back before having left.
    fn returns(&self, absence: &Absence) -> Result<(), CommandError> {
        let absences = self.elements::<Absence>();
        let of = absences.iter().filter(|other| other.supporter == absence.supporter);
        let left = absence.left.or_else(|| of.filter_map(|other| other.left).max());
        match (left, absence.returned) {
            (Some(left), Some(returned)) if returned < left => {
                Err(refused("returned_before_left", "back before leaving", "absences/returned")
                    .with("date", returned)
                    .with("first", left))
            }
            _ => Ok(()),
        }
    }

    /// A township confirms, and an office takes off, whom a village has listed.
    fn stands_on_it(&self, entry: &BlacklistEntry) -> Result<(), CommandError> {
        let entries = self.elements::<BlacklistEntry>();
        let mut of = entries.iter().filter(|other| other.supporter == entry.supporter);
        let last = of.rfind(|other| other.step != BlacklistStep::Confirmed);
        let listed = last.is_some_and(|last| last.step == BlacklistStep::Listed);
        match (entry.step, listed) {
            (BlacklistStep::Listed, true) => {
                Err(refused("already_listed", "listed already", "blacklist/supporter"))
            }
            (BlacklistStep::Confirmed | BlacklistStep::Delisted, false) => {
                Err(refused("not_listed", "not on the list", "blacklist/supporter"))
            }
            _ => Ok(()),
        }
    }

    fn elements<E: Element>(&self) -> Vec<E> {
        self.view.elements::<E>().into_iter().map(|(_, listed)| listed.element).collect()
    }
}

impl FileEvent {
    fn stored(&self) -> (List, Stored) {
        fn of<E: Element>(element: &E) -> (List, Stored) {
            (E::LIST, element.store())
        }
        match self {
            Self::Review(event) => of(event),
            Self::Agreement(event) => of(event),
            Self::Absence(event) => of(event),
            Self::SupportDuty(event) => of(event),
            Self::Blacklist(event) => of(event),
            Self::Service(event) => of(event),
            Self::Entitlement(event) => of(event),
        }
    }

    fn supporter(&self) -> Option<&str> {
        match self {
            Self::Agreement(event) => event.supporter.as_deref(),
            Self::Absence(event) => Some(&event.supporter),
            Self::SupportDuty(event) => event.supporter.as_deref(),
            Self::Blacklist(event) => Some(&event.supporter),
            Self::Review(_) | Self::Service(_) | Self::Entitlement(_) => None,
        }
    }

    /// The part that the event goes into: the lowest in which it takes effect and that the device
    /// may write.
    fn part(&self, grant: &Grant) -> Option<Part> {
        let (list, _) = self.stored();
        let effective = |kind| match self {
            Self::Blacklist(event) => event.takes_effect_in(kind),
            Self::Entitlement(event) => event.takes_effect_in(kind),
            _ => true,
        };
        let date = match self {
            Self::Review(event) => Some(event.date),
            Self::SupportDuty(event) => Some(event.date),
            Self::Service(event) => Some(event.date),
            _ => None,
        };
        part_of(list, date, grant, effective, false)
    }
}

/// The part that an element of a list goes into: the lowest, or the highest, of those that have the
/// list, in which it takes effect, and that a device may write.
pub(super) fn part_of(
    list: List,
    date: Option<chrono::NaiveDate>,
    grant: &Grant,
    effective: impl Fn(PartKind) -> bool,
    highest: bool,
) -> Option<Part> {
    if !list.writers().meets(grant.writers()) {
        return None;
    }
    let part = |kind| match kind {
        PartKind::Card => Some(Part::Card),
        PartKind::Ledger => Some(Part::Ledger),
        PartKind::Registry => Some(Part::Registry),
        PartKind::Journal => date.map(journal),
        PartKind::Incident | PartKind::Transfer => None,
    };
    let mut parts = PartKind::ALL
        .into_iter()
        .filter(|kind| List::of(*kind).contains(&list) && effective(*kind))
        .filter(|kind| grant.rights.contains(Rights::write(*kind)))
        .filter_map(part);
    if highest { parts.next_back() } else { parts.next() }
}

/// This device may not write such an element.
pub(super) fn no_right(list: List) -> CommandError {
    CommandError::new(ErrorKind::Refused, "no_right_for_list", "no right to this list")
        .with("field", list.key())
}
