//! `bundle export`: writes a bundle, split over sticks of a size.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::bundle::part::PartWriter;
use shouwang_node::bundle::{BundleId, PartHead};
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::area::AreaList;
use shouwang_node::command::bundle::{BundleBegin, BundleBegun, BundlePiece, BundleReceiver};
use shouwang_node::home::Node;
use shouwang_node::limits::BUNDLE_PARTS_MAX;

use super::EXTENSION;
use crate::audit;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::moment;
use crate::output::Mark;
use crate::parse;
use crate::progress::{Bar, Unit};

/// What the system says of a device that was pulled out: `EIO`, `ENXIO`, `ENODEV`; `ERROR_NOT_READY`,
/// `ERROR_DEV_NOT_EXIST` and `ERROR_NO_SUCH_DEVICE` on Windows.
#[cfg(unix)]
const GONE: [i32; 3] = [5, 6, 19];
#[cfg(not(unix))]
const GONE: [i32; 3] = [21, 55, 433];

/// `bundle export`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, required = true, num_args = 1.., value_name = "AREA|DEVICE")]
    to: Vec<String>,
    #[arg(long, short, value_name = "FILE|DIR")]
    out: PathBuf,
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,
    #[arg(long)]
    full: bool,
}

/// What was written.
#[derive(Serialize)]
struct Exported {
    schema_version: u32,
    bundle: BundleId,
    receivers: Vec<BundleReceiver>,
    parts: Vec<PartFile>,
    entries: u64,
    runs: u64,
}

#[derive(Serialize)]
struct PartFile {
    part: u32,
    file: String,
    bytes: u64,
}

/// Files that are not finished: they go away unless they are kept.
#[derive(Default)]
struct Unfinished(Vec<(PathBuf, Option<PartWriter<BufWriter<File>>>)>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        for (path, _) in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Writes it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let size = args.size.as_deref().map(parse::size).transpose()?;
    let mut node = context.node()?;
    let to = resolved(&mut node, &args.to)?;
    let begun = node.call(BundleBegin { to, full: args.full })?;
    if let Some(size) = size.filter(|size| *size < begun.part_bytes_min) {
        return Err(Failure::usage("bundle_size_small")
            .with("size", size)
            .with("least", begun.part_bytes_min)
            .into());
    }
    let names = Names::new(&args.out, begun.bundle);
    file::refuse_existing(&names.of(1, 1))?;
    if begun.entries > 0 {
        let elders = usize::try_from(begun.elders).unwrap_or(usize::MAX);
        audit::note(&mut node, "bundle", None, elders, context)?;
    }
    let mut written = Exported {
        schema_version: JSON_SCHEMA_VERSION,
        bundle: begun.bundle,
        receivers: begun.receivers.clone(),
        parts: Vec::new(),
        entries: 0,
        runs: 0,
    };
    let mut bar = Bar::new(context, context.messages.text("bundle-progress-write"), Unit::Steps);
    let mut unfinished = Unfinished::default();
    let (mut cursor, mut done) = (None, false);
    while !done {
        let part = u32::try_from(unfinished.0.len()).unwrap_or(u32::MAX).saturating_add(1);
        if part > BUNDLE_PARTS_MAX {
            return Err(Failure::usage("bundle_parts").with("limit", BUNDLE_PARTS_MAX).into());
        }
        let path = names.partial(part);
        let (head, mut writer) = begin(&begun, part, &path, &mut unfinished)?;
        let room = size.map_or(u64::MAX, |size| size.saturating_sub(head.encode().len() as u64));
        let (mut full, mut grown) = (false, 0);
        while !done && !full {
            let piece = node.call(BundlePiece {
                bundle: begun.bundle,
                to: head.receivers.clone(),
                full: args.full,
                part,
                number: writer.segments(),
                cursor: cursor.clone(),
                room: room.saturating_sub(writer.bytes()),
            })?;
            let append = writer.append(&piece.segments, piece.count);
            append.map_err(|error| unwritten(&path, &error))?;
            (cursor, done, full) = (piece.cursor, piece.done, piece.full);
            written.entries += piece.entries;
            written.runs += piece.runs;
            grown += piece.runs;
            bar.show((written.entries, begun.entries));
        }
        // A part that takes nothing would be followed by another that takes nothing.
        if full && grown == 0 {
            return Err(Failure::usage("bundle_size_small")
                .with("size", size.unwrap_or_default())
                .with("least", begun.part_bytes_min)
                .into());
        }
        if let Some((_, place)) = unfinished.0.last_mut() {
            *place = Some(writer);
        }
    }
    drop(bar);
    finish(&names, &mut unfinished, &mut written)?;
    say(&written, context)
}

/// A file for a part, with room for its head.
fn begin(
    begun: &BundleBegun,
    part: u32,
    path: &Path,
    unfinished: &mut Unfinished,
) -> Result<(PartHead, PartWriter<BufWriter<File>>), Failure> {
    let failed = |error: std::io::Error| unwritten(path, &error);
    let head = PartHead {
        bundle: begun.bundle,
        part,
        parts: 0,
        mesh: begun.mesh,
        sender: begun.sender,
        receivers: begun.receivers.iter().map(|receiver| receiver.device).collect(),
        segments: 0,
        bytes: 0,
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(path).map_err(failed)?;
    unfinished.0.push((path.to_owned(), None));
    let writer = PartWriter::begin(BufWriter::new(opened), head.clone()).map_err(failed)?;
    Ok((head, writer))
}

/// Writes the heads, which now know how many parts there are, and gives the files their names.
fn finish(
    names: &Names,
    unfinished: &mut Unfinished,
    written: &mut Exported,
) -> Result<(), Failure> {
    let parts = u32::try_from(unfinished.0.len()).unwrap_or(u32::MAX);
    for (part, (_, writer)) in (1..).zip(&mut unfinished.0) {
        let path = names.of(part, parts);
        let failed = |error: std::io::Error| unwritten(&path, &error);
        file::refuse_existing(&path)?;
        let Some(writer) = writer.take() else { continue };
        let (file, head) = writer.finish(parts).map_err(failed)?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        written.parts.push(PartFile {
            part,
            file: path.display().to_string(),
            bytes: head.encode().len() as u64 + head.bytes,
        });
    }
    for (part, (partial, _)) in (1..).zip(&unfinished.0) {
        let path = names.of(part, parts);
        if let Err(error) = std::fs::rename(partial, &path) {
            // Parts that have their names already are whole, but nobody is told of them.
            for named in 1..part {
                let _ = std::fs::remove_file(names.of(named, parts));
            }
            return Err(unwritten(&path, &error));
        }
    }
    // A stick is pulled out as soon as the command has ended: the names are on it by then.
    #[cfg(unix)]
    if let Some(path) = written.parts.first().map(|part| names.of(part.part, parts)) {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let synced = File::open(directory.unwrap_or(Path::new("."))).and_then(|at| at.sync_all());
        match synced {
            // Not every file system does it.
            Err(error) if error.kind() != ErrorKind::InvalidInput => {
                return Err(unwritten(&path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A stick that is full, takes no file of this length, or is not there any more: what to do differs.
fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "bundle_stick_full",
        ErrorKind::FileTooLarge => "bundle_file_too_large",
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::ReadOnlyFilesystem => {
            "bundle_stick_gone"
        }
        _ if GONE.contains(&error.raw_os_error().unwrap_or_default()) => "bundle_stick_gone",
        _ => return Failure::unwritable(path, error),
    };
    Failure::failed(code).with("path", path.display()).with("detail", error)
}

fn say(written: &Exported, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if output.is_json() {
        output.json(written)?;
        return Ok(Exit::Done);
    }
    for part in &written.parts {
        let line = messages.say(
            "bundle-written",
            [
                ("path", FluentValue::from(part.file.clone())),
                ("part", part.part.into()),
                ("parts", written.parts.len().into()),
                ("bytes", moment::bytes(part.bytes).into()),
            ],
        );
        output.line(&output.marked_text(Mark::Good, &line))?;
    }
    let names: Vec<String> = written
        .receivers
        .iter()
        .map(|receiver| format!("{} ({})", receiver.name, receiver.device.short()))
        .collect();
    let names = FluentValue::from(names.join(&messages.text("phrase-separator")));
    let entries = FluentValue::from(written.entries);
    output.note(&messages.say("bundle-for", [("names", names), ("entries", entries)]));
    if written.entries == 0 {
        output.note(&messages.text("bundle-nothing-new"));
    }
    output.note(&messages.text("bundle-next"));
    Ok(Exit::Done)
}

/// Names of places become codes where the directories here know exactly one of that name.
fn resolved(node: &mut Node, to: &[String]) -> anyhow::Result<Vec<String>> {
    let is_name = |text: &String| !text.trim().bytes().all(|byte| byte.is_ascii_hexdigit());
    if !to.iter().any(is_name) {
        return Ok(to.to_vec());
    }
    let places = node.call(AreaList { within: None })?.places;
    let resolve = |text: &String| {
        let mut named = places.iter().filter(|place| place.name == text.trim());
        match (named.next(), named.next()) {
            (Some(place), None) => place.code.to_string(),
            _ => text.clone(),
        }
    };
    Ok(to.iter().map(resolve).collect())
}

/// How the files are called.
struct Names {
    directory: PathBuf,
    stem: String,
    extension: String,
    /// Whether the person has said the name of the file.
    said: bool,
}

impl Names {
    fn new(out: &Path, bundle: BundleId) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
        };
        if out.is_dir() {
            let short: String = bundle.to_string().chars().take(8).collect();
            let (stem, extension) = (format!("shouwang-{short}"), EXTENSION.to_owned());
            return Self { directory: out.to_owned(), stem, extension, said: false };
        }
        Self {
            directory: out.parent().map(Path::to_owned).unwrap_or_default(),
            stem: text(out.file_stem()),
            extension: text(out.extension()),
            said: true,
        }
    }

    fn of(&self, part: u32, parts: u32) -> PathBuf {
        let stem = match parts == 1 && self.said {
            true => self.stem.clone(),
            false => format!("{}-{part}", self.stem),
        };
        self.directory.join(match self.extension.is_empty() {
            true => stem,
            false => format!("{stem}.{}", self.extension),
        })
    }

    fn partial(&self, part: u32) -> PathBuf {
        self.directory.join(format!("{}-{part}.partial", self.stem))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use shouwang_node::identity::DeviceId;
    use shouwang_node::identity::grant::GrantId;

    use super::*;

    #[test]
    fn one_part_has_the_name_that_was_said() {
        let names = Names::new(Path::new("/media/stick/to-county.bundle"), BundleId([1; 16]));
        assert_eq!(names.of(1, 1), Path::new("/media/stick/to-county.bundle"));
        assert_eq!(names.of(2, 3), Path::new("/media/stick/to-county-2.bundle"));
        let directory = tempfile::tempdir().unwrap();
        let names = Names::new(directory.path(), BundleId([1; 16]));
        assert_eq!(names.of(1, 1), directory.path().join("shouwang-01010101-1.bundle"));
    }

    fn begun() -> BundleBegun {
        BundleBegun {
            schema_version: JSON_SCHEMA_VERSION,
            bundle: BundleId([1; 16]),
            mesh: GrantId([2; 32]),
            sender: DeviceId([3; 32]),
            receivers: Vec::new(),
            logs: 0,
            entries: 0,
            elders: 0,
            part_bytes_min: 0,
        }
    }

    fn nothing() -> Exported {
        Exported {
            schema_version: JSON_SCHEMA_VERSION,
            bundle: BundleId([1; 16]),
            receivers: Vec::new(),
            parts: Vec::new(),
            entries: 0,
            runs: 0,
        }
    }

    /// Two parts, begun in this directory.
    fn parts(names: &Names, unfinished: &mut Unfinished) {
        for part in 1..=2 {
            let (_, mut writer) = begin(&begun(), part, &names.partial(part), unfinished).unwrap();
            writer.append(&[7; 40_000], 1).unwrap();
            unfinished.0.last_mut().unwrap().1 = Some(writer);
        }
    }

    #[test]
    fn a_stick_that_is_pulled_out_is_named_and_leaves_nothing_whole() {
        let stick = tempfile::tempdir().unwrap();
        let names = Names::new(stick.path(), BundleId([1; 16]));
        let mut unfinished = Unfinished::default();
        parts(&names, &mut unfinished);
        std::fs::remove_file(names.partial(2)).unwrap();
        let failure = finish(&names, &mut unfinished, &mut nothing()).unwrap_err();
        assert!(names_it(&failure, "bundle_stick_gone"), "{failure:?}");
        drop(unfinished);
        assert_eq!(std::fs::read_dir(stick.path()).unwrap().count(), 0);
    }

    fn names_it(failure: &Failure, code: &str) -> bool {
        format!("{failure:?}").contains(code)
    }

    #[test]
    fn what_went_wrong_has_its_name() {
        let of = |error: io::Error| unwritten(Path::new("a"), &error);
        assert!(names_it(&of(ErrorKind::StorageFull.into()), "bundle_stick_full"));
        assert!(names_it(&of(ErrorKind::FileTooLarge.into()), "bundle_file_too_large"));
        assert!(names_it(&of(ErrorKind::ReadOnlyFilesystem.into()), "bundle_stick_gone"));
        assert!(names_it(&of(io::Error::from_raw_os_error(GONE[0])), "bundle_stick_gone"));
        assert!(names_it(&of(ErrorKind::PermissionDenied.into()), "file_unwritable"));
        assert!(names_it(&of(ErrorKind::AlreadyExists.into()), "file_exists"));
    }
}
