//! What was measured as a picture: delays, lag by village, bytes and entries over time.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use thiserror::Error;

use crate::report::Report;
use crate::world::{Day, Delays, MINUTE};

/// Pixels.
const SIZE: (u32, u32) = (1_000, 1_150);

const FONT: &str = "sans-serif";

/// Colours that are told apart by those who see no red or no green (Okabe and Ito).
const BLUE_: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREEN_: RGBColor = RGBColor(0, 158, 115);

/// Why there is no picture.
#[derive(Debug, Error)]
#[error("the picture could not be drawn: {0}")]
pub struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a report into an SVG file.
pub fn draw(report: &Report, path: &Path) -> Result<(), PlotError> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!(
        "{} nodes, {} elders, {} days, seed {}",
        report.nodes,
        report.elders,
        report.hours.div_ceil(24),
        report.plan.seed
    );
    let root = root.titled(&title, (FONT, 22))?;
    let panels = root.split_evenly((3, 1));
    if let [delays, villages, bytes] = panels.as_slice() {
        delays_by_day(delays, &report.figures.by_day)?;
        lag_by_village(villages, report)?;
        bytes_by_day(bytes, &report.figures.by_day)?;
    }
    root.present()?;
    Ok(())
}

/// One line of a panel.
struct Line<'a, T> {
    name: &'a str,
    colour: RGBColor,
    of: fn(&T) -> u64,
}

const SHARES: [Line<'static, Delays>; 3] = [
    Line { name: "median", colour: GREEN_, of: |delays| delays.median_ms },
    Line { name: "nine in ten", colour: BLUE_, of: |delays| delays.p90_ms },
    Line { name: "99 in a hundred", colour: ORANGE, of: |delays| delays.p99_ms },
];

fn minutes(ms: u64) -> f64 {
    // On a logarithmic scale what took no time stands at the least that is drawn.
    (ms as f64 / MINUTE as f64).max(0.01)
}

fn spans(ms: impl Iterator<Item = u64>) -> std::ops::Range<f64> {
    0.01..ms.map(minutes).fold(1.0, f64::max) * 2.0
}

/// Where a logarithmic axis of minutes has its lines: at spans that people speak of.
const SPANS: [f64; 11] = [
    1.0 / 60.0,
    10.0 / 60.0,
    1.0,
    10.0,
    60.0,
    6.0 * 60.0,
    1_440.0,
    3.0 * 1_440.0,
    10.0 * 1_440.0,
    30.0 * 1_440.0,
    100.0 * 1_440.0,
];

fn lines_in(range: &std::ops::Range<f64>) -> Vec<f64> {
    SPANS.into_iter().filter(|minutes| range.contains(minutes)).collect()
}

fn whole(number: &f64) -> String {
    format!("{number:.0}")
}

fn in_words(minutes: &f64) -> String {
    match *minutes {
        short if short < 1.0 => format!("{} s", (short * 60.0).round()),
        some if some < 60.0 => format!("{some:.0} min"),
        many if many < 1_440.0 => format!("{:.0} h", many / 60.0),
        days => format!("{:.0} d", days / 1_440.0),
    }
}

fn delays_by_day(panel: &Panel<'_>, days: &[Day]) -> Result<(), PlotError> {
    let drawn: Vec<&Day> = days.iter().filter(|day| day.delays.count > 0).collect();
    let range = spans(drawn.iter().map(|day| day.delays.p99_ms));
    let mut chart = ChartBuilder::on(panel)
        .caption("From saved to the county, by the day it was saved", (FONT, 17))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(
            0.0..(days.len() as f64).max(1.0),
            range.clone().log_scale().with_key_points(lines_in(&range)),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("day")
        .x_label_formatter(&whole)
        .y_label_formatter(&in_words)
        .draw()?;
    for Line { name, colour, of } in SHARES {
        let points = drawn.iter().map(|day| (day.day as f64, minutes(of(&day.delays))));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    legend(&mut chart, SeriesLabelPosition::MiddleLeft)
}

fn lag_by_village(panel: &Panel<'_>, report: &Report) -> Result<(), PlotError> {
    let is_village = |place: &str| {
        place.parse::<DivisionCode>().is_ok_and(|place| place.level() == Level::Village)
    };
    let places = report.figures.by_place.iter().filter(|(place, _)| is_village(place));
    let mut villages: Vec<&Delays> = places.map(|(_, delays)| delays).collect();
    villages.sort_by_key(|delays| (delays.p90_ms, delays.median_ms));
    let range = spans(villages.iter().map(|delays| delays.max_ms));
    let mut chart = ChartBuilder::on(panel)
        .caption("Lag of each village, the quickest first", (FONT, 17))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(
            0.0..(villages.len() as f64).max(1.0),
            range.clone().log_scale().with_key_points(lines_in(&range)),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("village")
        .x_label_formatter(&whole)
        .y_label_formatter(&in_words)
        .draw()?;
    let [median, nine, _] = SHARES;
    let longest = Line { name: "longest", colour: ORANGE, of: |delays: &Delays| delays.max_ms };
    for Line { name, colour, of } in [median, nine, longest] {
        let points = villages.iter().zip(0..).map(|(delays, at)| {
            Circle::new((f64::from(at) + 0.5, minutes(of(delays))), 3, colour.filled())
        });
        chart
            .draw_series(points)?
            .label(name)
            .legend(move |(x, y)| Circle::new((x + 9, y), 3, colour.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

fn bytes_by_day(panel: &Panel<'_>, days: &[Day]) -> Result<(), PlotError> {
    let most = |of: fn(&Day) -> u64| days.iter().map(of).max().unwrap_or_default().max(1) as f64;
    let (bytes, entries) = (most(|day| day.bytes) / 1e6, most(|day| day.entries));
    let width = 0.0..(days.len() as f64).max(1.0);
    let mut chart = ChartBuilder::on(panel)
        .caption("Over all links in a day, and entries at the county", (FONT, 17))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .right_y_label_area_size(64)
        .build_cartesian_2d(width.clone(), 0.0..bytes * 1.1)?
        .set_secondary_coord(width, 0.0..entries * 1.1);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("day")
        .x_label_formatter(&whole)
        .y_desc("MB a day")
        .draw()?;
    chart.configure_secondary_axes().y_desc("entries").y_label_formatter(&whole).draw()?;
    let bars = days.iter().map(|day| {
        let (left, right) = (day.day as f64 + 0.1, day.day as f64 + 0.9);
        Rectangle::new([(left, 0.0), (right, day.bytes as f64 / 1e6)], BLUE_.mix(0.6).filled())
    });
    chart
        .draw_series(bars)?
        .label("MB a day")
        .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 18, y + 4)], BLUE_.mix(0.6).filled()));
    let points = days.iter().map(|day| (day.day as f64 + 1.0, day.entries as f64));
    chart
        .draw_secondary_series(LineSeries::new(points, ORANGE.stroke_width(2)))?
        .label("entries at the county")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], ORANGE.stroke_width(2)));
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

fn legend<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    position: SeriesLabelPosition,
) -> Result<(), PlotError>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}
