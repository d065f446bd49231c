//! The share that agrees, vendor by client dialect, and what does not.

use std::collections::BTreeMap;
use std::fmt;

/// All results of one run.
#[derive(Debug, Default)]
pub struct Report {
    cells: BTreeMap<(String, &'static str), Cell>,
    disagreements: Vec<String>,
    other_reasoning: Vec<String>,
    skipped: BTreeMap<String, usize>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Cell {
    agree: usize,
    total: usize,
    same_reasoning: usize,
    with_reasoning: usize,
}

/// What became of the reasoning of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// There was none.
    Absent,
    Same,
    Lost,
}

impl Report {
    /// Notes one answer through one dialect; it agrees if nothing differs.
    pub fn add(
        &mut self,
        vendor: &str,
        dialect: &'static str,
        name: &str,
        differences: &[String],
        reasoning: Reasoning,
    ) {
        let cell = self.cells.entry((vendor.to_owned(), dialect)).or_default();
        cell.total += 1;
        if differences.is_empty() {
            cell.agree += 1;
        }
        match reasoning {
            Reasoning::Absent => {}
            Reasoning::Same => {
                cell.with_reasoning += 1;
                cell.same_reasoning += 1;
            }
            Reasoning::Lost => {
                cell.with_reasoning += 1;
                self.other_reasoning.push(format!("{vendor} {dialect} {name}"));
            }
        }
        for difference in differences {
            self.disagreements.push(format!("{vendor} {dialect} {name}\n    {difference}"));
        }
    }

    /// Notes a recording that says nothing that could be compared.
    pub fn skip(&mut self, vendor: &str, why: &str) {
        *self.skipped.entry(format!("{vendor}: {why}")).or_default() += 1;
    }

    /// Agreeing and all answers.
    pub fn share(&self) -> (usize, usize) {
        self.cells
            .values()
            .fold((0, 0), |(agree, total), cell| (agree + cell.agree, total + cell.total))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for disagreement in &self.disagreements {
            writeln!(f, "{disagreement}")?;
        }
        for place in &self.other_reasoning {
            writeln!(f, "other reasoning: {place}")?;
        }
        for (what, count) in &self.skipped {
            writeln!(f, "not compared: {count} × {what}")?;
        }
        writeln!(f, "| vendor | client dialect | agree | same reasoning |\n|---|---|---|---|")?;
        for ((vendor, dialect), cell) in &self.cells {
            writeln!(
                f,
                "| {vendor} | {dialect} | {} of {} | {} of {} |",
                cell.agree, cell.total, cell.same_reasoning, cell.with_reasoning
            )?;
        }
        let (agree, total) = self.share();
        let per_mille = agree.saturating_mul(1000) / total.max(1);
        writeln!(f, "agree: {agree} of {total}, {}.{} %", per_mille / 10, per_mille % 10)
    }
}
