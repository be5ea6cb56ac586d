//! The console: pages for whoever does not type commands, in a browser on the same machine.
//!
//! The node serves them itself, on the address of its admin API. Each page is put together of what the same requests
//! answer that commands ask (`shouwang_node::command`), as a value ([`page::Page`]), and drawn by one template. Nothing is
//! loaded from elsewhere. Who may come in is the business of [`session`]; `docs/console.md` tells all of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, RawPathParams, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use chrono::NaiveDate;
use futures::stream;
use shouwang_node::command::{CommandError, ErrorKind};
use shouwang_node::home::{Home, Inside};
use shouwang_node::process::Pages;

use crate::context::{self, Context};
use crate::error::{Described, Exit, Failure};
use crate::message::{Language, Messages};
use crate::output::{ColorChoice, Format, Output};
use crate::secret::Secrets;

mod asked;
mod chart;
mod conflicts;
mod devices;
mod due;
mod elder;
mod elders;
mod form;
mod frame;
mod health;
mod import;
mod incidents;
mod language;
mod ledger;
mod lock;
mod mesh;
mod page;
mod reports;
mod session;
mod sync;
mod today;
mod transfers;
mod visit;

use asked::{Answer, Asked, Upload};
use form::{FORM_BYTES_MAX, Fields};
use import::Waiting;
use page::Page;
use session::{Admission, Door, Moment};

/// The largest file that a page takes: the largest ledger that `import` reads.
const UPLOAD_BYTES_MAX: usize = 32 << 20;

/// How often an open page is told how it stands.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// What a browser may load and do: this node's own style, script and pictures, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What all pages share.
pub(crate) struct Console {
    inside: Inside,
    home: Home,
    secrets: Arc<Secrets>,
    messages: [Arc<Messages>; 2],
    door: Mutex<Door>,
    waiting: Mutex<Vec<Waiting>>,
    /// The day that a person typed when the node was started.
    as_of: Option<NaiveDate>,
}

/// What shows a page, or takes what was filled in.
type Handler = fn(&mut Asked) -> anyhow::Result<Answer>;

/// The pages of the node that runs here.
pub(crate) fn pages(context: &Context, inside: Inside) -> Pages {
    let console = Arc::new(Console {
        inside,
        home: context.home.clone(),
        secrets: context.secrets.clone(),
        messages: Language::ALL.map(|language| Arc::new(Messages::new(language))),
        door: Mutex::default(),
        waiting: Mutex::default(),
        as_of: context.as_of_typed.then_some(context.as_of),
    });
    let made = console.clone();
    let link = Arc::new(move || {
        let (token, now) = (token()?, Moment::now());
        let token = made.door().link(token, now);
        Ok(format!("/enter?link={token}"))
    });
    Pages { router: router(console), link }
}

fn router(console: Arc<Console>) -> Router {
    let asset = |bytes: &'static str, kind: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], bytes) })
    };
    Router::new()
        .route("/", show(today::show))
        .route("/due", show(due::show))
        .route("/elders", show(elders::show))
        .route("/elder/{id}", show(elder::show))
        .route("/elder/{id}/card", show(elder::card))
        .route("/elder/{id}/history", show(elder::history))
        .route("/elder/{id}/visit", fill(visit::show, visit::save))
        .route("/elder/{id}/edit", fill(elder::edit, elder::save))
        .route("/elder/{id}/incident", fill(incidents::raise, incidents::save))
        .route("/elder/{id}/move", fill(transfers::offer, transfers::save))
        .route("/new", fill(elder::new, elder::add))
        .route("/incidents", show(incidents::list))
        .route("/incidents/raise", show(incidents::of_whom))
        .route("/incident/{id}", fill(incidents::show, incidents::step))
        .route("/conflicts", fill(conflicts::show, conflicts::resolve))
        .route("/undo", fill(conflicts::undo, conflicts::take_back))
        .route("/transfers", fill(transfers::list, transfers::answer))
        .route("/held", show(health::held))
        .route("/health", show(health::show))
        .route("/ledger", show(ledger::show))
        .route("/ledger/file", show(ledger::file))
        .route("/import", fill(import::show, import::take))
        .route("/duplicates", fill(elders::duplicates, elders::merge))
        .route("/chasing", show(due::chasing))
        .route("/reports", show(reports::show))
        .route("/reports/file", show(reports::file))
        .route("/mesh", show(mesh::show))
        .route("/devices", fill(devices::show, devices::grant))
        .route("/device/{id}", fill(devices::one, devices::revoke))
        .route("/ruleset", fill(devices::ruleset, devices::set_rule))
        .route("/draft", show(asked::kept_at).post(keep_draft))
        .route("/events", get(events))
        .route("/enter", get(lock::enter))
        .route("/lock", post(lock::lock))
        .route("/unlock", post(lock::unlock))
        .route("/language", post(language::choose))
        .route(
            "/assets/console.css",
            asset(include_str!("../console/console.css"), "text/css; charset=utf-8"),
        )
        .route(
            "/assets/console.js",
            asset(include_str!("../console/console.js"), "text/javascript; charset=utf-8"),
        )
        .route("/assets/icon.svg", asset(include_str!("../console/icon.svg"), "image/svg+xml"))
        .layer(axum::extract::DefaultBodyLimit::max(UPLOAD_BYTES_MAX))
        .layer(axum::middleware::map_response(guarded))
        .with_state(console)
}

/// Every answer says what a browser may do with it.
async fn guarded<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        // With none at all a form would be sent with an `Origin` of null, which is nobody's.
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page that only shows.
fn show(handler: Handler) -> MethodRouter<Arc<Console>> {
    get(move |state: State<Arc<Console>>, path: RawPathParams, request: Request<Body>| {
        answer(state, path, request, handler, None)
    })
}

/// A page with something to fill in, and what takes it.
fn fill(shows: Handler, takes: Handler) -> MethodRouter<Arc<Console>> {
    show(shows).post(
        move |state: State<Arc<Console>>, path: RawPathParams, request: Request<Body>| {
            answer(state, path, request, shows, Some(takes))
        },
    )
}

impl Console {
    fn door(&self) -> std::sync::MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn messages(&self, language: Language) -> Arc<Messages> {
        let [zh, en] = &self.messages;
        match language {
            Language::Zh => zh.clone(),
            Language::En => en.clone(),
        }
    }

    /// What functions of the command line are given, for a page in this language.
    fn context(&self, language: Language) -> Context {
        let plain = Output::new(Format::Table, ColorChoice::Never).without_progress();
        Context {
            home: self.home.clone(),
            secrets: self.secrets.clone(),
            messages: self.messages(language),
            output: plain,
            as_of: self.as_of.unwrap_or_else(context::today),
            as_of_typed: self.as_of.is_some(),
            now_ms: context::now_ms(),
            language_typed: None,
            verbose: false,
        }
    }
}

/// 32 random bytes, in hexadecimal.
fn token() -> Result<String, CommandError> {
    let mut bytes = [0; 32];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(hex::encode(bytes)),
        Err(error) => Err(CommandError::new(ErrorKind::Failed, "no_randomness", error)),
    }
}

/// The cookie's name: cookies do not tell ports apart, and several nodes may run on one machine.
fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("shouwang_{}", host.rsplit(':').next().unwrap_or_default())
}

/// What a browser has kept under a name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// Whether a form was sent by a page of this node: the browser says so, and the page's token is in it.
fn is_own(headers: &HeaderMap, csrf: &str, sent: &Fields) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let same = |sent: &str| blake3::hash(sent.as_bytes()) == blake3::hash(csrf.as_bytes());
    site.is_none_or(|site| site == "same-origin") && sent.typed("csrf").is_some_and(same)
}

/// What a page with something to fill in was sent.
struct Sent {
    fields: Fields,
    files: BTreeMap<String, Upload>,
}

async fn read(request: Request<Body>) -> Result<Sent, Failure> {
    let unreadable = || Failure::usage("form_unreadable");
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| !kind.starts_with("multipart/form-data")) {
        let body = to_bytes(request.into_body(), FORM_BYTES_MAX).await.map_err(|_| unreadable())?;
        return Ok(Sent { fields: Fields::read(&body), files: BTreeMap::new() });
    }
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| unreadable())?;
    let (mut fields, mut files) = (Fields::default(), BTreeMap::new());
    let mut text_bytes = 0;
    while let Some(part) = parts.next_field().await.map_err(|_| unreadable())? {
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let file = part.file_name().map(str::to_owned);
        let bytes = part.bytes().await.map_err(|_| unreadable())?;
        match file {
            Some(file) => {
                files.insert(name, Upload { name: file, bytes: bytes.to_vec() });
            }
            None => {
                text_bytes += name.len() + bytes.len();
                if text_bytes > FORM_BYTES_MAX {
                    return Err(unreadable());
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                fields.0.entry(name).or_default().push(text);
            }
        }
    }
    Ok(Sent { fields, files })
}

async fn answer(
    State(console): State<Arc<Console>>,
    path: RawPathParams,
    request: Request<Body>,
    shows: Handler,
    takes: Option<Handler>,
) -> Response {
    let headers = request.headers().clone();
    let language = language::of(&headers);
    let query = Fields::read(request.uri().query().unwrap_or_default().as_bytes());
    let ids: BTreeMap<String, String> =
        path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let here = request.uri().path().to_owned();
    let is_post = request.method() == Method::POST;
    let by_person = !headers.contains_key("x-shouwang-by");
    let cookie = cookie(&headers, &cookie_name(&headers)).unwrap_or_default().to_owned();
    let admission = console.door().admit(&cookie, by_person, Moment::now());
    // Nothing is read of what a stranger sends.
    if admission == Admission::Out {
        return lock::stranger(&console, language);
    }
    let sent = match is_post {
        true => match read(request).await {
            Ok(sent) => Some(sent),
            Err(failure) => return lock::failed(&console, language, &failure.into()),
        },
        false => None,
    };
    let csrf = match admission {
        Admission::In { csrf } => csrf,
        Admission::Out => return lock::stranger(&console, language),
        Admission::Locked { csrf } => {
            // What was typed is kept, and nothing is done with it.
            if let Some(sent) = sent.filter(|sent| is_own(&headers, &csrf, &sent.fields)) {
                let kept = console.clone();
                let keep = move || drop(asked::keep(&kept, &sent.fields));
                let _ = tokio::task::spawn_blocking(keep).await;
            }
            return lock::locked(&console, language, &csrf, &here, None);
        }
    };
    if sent.as_ref().is_some_and(|sent| !is_own(&headers, &csrf, &sent.fields)) {
        return (StatusCode::FORBIDDEN, "the form is not this node's\n").into_response();
    }
    let work = move || {
        let (fields, files) = match sent {
            Some(sent) => (Some(sent.fields), sent.files),
            None => (None, BTreeMap::new()),
        };
        let mut asked =
            Asked::new(&console, language, csrf, cookie, here, ids, query, fields, files);
        match takes.filter(|_| is_post) {
            Some(takes) => asked.take(takes),
            None => asked.show(shows),
        }
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the page failed\n").into_response(),
    }
}

/// Keeps what a page has typed into it.
async fn keep_draft(State(console): State<Arc<Console>>, request: Request<Body>) -> Response {
    let headers = request.headers().clone();
    let cookie = cookie(&headers, &cookie_name(&headers)).unwrap_or_default().to_owned();
    let admission = console.door().admit(&cookie, true, Moment::now());
    // A locked page keeps what stands in it too.
    let (Admission::In { csrf } | Admission::Locked { csrf }) = admission else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(sent) = read(request).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !is_own(&headers, &csrf, &sent.fields) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let kept = tokio::task::spawn_blocking(move || asked::keep(&console, &sent.fields)).await;
    match kept {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        _ => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    }
}

/// What an open page is told as it happens: how it stands with the others, that something came, that it is locked.
async fn events(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let language = language::of(&headers);
    let query = Fields::read(query.unwrap_or_default().as_bytes());
    let seen = query.text("seen").and_then(|seen| seen.parse().ok());
    let cookie = cookie(&headers, &cookie_name(&headers)).unwrap_or_default().to_owned();
    let admission = console.door().admit(&cookie, false, Moment::now());
    let is_locked = matches!(admission, Admission::Locked { .. });
    let waiting: Vec<Event> = match admission {
        Admission::Out => return StatusCode::UNAUTHORIZED.into_response(),
        Admission::In { .. } => Vec::new(),
        Admission::Locked { .. } => vec![sync::happened("locked")],
    };
    let told = sync::Told::of(seen);
    let state = (console, told, cookie, waiting, is_locked);
    let stream =
        stream::unfold(state, move |(console, mut told, cookie, mut waiting, ended)| async move {
            loop {
                if let Some(event) = waiting.pop() {
                    return Some((
                        Ok::<_, Infallible>(event),
                        (console, told, cookie, waiting, ended),
                    ));
                }
                if ended {
                    return None;
                }
                tokio::time::sleep(TOLD_EVERY).await;
                let admission = console.door().admit(&cookie, false, Moment::now());
                if !matches!(admission, Admission::In { .. }) {
                    let event = sync::happened("locked");
                    return Some((Ok(event), (console, told, cookie, waiting, true)));
                }
                let asked = console.clone();
                let look = move || {
                    let events = told.look(&asked, language);
                    (events, told)
                };
                let Ok((events, seen)) = tokio::task::spawn_blocking(look).await else {
                    return None;
                };
                (waiting, told) = (events, seen);
            }
        });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

/// A page as an answer.
fn drawn(page: &Page, status: StatusCode) -> Response {
    match page.render() {
        Ok(html) => {
            (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be drawn");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be drawn\n").into_response()
        }
    }
}

/// The status of an answer that tells of a failure.
fn status(error: &Described) -> StatusCode {
    match error.exit {
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        Exit::Refused => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
