//! Answers requests.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::Door;
use crate::command::health::Machine;
use crate::command::metrics::{Metrics, MetricsReport};
use crate::command::{CommandError, ErrorKind, Request};
use crate::identity::DeviceId;
use crate::limits::ADMIN_REQUEST_BYTES_MAX;
use crate::machine::seed;
use crate::runtime::{Running, UpOptions};

/// What `/metrics` answers with.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A server that runs.
pub(crate) struct Served {
    pub(crate) address: String,
    file: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

/// A link that opens the pages once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLink {
    /// For a browser on this machine.
    pub url: String,
}

/// Looks at the machine under a running node that nobody answers at these addresses.
pub(crate) type Look = Arc<dyn Fn(Vec<String>) -> Machine + Send + Sync>;

#[derive(Clone)]
struct Admin {
    running: Running,
    look: Look,
    address: SocketAddr,
    token: String,
    /// Opens the metrics and nothing else.
    metrics_token: Option<String>,
    link: Option<Link>,
}

/// Where nodes serve this machine: above what services have, and below what systems give to whoever calls (from 32768 on
/// Linux, from 49152 on Windows).
const OWN_PORTS: Range<u16> = 20_000..30_000;

/// Makes the path of a link that opens the pages once.
pub type Link = Arc<dyn Fn() -> Result<String, CommandError> + Send + Sync>;

/// Pages for a browser, beside the API and on the same address. They see to it themselves who may see them; that a
/// request comes from this machine is seen to here.
pub struct Pages {
    /// What answers.
    pub router: Router,
    /// What opens them.
    pub link: Link,
}

/// Serves on loopback and says where in the home. `pages` answer whatever the API does not.
pub(crate) async fn serve(
    home: &Path,
    device: DeviceId,
    running: Running,
    options: &UpOptions,
    look: Look,
    pages: Option<Pages>,
) -> std::io::Result<Served> {
    let listener = listen(device, options.admin_port).await?;
    let address = listener.local_addr()?;
    let token = hex::encode(seed().map_err(std::io::Error::other)?);
    let door = Door { address: address.to_string(), token: token.clone(), pid: std::process::id() };
    let file = Door::path(home);
    write_private(&file, &serde_json::to_vec(&door)?)?;
    let (pages, link) = pages.map(|pages| (pages.router, pages.link)).unzip();
    let admin =
        Admin { running, look, address, token, metrics_token: options.metrics_token.clone(), link };
    let router = Router::new()
        .route("/v1/{request}", post(answer))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(ADMIN_REQUEST_BYTES_MAX))
        .with_state(admin.clone())
        .merge(pages.unwrap_or_default())
        .layer(middleware::from_fn_with_state(admin, from_this_machine));
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the admin API has stopped");
        }
    });
    Ok(Served { address: address.to_string(), file, task })
}

/// On the port that was asked for; else on the device's own one, so that pages which are open in a browser find the
/// node where it was; else, where something is there already, on a free one.
async fn listen(device: DeviceId, asked: Option<u16>) -> std::io::Result<TcpListener> {
    let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    match asked {
        Some(port) => at(port).await,
        None => match at(own_port(device)).await {
            Ok(listener) => Ok(listener),
            Err(_) => at(0).await,
        },
    }
}

/// A port of [`OWN_PORTS`] that is the same whenever this device runs.
fn own_port(device: DeviceId) -> u16 {
    let [.., high, low] = *blake3::hash(&device.0).as_bytes();
    let width = OWN_PORTS.end - OWN_PORTS.start;
    OWN_PORTS.start + u16::from_be_bytes([high, low]) % width
}

impl Served {
    /// Stops, and takes the file away.
    pub(crate) fn stop(&self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.file);
    }
}

async fn answer(
    State(admin): State<Admin>,
    UrlPath(request): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err((status, why)) = admit(&headers, &[&admin.token]) {
        return (status, why).into_response();
    }
    let answered = match request.as_str() {
        "dial_now" => match serde_json::from_slice::<Vec<String>>(&body) {
            Ok(addresses) => {
                admin.running.dial_now(&addresses);
                Ok(b"null".to_vec())
            }
            Err(error) => Err(CommandError::new(ErrorKind::Usage, "bad_request", error)),
        },
        "backup" => match serde_json::from_slice::<PathBuf>(&body) {
            Ok(path) => admin.running.backup(path).await.and_then(|done| encode(&done)),
            Err(error) => Err(CommandError::new(ErrorKind::Usage, "bad_request", error)),
        },
        "work_progress" => match serde_json::from_slice::<String>(&body) {
            Ok(request) => encode(&admin.running.work_progress(&request)),
            Err(error) => Err(CommandError::new(ErrorKind::Usage, "bad_request", error)),
        },
        "backup_progress" => encode(&admin.running.backup_progress()),
        "dials" => encode(&admin.running.dials()),
        "page_link" => match &admin.link {
            Some(link) => link().and_then(|path| {
                encode(&PageLink { url: format!("http://{}{path}", admin.address) })
            }),
            None => {
                let none = "this process shows no pages";
                Err(CommandError::new(ErrorKind::Failed, "no_pages", none))
            }
        },
        _ => admin.running.dispatch(request, body.to_vec()).await,
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    match answered {
        Ok(reply) => (StatusCode::OK, json, reply).into_response(),
        Err(error) => {
            let body = serde_json::to_vec(&error).unwrap_or_default();
            (StatusCode::UNPROCESSABLE_ENTITY, json, body).into_response()
        }
    }
}

async fn metrics(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let tokens: Vec<&String> = admin.metrics_token.iter().chain([&admin.token]).collect();
    if let Err((status, why)) = admit(&headers, &tokens) {
        return (status, why).into_response();
    }
    let machine = (admin.look)(admin.running.unanswered());
    let asked = Metrics { machine: Some(machine) };
    let json = match serde_json::to_vec(&asked) {
        Ok(json) => json,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
    };
    let answered = admin.running.dispatch(Metrics::NAME.to_owned(), json).await;
    let read = |reply: Vec<u8>| {
        serde_json::from_slice::<MetricsReport>(&reply)
            .map_err(|error| CommandError::new(ErrorKind::Failed, "reply", error))
    };
    match answered.and_then(read) {
        Ok(report) => ([(header::CONTENT_TYPE, OPEN_METRICS)], report.text).into_response(),
        Err(error) => {
            tracing::warn!(code = error.code, "no metrics");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", error.code)).into_response()
        }
    }
}

fn encode(reply: &impl serde::Serialize) -> Result<Vec<u8>, CommandError> {
    serde_json::to_vec(reply).map_err(|error| CommandError::new(ErrorKind::Failed, "reply", error))
}

/// Whatever a page of another site has a browser ask is turned away: it names another Host, though the name lead
/// here, or another Origin.
async fn from_this_machine(
    State(admin): State<Admin>,
    request: HttpRequest<Body>,
    next: Next,
) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let port = admin.address.port();
    let local = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    if !text(header::HOST).is_some_and(|host| local.iter().any(|known| known == host)) {
        return (StatusCode::FORBIDDEN, "the Host is not this node's\n").into_response();
    }
    let same = |origin: &str| local.iter().any(|known| origin == format!("http://{known}"));
    if headers.contains_key(header::ORIGIN) && !text(header::ORIGIN).is_some_and(same) {
        return (StatusCode::FORBIDDEN, "the Origin is not this node's\n").into_response();
    }
    next.run(request).await
}

fn admit(headers: &HeaderMap, tokens: &[&String]) -> Result<(), (StatusCode, &'static str)> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let shown = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    // Compared by hash, so that the time tells nothing of how much was right.
    let right = shown.is_some_and(|shown| {
        let shown = blake3::hash(shown.as_bytes());
        tokens.iter().any(|token| shown == blake3::hash(token.as_bytes()))
    });
    if right { Ok(()) } else { Err((StatusCode::UNAUTHORIZED, "the token is wrong\n")) }
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(bytes)
}
