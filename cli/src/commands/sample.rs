//! `sample`: a realistic ledger of people who do not exist.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::command::JSON_SCHEMA_VERSION;

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::output::Mark;
use crate::parse;
use crate::sample::{self, SampleError};

/// `sample`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 200)]
    elders: usize,
    #[arg(long, value_name = "CODE", default_value = "990121101000")]
    township: String,
    #[arg(long, value_name = "FILE.xlsx")]
    out: PathBuf,
    #[arg(long)]
    faults: bool,
    #[arg(long, value_name = "FILE.csv")]
    areas: Option<PathBuf>,
    #[arg(long, default_value_t = 2)]
    townships: usize,
    #[arg(long, default_value_t = 3)]
    villages: usize,
}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    seed: u64,
    township: DivisionCode,
    name: String,
    villages: usize,
    elders: usize,
    file: PathBuf,
    areas_file: Option<PathBuf>,
}

/// Writes the ledger, and the directory of its county where asked for.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    [Some(&args.out), args.areas.as_ref()]
        .into_iter()
        .flatten()
        .try_for_each(|path| file::refuse_existing(path))?;
    let township = parse::division("--township", &args.township)?;
    let places = sample::county(args.seed, args.townships, args.villages);
    let Some((_, name)) =
        places.iter().find(|(code, _)| *code == township && code.level() == Level::Township)
    else {
        let townships: Vec<String> = places
            .iter()
            .filter(|(code, _)| code.level() == Level::Township)
            .map(|(code, name)| format!("{code} {name}"))
            .collect();
        return Err(Failure::usage("sample_township")
            .with("code", township)
            .with("known", townships.join(", "))
            .into());
    };
    let villages: Vec<(DivisionCode, String)> = places
        .iter()
        .filter(|(code, _)| code.level() == Level::Village && township.contains(*code))
        .cloned()
        .collect();
    let bytes = sample::ledger(args.seed, (township, name), &villages, args.elders, args.faults)
        .map_err(|error| failure(&error))?;
    file::write_new(&args.out, &bytes)?;
    if let Some(path) = &args.areas {
        file::write_new(path, &areas_csv(&places)?)?;
    }
    if output.is_json() {
        output.json(&Object {
            schema_version: JSON_SCHEMA_VERSION,
            seed: args.seed,
            township,
            name: name.clone(),
            villages: villages.len(),
            elders: args.elders,
            file: args.out.clone(),
            areas_file: args.areas.clone(),
        })?;
        return Ok(Exit::Done);
    }
    let done = messages.say(
        "sample-done",
        [
            ("name", FluentValue::from(name.as_str())),
            ("elders", args.elders.into()),
            ("path", args.out.display().to_string().into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &done))?;
    if let Some(path) = &args.areas {
        let path = path.display().to_string();
        output.line(&messages.say("sample-areas", [("path", path.into())]))?;
    }
    output.note(&messages.text("sample-next"));
    Ok(Exit::Done)
}

/// The directory as `area import` reads it.
pub(crate) fn areas_csv(places: &[(DivisionCode, String)]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["code", "name"])?;
    for (code, name) in places {
        writer.write_record([code.to_string().as_str(), name])?;
    }
    Ok(writer.into_inner()?)
}

/// Why a sample cannot be made, by name.
pub(crate) fn failure(error: &SampleError) -> Failure {
    match error {
        SampleError::NoVillage => Failure::usage("sample_without_village"),
        SampleError::TooManyElders(_) => {
            Failure::usage("sample_too_large").with("limit", sample::ELDERS_MAX)
        }
        SampleError::ResidentId(_) | SampleError::Write(_) => {
            Failure::failed("unexpected").with("detail", error)
        }
    }
}
