//! A plot as an SVG file: lines, round ticks, a legend; text stays text.

use std::fmt::Write as _;

use maud::html;

use super::Plot;
use super::axis::{number_text, ticks, time_text, time_ticks};

/// Colours that can be told apart, also by those who see few.
const COLORS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#666666"];

/// Room around the lines, in pixels: left, right, above, below.
const MARGINS: (f64, f64, f64, f64) = (72.0, 16.0, 34.0, 30.0);

/// Pixels of a line of names, and of a character as far as one can know.
const LEGEND_LINE: f64 = 16.0;
const LEGEND_CHARACTER: f64 = 7.0;

/// The plot, so many pixels wide and high.
pub(crate) fn svg(plot: &Plot, (width, height): (u16, u16)) -> String {
    let Some((times, (low, high))) = plot.bounds() else { return String::new() };
    let (width, height) = (f64::from(width), f64::from(height));
    let (left, right, above, below) = MARGINS;
    let legend = legend(plot, left, width - right);
    let above = above + legend.last().map_or(0.0, |place| place.1 + LEGEND_LINE);
    let (floor, ceiling) = if high > low { (low, high) } else { (low - 1.0, high + 1.0) };
    let duration = (times.1.saturating_sub(times.0) as f64).max(1.0);
    let x = |ns: i64| left + ns.saturating_sub(times.0) as f64 / duration * (width - left - right);
    // Halves, as the difference of two floats may be beyond them.
    let y = |value: f64| {
        let part = (value / 2.0 - floor / 2.0) / (ceiling / 2.0 - floor / 2.0);
        height - below - part * (height - above - below)
    };
    let y_ticks = ticks((floor, ceiling), (height / 70.0) as usize);
    let x_ticks = time_ticks(times, (width / 140.0) as usize);
    let color = |at: usize| COLORS[at % COLORS.len()];
    let drawing = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height)
            viewBox=(format!("0 0 {width} {height}")) font-family="sans-serif" font-size="12" {
            rect width=(width) height=(height) fill="#ffffff" {}
            text x=(left) y="20" font-size="14" fill="#222222" { (plot.title) }
            g stroke="#dddddd" {
                @for tick in &y_ticks {
                    line x1=(left) x2=(width - right) y1=(short(y(*tick))) y2=(short(y(*tick))) {}
                }
                @for tick in &x_ticks {
                    line x1=(short(x(*tick))) x2=(short(x(*tick))) y1=(above) y2=(height - below) {}
                }
            }
            g fill="#555555" text-anchor="end" {
                @for tick in &y_ticks {
                    text x=(left - 6.0) y=(short(y(*tick) + 4.0)) {
                        (number_text(*tick, (floor, ceiling)))
                    }
                }
            }
            g fill="#555555" text-anchor="middle" {
                @for tick in &x_ticks {
                    text x=(short(x(*tick))) y=(height - 10.0) { (time_text(*tick, times)) }
                }
            }
            @for (at, line) in plot.lines.iter().enumerate() {
                g fill="none" stroke=(color(at)) stroke-width="1.5" stroke-linejoin="round" {
                    @for part in plot.parts(line) {
                        @if let [(time, value)] = part {
                            circle cx=(short(x(*time))) cy=(short(y(*value))) r="1.5" fill=(color(at)) {}
                        } @else {
                            path d=(path(part.iter().map(|(time, value)| (x(*time), y(*value))))) {}
                        }
                    }
                }
                @if let Some((x, y)) = legend.get(at) {
                    text x=(short(*x)) y=(MARGINS.2 + y + 4.0) fill=(color(at)) { (line.name) }
                }
            }
        }
    };
    format!("{}\n", drawing.into_string())
}

/// Where the names of lines stand, below the title: none where there is one line.
fn legend(plot: &Plot, left: f64, end: f64) -> Vec<(f64, f64)> {
    if plot.lines.len() < 2 {
        return Vec::new();
    }
    let (mut x, mut y) = (left, 0.0);
    let places = plot.lines.iter().map(|line| {
        let width = line.name.chars().count() as f64 * LEGEND_CHARACTER + LEGEND_LINE;
        if x > left && x + width > end {
            (x, y) = (left, y + LEGEND_LINE);
        }
        let place = (x, y);
        x += width;
        place
    });
    places.collect()
}

/// A hundredth of a pixel is enough.
fn short(pixels: f64) -> f64 {
    (pixels * 100.0).round() / 100.0
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (at, (x, y)) in points.enumerate() {
        let to = if at == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{to}{} {}", short(x), short(y));
    }
    out
}
