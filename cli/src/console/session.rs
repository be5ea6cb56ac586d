//! Who may see the pages: whoever brings a one-time link, until nobody has been there for a while.
//!
//! A link is made by `shouwang open`, which proves by the home's `admin.json` that it may. It opens once, within two
//! minutes, and leaves a cookie; the cookie lives in memory here and ends with the process. All of it stands on top
//! of what the admin address sees to by itself: `Host` and `Origin` are this node's.

use std::collections::{HashMap, HashSet};
use std::ops::Add;
use std::time::{Duration, Instant, SystemTime};

use super::form::Fields;
use crate::error::Described;

/// How long a link waits to be opened. A browser on an old laptop takes a minute to start.
pub(super) const LINK_LIFE: Duration = Duration::from_secs(120);
/// How long a page stays open that nobody uses.
pub(super) const IDLE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Links that wait at once.
const LINKS_MAX: usize = 16;
/// Browsers that are in at once; the one that was used last the longest ago goes.
const SESSIONS_MAX: usize = 16;
/// Wrong passphrases before a locked page needs a new link.
const TRIES_MAX: u8 = 5;
/// Forms that were sent, remembered so that none is taken twice.
const SENT_MAX: usize = 512;

/// A secret of 32 random bytes, in hexadecimal.
type Token = String;

/// A moment by two clocks: the one that nobody sets stands still while a laptop sleeps, and the other is set by whoever
/// likes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    awake: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { awake: Instant::now(), wall: SystemTime::now() }
    }

    /// How long it is since an earlier one, by the clock that says more.
    fn since(self, earlier: Self) -> Duration {
        let awake = self.awake.duration_since(earlier.awake);
        self.wall.duration_since(earlier.wall).unwrap_or_default().max(awake)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self { awake: self.awake + later, wall: self.wall + later }
    }
}

/// Links that were made and browsers that came in by them. Tokens are kept and compared as hashes, so that the time that
/// takes tells nothing of them.
#[derive(Default)]
pub(super) struct Door {
    links: HashMap<[u8; 32], Moment>,
    sessions: HashMap<[u8; 32], Session>,
}

/// A browser that is in.
pub(super) struct Session {
    /// What its forms show, so that no page of another site can send one.
    csrf: Token,
    used: Moment,
    tries: u8,
    locked: bool,
    /// Forms that were sent, by their own tokens.
    sent: HashSet<String>,
    /// What was noted of whom it was shown, and when.
    noted: HashMap<String, Moment>,
    /// What was sent and could not be taken, for the page that says why.
    refused: Option<Refused>,
}

/// What was sent and could not be taken.
pub(super) struct Refused {
    /// The page that sent it.
    pub(super) page: String,
    pub(super) why: Described,
    pub(super) sent: Fields,
    /// Whether a draft of it is kept.
    pub(super) kept: bool,
}

/// What a link led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// A browser that was in already goes on with what it has: the windows that it has open know no other.
    Again,
    /// A browser has come in.
    Anew,
    /// The link is none, was used, or is too old.
    Out,
}

/// How it stands with who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// In, with the token for its forms.
    In { csrf: Token },
    /// In, and nobody has been there for a while.
    Locked { csrf: Token },
    /// A stranger, or somebody from before the node was started.
    Out,
}

impl Door {
    /// A link that opens once.
    pub(super) fn link(&mut self, token: Token, now: Moment) -> Token {
        self.links.retain(|_, made| now.since(*made) < LINK_LIFE);
        if self.links.len() >= LINKS_MAX
            && let Some(oldest) = self.links.iter().min_by_key(|(_, made)| made.awake)
        {
            let oldest = *oldest.0;
            self.links.remove(&oldest);
        }
        self.links.insert(hash(&token), now);
        token
    }

    /// Lets a browser in by a link: with the cookie that it holds where that is of a session, else with a fresh one.
    pub(super) fn enter(
        &mut self,
        link: &str,
        held: &str,
        (fresh, csrf): (&str, Token),
        now: Moment,
    ) -> Entered {
        let made = self.links.remove(&hash(link));
        if made.is_none_or(|made| now.since(made) >= LINK_LIFE) {
            return Entered::Out;
        }
        if self.sessions.contains_key(&hash(held)) {
            self.unlock(held, now);
            return Entered::Again;
        }
        if self.sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = self.sessions.iter().min_by_key(|(_, one)| one.used.awake)
        {
            let oldest = *oldest.0;
            self.sessions.remove(&oldest);
        }
        let session = Session {
            csrf,
            used: now,
            tries: 0,
            locked: false,
            sent: HashSet::new(),
            noted: HashMap::new(),
            refused: None,
        };
        self.sessions.insert(hash(fresh), session);
        Entered::Anew
    }

    /// Whether the browser with this cookie is in. `by_person`: somebody is there, and no script that asks by itself.
    pub(super) fn admit(&mut self, cookie: &str, by_person: bool, now: Moment) -> Admission {
        let Some(session) = self.sessions.get_mut(&hash(cookie)) else { return Admission::Out };
        session.locked |= now.since(session.used) >= IDLE_LIFE;
        if session.locked {
            return Admission::Locked { csrf: session.csrf.clone() };
        }
        if by_person {
            session.used = now;
        }
        Admission::In { csrf: session.csrf.clone() }
    }

    /// Locks the page of this browser now.
    pub(super) fn lock(&mut self, cookie: &str) {
        if let Some(session) = self.sessions.get_mut(&hash(cookie)) {
            session.locked = true;
        }
    }

    /// Whether another passphrase may be tried: it counts as tried.
    pub(super) fn may_try(&mut self, cookie: &str) -> bool {
        let key = hash(cookie);
        let Some(session) = self.sessions.get_mut(&key) else { return false };
        session.tries += 1;
        if session.tries > TRIES_MAX {
            self.sessions.remove(&key);
            return false;
        }
        true
    }

    /// The passphrase was right.
    pub(super) fn unlock(&mut self, cookie: &str, now: Moment) {
        if let Some(session) = self.sessions.get_mut(&hash(cookie)) {
            (session.locked, session.tries, session.used) = (false, 0, now);
        }
    }

    /// Whether a form with this token was not sent before: it counts as sent.
    pub(super) fn is_first(&mut self, cookie: &str, form: &str) -> bool {
        let Some(session) = self.sessions.get_mut(&hash(cookie)) else { return false };
        if session.sent.len() >= SENT_MAX {
            session.sent.clear();
        }
        session.sent.insert(form.to_owned())
    }

    /// A form that was sent was not saved: it may be sent again.
    pub(super) fn may_send_again(&mut self, cookie: &str, form: &str) {
        if let Some(session) = self.sessions.get_mut(&hash(cookie)) {
            session.sent.remove(form);
        }
    }

    /// Keeps what could not be taken, until the page is shown that says why.
    pub(super) fn refuse(&mut self, cookie: &str, refused: Refused) {
        if let Some(session) = self.sessions.get_mut(&hash(cookie)) {
            session.refused = Some(refused);
        }
    }

    /// What this page has sent and could not be taken; told once.
    pub(super) fn refused(&mut self, cookie: &str, page: &str) -> Option<Refused> {
        let session = self.sessions.get_mut(&hash(cookie))?;
        session.refused.take_if(|refused| refused.page == page)
    }

    /// Whether what this browser is about to be shown was noted within the last while: that goes on from now.
    pub(super) fn is_noted(&mut self, cookie: &str, what: &str, now: Moment) -> bool {
        let Some(session) = self.sessions.get_mut(&hash(cookie)) else { return false };
        session.noted.retain(|_, at| now.since(*at) < IDLE_LIFE);
        session.noted.get_mut(what).map(|at| *at = now).is_some()
    }

    /// It is noted what this browser is about to be shown.
    pub(super) fn noted(&mut self, cookie: &str, what: String, now: Moment) {
        if let Some(session) = self.sessions.get_mut(&hash(cookie)) {
            session.noted.insert(what, now);
        }
    }
}

fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn entered(door: &mut Door, cookie: &str, now: Moment) {
        let link = door.link(format!("link of {cookie}"), now);
        let fresh = (cookie, format!("csrf of {cookie}"));
        assert_eq!(door.enter(&link, "", fresh, now), Entered::Anew);
    }

    #[test]
    fn a_link_opens_once_and_not_for_long() {
        let (mut door, now) = (Door::default(), Moment::now());
        let link = door.link("one".into(), now);
        let fresh = |cookie| (cookie, "csrf".to_owned());
        assert_eq!(door.enter("another", "", fresh("cookie"), now), Entered::Out);
        assert_eq!(door.enter(&link, "", fresh("cookie"), now), Entered::Anew);
        assert_eq!(door.enter(&link, "", fresh("second"), now), Entered::Out);
        let late = door.link("two".into(), now);
        assert_eq!(door.enter(&late, "", fresh("third"), now + LINK_LIFE), Entered::Out);
        assert_eq!(door.admit("second", true, now), Admission::Out);
        assert_eq!(door.admit("third", true, now), Admission::Out);
    }

    #[test]
    fn a_page_that_nobody_uses_locks_and_no_script_keeps_it_open() {
        let (mut door, start) = (Door::default(), Moment::now());
        entered(&mut door, "a", start);
        let csrf = "csrf of a".to_owned();
        let almost = start + (IDLE_LIFE - SECOND);
        assert_eq!(door.admit("a", true, almost), Admission::In { csrf: csrf.clone() });
        // The page asks for what is new, and nobody looks at it.
        let (mut now, mut waited) = (almost, Duration::ZERO);
        while waited < IDLE_LIFE - 2 * SECOND {
            waited += 5 * SECOND;
            now = now + 5 * SECOND;
            door.admit("a", false, now);
        }
        let now = almost + IDLE_LIFE;
        assert_eq!(door.admit("a", true, now), Admission::Locked { csrf: csrf.clone() });
        for _ in 0..TRIES_MAX {
            assert!(door.may_try("a"));
        }
        door.unlock("a", now);
        assert_eq!(door.admit("a", true, now), Admission::In { csrf });
        door.lock("a");
        for _ in 0..TRIES_MAX {
            assert!(door.may_try("a"));
        }
        assert!(!door.may_try("a"), "a guesser goes");
        assert_eq!(door.admit("a", true, now), Admission::Out);
    }

    #[test]
    fn neither_links_nor_browsers_grow_without_bound() {
        let (mut door, start) = (Door::default(), Moment::now());
        for n in 0..100_u32 {
            let now = start + n * SECOND;
            entered(&mut door, &n.to_string(), now);
            door.link(format!("unused {n}"), now);
        }
        assert!(door.sessions.len() <= SESSIONS_MAX && door.links.len() <= LINKS_MAX);
        let now = start + 100 * SECOND;
        assert_eq!(door.admit("0", true, now), Admission::Out);
        assert!(matches!(door.admit("99", true, now), Admission::In { .. }));
    }

    #[test]
    fn a_form_is_taken_once() {
        let (mut door, now) = (Door::default(), Moment::now());
        entered(&mut door, "a", now);
        assert!(door.is_first("a", "form"));
        assert!(!door.is_first("a", "form"));
        door.may_send_again("a", "form");
        assert!(door.is_first("a", "form"));
        assert!(!door.is_first("a stranger", "form"));
    }

    /// Whoever opens the pages a second time has windows open that know the first token.
    #[test]
    fn a_browser_that_is_in_goes_on_with_what_it_has() {
        let (mut door, now) = (Door::default(), Moment::now());
        entered(&mut door, "a", now);
        door.lock("a");
        let link = door.link("again".into(), now);
        assert_eq!(door.enter(&link, "a", ("b", "another".into()), now), Entered::Again);
        assert_eq!(door.admit("a", true, now), Admission::In { csrf: "csrf of a".into() });
        assert_eq!(door.admit("b", true, now), Admission::Out);
    }

    #[test]
    fn a_laptop_that_slept_wakes_locked() {
        let (mut door, start) = (Door::default(), Moment::now());
        entered(&mut door, "a", start);
        let woken = Moment { awake: start.awake + SECOND, wall: start.wall + IDLE_LIFE };
        assert!(matches!(door.admit("a", true, woken), Admission::Locked { .. }));
        // A clock that is set back lets nobody stay longer than the other one says.
        entered(&mut door, "b", start);
        let set_back = Moment { awake: start.awake + IDLE_LIFE, wall: start.wall - IDLE_LIFE };
        assert!(matches!(door.admit("b", true, set_back), Admission::Locked { .. }));
    }

    #[test]
    fn what_was_noted_stays_noted_as_long_as_it_is_looked_at() {
        let (mut door, start) = (Door::default(), Moment::now());
        entered(&mut door, "a", start);
        assert!(!door.is_noted("a", "list", start));
        door.noted("a", "list".into(), start);
        let later = start + (IDLE_LIFE - SECOND);
        assert!(door.is_noted("a", "list", later));
        assert!(door.is_noted("a", "list", later + (IDLE_LIFE - SECOND)));
        assert!(!door.is_noted("a", "another", later));
        assert!(!door.is_noted("a", "list", later + 2 * IDLE_LIFE));
    }
}
