//! Who takes part: letting a device in by request and invite, and taking its rights away.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_node::authority::RevocationReason;
use shouwang_node::command::area::AreaList;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::devices::{DeviceList, GrantState};
use shouwang_node::command::revoke::DeviceRevoke;
use shouwang_node::command::ruleset::{RulesetSet, RulesetShow};
use shouwang_node::identity::grant::Role;

use super::asked::{Answer, Asked};
use super::form::{Choice, Control, FormField};
use super::page::{Block, Fact, Grid, Link};
use super::visit::saved;
use crate::commands::device::{exposure, list};
use crate::commands::ruleset;
use crate::error::Failure;
use crate::output::Mark;
use crate::parse;
use crate::qr::Code;

/// The devices, and the form that lets one in.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let all = asked.query.text("which") == Some("all");
    let report = asked.node.call(DeviceList { all })?;
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-place", "devices")).same_as("shouwang device list");
    saved(asked, &mut page);
    let link = |member: &str, href: &str, current: bool| Link {
        href: href.to_owned(),
        text: messages.word("console-word", member),
        current,
    };
    page.add(Block::Links(vec![
        link("devices_standing", "/devices", !all),
        link("devices_all", "/devices?which=all", all),
    ]));
    let table = list::table(&report.devices, &asked.context);
    let to = |row: usize| report.devices.get(row).map(|one| format!("/device/{}", one.device));
    let caption = messages.word("console-place", "devices");
    page.add(Block::Grid(Grid::of(&table, caption, String::new(), to)));
    page.heading(messages.word("console-word", "let_in"));
    page.note(Mark::Note, messages.text("console-let-in-how"));
    let (typed, at_ms) = asked.typed("grant")?;
    let chosen = typed.text("area").unwrap_or_default().to_owned();
    let places = asked.node.call(AreaList { within: None })?;
    let mut choices = vec![Choice {
        value: places.area.to_string(),
        text: places.area.to_string(),
        chosen: chosen.is_empty(),
    }];
    choices.extend(places.places.iter().map(|place| Choice {
        value: place.code.to_string(),
        text: format!("{} {}", place.name, place.code),
        chosen: place.code.to_string() == chosen,
    }));
    choices.dedup_by(|one, other| one.value == other.value);
    let roles = Role::GRANTABLE.iter().map(|role| Choice {
        value: role.as_str().to_owned(),
        text: messages.word("role", role.as_str()),
        chosen: typed.text("role") == Some(role.as_str()),
    });
    let usual = Choice {
        value: String::new(),
        text: messages.word("console-word", "usual_role"),
        chosen: typed.text("role").is_none(),
    };
    let fields = vec![
        FormField::lines(
            "request",
            messages.word("console-word", "request"),
            typed.typed("request"),
        )
        .required(),
        FormField::select("area", messages.word("console-word", "place"), choices),
        FormField::line("name", messages.word("console-word", "device_name"), typed.typed("name"))
            .required(),
        FormField::select(
            "role",
            messages.word("console-word", "role"),
            std::iter::once(usual).chain(roles).collect(),
        ),
    ];
    let form = asked.form(messages.word("console-word", "grant"), fields)?;
    let form = asked.drafted(form, "grant", None, at_ms);
    page.add(Block::Form(Box::new(form)));
    Ok(page.into())
}

/// Lets a device in, and shows the invite for it.
pub(super) fn grant(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let text = |name: &str| filled.text(name).unwrap_or_default().to_owned();
    let area = parse::place(
        &mut asked.node,
        &asked.context.messages.word("console-word", "place"),
        &text("area"),
    )?;
    let role = match filled.text("role") {
        Some(named) => Role::GRANTABLE.iter().copied().find(|role| role.as_str() == named),
        None => match area.level() {
            Level::County => Some(Role::Registrar),
            Level::Township => Some(Role::Manager),
            Level::Village => Some(Role::Clerk),
            Level::Province | Level::Prefecture => None,
        },
    };
    let role = role.ok_or_else(|| Failure::usage("role_needed").with("area", area))?;
    let request: String = text("request").split_whitespace().collect();
    let granted = asked.node.call(GrantDevice {
        request,
        name: text("name"),
        area,
        role,
        addresses: Vec::new(),
        replace: false,
        root: None,
        quota_bytes: None,
    })?;
    let messages = asked.context.messages.clone();
    let mut page = asked.page(messages.word("console-word", "invite")).same_as("shouwang grant");
    let done = messages.say(
        "grant-done",
        [
            ("name", FluentValue::from(text("name"))),
            ("area", area.to_string().into()),
            ("role", messages.word("role", role.as_str()).into()),
        ],
    );
    page.note(Mark::Good, done);
    let aloud =
        messages.say("compare-aloud", [("fingerprint", granted.fingerprint.clone().into())]);
    page.note(Mark::Attention, aloud);
    if let Some(code) = Code::of(&granted.invite) {
        let text = messages.word("console-word", "invite_code");
        page.add(Block::Picture { svg: code.svg(), title: text.clone(), text });
    }
    page.add(Block::Copy {
        label: messages.word("console-word", "invite_text"),
        text: granted.invite.clone(),
    });
    page.note(Mark::Note, messages.text("grant-next"));
    Ok(page.into())
}

/// One device: what it has seen, and taking its rights away.
pub(super) fn one(asked: &mut Asked) -> anyhow::Result<Answer> {
    let id = asked.id();
    let devices = asked.node.call(DeviceList { all: true })?.devices;
    let found = devices.into_iter().find(|device| device.device.to_string() == id);
    let Some(device) = found else {
        return Err(Failure::usage("device_unknown").with("device", &id).into());
    };
    let messages = asked.context.messages.clone();
    let command = format!("shouwang device revoke {} --dry-run", device.device.short());
    let mut page = asked.page(device.name.clone()).same_as(command);
    let place = device.area_name.clone().unwrap_or_default();
    page.add(Block::Facts(vec![
        Fact::line(messages.word("console-word", "fingerprint"), device.fingerprint.clone()),
        Fact::line(
            messages.word("console-word", "role"),
            messages.word("role", device.role.as_str()),
        ),
        Fact::line(
            messages.word("console-word", "place"),
            format!("{place} {}", device.area).trim().to_owned(),
        ),
    ]));
    if device.own || device.state != GrantState::Stands {
        return Ok(page.into());
    }
    let plan = asked.node.call(DeviceRevoke {
        device: id,
        reason: RevocationReason::Lost,
        root: None,
        personal: false,
        dry_run: true,
    })?;
    page.heading(messages.word("console-word", "revoke"));
    page.add_screen(&exposure(&plan, &asked.context));
    let choice = |(reason, member): (RevocationReason, &str)| Choice {
        value: reason.as_str().to_owned(),
        text: messages.word("console-revocation", member),
        chosen: reason == RevocationReason::Lost,
    };
    let reasons = [
        (RevocationReason::Lost, "lost"),
        (RevocationReason::Compromised, "compromised"),
        (RevocationReason::Retired, "retired"),
    ];
    let fields = vec![
        FormField::of(
            "reason",
            messages.word("console-word", "why"),
            Control::Radios(reasons.map(choice).to_vec()),
        ),
        FormField::line("name", messages.word("console-word", "type_its_name"), None).required(),
    ];
    let mut form = asked.form(messages.word("console-word", "revoke_now"), fields)?;
    form.grave = true;
    page.add(Block::Form(Box::new(form)));
    Ok(page.into())
}

/// Takes its rights away, once somebody has typed its name.
pub(super) fn revoke(asked: &mut Asked) -> anyhow::Result<Answer> {
    let (filled, id) = (asked.filled(), asked.id());
    let devices = asked.node.call(DeviceList { all: false })?.devices;
    let found = devices.into_iter().find(|device| device.device.to_string() == id);
    let name = found.map(|device| device.name).unwrap_or_default();
    if filled.text("name") != Some(name.trim()) {
        return Err(Failure::usage("other_name_typed").into());
    }
    let reasons =
        [RevocationReason::Lost, RevocationReason::Compromised, RevocationReason::Retired];
    let reason = filled.text("reason").unwrap_or_default();
    let reason = reasons.into_iter().find(|known| known.as_str() == reason);
    let reason = reason.ok_or_else(|| Failure::usage("form_unreadable"))?;
    let request = DeviceRevoke { device: id, reason, root: None, personal: false, dry_run: false };
    asked.node.call(request)?;
    Ok(Answer::Go("/devices?which=all&saved=revoked".to_owned()))
}

/// The rules that hold here.
pub(super) fn ruleset(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = asked.node.call(RulesetShow {})?;
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-place", "ruleset")).same_as("shouwang ruleset show");
    saved(asked, &mut page);
    page.add_screen(&ruleset::screen(&report, &asked.context));
    if report.may_set {
        let (typed, at_ms) = asked.typed("rule")?;
        let key = |key: &str| Choice {
            value: key.to_owned(),
            text: ruleset::setting_name(&messages, key),
            chosen: typed.text("key") == Some(key),
        };
        let keys = report.settings.iter().map(|setting| key(&setting.key)).collect();
        let fields = vec![
            FormField::select("key", messages.word("console-word", "rule"), keys),
            FormField::line("value", messages.word("console-word", "value"), typed.typed("value"))
                .hint(messages.word("console-word", "empty_is_default")),
        ];
        let form = asked.form(messages.word("console-word", "set_rule"), fields)?;
        let form = asked.drafted(form, "rule", None, at_ms);
        page.add(Block::Form(Box::new(form)));
    }
    Ok(page.into())
}

/// Sets one rule.
pub(super) fn set_rule(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let text = |name: &str| filled.text(name).unwrap_or_default().to_owned();
    asked.node.call(RulesetSet { key: text("key"), value: text("value") })?;
    Ok(Answer::Go("/ruleset?saved=rule".to_owned()))
}
