//! Values that were written without knowing of one another, side by side; one click decides, and another takes back.

use fluent_bundle::FluentValue;
use shouwang_node::command::conflicts::{ConflictList, ConflictResolve, InboxConflict};
use shouwang_node::command::undo::Undo;
use shouwang_node::home::HomeError;

use super::asked::{Answer, Asked};
use super::due::paged;
use super::form::FormField;
use super::page::{Block, Grid, Link, Page, Side};
use super::visit::saved;
use crate::commands::conflicts::{author, differs_table, remark};
use crate::commands::elder::{conflict_name, conflict_value};
use crate::commands::undo;
use crate::error::Described;
use crate::output::Mark;
use crate::words;

/// Conflicts that a page shows: each has forms of its own.
const SHOWN_MAX: usize = 20;

/// All, or those of one file.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let elder = asked.query.text("elder").map(str::to_owned);
    let report = asked.node.call(ConflictList { scope: None, elder })?;
    asked.note("list", "conflicts", None, report.conflicts.len() + report.differs.len())?;
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-place", "conflicts")).same_as("shouwang conflicts list");
    saved(asked, &mut page);
    if let Some(error) = asked.error.take() {
        page.add(Block::Note { mark: Mark::Bad, text: error.message, fix: error.hint });
    }
    page.add(Block::Links(vec![Link {
        href: "/undo".to_owned(),
        text: messages.word("console-word", "undo"),
        current: false,
    }]));
    if report.conflicts.is_empty() {
        page.note(Mark::Good, messages.text("no-conflicts"));
    }
    if report.conflicts.iter().any(|conflict| conflict.clocks_disagree) {
        page.note(Mark::Attention, messages.text("clocks-disagree"));
    }
    for conflict in report.conflicts.get(..SHOWN_MAX).unwrap_or(&report.conflicts) {
        one(asked, &mut page, conflict)?;
    }
    if report.conflicts.len() > SHOWN_MAX {
        let count = FluentValue::from(report.conflicts.len());
        page.note(Mark::Note, messages.say("console-more-conflicts", [("count", count)]));
    }
    if !report.differs.is_empty() {
        page.heading(messages.text("parts-differ"));
        let (pager, shown) = paged(asked, "/conflicts", report.differs.len());
        let differs = report.differs.get(shown).unwrap_or_default();
        let table = differs_table(differs, &asked.context);
        let to = |row: usize| differs.get(row).map(|one| format!("/elder/{}", one.elder_id));
        page.add(Block::Grid(Grid::of(&table, messages.text("parts-differ"), String::new(), to)));
        page.add(pager);
    }
    Ok(page.into())
}

fn one(asked: &mut Asked, page: &mut Page, conflict: &InboxConflict) -> anyhow::Result<()> {
    let messages = asked.context.messages.clone();
    let here = asked.query.address("/conflicts", &[("saved", None)]);
    let about = conflict
        .element
        .as_ref()
        .and_then(|element| element.get("name").or_else(|| element.get("helper")).cloned());
    let field = conflict_name(&messages, &conflict.field);
    let field = about.map_or(field.clone(), |about| format!("{field} ({about})"));
    let name = conflict.name.clone().unwrap_or_default();
    page.heading(format!("{name} · {field} · {}", words::part_name(&messages, &conflict.part)));
    let mut sides = Vec::new();
    for value in &conflict.values {
        let by: Vec<String> = value.written.iter().map(|by| author(by, &asked.context)).collect();
        let (mark, state) = remark(conflict, value, &messages);
        let shown = conflict_value(&messages, &conflict.field, &value.value);
        let fields = vec![
            FormField::hidden("id", conflict.id.clone()),
            FormField::hidden("keep", value.number.to_string()),
        ];
        let keep = messages.say("console-keep", [("value", FluentValue::from(shown.clone()))]);
        let mut form = asked.form(keep, fields)?;
        form.action.clone_from(&here);
        sides.push(Side { value: shown, by, state: Some((mark, state)), form });
    }
    // The place alone: what stands there may be something else by now, and what was typed is for the same place.
    let draft = format!("value:{}", conflict.id.split('-').next().unwrap_or_default());
    let (typed, at_ms) = asked.typed(&draft)?;
    let fields = vec![
        FormField::hidden("id", conflict.id.clone()),
        FormField::hidden("about", name),
        FormField::line(
            "value",
            messages.word("console-word", "third_value"),
            typed.typed("value"),
        )
        .required(),
    ];
    let form = asked.form(messages.word("console-word", "write_this"), fields)?;
    let mut form = asked.drafted(form, &draft, Some(&conflict.elder_id.to_string()), at_ms);
    form.action.clone_from(&here);
    sides.push(Side { value: String::new(), by: Vec::new(), state: None, form });
    page.add(Block::Sides(sides));
    Ok(())
}

/// Decides one.
pub(super) fn resolve(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let request = ConflictResolve {
        id: filled.text("id").unwrap_or_default().to_owned(),
        keep: filled.text("keep").and_then(|keep| keep.parse().ok()),
        value: filled.text("value").map(str::to_owned),
    };
    if request.keep.is_none() && request.value.is_none() {
        return Err(crate::error::Failure::usage("conflict_choice").into());
    }
    let resolved = asked.node.call(request)?;
    let safer = resolved.safer_than.map(|_| "safer");
    let saved = ["resolved"].into_iter().chain(safer).collect::<Vec<_>>().join(",");
    Ok(Answer::Go(asked.query.address("/conflicts", &[("saved", Some(saved))])))
}

/// What would be taken back.
pub(super) fn undo(asked: &mut Asked) -> anyhow::Result<Answer> {
    let messages = asked.context.messages.clone();
    let mut page = asked.page(messages.word("console-word", "undo")).same_as("shouwang undo");
    saved(asked, &mut page);
    let plan = match asked.node.call(Undo { dry_run: true, edit: None }) {
        Ok(plan) => plan,
        // That there is nothing that can be taken back is an answer.
        Err(HomeError::Command(error)) => {
            let why = Described::new(&HomeError::Command(error).into(), &messages);
            page.add(Block::Note { mark: Mark::Attention, text: why.message, fix: why.hint });
            return Ok(page.into());
        }
        Err(error) => return Err(error.into()),
    };
    asked.note("show", "undo", None, plan.steps.len())?;
    let when = crate::moment::ago(&messages, plan.written_at_ms, asked.context.now_ms, false);
    page.note(Mark::Note, messages.say("undo-these", [("when", FluentValue::from(when))]));
    let table = undo::table(&plan, &asked.context);
    let to = |row: usize| plan.steps.get(row).map(|step| format!("/elder/{}", step.elder_id));
    let (caption, none) =
        (messages.word("console-word", "undo"), messages.text("undo-nothing-left"));
    page.add(Block::Grid(Grid::of(&table, caption, none, to)));
    for text in undo::left(&plan, &asked.context) {
        page.note(Mark::Attention, text);
    }
    if !plan.steps.is_empty() {
        let fields = vec![FormField::hidden("edit", plan.edit.clone())];
        let mut form = asked.form(messages.word("console-word", "undo_now"), fields)?;
        form.grave = true;
        page.add(Block::Form(Box::new(form)));
    }
    Ok(page.into())
}

/// Takes it back: what was shown, and nothing that was done since.
pub(super) fn take_back(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let edit = filled.text("edit").unwrap_or_default().to_owned();
    asked.node.call(Undo { dry_run: false, edit: Some(edit) })?;
    Ok(Answer::Go("/?saved=undone".to_owned()))
}
