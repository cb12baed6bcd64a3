//! A plot in characters: a dot of braille is a quarter of a line high and half a character wide.

use std::fmt::Write as _;

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Style};
use ratatui_core::symbols::Marker;
use ratatui_core::widgets::Widget as _;
use ratatui_widgets::chart::{Axis, Chart, Dataset, GraphType};

use super::Plot;
use super::axis::{number_text, time_text};

const COLORS: [Color; 6] =
    [Color::Cyan, Color::Yellow, Color::Magenta, Color::Green, Color::Red, Color::Blue];

/// The plot in so many characters and lines; coloured where a terminal is to show it.
pub(crate) fn terminal(plot: &Plot, (width, height): (u16, u16), coloured: bool) -> String {
    let Some((times, (low, high))) = plot.bounds() else { return String::new() };
    // Time from its start, since a float does not keep the nanoseconds of today.
    let since = |ns: i64| ns.saturating_sub(times.0) as f64;
    let parts = plot
        .lines
        .iter()
        .enumerate()
        .flat_map(|(at, line)| {
            let parts = plot.parts(line).enumerate();
            parts.map(move |(number, part)| {
                let name = if number == 0 { line.name.as_str() } else { "" };
                let points = part.iter().map(|(time, y)| (since(*time), *y));
                (at, name, points.collect::<Vec<(f64, f64)>>())
            })
        })
        .collect::<Vec<_>>();
    let datasets = parts.iter().map(|(at, name, points)| {
        let set = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line);
        let set = set.style(Style::new().fg(COLORS[at % COLORS.len()])).data(points);
        if name.is_empty() || plot.lines.len() == 1 { set } else { set.name(*name) }
    });
    // A line that is level needs some room above and below.
    let (floor, ceiling) = if high > low { (low, high) } else { (low - 1.0, high + 1.0) };
    let middle = floor + (ceiling - floor) / 2.0;
    let numbers = [floor, middle, ceiling].map(|y| number_text(y, (floor, ceiling)));
    let half = times.0.saturating_add(times.1.saturating_sub(times.0) / 2);
    let instants = [times.0, half, times.1].map(|at| time_text(at, times));
    let end = since(times.1).max(1.0);
    let chart = Chart::new(datasets.collect())
        .x_axis(Axis::default().bounds([0.0, end]).labels(instants))
        .y_axis(Axis::default().bounds([floor, ceiling]).labels(numbers));
    let area = Rect::new(0, 0, width, height.saturating_sub(1));
    let mut buffer = Buffer::empty(area);
    chart.render(area, &mut buffer);
    let mut out = format!("{}\n", plot.title);
    for y in 0..area.height {
        push_line(&mut out, &buffer, y, coloured);
    }
    out
}

/// One line of the buffer, without spaces at its end.
fn push_line(out: &mut String, buffer: &Buffer, y: u16, coloured: bool) {
    let cell = |x: u16| &buffer[(x, y)];
    let end = (0..buffer.area.width).rev().find(|x| cell(*x).symbol() != " ").map_or(0, |x| x + 1);
    let mut current = None;
    for x in 0..end {
        let code = COLORS.iter().position(|color| *color == cell(x).fg);
        if coloured && code != current {
            // The colours in the order of `COLORS`, as ANSI counts them; 0 is none.
            let ansi = code.map_or(0, |at| [36, 33, 35, 32, 31, 34][at]);
            let _ = write!(out, "\x1b[{ansi}m");
            current = code;
        }
        out.push_str(cell(x).symbol());
    }
    out.push_str(if current.is_some() { "\x1b[0m\n" } else { "\n" });
}
