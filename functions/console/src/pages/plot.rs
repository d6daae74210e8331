//! Plots as SVG inside a page, made on the server by `plotters` with its SVG backend alone: no fonts, no
//! bitmaps. The stylesheet gives the colours below their meaning in the light, in the dark and on paper.

use std::error::Error;

use maud::{Markup, PreEscaped, html};
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::Rectangle;
use plotters::prelude::SVGBackend;
use plotters::style::{BLACK, Color as _, RGBColor};

const SIZE: (u32, u32) = (720, 220);
const LEFT: u32 = 44;
const MARGIN: u32 = 8;
/// More labels do not fit beside each other.
const MOST_LABELS: usize = 12;

/// What a part of a bar means; the stylesheet knows these colours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Neutral,
    Good,
    Bad,
    Wait,
}

impl Tone {
    fn colour(self) -> RGBColor {
        match self {
            Self::Neutral => RGBColor(0x1a, 0x5f, 0x8f),
            Self::Good => RGBColor(0x1c, 0x6b, 0x3f),
            Self::Bad => RGBColor(0xa9, 0x2a, 0x26),
            Self::Wait => RGBColor(0x7a, 0x52, 0x00),
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Wait => "wait",
        }
    }
}

/// One part of each bar.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) tone: Tone,
    /// One for each label.
    pub(super) values: Vec<u64>,
}

/// Bars whose parts stand on each other, with a legend. `said` says in words what is to be seen.
pub(super) fn bars(said: &str, labels: &[String], parts: &[Part]) -> Markup {
    let svg = drawn(labels, parts).unwrap_or_else(|error| {
        tracing::error!(%error, "plot");
        String::new()
    });
    html! {
        figure.plot {
            div.wide tabindex="0" role="group" aria-label=(said) {
                div role="img" aria-label=(said) { (PreEscaped(svg)) }
            }
            @if parts.len() > 1 {
                figcaption.small { @for part in parts { span.swatch.(part.tone.class()) aria-hidden="true" {} (part.name) " " } }
            }
        }
    }
}

fn drawn(labels: &[String], parts: &[Part]) -> Result<String, Box<dyn Error>> {
    let count = i32::try_from(labels.len())?.max(1);
    let sum = |at: usize| parts.iter().filter_map(|part| part.values.get(at)).sum::<u64>();
    let most = (0..labels.len()).map(sum).max().unwrap_or_default().max(4);
    let width = (SIZE.0 - LEFT - 2 * MARGIN) / u32::try_from(count)?;
    let gap = if width > 6 { 2 } else { 0 };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(MARGIN)
            .x_label_area_size(26)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(0..count, 0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(BLACK.mix(0.0))
            .bold_line_style(BLACK.mix(0.15))
            .axis_style(BLACK)
            .label_style(("sans-serif", 12))
            .x_labels(labels.len().clamp(1, MOST_LABELS))
            .x_label_offset(i32::try_from(width / 2)?)
            .x_label_formatter(&|at| {
                let label = usize::try_from(*at).ok().and_then(|at| labels.get(at));
                label.cloned().unwrap_or_default()
            })
            .y_labels(5)
            .draw()?;
        let mut floor = vec![0; labels.len()];
        for part in parts {
            let bars =
                (0..count).zip(floor.iter_mut().zip(&part.values)).filter_map(|(at, (floor, value))| {
                    let from = *floor;
                    *floor += *value;
                    let mut bar = Rectangle::new([(at, from), (at + 1, *floor)], part.tone.colour().filled());
                    bar.set_margin(0, 0, gap, gap);
                    (*value > 0).then_some(bar)
                });
            chart.draw_series(bars)?;
        }
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_svg_without_styles_or_scripts_and_has_its_bars() {
        let labels: Vec<String> = (1..=30).map(|day| format!("11-{day:02}")).collect();
        let values: Vec<u64> = (0..30).map(|day| day % 7).collect();
        let part = |name, tone| Part { name, tone, values: values.clone() };
        let svg = drawn(&labels, &[part("approved", Tone::Good), part("rejected", Tone::Bad)]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        // The policy of the pages allows neither.
        assert!(!svg.contains("style=") && !svg.contains("<script") && !svg.contains("<style"));
        // The stylesheet names the colours in this spelling.
        let bars = |colour: &str| svg.matches(&format!("fill=\"{colour}\"")).count();
        let with_height = values.iter().filter(|value| **value > 0).count();
        assert_eq!((bars("#1C6B3F"), bars("#A92A26")), (with_height, with_height));
    }

    #[test]
    fn nothing_can_be_drawn_too() {
        assert!(drawn(&[], &[]).unwrap().contains("<svg"));
    }
}
