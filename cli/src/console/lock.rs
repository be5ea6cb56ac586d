//! Coming in by a link, and the page that nobody was at for a while.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use fluent_bundle::FluentValue;
use shouwang_node::vault::{Lock, Secret};

use super::form::{Form, FormField};
use super::page::{Block, Page};
use super::session::{Admission, Entered, IDLE_LIFE, Moment};
use super::{Console, cookie, cookie_name, drawn, frame, is_own, language, read, status, token};
use crate::error::Described;
use crate::message::Language;
use crate::output::Mark;
use crate::secret;

/// Lets a browser in by a one-time link.
pub(super) async fn enter(State(console): State<Arc<Console>>, request: Request<Body>) -> Response {
    let headers = request.headers();
    let asked = super::Fields::read(request.uri().query().unwrap_or_default().as_bytes());
    let link = asked.text("link").unwrap_or_default();
    let typed = match asked.text("lang") {
        Some("zh") => Some(Language::Zh),
        Some("en") => Some(Language::En),
        _ => None,
    };
    let (Ok(own), Ok(csrf)) = (token(), token()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let held = cookie(headers, &cookie_name(headers)).unwrap_or_default();
    let entered = console.door().enter(link, held, (&own, csrf), Moment::now());
    if entered == Entered::Out {
        // Whoever is in already and opens an old link is in.
        return match console.door().admit(held, true, Moment::now()) {
            Admission::Out => stranger(&console, typed.unwrap_or_else(|| language::of(headers))),
            _ => Redirect::to("/").into_response(),
        };
    }
    let name = cookie_name(headers);
    let mut response = Redirect::to("/").into_response();
    let kept = format!("{name}={own}; Path=/; HttpOnly; SameSite=Strict");
    let kept = (entered == Entered::Anew).then_some(kept);
    let cookies = [kept, typed.map(language::chosen)];
    for cookie in cookies.into_iter().flatten() {
        if let Ok(value) = cookie.parse() {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// Locks the page now.
pub(super) async fn lock(State(console): State<Arc<Console>>, request: Request<Body>) -> Response {
    let headers = request.headers().clone();
    let own = own_cookie(&headers);
    let admission = console.door().admit(&own, true, Moment::now());
    let Ok(sent) = read(request).await else { return StatusCode::BAD_REQUEST.into_response() };
    if let Admission::In { csrf } | Admission::Locked { csrf } = admission
        && is_own(&headers, &csrf, &sent.fields)
    {
        console.door().lock(&own);
    }
    Redirect::to("/").into_response()
}

/// Tries a passphrase.
pub(super) async fn unlock(
    State(console): State<Arc<Console>>,
    request: Request<Body>,
) -> Response {
    let headers = request.headers().clone();
    let language = language::of(&headers);
    let own = own_cookie(&headers);
    let admission = console.door().admit(&own, false, Moment::now());
    let Ok(sent) = read(request).await else { return StatusCode::BAD_REQUEST.into_response() };
    let back = language::path(sent.fields.text("back"));
    let csrf = match admission {
        Admission::In { .. } => return Redirect::to(&back).into_response(),
        Admission::Out => return stranger(&console, language),
        Admission::Locked { csrf } => csrf,
    };
    if !is_own(&headers, &csrf, &sent.fields) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if !console.door().may_try(&own) {
        return stranger(&console, language);
    }
    let typed = sent.fields.typed("passphrase").unwrap_or_default().to_owned();
    let home = console.home.clone();
    let tried = move || home.opens_with(&Secret::Passphrase(secret::normal(&typed)));
    match tokio::task::spawn_blocking(tried).await {
        Ok(Ok(true)) => {
            console.door().unlock(&own, Moment::now());
            Redirect::to(&back).into_response()
        }
        Ok(Ok(false)) => {
            let messages = console.messages(language);
            let wrong = messages.text("console-passphrase-wrong");
            locked(&console, language, &csrf, &back, Some(wrong))
        }
        Ok(Err(error)) => failed(&console, language, &error.into()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn own_cookie(headers: &HeaderMap) -> String {
    cookie(headers, &cookie_name(headers)).unwrap_or_default().to_owned()
}

/// What somebody sees who has not come by a link.
pub(super) fn stranger(console: &Console, language: Language) -> Response {
    let messages = console.messages(language);
    let chrome = frame::plain(&messages, language, "", "/");
    let mut page = Page::new(chrome, messages.text("console-stranger"));
    let (text, fix) = (messages.text("console-stranger-why"), messages.text("console-open-again"));
    page.add(Block::Note { mark: Mark::Note, text, fix: Some(fix) });
    drawn(&page, StatusCode::UNAUTHORIZED)
}

/// What somebody sees who comes back after a while.
pub(super) fn locked(
    console: &Console,
    language: Language,
    csrf: &str,
    here: &str,
    wrong: Option<String>,
) -> Response {
    let messages = console.messages(language);
    let chrome = frame::plain(&messages, language, csrf, here);
    let mut page = Page::new(chrome, messages.text("console-locked"));
    let minutes = FluentValue::from(IDLE_LIFE.as_secs() / 60);
    let why = messages.say("console-locked-why", [("minutes", minutes)]);
    if let Some(wrong) = wrong {
        page.note(Mark::Bad, wrong);
    }
    // A home that is locked with a key file has nothing that a person could type.
    if !console.home.lock().is_ok_and(|lock| lock == Lock::Passphrase) {
        let fix = Some(messages.text("console-open-again"));
        page.add(Block::Note { mark: Mark::Note, text: why, fix });
        return drawn(&page, StatusCode::UNAUTHORIZED);
    }
    page.note(Mark::Note, why);
    let label = messages.word("console-word", "passphrase");
    let fields = vec![
        FormField::hidden("back", here),
        FormField::line("passphrase", label, None).kind("password").required(),
    ];
    page.add(Block::Form(Box::new(Form {
        action: "/unlock".to_owned(),
        draft: None,
        elder: None,
        once: String::new(),
        csrf: csrf.to_owned(),
        fields,
        submit: messages.word("console-word", "unlock"),
        looks: false,
        file: false,
        grave: false,
        inline: true,
        kept_at_ms: 0,
        is_unkept: false,
        error: None,
        drafted: None,
    })));
    drawn(&page, StatusCode::UNAUTHORIZED)
}

/// What somebody sees where even the question could not be read.
pub(super) fn failed(console: &Console, language: Language, error: &anyhow::Error) -> Response {
    let messages = console.messages(language);
    let described = Described::new(error, &messages);
    let code = status(&described);
    let chrome = frame::plain(&messages, language, "", "/");
    let mut page = Page::new(chrome, messages.text("console-failed"));
    page.add(Block::Note { mark: Mark::Bad, text: described.message, fix: described.hint });
    drawn(&page, code)
}
