//! Mail that was written to files instead of being sent, to be read here.
//!
//! Names come from the folder's own listing and nothing else is opened. A message's HTML is shown in a frame that
//! may run nothing and load nothing; what is clicked in it opens beside it.

use std::{fs, io, path::PathBuf, time::UNIX_EPOCH};

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use hearback_core::id::DeliveryId;
use hearback_store::{deliveries, lists};
use mail_parser::{Message, MessageParser};
use serde::Serialize;

use super::{Frame, session::Visitor, words::When};
use crate::route::{Access::User, Route, get};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/mail", User(Viewer), "Mail that was written to files instead of being sent", list),
        get("/mail/{name}", User(Viewer), "One such mail", one),
        get("/mail/{name}/html", User(Viewer), "Its HTML part, for the frame of that page", html),
    ]
}

/// Messages of one page.
const SHOWN: usize = 100;
/// Names that are looked up together.
const LOOKED_UP: usize = 200;
/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 2 * 1024 * 1024;
/// The frame's own policy: styles of the message itself and embedded pictures, nothing else.
const FRAME_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                            base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// One line of the list.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    to: String,
    subject: String,
    at: When,
}

impl Line {
    /// Whether the words, in small letters, stand in it.
    fn says(&self, words: &str) -> bool {
        self.subject.to_lowercase().contains(words) || self.to.to_lowercase().contains(words)
    }
}

#[derive(Serialize)]
struct ListView {
    lines: Vec<Line>,
    /// What was looked for.
    words: String,
    /// The rest of the list, when there is one.
    older: Option<String>,
}

/// `GET /mail`: the newest, or those with some words in the subject or the reader's address; `after` a message.
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["q", "after"])?;
    let folder = folder(&app)?;
    let place = folder.clone();
    let mut files = in_background(move || newest_first(&place)).await?;
    if let Some(after) = params.text("after") {
        let start = files.iter().position(|(_, name)| name == after).map_or(files.len(), |at| at + 1);
        files.drain(..start);
    }
    let words = params.text("q").unwrap_or_default().trim().to_owned();
    let (lines, more) = found(&app, &visitor, folder, files, &words.to_lowercase()).await?;
    let older = lines.last().filter(|_| more).map(|last| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &words).append_pair("after", &last.name);
        format!("/mail?{}", query.finish())
    });
    let view = ListView { lines, words, older };
    let frame = Frame { title: "Captured mail", here: "mail", visitor: Some(&visitor), mail: true, ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "mail_list", &frame, &view))
}

#[derive(Serialize)]
struct MailView {
    name: String,
    from: String,
    to: String,
    subject: String,
    date: String,
    text: Vec<Piece>,
    html: bool,
    headers: Vec<HeaderLine>,
    case: Option<String>,
}

/// A part of a text: one of our links, or what stands between them.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Piece {
    text: String,
    is_link: bool,
}

#[derive(Serialize)]
struct HeaderLine {
    name: String,
    value: String,
}

/// `GET /mail/{name}`
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let case = delivery(&app, &visitor, &name).await?.case_id.map(|case| case.to_string());
    let bytes = read(&app, &name).await?;
    let message = MessageParser::default().parse(&bytes).ok_or_else(|| Problem::not_found("message", &name))?;
    let view = view(name, &message, case, [&app.config.public_url, &app.config.survey_url]);
    let title = view.subject.clone();
    let frame = Frame { title: &title, here: "mail", visitor: Some(&visitor), mail: true, ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "mail", &frame, &view))
}

/// `GET /mail/{name}/html`: what the frame shows.
pub(crate) async fn html(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Result<Response, Problem> {
    delivery(&app, &visitor, &name).await?;
    let bytes = read(&app, &name).await?;
    let message = MessageParser::default().parse(&bytes);
    let html = message.as_ref().and_then(|message| message.body_html(0)).ok_or_else(|| Problem::not_found("message", &name))?;
    let beside = format!("<base target=\"_blank\">{html}");
    Ok(([(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)], Html(beside)).into_response())
}

fn folder(app: &App) -> Result<PathBuf, Problem> {
    let real = || Problem::new(StatusCode::NOT_FOUND, "mail is sent for real here, not captured; see the deliveries of each case");
    app.config.captured_mail.clone().ok_or_else(real)
}

/// A message in the folder: when it was written, and its name.
type File = (i64, String);

fn newest_first(folder: &std::path::Path) -> io::Result<Vec<File>> {
    let mut files: Vec<File> = names(folder)?.into_iter().map(|name| (modified(&folder.join(format!("{name}.eml"))), name)).collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    Ok(files)
}

/// The first messages of the visitor's workspace with these words, and whether there are more: the folder has those of all.
async fn found(app: &App, visitor: &Visitor, folder: PathBuf, files: Vec<File>, words: &str) -> Result<(Vec<Line>, bool), Problem> {
    let now = app.cx.now().timestamp_millis();
    let mut found: Vec<Line> = Vec::new();
    for some in files.chunks(LOOKED_UP) {
        let ids = some.iter().filter_map(|(_, name)| delivery_id(name));
        let ours = lists::known_deliveries(app.cx.db.read(), visitor.ws, ids).await?;
        let ours = some.iter().filter(|(_, name)| delivery_id(name).is_some_and(|id| ours.contains(&id))).cloned().collect::<Vec<_>>();
        let (folder, words) = (folder.clone(), words.to_owned());
        let lines = move || Ok(ours.into_iter().filter_map(|file| line(&folder, file, now)).filter(|line| line.says(&words)).collect());
        found.extend(in_background::<Vec<Line>>(lines).await?);
        if found.len() > SHOWN {
            break;
        }
    }
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    Ok((found, more))
}

/// A message's name is the delivery's id and our domain.
fn delivery_id(name: &str) -> Option<DeliveryId> {
    name.split('@').next()?.parse().ok()
}

fn line(folder: &std::path::Path, (at, name): File, now: i64) -> Option<Line> {
    let bytes = bytes_of(&folder.join(format!("{name}.eml"))).ok()?;
    let message = MessageParser::default().parse_headers(&bytes)?;
    let at = message.date().map_or(at, |date| date.to_timestamp() * 1_000);
    Some(Line { to: address(message.to()), subject: subject(&message), at: When::past(at, now), name })
}

/// Names of the messages, without `.eml`.
fn names(folder: &std::path::Path) -> io::Result<Vec<String>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().strip_suffix(".eml").map(str::to_owned)))
            .filter_map(Result::transpose)
            .collect(),
        // Nothing was captured yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn modified(path: &std::path::Path) -> i64 {
    let time = fs::metadata(path).and_then(|data| data.modified()).ok();
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

fn bytes_of(path: &std::path::Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > MAX_FILE {
        return Err(io::Error::other("the message is too large to be shown"));
    }
    fs::read(path)
}

/// The message of this name, if the folder has one.
async fn read(app: &App, name: &str) -> Result<Vec<u8>, Problem> {
    let folder = folder(app)?;
    // The characters that the writer of these files uses: none of them can leave the folder.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Problem::not_found("message", "of that name"));
    }
    let path = folder.join(format!("{name}.eml"));
    in_background(move || bytes_of(&path)).await.map_err(|_| Problem::not_found("message", name))
}

async fn in_background<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::warn!(%error, "captured mail can't be read");
            Err(Problem::internal())
        }
        Err(_) => Err(Problem::internal()),
    }
}

/// The mail of the visitor's workspace that a message is; those of other workspaces are not there.
async fn delivery(app: &App, visitor: &Visitor, name: &str) -> Result<deliveries::Model, Problem> {
    let unknown = || Problem::not_found("message", name);
    let id = delivery_id(name).ok_or_else(unknown)?;
    lists::delivery(app.cx.db.read(), visitor.ws, id).await?.ok_or_else(unknown)
}

/// The links of this server are links; those of others stay text.
fn pieces(text: &str, ours: [&str; 2]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let starts = ours.map(|url| format!("{url}/"));
    while let Some(at) = starts.iter().filter_map(|start| rest.find(start)).min() {
        let (before, from) = rest.split_at(at);
        let (link, after) = from.split_at(from.find(char::is_whitespace).unwrap_or(from.len()));
        pieces.push(Piece { text: before.to_owned(), is_link: false });
        pieces.push(Piece { text: link.to_owned(), is_link: true });
        rest = after;
    }
    pieces.push(Piece { text: rest.to_owned(), is_link: false });
    pieces
}

fn view(name: String, message: &Message<'_>, case: Option<String>, ours: [&str; 2]) -> MailView {
    let headers = message
        .headers_raw()
        .map(|(name, value)| HeaderLine { name: name.to_owned(), value: value.split_whitespace().collect::<Vec<_>>().join(" ") });
    MailView {
        name,
        from: address(message.from()),
        to: address(message.to()),
        subject: subject(message),
        date: message.date().map(mail_parser::DateTime::to_rfc822).unwrap_or_default(),
        text: pieces(&message.body_text(0).map(|text| text.replace("\r\n", "\n")).unwrap_or_default(), ours),
        html: message.html_body_count() > 0,
        headers: headers.collect(),
        case,
    }
}

fn subject(message: &Message<'_>) -> String {
    message.subject().unwrap_or("(no subject)").to_owned()
}

fn address(address: Option<&mail_parser::Address<'_>>) -> String {
    let all = address.into_iter().flat_map(|address| address.iter());
    let one = |addr: &mail_parser::Addr<'_>| match (addr.name(), addr.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (None, Some(address)) => address.to_owned(),
        (name, None) => name.unwrap_or_default().to_owned(),
    };
    all.map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_are_links() {
        let text = "3: https://us.example/s/v1.a?score=3\nNot https://them.example/x";
        let found = pieces(text, ["https://us.example", "https://us.example"]);
        let links: Vec<&str> = found.iter().filter(|piece| piece.is_link).map(|piece| piece.text.as_str()).collect();
        assert_eq!(links, ["https://us.example/s/v1.a?score=3"]);
        assert_eq!(found.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
    }
}
