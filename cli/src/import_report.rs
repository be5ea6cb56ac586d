//! What came of importing a ledger: every row of every sheet, once.

use serde::Serialize;
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::import::{Difference, Imported, RowOutcome};
use shouwang_node::limits::IMPORT_ROWS_MAX;

use crate::error::Failure;
use crate::ledger::{AcceptedRow, ColumnKey, Reading};

/// Rows in one request: one transaction, and one step of the progress bar.
const BATCH_ROWS: usize = 200;

const _: () = assert!(BATCH_ROWS <= IMPORT_ROWS_MAX);

/// What came of one or several files. `rows` is the sum of all else but the gaps.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ImportReport {
    schema_version: u32,
    /// Whether nothing was written.
    pub(crate) dry_run: bool,
    /// Rows below the headers.
    pub(crate) rows: usize,
    /// Files of elders opened.
    pub(crate) new: usize,
    /// Files changed.
    pub(crate) changed: usize,
    /// Rows that say what is known.
    pub(crate) unchanged: usize,
    /// Rows that are not about an elder, or about one that came before.
    pub(crate) skipped: Vec<RowRemark>,
    /// Rows that cannot come in.
    pub(crate) rejected: Vec<FieldRemark>,
    /// What is missing or was left out in rows that did come in.
    pub(crate) gaps: Vec<FieldRemark>,
    /// What is different in files that were there, one by one.
    pub(crate) differences: Vec<RowDifference>,
    /// Columns that hold something and were not read.
    pub(crate) unknown_columns: Vec<ColumnRemark>,
    /// Sheets without a header row.
    pub(crate) skipped_sheets: Vec<SheetRemark>,
    /// The files, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<FileCounts>,
}

/// Something about a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RowRemark {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) sheet: String,
    pub(crate) row: u32,
    /// A code.
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
}

/// Something about a field of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldRemark {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) sheet: String,
    pub(crate) row: u32,
    /// The field's key; None where the row as a whole is meant.
    pub(crate) field: Option<String>,
    /// A code.
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
}

/// Something that a row makes different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RowDifference {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) sheet: String,
    pub(crate) row: u32,
    pub(crate) elder_id: ElderId,
    #[serde(flatten)]
    pub(crate) difference: Difference,
}

/// A column that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ColumnRemark {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) sheet: String,
    pub(crate) column: usize,
    pub(crate) heading: String,
}

/// A sheet that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SheetRemark {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) sheet: String,
}

/// The counts of one file among several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileCounts {
    pub(crate) file: String,
    pub(crate) rows: usize,
    pub(crate) new: usize,
    pub(crate) changed: usize,
    pub(crate) unchanged: usize,
    pub(crate) skipped: usize,
    pub(crate) rejected: usize,
}

impl ImportReport {
    /// Nothing read yet.
    pub(crate) fn new(dry_run: bool) -> Self {
        Self { schema_version: JSON_SCHEMA_VERSION, dry_run, ..Self::default() }
    }

    /// Sends the rows of a file to the node, which matches them with the files it has, and notes
    /// what came of each. `send` may end the import: what is in stays in, and importing again goes
    /// on.
    pub(crate) fn import<R: Clone, C: ColumnKey>(
        reading: &Reading<R, C>,
        dry_run: bool,
        mut send: impl FnMut(Vec<R>) -> anyhow::Result<Imported>,
    ) -> anyhow::Result<Self> {
        let mut report = Self::new(dry_run);
        report.add_reading(reading);
        for batch in reading.accepted.chunks(BATCH_ROWS) {
            let imported = send(batch.iter().map(|row| row.ledger_row.clone()).collect())?;
            if imported.outcomes.len() != batch.len() {
                return Err(Failure::failed("import_answer").into());
            }
            for (row, outcome) in batch.iter().zip(imported.outcomes) {
                report.add_outcome(row, outcome);
            }
        }
        report.finish();
        Ok(report)
    }

    fn add_reading<R, C: ColumnKey>(&mut self, reading: &Reading<R, C>) {
        self.rows = reading.rows;
        self.skipped = reading
            .skipped
            .iter()
            .map(|skipped| RowRemark {
                file: None,
                sheet: skipped.sheet.clone(),
                row: skipped.row,
                reason: skipped.reason.code().to_owned(),
                detail: skipped.detail.clone(),
            })
            .collect();
        self.rejected = reading
            .rejected
            .iter()
            .map(|rejected| FieldRemark {
                file: None,
                sheet: rejected.sheet.clone(),
                row: rejected.row,
                field: Some(rejected.field.key().to_owned()),
                reason: rejected.reason.code().to_owned(),
                detail: rejected.detail.clone(),
            })
            .collect();
        self.gaps = reading
            .gaps
            .iter()
            .map(|gap| FieldRemark {
                file: None,
                sheet: gap.sheet.clone(),
                row: gap.row,
                field: Some(gap.field.key().to_owned()),
                reason: gap.reason.code().to_owned(),
                detail: gap.detail.clone(),
            })
            .collect();
        self.unknown_columns = reading
            .unknown_columns
            .iter()
            .map(|column| ColumnRemark {
                file: None,
                sheet: column.sheet.clone(),
                column: column.column,
                heading: column.heading.clone(),
            })
            .collect();
        self.skipped_sheets = reading
            .skipped_sheets
            .iter()
            .map(|sheet| SheetRemark { file: None, sheet: sheet.clone() })
            .collect();
    }

    fn add_outcome<R>(&mut self, row: &AcceptedRow<R>, outcome: RowOutcome) {
        let remark = |field, reason, detail| FieldRemark {
            file: None,
            sheet: row.sheet.clone(),
            row: row.row,
            field,
            reason,
            detail,
        };
        let gaps = match outcome {
            RowOutcome::New { gaps, .. } => {
                self.new += 1;
                gaps
            }
            RowOutcome::Changed { elder_id, differences, gaps, .. } => {
                self.changed += 1;
                self.differences.extend(differences.into_iter().map(|difference| RowDifference {
                    file: None,
                    sheet: row.sheet.clone(),
                    row: row.row,
                    elder_id,
                    difference,
                }));
                gaps
            }
            RowOutcome::Unchanged { gaps, .. } => {
                self.unchanged += 1;
                gaps
            }
            RowOutcome::Rejected { field, reason, detail } => {
                // What its cells lack is no gap in any file.
                self.gaps.retain(|gap| (&gap.sheet, gap.row) != (&row.sheet, row.row));
                self.rejected.push(remark(field, reason, detail));
                return;
            }
        };
        self.gaps.extend(gaps.into_iter().map(|gap| remark(Some(gap.field), gap.reason, None)));
    }

    /// Brings remarks of the reader and of the node into the order of the sheets' rows.
    fn finish(&mut self) {
        let mut sheets: Vec<String> = Vec::new();
        let all = self.rejected.iter().chain(&self.gaps).map(|remark| &remark.sheet);
        for sheet in self.skipped.iter().map(|remark| &remark.sheet).chain(all) {
            if !sheets.contains(sheet) {
                sheets.push(sheet.clone());
            }
        }
        let order = |sheet: &String| sheets.iter().position(|known| known == sheet);
        self.rejected.sort_by_key(|remark| (order(&remark.sheet), remark.row));
        self.gaps.sort_by_key(|remark| (order(&remark.sheet), remark.row));
        self.gaps.dedup();
    }

    /// Takes in the report of one of several files.
    pub(crate) fn add_file(&mut self, name: &str, report: Self) {
        let file = || Some(name.to_owned());
        self.files.push(FileCounts {
            file: name.to_owned(),
            rows: report.rows,
            new: report.new,
            changed: report.changed,
            unchanged: report.unchanged,
            skipped: report.skipped.len(),
            rejected: report.rejected.len(),
        });
        self.rows += report.rows;
        self.new += report.new;
        self.changed += report.changed;
        self.unchanged += report.unchanged;
        let named = |remark: FieldRemark| FieldRemark { file: file(), ..remark };
        self.skipped
            .extend(report.skipped.into_iter().map(|remark| RowRemark { file: file(), ..remark }));
        self.rejected.extend(report.rejected.into_iter().map(named));
        self.gaps.extend(report.gaps.into_iter().map(named));
        let differences = report.differences.into_iter();
        self.differences
            .extend(differences.map(|different| RowDifference { file: file(), ..different }));
        self.unknown_columns.extend(
            report
                .unknown_columns
                .into_iter()
                .map(|remark| ColumnRemark { file: file(), ..remark }),
        );
        self.skipped_sheets.extend(
            report.skipped_sheets.into_iter().map(|remark| SheetRemark { file: file(), ..remark }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_crdt_schema::ledger_row::LedgerRow;
    use shouwang_node::command::import::RowGap;

    fn row(row: u32) -> AcceptedRow {
        let ledger_row = LedgerRow::new("990121101203".parse().unwrap());
        AcceptedRow::without_cells("一", row, ledger_row)
    }

    fn gap(row: u32, reason: &str) -> FieldRemark {
        FieldRemark {
            file: None,
            sheet: "一".into(),
            row,
            field: Some("phone".into()),
            reason: reason.into(),
            detail: None,
        }
    }

    #[test]
    fn every_row_is_counted_once_and_remarks_follow_the_sheet() {
        let mut report = ImportReport::new(false);
        report.rows = 5;
        report.gaps = vec![gap(4, "id_missing"), gap(6, "unreadable_date")];
        report.skipped = vec![RowRemark {
            file: None,
            sheet: "一".into(),
            row: 3,
            reason: "blank_row".into(),
            detail: None,
        }];
        let elder_id = ElderId([1; 16]);
        let gaps = vec![RowGap { field: "phone".into(), reason: "no_right".into() }];
        report.add_outcome(&row(7), RowOutcome::New { elder_id: None, gaps: vec![] });
        report.add_outcome(&row(4), RowOutcome::Unchanged { elder_id, gaps: vec![] });
        report.add_outcome(
            &row(5),
            RowOutcome::Changed { elder_id, changed: vec![], differences: vec![], gaps },
        );
        let reason = "ambiguous_person".to_owned();
        report.add_outcome(&row(6), RowOutcome::Rejected { field: None, reason, detail: None });
        report.finish();
        assert_eq!(
            report.rows,
            report.new
                + report.changed
                + report.unchanged
                + report.skipped.len()
                + report.rejected.len()
        );
        assert_eq!(report.gaps, [gap(4, "id_missing"), gap(5, "no_right")]);
        assert_eq!(report.rejected[0].row, 6);

        let mut both = ImportReport::new(false);
        both.add_file("a.xlsx", report.clone());
        both.add_file("b.xlsx", report);
        assert_eq!((both.rows, both.new, both.files.len()), (10, 2, 2));
        let json = serde_json::to_value(&both).unwrap();
        assert_eq!(json["gaps"][2]["file"], "b.xlsx");
        assert_eq!(json["rejected"][0]["field"], serde_json::Value::Null);
    }
}
