//! Pictures of numbers, for whoever looks rather than reads. Each says in words what it shows, and stands beside a table
//! with the same numbers.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::page::Block;

/// How large a picture is, pixels.
const SIZE: (u32, u32) = (760, 240);

/// Fonts that browsers on offices' machines have.
const FONT: &str = "sans-serif";

/// One line of a picture.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// One for each place on the way; None where there is nothing to say.
    pub(super) values: Vec<Option<f64>>,
}

/// Lines over months. Each has marks of its own shape, so that no colour is needed to tell them apart.
pub(super) fn lines(title: &str, names: &[String], series: &[Series], top: Option<f64>) -> Block {
    let mut svg = String::new();
    // Drawing into a text does not fail; where it did the words and the table would still be there.
    let _ = draw(&mut svg, names, series, top);
    let said: Vec<String> = series
        .iter()
        .map(|series| {
            let pairs = names.iter().zip(&series.values);
            let texts = pairs.map(|(name, value)| match value {
                Some(value) => format!("{name} {value}"),
                None => format!("{name} —"),
            });
            format!("{}: {}", series.name, texts.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let keys: Vec<String> = series
        .iter()
        .zip(["●", "▲"])
        .map(|(series, mark)| format!("{mark} {}", series.name))
        .collect();
    Block::Picture {
        svg,
        title: format!("{title} ({})", keys.join("  ")),
        text: format!("{title}. {}", said.join("; ")),
    }
}

fn draw(
    svg: &mut String,
    names: &[String],
    series: &[Series],
    top: Option<f64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let most = series
        .iter()
        .flat_map(|series| series.values.iter().flatten())
        .fold(1.0_f64, |a, b| a.max(*b));
    // Numbers of people: four whole steps, and none of them is said twice.
    let top = top.unwrap_or_else(|| (most * 1.1 / 4.0).ceil() * 4.0);
    let last = names.len().saturating_sub(1).max(1) as f64;
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(44)
        .build_cartesian_2d(-0.2..last + 0.2, 0.0..top)?;
    let name = |at: &f64| {
        let nearest = at.round();
        match (at - nearest).abs() < 0.01 && nearest >= 0.0 {
            true => names.get(nearest as usize).cloned().unwrap_or_default(),
            false => String::new(),
        }
    };
    let ink = RGBColor(26, 26, 26);
    let style = (FONT, 13).into_font().color(&ink).pos(Pos::new(HPos::Center, VPos::Top));
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(names.len() + 1)
        .y_labels(5)
        .x_label_formatter(&name)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .x_label_style(style)
        .y_label_style((FONT, 13).into_font().color(&ink))
        .draw()?;
    for (number, one) in series.iter().enumerate() {
        let color = if number == 0 { RGBColor(11, 79, 122) } else { RGBColor(155, 28, 28) };
        let points: Vec<(f64, f64)> = one
            .values
            .iter()
            .enumerate()
            .filter_map(|(at, value)| value.map(|value| (at as f64, value)))
            .collect();
        chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?;
        match number {
            0 => drop(
                chart
                    .draw_series(points.into_iter().map(|at| Circle::new(at, 4, color.filled())))?,
            ),
            _ => drop(chart.draw_series(
                points.into_iter().map(|at| TriangleMarker::new(at, 6, color.filled())),
            )?),
        }
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_says_its_numbers_and_loads_nothing() {
        let names: Vec<String> = (1..=12).map(|month| format!("2026-{month:02}")).collect();
        let values = (0..12).map(|n| (n != 4).then_some(f64::from(n) * 8.0)).collect();
        let series = Series { name: "<script>".to_owned(), values };
        let Block::Picture { svg, text, title } = lines("t", &names, &[series], Some(100.0)) else {
            panic!()
        };
        assert!(svg.starts_with("<svg") && svg.contains("2026-12"), "{svg}");
        for loads in ["href", "style=", "<script", "url("] {
            assert!(!svg.contains(loads), "{loads}: {svg}");
        }
        assert!(text.contains("2026-05 —") && text.contains("2026-12 88"), "{text}");
        assert!(title.contains('●'));
        // Nothing to draw is no reason to fail.
        assert!(matches!(lines("t", &[], &[], None), Block::Picture { .. }));
    }
}
