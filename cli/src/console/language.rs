//! In which language the pages are: as somebody chose, or else Chinese unless the browser asks for English alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::session::{Admission, Moment};
use super::{Console, cookie, cookie_name, is_own, read};
use crate::message::Language;

/// What the choice is kept under, for a year.
const COOKIE: &str = "shouwang_language";

/// The language of whoever asks.
pub(super) fn of(headers: &HeaderMap) -> Language {
    match cookie(headers, COOKIE) {
        Some("zh") => return Language::Zh,
        Some("en") => return Language::En,
        _ => {}
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let accepted = accepted.unwrap_or_default().to_ascii_lowercase();
    match accepted.starts_with("en") && !accepted.contains("zh") {
        true => Language::En,
        false => Language::Zh,
    }
}

/// Keeps a choice.
pub(super) fn chosen(language: Language) -> String {
    let language = match language {
        Language::Zh => "zh",
        Language::En => "en",
    };
    format!("{COOKIE}={language}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict")
}

/// The other language, from now on.
pub(super) async fn choose(
    State(console): State<Arc<Console>>,
    request: Request<Body>,
) -> Response {
    let headers = request.headers().clone();
    let own = cookie(&headers, &cookie_name(&headers)).unwrap_or_default().to_owned();
    let admission = console.door().admit(&own, true, Moment::now());
    let (Admission::In { csrf } | Admission::Locked { csrf }) = admission else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(sent) = read(request).await else { return StatusCode::BAD_REQUEST.into_response() };
    if !is_own(&headers, &csrf, &sent.fields) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let other = match of(&headers) {
        Language::Zh => Language::En,
        Language::En => Language::Zh,
    };
    let cookie = [(header::SET_COOKIE, chosen(other))];
    (cookie, Redirect::to(&path(sent.fields.text("back")))).into_response()
}

/// A path of these pages, and nothing that leads elsewhere.
pub(super) fn path(text: Option<&str>) -> String {
    match text {
        Some(path) if path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') => {
            path.to_owned()
        }
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(accepted: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
        headers
    }

    #[test]
    fn chinese_unless_english_alone_is_asked_for() {
        assert_eq!(of(&HeaderMap::new()), Language::Zh);
        assert_eq!(of(&asking("zh-CN,zh;q=0.9,en;q=0.8")), Language::Zh);
        assert_eq!(of(&asking("de-DE,de")), Language::Zh);
        assert_eq!(of(&asking("en-US,en;q=0.9,zh;q=0.1")), Language::Zh);
        assert_eq!(of(&asking("en-US,en;q=0.9")), Language::En);
        let mut chosen = asking("en-US,en");
        chosen.insert(header::COOKIE, "a=b; shouwang_language=zh".parse().unwrap());
        assert_eq!(of(&chosen), Language::Zh);
    }

    #[test]
    fn nobody_is_led_away() {
        for (text, leads) in [
            (Some("/elders?q=a"), "/elders?q=a"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (None, "/"),
        ] {
            assert_eq!(path(text), leads);
        }
    }
}
