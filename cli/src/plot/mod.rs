//! Lines over time, drawn in the terminal or as SVG.

mod axis;
mod svg;
mod terminal;

pub(crate) use axis::round_span;
pub(crate) use svg::svg;
pub(crate) use terminal::terminal;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
    /// The span of a point, in ns: points that are further apart than some of these are not joined.
    pub(crate) span: i64,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// In the order of time: ns since the epoch, and a finite number.
    pub(crate) points: Vec<(i64, f64)>,
}

/// Spans between two points above which they are not joined.
const GAP_SPANS: i64 = 3;

impl Plot {
    /// The ends of time and of the numbers.
    fn bounds(&self) -> Option<((i64, i64), (f64, f64))> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let times = (points().map(|p| p.0).min()?, points().map(|p| p.0).max()?);
        let low = points().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = points().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        Some((times, (low, high)))
    }

    /// The parts of a line that are joined.
    fn parts<'a>(&self, line: &'a Line) -> impl Iterator<Item = &'a [(i64, f64)]> + use<'a> {
        let gap = self.span.saturating_mul(GAP_SPANS);
        line.points.chunk_by(move |a, b| b.0.saturating_sub(a.0) <= gap)
    }
}
