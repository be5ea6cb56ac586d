//! Who may see the pages: whoever brings a one-time link, until nobody has been there for a while.
//!
//! A link is made by `shouwang open`, which proves by the home's `admin.json` that it may. It opens once, within two
//! minutes, and leaves a cookie; the cookie lives in memory here and ends with the process. All of it stands on top
//! of what the admin address sees to by itself: `Host` and `Origin` are this node's.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

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

/// Links that were made and browsers that came in by them. Tokens are kept and compared as hashes, so that the time that
/// takes tells nothing of them.
#[derive(Default)]
pub(super) struct Door {
    links: HashMap<[u8; 32], Instant>,
    sessions: HashMap<[u8; 32], Session>,
}

/// A browser that is in.
pub(super) struct Session {
    /// What its forms show, so that no page of another site can send one.
    csrf: Token,
    used: Instant,
    tries: u8,
    locked: bool,
    /// Forms that were sent, by their own tokens.
    sent: HashSet<String>,
    /// What was noted of whom it was shown, and when.
    noted: HashMap<String, Instant>,
    /// What was sent and could not be taken, for the page that says why.
    refused: Option<Refused>,
}

/// What was sent and could not be taken.
pub(super) struct Refused {
    /// The page that sent it.
    pub(super) page: String,
    pub(super) why: Described,
    pub(super) sent: Fields,
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
    pub(super) fn link(&mut self, token: Token, now: Instant) -> Token {
        self.links.retain(|_, made| now.duration_since(*made) < LINK_LIFE);
        if self.links.len() >= LINKS_MAX
            && let Some(oldest) = self.links.iter().min_by_key(|(_, made)| **made)
        {
            let oldest = *oldest.0;
            self.links.remove(&oldest);
        }
        self.links.insert(hash(&token), now);
        token
    }

    /// Lets a browser in by a link, with this cookie. False where the link is none, was used, or is too old.
    pub(super) fn enter(&mut self, link: &str, cookie: &str, csrf: Token, now: Instant) -> bool {
        let made = self.links.remove(&hash(link));
        if made.is_none_or(|made| now.duration_since(made) >= LINK_LIFE) {
            return false;
        }
        if self.sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = self.sessions.iter().min_by_key(|(_, session)| session.used)
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
        self.sessions.insert(hash(cookie), session);
        true
    }

    /// Whether the browser with this cookie is in. `by_person`: somebody is there, and no script that asks by itself.
    pub(super) fn admit(&mut self, cookie: &str, by_person: bool, now: Instant) -> Admission {
        let Some(session) = self.sessions.get_mut(&hash(cookie)) else { return Admission::Out };
        session.locked |= now.duration_since(session.used) >= IDLE_LIFE;
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
    pub(super) fn unlock(&mut self, cookie: &str, now: Instant) {
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

    /// Whether what this browser is about to be shown was not noted within the last while: it counts as noted.
    pub(super) fn is_new_to(&mut self, cookie: &str, what: String, now: Instant) -> bool {
        let Some(session) = self.sessions.get_mut(&hash(cookie)) else { return true };
        session.noted.retain(|_, at| now.duration_since(*at) < IDLE_LIFE);
        session.noted.insert(what, now).is_none()
    }
}

fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn entered(door: &mut Door, cookie: &str, now: Instant) {
        let link = door.link(format!("link of {cookie}"), now);
        assert!(door.enter(&link, cookie, format!("csrf of {cookie}"), now));
    }

    #[test]
    fn a_link_opens_once_and_not_for_long() {
        let (mut door, now) = (Door::default(), Instant::now());
        let link = door.link("one".into(), now);
        assert!(!door.enter("another", "cookie", "csrf".into(), now));
        assert!(door.enter(&link, "cookie", "csrf".into(), now));
        assert!(!door.enter(&link, "second", "csrf".into(), now));
        let late = door.link("two".into(), now);
        assert!(!door.enter(&late, "third", "csrf".into(), now + LINK_LIFE));
        assert_eq!(door.admit("second", true, now), Admission::Out);
        assert_eq!(door.admit("third", true, now), Admission::Out);
    }

    #[test]
    fn a_page_that_nobody_uses_locks_and_no_script_keeps_it_open() {
        let (mut door, start) = (Door::default(), Instant::now());
        entered(&mut door, "a", start);
        let csrf = "csrf of a".to_owned();
        let almost = start + IDLE_LIFE - SECOND;
        assert_eq!(door.admit("a", true, almost), Admission::In { csrf: csrf.clone() });
        // The page asks for what is new, and nobody looks at it.
        let mut now = almost;
        while now < almost + IDLE_LIFE - SECOND {
            now += 5 * SECOND;
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
        let (mut door, start) = (Door::default(), Instant::now());
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
        let (mut door, now) = (Door::default(), Instant::now());
        entered(&mut door, "a", now);
        assert!(door.is_first("a", "form"));
        assert!(!door.is_first("a", "form"));
        door.may_send_again("a", "form");
        assert!(door.is_first("a", "form"));
        assert!(!door.is_first("a stranger", "form"));
    }
}
