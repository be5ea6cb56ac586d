//! R5, entrusted-care agreements 委托照顾协议 (Lijiang 2024 item 7): who has one in force, and why
//! the others have none.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::element::Agreement;
use crate::record::{AgreementEvent, YesNo};

/// Whether an elder has an agreement in force on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgreementStanding {
    /// Unended, filed with the village, and the elder agreed.
    InForce,
    /// Signed, and not filed 报备.
    NotFiled,
    /// Filed, and nobody noted whether the elder agreed.
    ConsentUnknown,
    /// Filed, and the elder did not agree.
    NoConsent,
    /// Ended.
    Ended,
    /// Supporter or elder refused to sign.
    Refused,
    /// Nobody is found who would take the elder in care.
    NoCaretaker,
    /// Nobody has noted anything.
    NothingNoted,
}

/// One agreement.
#[derive(Clone, Copy, Debug)]
struct Course<'a> {
    supporter: Option<&'a str>,
    caretaker: Option<&'a str>,
    filed: bool,
    consent: YesNo,
    ended: bool,
}

/// Judges the events up to a day; an event without a day happened when its neighbours in the list
/// did, or before all others.
pub fn agreement(events: &[Agreement], as_of: NaiveDate) -> AgreementStanding {
    let mut courses: Vec<Course<'_>> = Vec::new();
    let mut without = None;
    for event in in_order(events, as_of) {
        match event.event {
            AgreementEvent::Signed => {
                without = None;
                courses.push(Course::of(event));
            }
            AgreementEvent::Filed => {
                without = None;
                match courses.iter_mut().rev().find(|course| course.is_meant_by(event)) {
                    Some(course) => {
                        course.filed = true;
                        if event.elder_consent != YesNo::Unknown {
                            course.consent = event.elder_consent;
                        }
                    }
                    None => courses.push(Course { filed: true, ..Course::of(event) }),
                }
            }
            AgreementEvent::Ended => {
                let mut none = true;
                for course in courses.iter_mut().filter(|course| course.is_meant_by(event)) {
                    (course.ended, none) = (true, false);
                }
                if none {
                    courses.push(Course { ended: true, ..Course::of(event) });
                }
            }
            AgreementEvent::Refused => without = Some(AgreementStanding::Refused),
            AgreementEvent::NoCaretaker => without = Some(AgreementStanding::NoCaretaker),
        }
    }
    let best = courses.iter().map(Course::standing).min();
    match (best, without) {
        (Some(AgreementStanding::InForce), _) => AgreementStanding::InForce,
        (_, Some(reason)) => reason,
        (Some(standing), None) => standing,
        (None, None) => AgreementStanding::NothingNoted,
    }
}

impl<'a> Course<'a> {
    fn of(event: &'a Agreement) -> Self {
        Self {
            supporter: event.supporter.as_deref(),
            caretaker: event.caretaker.as_deref(),
            filed: false,
            consent: event.elder_consent,
            ended: false,
        }
    }

    /// Whether a later event is about this agreement: it runs, and no name contradicts. An event
    /// that names nobody is about whatever there is.
    fn is_meant_by(&self, event: &Agreement) -> bool {
        let fits = |one: Option<&str>, two: Option<&str>| one.zip(two).is_none_or(|(a, b)| a == b);
        !self.ended
            && fits(self.supporter, event.supporter.as_deref())
            && fits(self.caretaker, event.caretaker.as_deref())
    }

    fn standing(&self) -> AgreementStanding {
        match (self.ended, self.filed, self.consent) {
            (true, _, _) => AgreementStanding::Ended,
            (false, true, YesNo::Yes) => AgreementStanding::InForce,
            (false, true, YesNo::No) => AgreementStanding::NoConsent,
            (false, true, YesNo::Unknown) => AgreementStanding::ConsentUnknown,
            (false, false, _) => AgreementStanding::NotFiled,
        }
    }
}

/// By day; those without one stay behind what stands before them in the list.
fn in_order(events: &[Agreement], as_of: NaiveDate) -> Vec<&Agreement> {
    let mut latest = NaiveDate::MIN;
    let mut dated: Vec<(NaiveDate, &Agreement)> = events
        .iter()
        .map(|event| {
            latest = latest.max(event.date.unwrap_or(latest));
            (event.date.unwrap_or(latest), event)
        })
        .filter(|(day, _)| *day <= as_of)
        .collect();
    dated.sort_by_key(|(day, _)| *day);
    dated.into_iter().map(|(_, event)| event).collect()
}
