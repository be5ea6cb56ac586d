//! The workload as one Automerge document for each elder, as a program that keeps whole files in
//! documents would: maps by subject, supporters and visits under keys of their own.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ObjId, ObjType, ROOT, ReadDoc};
use shouwang_crdt_schema::element::{Element, Stored};
use shouwang_crdt_schema::record::{Choice, ElderId, IncomeSource};

use super::{DEVICES, Elder, Registration, Visited};

/// The maps of a file.
const MAPS: [&str; 6] = ["card", "supporters", "health", "economy", "housing", "visits"];

/// The actor of a laptop. The next after the last belongs to whoever receives.
pub(crate) fn actor(device: usize) -> ActorId {
    ActorId::from([device as u8 + 1; 16].as_slice())
}

/// The receiver's actor.
pub(crate) fn receiver() -> ActorId {
    actor(DEVICES)
}

/// The whole file of an elder: the skeleton that every replica makes alike, the registration, and
/// the visits of the year.
pub(crate) fn file(elder: &Elder) -> Result<Automerge, AutomergeError> {
    let mut document = skeleton()?;
    document.set_actor(actor(elder.device));
    register(&mut document, &elder.registration)?;
    for visited in &elder.visits {
        visit(&mut document, elder.id, visited)?;
    }
    Ok(document)
}

/// Writes one visit, in one change.
pub(crate) fn visit(
    document: &mut Automerge,
    elder: ElderId,
    visited: &Visited,
) -> Result<(), AutomergeError> {
    commit(document, visited.at_ms, |change| {
        let visits = map(change, "visits")?;
        // Unique among all visits of all devices: time, and a piece of what is random of the file.
        let [a, b, c, ..] = elder.0;
        let key = format!("{:010x}{a:02x}{b:02x}{c:02x}", visited.at_ms / 1_000);
        let made = change.put_object(&visits, key, ObjType::Map)?;
        put_texts(change, &made, &visited.visit.store(), "")
    })
}

fn skeleton() -> Result<Automerge, AutomergeError> {
    let mut document = Automerge::new().with_actor(ActorId::from([0; 4].as_slice()));
    commit(&mut document, 0, |change| {
        MAPS.iter().try_for_each(|key| change.put_object(ROOT, *key, ObjType::Map).map(drop))
    })?;
    Ok(document)
}

fn register(document: &mut Automerge, registration: &Registration) -> Result<(), AutomergeError> {
    commit(document, registration.at_ms, |change| {
        let card = map(change, "card")?;
        let village = registration.village.to_string();
        for (key, text) in [
            ("name", registration.name.as_str()),
            ("sex", registration.sex.as_str()),
            ("idn", registration.resident_id.as_str()),
            ("village", village.as_str()),
            ("address", registration.address.as_str()),
            ("phone", registration.phone.as_str()),
        ] {
            change.put(&card, key, text)?;
        }
        let health = map(change, "health")?;
        for (key, text) in [
            ("ability", Some(registration.function.as_str())),
            ("mental", Some(registration.mental.as_str())),
            ("chronic", registration.condition.map(Choice::as_str)),
            ("disability", Some(registration.disability.as_str())),
        ] {
            text.map_or(Ok(()), |text| change.put(&health, key, text))?;
        }
        let supporters = map(change, "supporters")?;
        for (nth, (supporter, absence)) in registration.supporters.iter().enumerate() {
            // Eight digits, as random as the telephone is.
            let digits = supporter.phone.as_deref().unwrap_or_default();
            let number = digits.get(3..).and_then(|text| text.parse().ok()).unwrap_or(nth as u32);
            let made = change.put_object(&supporters, format!("{number:08x}"), ObjType::Map)?;
            put_texts(change, &made, &supporter.store(), "")?;
            // Its name stands there already.
            put_texts(change, &made, &absence.store(), "supporter")?;
        }
        let economy = map(change, "economy")?;
        for source in IncomeSource::ALL {
            change.put(&economy, source.as_str(), registration.income.contains(source))?;
        }
        let housing = map(change, "housing")?;
        for (key, text) in [
            ("kind", Some(registration.housing.as_str())),
            ("hazard", registration.hazard.map(Choice::as_str)),
            ("hygiene", Some(registration.hygiene.as_str())),
        ] {
            text.map_or(Ok(()), |text| change.put(&housing, key, text))?;
        }
        Ok(())
    })
}

/// Puts every text of an element but the one under `except`.
fn put_texts(
    change: &mut Transaction<'_>,
    object: &ObjId,
    element: &Stored,
    except: &str,
) -> Result<(), AutomergeError> {
    let texts = element.texts().into_iter().filter(|(key, _)| *key != except);
    texts.into_iter().try_for_each(|(key, text)| change.put(object, key, text))
}

fn map(change: &Transaction<'_>, key: &str) -> Result<ObjId, AutomergeError> {
    let found = change.get(ROOT, key)?;
    found.map(|(_, id)| id).ok_or(AutomergeError::InvalidObjId(key.to_owned()))
}

fn commit(
    document: &mut Automerge,
    at_ms: i64,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
) -> Result<(), AutomergeError> {
    let options = |_: &()| CommitOptions::default().with_time(at_ms / 1_000);
    document
        .transact_with::<_, _, AutomergeError, _>(options, work)
        .map(drop)
        .map_err(|failure| failure.error)
}
