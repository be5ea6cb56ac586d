//! R6, the refresh of every file 一季度一更新 (Lijiang 2024 item 3): at least one review in each
//! calendar quarter; "no change" is a review too (project decision).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::rules::calendar::{Period, days_between};
use crate::rules::roster::{Roster, RosterStanding};
use crate::rules::ruleset::Ruleset;

/// The review that an elder's file is owed, as it stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewDuty {
    /// On the roster, or not decided.
    pub standing: RosterStanding,
    /// The quarter, or what the ruleset has in its place.
    pub period: Period,
    /// The first review in it.
    pub done_on: Option<NaiveDate>,
    /// The last review of all.
    pub last_review: Option<NaiveDate>,
    /// The last day of the first period that passed without a review and none has come since, and
    /// the days since then.
    pub overdue: Option<(NaiveDate, u32)>,
}

/// The review that is due on a day; None for somebody who is not on the roster.
pub fn review_duty(
    reviews: &[NaiveDate],
    roster: &Roster,
    ruleset: &Ruleset,
    as_of: NaiveDate,
) -> Option<ReviewDuty> {
    let standing = roster.on(as_of);
    if !standing.is_owed_visits() {
        return None;
    }
    let period = Period::block(as_of, ruleset.review_months);
    let so_far = || reviews.iter().copied().filter(|day| *day <= as_of);
    let since = match standing {
        RosterStanding::On { since: Some(since), .. } => since,
        _ => as_of,
    };
    let last_review = so_far().max();
    // The first period of which nothing is known to have been reviewed since.
    let owed = match last_review
        .and_then(|last| Period::block(last, ruleset.review_months).to.succ_opt())
    {
        Some(next) if next > since => Period::block(next, ruleset.review_months),
        _ => Period::block(since, ruleset.review_months),
    };
    Some(ReviewDuty {
        standing,
        period,
        done_on: so_far().filter(|day| period.contains(*day)).min(),
        last_review,
        overdue: (owed.to < as_of).then(|| (owed.to, days_between(owed.to, as_of))),
    })
}

/// Whether a file was reviewed in a period.
pub fn reviewed_in(reviews: &[NaiveDate], period: Period) -> bool {
    reviews.iter().any(|day| period.contains(*day))
}
