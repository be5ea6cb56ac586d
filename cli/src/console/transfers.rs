//! Elders who move from one village to another: offered, answered, under way.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_node::command::area::AreaList;
use shouwang_node::command::transfer::{
    ListedTransfer, TransferAccept, TransferCancel, TransferDecline, TransferList, TransferOffer,
    TransferStage,
};

use super::asked::{Answer, Asked};
use super::due::paged;
use super::form::{Choice, Control, FormField};
use super::page::{Block, Grid};
use super::visit::{elder, saved};
use crate::commands::elder::short;
use crate::commands::transfer::offers;
use crate::error::Failure;
use crate::output::Mark;
use crate::parse;

/// Every offer.
pub(super) fn list(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = asked.node.call(TransferList { scope: None })?;
    asked.note("list", "transfers", None, report.transfers.len())?;
    let messages = asked.context.messages.clone();
    let mut page = asked
        .page(messages.word("console-place", "transfers"))
        .same_as("shouwang transfer list")
        .live();
    saved(asked, &mut page);
    if let Some(error) = asked.error.take() {
        page.add(Block::Note { mark: Mark::Bad, text: error.message, fix: error.hint });
    }
    let yours: Vec<&ListedTransfer> = report.transfers.iter().filter(|one| one.yours).collect();
    for one in yours.iter().take(20) {
        let from = crate::commands::transfer::place(one.from, one.from_name.as_deref());
        let values = [
            ("name", FluentValue::from(one.name.clone().unwrap_or_default())),
            ("from", from.into()),
        ];
        page.heading(messages.say("console-transfer-to-answer", values));
        let id = one.transfer_id.to_string();
        let draft = format!("answer:{id}");
        let (typed, at_ms) = asked.typed(&draft)?;
        let choice = |member: &str, value: &str| Choice {
            value: value.to_owned(),
            text: messages.word("console-word", member),
            chosen: typed.text("answer") == Some(value),
        };
        let fields = vec![
            FormField::hidden("transfer", id),
            FormField::of(
                "answer",
                messages.word("console-word", "your_answer"),
                Control::Radios(vec![choice("accept", "accept"), choice("decline", "decline")]),
            )
            .required(),
            FormField::line("note", messages.word("console-word", "remark"), typed.typed("note")),
            FormField::hidden("about", one.name.clone().unwrap_or_default()),
        ];
        let form = asked.form(messages.word("console-word", "answer"), fields)?;
        let elder = one.elder_id.to_string();
        let mut form = asked.drafted(form, &draft, Some(&elder), at_ms);
        form.action = "/transfers".to_owned();
        page.add(Block::Form(Box::new(form)));
    }
    page.heading(messages.word("console-word", "all_transfers"));
    let (pager, shown) = paged(asked, "/transfers", report.transfers.len());
    let transfers = report.transfers.get(shown).unwrap_or_default();
    let table = offers(transfers, &asked.context);
    let to = |row: usize| transfers.get(row).map(|one| format!("/elder/{}", one.elder_id));
    let (caption, none) =
        (messages.word("console-word", "all_transfers"), messages.text("console-no-transfers"));
    page.add(Block::Grid(Grid::of(&table, caption, none, to))).add(pager);
    Ok(page.into())
}

/// Answers one.
pub(super) fn answer(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let transfer = filled.text("transfer").unwrap_or_default().to_owned();
    let (date, note) = (Some(asked.context.as_of), filled.text("note").map(str::to_owned));
    match filled.text("answer") {
        Some("accept") => drop(asked.node.call(TransferAccept { transfer, date, note })?),
        Some("decline") => drop(asked.node.call(TransferDecline { transfer, date, note })?),
        Some("cancel") => drop(asked.node.call(TransferCancel { transfer, date, note })?),
        _ => return Err(Failure::usage("form_unreadable").into()),
    }
    Ok(Answer::Go("/transfers?saved=answered".to_owned()))
}

/// Offering somebody to another village.
pub(super) fn offer(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = elder(asked)?;
    let id = report.summary.elder_id.to_string();
    let draft = format!("move:{id}");
    let (typed, at_ms) = asked.typed(&draft)?;
    let messages = asked.context.messages.clone();
    let name = super::elder::name(&report, &messages);
    let title = messages.say("console-move-of", [("name", FluentValue::from(name.clone()))]);
    let command = format!("shouwang transfer offer {} --to …", short(&id, false));
    let mut page = asked.page(title).same_as(command);
    page.note(Mark::Note, messages.text("console-move-why"));
    asked.note("show", &id, Some(report.summary.scope), 1)?;
    let offered =
        asked.node.call(TransferList { scope: None })?.transfers.into_iter().find(|one| {
            one.elder_id == report.summary.elder_id && one.stage == TransferStage::Offered
        });
    if let Some(one) = offered {
        let to = crate::commands::transfer::place(one.to, one.to_name.as_deref());
        page.note(
            Mark::Attention,
            messages.say("console-offered", [("to", FluentValue::from(to))]),
        );
        let fields = vec![
            FormField::hidden("transfer", one.transfer_id.to_string()),
            FormField::hidden("answer", "cancel"),
        ];
        let mut form = asked.form(messages.word("console-word", "cancel_offer"), fields)?;
        (form.action, form.inline) = ("/transfers".to_owned(), true);
        page.add(Block::Form(Box::new(form)));
        return Ok(page.into());
    }
    let chosen = typed.text("to").unwrap_or_default().to_owned();
    let places = asked.node.call(AreaList { within: None })?.places;
    let villages: Vec<Choice> = places
        .into_iter()
        .filter(|place| place.code.level() == Level::Village && place.code != report.summary.scope)
        .map(|place| Choice {
            chosen: place.code.to_string() == chosen,
            value: place.code.to_string(),
            text: format!("{} {}", place.name, place.code),
        })
        .collect();
    let to = messages.word("console-word", "to_village");
    let fields = vec![
        FormField::hidden("about", name),
        match villages.is_empty() {
            true => FormField::line("to", to, typed.typed("to")).required(),
            false => FormField::select("to", to, villages).required(),
        },
        FormField::line("note", messages.word("console-word", "remark"), typed.typed("note")),
    ];
    let form = asked.form(messages.word("console-word", "offer"), fields)?;
    let form = asked.drafted(form, &draft, Some(&id), at_ms);
    page.add(Block::Form(Box::new(form)));
    Ok(page.into())
}

/// Offers.
pub(super) fn save(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let to = filled.text("to").unwrap_or_default();
    let to = parse::place(
        &mut asked.node,
        &asked.context.messages.word("console-word", "to_village"),
        to,
    )?;
    let (elder, date) = (asked.id(), Some(asked.context.as_of));
    let note = filled.text("note").map(str::to_owned);
    asked.node.call(TransferOffer { elder, to, date, note })?;
    Ok(Answer::Go("/transfers?saved=offered".to_owned()))
}
