//! Several things in one cell: how they are told apart when read, and joined when written.
//!
//! In the cells of a ledger that this program wrote, a backslash stands before whatever would part
//! the items of a list and is no such mark, and before itself.

use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_blank};
use super::column::Column;
use super::identity;
use super::reason::Reason;
use super::row::Draft;
use super::vocabulary;

/// What parts the items of a list, after NFKC.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, '、' | ',' | ';' | '\n')
}

/// What parts the items of a list, in any width.
fn parts_items(c: char) -> bool {
    std::iter::once(c).nfkc().any(is_separator)
}

/// The items of a cell as people write them.
pub(super) fn parts(cell: &Cell) -> Vec<String> {
    let text: String = cell.text().nfkc().collect();
    text.trim_matches(is_blank).split(is_separator).map(|part| part.trim().to_owned()).collect()
}

/// The items of a cell that this program wrote.
pub(super) fn exact_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' && parts_items(c) {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
        }
    }
    parts
}

/// A cell for these items; blank if none says anything.
pub(super) fn joined<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    let mut says = false;
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            joined.push('、');
        }
        says |= !item.is_empty();
        for c in item.chars() {
            if c == '\\' || parts_items(c) {
                joined.push('\\');
            }
            joined.push(c);
        }
    }
    if says { joined } else { String::new() }
}

/// The text of a cell about one thing that this program wrote.
fn exact_whole(text: &str) -> String {
    let mut whole = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        whole.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    whole
}

/// The names in a cell; what names nobody and is not a mark for "nobody" becomes a gap.
pub(super) fn names(draft: &mut Draft<'_>, column: Column, limit: usize) -> Vec<String> {
    let Some(cell) = draft.cell(column) else { return Vec::new() };
    if draft.exact {
        let mut names = exact_parts(&cell.text());
        names.retain(|name| !name.is_empty());
        return names;
    }
    let mut names: Vec<String> = Vec::new();
    for part in parts(cell) {
        match identity::name(&part) {
            Some(name) => {
                let name = draft.cut(column, name, limit);
                names.push(name);
            }
            None if part.is_empty() || identity::is_nothing(&vocabulary::plain(&part)) => {}
            None => draft.gap(column, Reason::UnknownValue, &part),
        }
    }
    names
}

/// A cell's content for each of so many people.
pub(super) fn share(
    draft: &mut Draft<'_>,
    column: Column,
    people: usize,
    shared: bool,
) -> Vec<Option<Cell>> {
    if people == 0 {
        return Vec::new();
    }
    let Some(cell) = draft.cell(column) else { return vec![None; people] };
    let text = cell.text();
    if people == 1 {
        let whole = match cell {
            Cell::Text(_) if draft.exact => Cell::Text(exact_whole(&text)),
            _ => cell.clone(),
        };
        return vec![Some(whole)];
    }
    let parts = if draft.exact { exact_parts(&text) } else { parts(cell) };
    if parts.len() == 1 && shared {
        return vec![Some(cell.clone()); people];
    }
    if parts.len() != people {
        if !identity::is_nothing(&vocabulary::plain(&text)) {
            draft.gap(column, Reason::ListLengthDiffers, &text);
        }
        return vec![None; people];
    }
    parts.into_iter().map(|part| (!part.is_empty()).then_some(Cell::Text(part))).collect()
}

/// Notes that a column speaks of somebody whose name is missing.
pub(super) fn without_name(draft: &mut Draft<'_>, column: Column) {
    if let Some(text) = draft.cell(column).map(Cell::text)
        && !identity::is_nothing(&vocabulary::plain(&text))
    {
        draft.gap(column, Reason::PersonWithoutName, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_joined_stays_readable() {
        assert_eq!(joined(["张三", "李四"]), "张三、李四");
        assert_eq!(joined(["", "138"]), "、138");
        assert_eq!(joined(["", ""]), "");
        assert_eq!(joined(["广东，福建"]), "广东\\，福建");
    }

    proptest! {
        #[test]
        fn items_come_back(items in prop::collection::vec("[a张、，,;；\\\\\n ｡､]{0,5}", 1..5)) {
            let cell = joined(items.iter().map(String::as_str));
            prop_assume!(!cell.is_empty());
            prop_assert_eq!(exact_parts(&cell), items.clone());
            if let [one] = items.as_slice() {
                prop_assert_eq!(&exact_whole(&cell), one);
            }
        }
    }
}
