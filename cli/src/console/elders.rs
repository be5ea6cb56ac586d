//! Finding somebody, and files that may be one person's.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_node::command::duplicates::{ElderDuplicates, Likeness};
use shouwang_node::command::elder::{ElderList, ElderSummary};
use shouwang_node::command::merge::ElderMerge;

use super::asked::{Answer, Asked};
use super::due::paged;
use super::form::FormField;
use super::page::{Block, Cell, Grid, Link};
use crate::commands::elder::{conflict_name, place_names, short};
use crate::commands::history::says;
use crate::output::Mark;
use crate::words;

/// Those who are found by what somebody types, or all.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let matching = asked.query.text("q").map(str::to_owned);
    let request = ElderList { scope: None, matching: matching.clone(), as_of: asked.context.as_of };
    let elders = asked.node.call(request)?.elders;
    // Whoever is the only one is whom somebody means.
    if let (Some(_), [only]) = (&matching, elders.as_slice()) {
        return Ok(Answer::Go(format!("/elder/{}", only.elder_id)));
    }
    let what = if matching.is_some() { "find" } else { "list" };
    asked.note(what, matching.as_deref().unwrap_or_default(), None, elders.len())?;
    let title = match &matching {
        Some(text) => asked
            .context
            .messages
            .say("console-found", [("text", FluentValue::from(text.as_str()))]),
        None => asked.context.messages.word("console-place", "elders"),
    };
    let command = match &matching {
        Some(text) => format!("shouwang elder find {text}"),
        None => "shouwang elder list".to_owned(),
    };
    let mut page = asked.page(title).same_as(command);
    let add = asked.word("new_file");
    page.add(Block::Links(vec![Link { href: "/new".to_owned(), text: add, current: false }]));
    let (pager, shown) = paged(asked, "/elders", elders.len());
    let grid = grid(asked, elders.get(shown).unwrap_or_default())?;
    page.add(Block::Grid(grid)).add(pager);
    Ok(page.into())
}

/// People, one a line.
pub(super) fn grid(asked: &mut Asked, elders: &[ElderSummary]) -> anyhow::Result<Grid> {
    let names = place_names(&mut asked.node)?;
    let in_village = asked.level()? >= Level::Village;
    let messages = asked.context.messages.clone();
    let mut columns = vec![(messages.word("console-word", "name"), false)];
    if !in_village {
        columns.push((messages.word("console-word", "village"), false));
    }
    for key in ["sex", "birth_date", "care_group", "last_visit", "conflicts"] {
        columns.push((messages.word("column", key), key == "conflicts"));
    }
    columns.push((messages.word("console-word", "record"), false));
    let row = |elder: &ElderSummary| {
        let id = elder.elder_id.to_string();
        let name = elder.name.clone().unwrap_or_else(|| messages.text("card-not-here"));
        let mut row = vec![Cell::text(name).to(format!("/elder/{id}"))];
        if !in_village {
            let place = names.get(&elder.scope).cloned();
            row.push(Cell::text(place.unwrap_or_else(|| elder.scope.to_string())));
        }
        row.extend([
            Cell::text(words::label(&messages, elder.sex)),
            Cell::text(elder.birth_date.map(|day| day.to_string()).unwrap_or_default()),
            Cell::text(words::label(&messages, elder.care_group)),
            Cell::text(elder.last_visit.map(|day| day.to_string()).unwrap_or_default()),
            match elder.conflicts {
                0 => Cell::text("0"),
                count => Cell::state(Mark::Attention, count).to(format!("/conflicts?elder={id}")),
            },
            Cell::text(messages.word("console-word", "record_visit"))
                .to(format!("/elder/{id}/visit")),
        ]);
        row
    };
    Ok(Grid {
        caption: messages.word("console-place", "elders"),
        columns,
        rows: elders.iter().map(row).collect(),
        empty: messages.text("no-elders"),
    })
}

/// Files that may be one person's, each person's together.
pub(super) fn duplicates(asked: &mut Asked) -> anyhow::Result<Answer> {
    let groups = asked.node.call(ElderDuplicates {})?.groups;
    let files: usize = groups.iter().map(|group| group.files.len()).sum();
    asked.note("list", "duplicates", None, files)?;
    let names = place_names(&mut asked.node)?;
    let messages = asked.context.messages.clone();
    let mut page = asked
        .page(messages.word("console-place", "duplicates"))
        .same_as("shouwang elder duplicates");
    super::visit::saved(asked, &mut page);
    if let Some(error) = asked.error.take() {
        page.add(Block::Note { mark: Mark::Bad, text: error.message, fix: error.hint });
    }
    if groups.is_empty() {
        page.note(Mark::Good, messages.text("no-duplicates"));
    }
    let (pager, shown) = paged(asked, "/duplicates", groups.len());
    for group in groups.get(shown).unwrap_or_default() {
        let why = match group.likeness {
            Likeness::SameId => "same_id",
            Likeness::SameNameAndBirthDate => "same_name_and_birth_date",
        };
        page.heading(messages.word("likeness", why));
        let columns = ["elder_name", "sex", "birth_date", "id_tail", "village", "last_visit"];
        let rows = group.files.iter().map(|file| {
            let place = names.get(&file.scope).cloned();
            let day =
                |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
            let name = file.name.clone().unwrap_or_else(|| file.elder_id.to_string());
            vec![
                Cell::text(name).to(format!("/elder/{}", file.elder_id)),
                Cell::text(words::label(&messages, file.sex)),
                Cell::text(day(file.birth_date)),
                Cell::text(file.id_tail.clone().unwrap_or_default()),
                Cell::text(place.unwrap_or_else(|| file.scope.to_string())),
                Cell::text(day(file.last_visit)),
            ]
        });
        page.add(Block::Grid(Grid {
            caption: messages.word("likeness", why),
            columns: columns.map(|key| (messages.word("column", key), false)).to_vec(),
            rows: rows.collect(),
            empty: String::new(),
        }));
        if group.across_villages {
            page.note(Mark::Note, messages.text("duplicates-across"));
            continue;
        }
        if let [keep, other, ..] = group.files.as_slice() {
            let fields = vec![
                FormField::hidden("keep", keep.elder_id.to_string()),
                FormField::hidden("other", other.elder_id.to_string()),
            ];
            let mut form = asked.form(messages.word("console-word", "merge_look"), fields)?;
            form.inline = true;
            page.add(Block::Form(Box::new(form)));
        }
    }
    page.add(pager);
    Ok(page.into())
}

/// Shows what joining two files comes to; joins them once somebody has seen it.
pub(super) fn merge(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let text = |name: &str| filled.text(name).unwrap_or_default().to_owned();
    let seen = filled.has("seen");
    let request = ElderMerge {
        keep: text("keep"),
        other: text("other"),
        date: asked.context.as_of,
        dry_run: !seen,
    };
    let report = asked.node.call(request)?;
    if seen {
        return Ok(Answer::Go("/duplicates?saved=merged".to_owned()));
    }
    asked.note("show", &format!("{} {}", report.keep, report.other), Some(report.scope), 2)?;
    let messages = asked.context.messages.clone();
    let command = format!(
        "shouwang elder merge {} {}",
        short(&report.keep.to_string(), false),
        short(&report.other.to_string(), false)
    );
    let mut page = asked.page(messages.word("console-word", "merge")).same_as(command);
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let [keep, other] = &report.names;
    page.note(
        Mark::Note,
        messages.say(
            "console-merge",
            [("keep", FluentValue::from(name(keep))), ("other", name(other).into())],
        ),
    );
    let head = |key: &str| (messages.word("console-word", key), false);
    let copied = report.copied.iter().map(|item| {
        vec![
            Cell::text(words::part_name(&messages, &item.part)),
            Cell::text(conflict_name(&messages, &item.field)),
            Cell::text(says(&messages, &item.field, &item.says)),
        ]
    });
    page.heading(messages.word("console-word", "merge_copied"));
    page.add(Block::Grid(Grid {
        caption: messages.word("console-word", "merge_copied"),
        columns: vec![head("part"), head("field"), head("value")],
        rows: copied.collect(),
        empty: messages.text("nothing-said"),
    }));
    if !report.differs.is_empty() {
        page.heading(messages.word("console-word", "merge_differs"));
        let value = |field: &str, text: &str| {
            crate::commands::elder::conflict_value(&messages, field, text)
        };
        let differs = report.differs.iter().map(|one| {
            vec![
                Cell::text(conflict_name(&messages, &one.field)),
                Cell::text(value(&one.field, &one.keep)),
                Cell::text(value(&one.field, &one.other)),
            ]
        });
        page.add(Block::Grid(Grid {
            caption: messages.word("console-word", "merge_differs"),
            columns: vec![head("field"), head("kept_one"), head("beside")],
            rows: differs.collect(),
            empty: String::new(),
        }));
    }
    let fields = vec![
        FormField::hidden("keep", report.keep.to_string()),
        FormField::hidden("other", report.other.to_string()),
        FormField::hidden("seen", "1"),
    ];
    let mut form = asked.form(messages.word("console-word", "merge_now"), fields)?;
    form.grave = true;
    page.add(Block::Form(Box::new(form)));
    Ok(page.into())
}
