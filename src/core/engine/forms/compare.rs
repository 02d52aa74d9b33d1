//! Comparisons: with numbers, with the average, between two numbers, and with periods.

use super::super::ir::{Condition, Direction, Expr, Literal, Query};
use super::super::operator::{Aggregate, Comparison, Op};
use super::super::resolve::Item;
use super::{Builder, Context};

/// How far from its comparison a measure may stand, in pieces.
const REACH: usize = 6;

/// What is compared, with the pieces it takes.
struct Side {
    expr: Expr,
    pieces: Vec<usize>,
}

impl Builder<'_> {
    /// `price above the average`, `older than the average member`.
    pub(super) fn averages_compared(&mut self) {
        for i in 0..self.nodes.len() {
            let (comparison, known) = match self.op(i) {
                Some(Op::AboveAverage) => (Comparison::Gt, None),
                Some(Op::BelowAverage) => (Comparison::Lt, None),
                Some(Op::Cmp(c)) if self.right(i).is_some_and(|j| self.op(j) == Some(Op::Agg(Aggregate::Avg))) => {
                    (c, self.right(i))
                }
                Some(Op::Comparative(_))
                    if self.right(i).is_some_and(|j| self.op(j) == Some(Op::Agg(Aggregate::Avg))) =>
                {
                    (Comparison::Gt, self.right(i))
                }
                _ => continue,
            };
            let last = known.unwrap_or(i);
            let left = self.side_left(i).filter(|s| matches!(s.expr, Expr::Column(..)));
            let right = self
                .right(last)
                .and_then(|j| self.column(j).filter(|(t, c)| self.ctx.is_measure(*t, *c)).map(|c| (j, c)));
            let (comparison, column) = match (left, right, self.op(i)) {
                (Some(side), right, _) => {
                    side.pieces.iter().for_each(|p| self.take(*p));
                    if let Some((j, _)) = right {
                        self.take(j);
                    }
                    (comparison, side.expr)
                }
                (None, Some((j, (t, c))), _) => {
                    self.take(j);
                    (comparison, Expr::Column(t, c))
                }
                (None, None, Some(Op::Comparative(a))) => match self.concept(a, self.table_near(i)) {
                    Some((t, c, more)) => (if more { Comparison::Gt } else { Comparison::Lt }, Expr::Column(t, c)),
                    None => continue,
                },
                _ => {
                    self.trouble.no_measure = true;
                    continue;
                }
            };
            self.take(i);
            self.take(last);
            let average = Query { outputs: vec![Expr::aggregate(Aggregate::Avg, column.clone())], ..Query::default() };
            self.form = "compare with average";
            self.filter(Condition::Compare(
                column,
                comparison,
                Literal::Expr(Box::new(Expr::Scalar(Box::new(average)))),
            ));
        }
    }

    /// `more than 5 loans`, `age over 30`, `between 2 and 4`.
    pub(super) fn comparisons(&mut self) {
        for i in 0..self.nodes.len() {
            match self.op(i) {
                Some(Op::Between) => self.between(i),
                Some(Op::Cmp(comparison)) => self.compare(i, comparison),
                Some(Op::After) => self.compare(i, Comparison::Gt),
                Some(Op::Before) => self.compare(i, Comparison::Lt),
                Some(Op::Comparative(a)) if self.number_right(i).is_some() => self.compare_adjective(i, a),
                _ => {}
            }
        }
    }

    fn number_right(&self, i: usize) -> Option<(usize, f64)> {
        let j = self.right(i)?;
        self.number(j).filter(|_| !self.used[j]).map(|n| (j, n))
    }

    fn number_left(&self, i: usize) -> Option<(usize, f64)> {
        let j = i.checked_sub(1)?;
        self.number(j).filter(|_| !self.used[j]).map(|n| (j, n))
    }

    fn compare(&mut self, i: usize, comparison: Comparison) {
        // `5 or more`: the number stands before
        let postfix = matches!(self.nodes[i].word.as_str(), "or") && self.nodes[i].end - self.nodes[i].start == 2;
        let number = if postfix { self.number_left(i) } else { self.number_right(i) };
        let Some((at, n)) = number else {
            self.compare_columns(i, comparison);
            return;
        };
        let comparison = if self.negated(i) { comparison.negated() } else { comparison };
        let (from, to) = (at.min(i), at.max(i));
        let Some(side) = self.side(from, to) else {
            // `longer than 3`: the adjective itself says what is compared
            match super::super::operator::comparative(&self.nodes[i].word) {
                Some(adjective) => self.compare_adjective(i, adjective),
                None => self.trouble.no_measure = true,
            }
            return;
        };
        self.take(i);
        self.take(at);
        side.pieces.iter().for_each(|p| self.take(*p));
        let start = side.pieces.iter().copied().fold(from, usize::min);
        self.add_comparison(side.expr, comparison, n, start);
        // `lower than 3 or higher than 5`: the second comparison has the same left side
        self.alternative(to);
    }

    /// `… or more than 9` after a comparison: either will do.
    fn alternative(&mut self, last: usize) {
        let Some(or) = (last + 1..(last + 4).min(self.nodes.len())).find(|j| self.op(*j) == Some(Op::Or)) else {
            return;
        };
        let Some(j) = self.right(or) else { return };
        let Some(Op::Cmp(comparison)) = self.op(j) else {
            return;
        };
        let Some((at, n)) = self.number_right(j) else {
            return;
        };
        let Some(Condition::Compare(expr, op, literal)) = self.query.filters.last().cloned() else {
            return;
        };
        self.take(or);
        self.take(j);
        self.take(at);
        self.query.filters.pop();
        let second = Condition::Compare(expr.clone(), comparison, Literal::Number(n));
        self.query.filters.push(Condition::Any(vec![Condition::Compare(expr, op, literal), second]));
    }

    /// `older than 30`.
    fn compare_adjective(&mut self, i: usize, adjective: usize) {
        let Some((at, n)) = self.number_right(i) else {
            return;
        };
        let Some((t, c, more)) = self.concept(adjective, self.table_near(i)) else {
            self.trouble.no_measure = true;
            return;
        };
        let temporal = self.ctx.is_temporal(t, c);
        if temporal {
            return;
        }
        self.take(i);
        self.take(at);
        self.say_column(i, t, c);
        self.add_comparison(Expr::Column(t, c), if more { Comparison::Gt } else { Comparison::Lt }, n, i);
    }

    /// `whose balance is higher than the credit`: column against column.
    fn compare_columns(&mut self, i: usize, comparison: Comparison) {
        if comparison == Comparison::Eq {
            return;
        }
        let Some(j) = self.right(i) else { return };
        let (Some(right), Some(left)) = (self.column(j).filter(|_| !self.used[j]), self.side_left(i)) else {
            return;
        };
        let Expr::Column(t, c) = left.expr else {
            return;
        };
        let same_kind = self.ctx.is_comparable(t, c) && self.ctx.is_comparable(right.0, right.1)
            || self.ctx.is_temporal(t, c) && self.ctx.is_temporal(right.0, right.1);
        if !same_kind || right == (t, c) {
            return;
        }
        self.take(i);
        self.take(j);
        left.pieces.iter().for_each(|p| self.take(*p));
        self.filter(Condition::Compare(
            Expr::Column(t, c),
            comparison,
            Literal::Expr(Box::new(Expr::Column(right.0, right.1))),
        ));
    }

    fn between(&mut self, i: usize) {
        let Some((first, lo)) = self.number_right(i) else {
            return;
        };
        let second = (first + 1..(first + 4).min(self.nodes.len())).find_map(|j| self.number(j).map(|n| (j, n)));
        let Some((second, hi)) = second else { return };
        let Some(side) = self.side(i, second) else {
            self.trouble.no_measure = true;
            return;
        };
        for p in side.pieces.iter().copied().chain([i, first, second]) {
            self.take(p);
        }
        let (lo, hi) = (lo.min(hi), lo.max(hi));
        if side.expr.is_aggregate() {
            self.group_subject();
            self.query.having.push(Condition::Between(side.expr, lo, hi));
        } else {
            self.filter(Condition::Between(side.expr, lo, hi));
        }
    }

    /// Adds a comparison whose pieces begin at `start`.
    fn add_comparison(&mut self, expr: Expr, comparison: Comparison, n: f64, start: usize) {
        let condition = Condition::Compare(expr.clone(), comparison, Literal::Number(n));
        if expr.is_aggregate() {
            self.group_subject();
            self.form = "having";
            self.query.having.push(condition);
        } else if self.or_before(start)
            && let Some(before) = self.query.filters.pop()
        {
            self.query.filters.push(Condition::either(before, condition));
        } else {
            self.filter(condition);
        }
    }

    /// Whether `or` stands between the condition that was added last and the one that begins at `start`; takes it.
    fn or_before(&mut self, start: usize) -> bool {
        for j in (start.saturating_sub(5)..start).rev() {
            match self.nodes[j].item {
                Item::Op(Op::Or) if !self.used[j] => {
                    let alternative = self.query.filters.last().is_some_and(Condition::can_be_alternative);
                    if alternative {
                        self.take(j);
                    }
                    return alternative;
                }
                // the table says whose: `or a ticket price under 10`
                Item::Word | Item::Table(_) | Item::Unknown => {}
                _ => return false,
            }
        }
        false
    }

    /// A condition on an aggregate is one on each row of the subject.
    fn group_subject(&mut self) {
        if self.form != "having" {
            self.form = "having";
        }
    }

    /// What a comparison at pieces `from..=to` compares: the measure before it or after it.
    fn side(&self, from: usize, to: usize) -> Option<Side> {
        if let Some(side) = self.times(to) {
            return Some(side);
        }
        let after = self.side_right(to);
        let before = self.side_left(from);
        match (before, after) {
            // `members with more than 3 loans`: what directly follows the number
            (_, Some((side, true))) => Some(side),
            (Some(side), _) => Some(side),
            (None, Some((side, false))) => Some(side),
            (None, None) => self.adjective_after(to),
        }
    }

    /// `at least 30 years old`.
    fn adjective_after(&self, to: usize) -> Option<Side> {
        let j = (to + 1..(to + 4).min(self.nodes.len())).find(|j| matches!(self.op(*j), Some(Op::Comparative(_))))?;
        let Some(Op::Comparative(a)) = self.op(j) else {
            return None;
        };
        let (t, c, _) = self.concept(a, self.table_near(j))?;
        self.ctx.is_comparable(t, c).then(|| Side { expr: Expr::Column(t, c), pieces: vec![j] })
    }

    /// `borrowed more than 5 times`: rows of the table that the verb names, or that refer to the subject.
    fn times(&self, to: usize) -> Option<Side> {
        let times = self.nodes.get(to + 1).is_some_and(|n| matches!(n.word.as_str(), "times" | "time"));
        if !times {
            return None;
        }
        let before = (0..to).rev().find_map(|j| self.table(j).filter(|t| Some(*t) != self.subject).map(|t| (j, t)));
        match before {
            Some((j, t)) => Some(Side { expr: Expr::Rows(t), pieces: vec![j, to + 1] }),
            None => {
                let subject = self.subject?;
                let t = self.facts_of(subject).unwrap_or(subject);
                Some(Side { expr: Expr::Rows(t), pieces: vec![to + 1] })
            }
        }
    }

    fn side_left(&self, i: usize) -> Option<Side> {
        let mut at = i;
        for _ in 0..REACH {
            at = at.checked_sub(1)?;
            match &self.nodes[at].item {
                Item::Word
                    if matches!(self.nodes[at].word.as_str(), "and" | "that" | "who" | "which" | "whose")
                        && at + 1 < i =>
                {
                    if self.nodes[at].word == "and" || self.nodes[at].word == "whose" {
                        return None;
                    }
                }
                Item::Word | Item::Unknown => {}
                Item::Op(Op::Not) => {}
                Item::Column(t, c) if !self.used[at] => {
                    let before = (0..at).rev().find(|j| !matches!(self.nodes[*j].item, Item::Word));
                    if let Some((j, Op::Agg(function))) = before.and_then(|j| self.op(j).map(|op| (j, op)))
                        && self.ctx.is_measure(*t, *c)
                    {
                        return Some(Side {
                            expr: Expr::aggregate(function, Expr::Column(*t, *c)),
                            pieces: vec![j, at],
                        });
                    }
                    let fits = self.ctx.is_comparable(*t, *c)
                        || self.ctx.is_temporal(*t, *c) && matches!(self.op(i), Some(Op::Cmp(_)));
                    return (fits && !self.ctx.is_temporal(*t, *c))
                        .then(|| Side { expr: Expr::Column(*t, *c), pieces: vec![at] });
                }
                Item::Table(t) => {
                    let j = at.checked_sub(1)?;
                    return (self.op(j) == Some(Op::Count) && j > 0 && self.zones[j] == super::Zone::Where)
                        .then(|| Side { expr: Expr::Rows(*t), pieces: vec![j, at] });
                }
                _ => return None,
            }
        }
        None
    }

    /// The measure after a number; and whether it directly follows and so surely belongs to it.
    fn side_right(&self, to: usize) -> Option<(Side, bool)> {
        let mut between = 0;
        for at in to + 1..(to + 1 + REACH).min(self.nodes.len()) {
            match &self.nodes[at].item {
                Item::Word
                    if matches!(
                        self.nodes[at].word.as_str(),
                        "and" | "that" | "who" | "which" | "whose" | "by" | "from"
                    ) =>
                {
                    return None;
                }
                Item::Word => {
                    between += usize::from(!matches!(self.nodes[at].word.as_str(), "in" | "of" | "the" | "for"))
                }
                Item::Unknown | Item::Op(Op::Distinct) => between += 1,
                Item::Table(t) if !self.used[at] => {
                    // counting the subject itself only makes sense for another table
                    if Some(*t) == self.main_table() && between > 0 {
                        return None;
                    }
                    return Some((Side { expr: Expr::Rows(*t), pieces: vec![at] }, between <= 1));
                }
                Item::Column(t, c) if !self.used[at] => {
                    let key = self.ctx.lexicon.tables[*t].primary_key == Some(*c);
                    let expr = if self.ctx.is_comparable(*t, *c) && !self.ctx.lexicon.column(*t, *c).last_is(&["id"]) {
                        Expr::Column(*t, *c)
                    } else if key {
                        Expr::Rows(*t)
                    } else {
                        Expr::Aggregate {
                            function: Aggregate::Count,
                            distinct: true,
                            argument: Box::new(Expr::Column(*t, *c)),
                        }
                    };
                    let direct = between == 0 && !self.is_word(to + 1, &["in", "of", "for"]);
                    let of = self.is_word(to + 1, &["in", "of", "for"]) && self.ctx.is_comparable(*t, *c);
                    return (direct || of).then_some((Side { expr, pieces: vec![at] }, direct));
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether `not` stands directly before piece `i`.
    pub(super) fn negated(&mut self, i: usize) -> bool {
        let Some(j) = (0..i).rev().take(4).find(|j| !matches!(self.nodes[*j].item, Item::Word)) else {
            return false;
        };
        if self.op(j) == Some(Op::Not) {
            self.take(j);
            return true;
        }
        false
    }

    /// `in 2024`, `last quarter`, `since May 2023`.
    pub(super) fn periods(&mut self) {
        for i in 0..self.nodes.len() {
            let Item::Period(period) = &self.nodes[i].item else {
                continue;
            };
            if self.used[i] {
                continue;
            }
            let near = self.temporal_left(i).or_else(|| self.temporal_right(i));
            let guessed = near.is_none();
            let found = near.or_else(|| self.date_for(i).map(|(t, c)| (Vec::new(), t, c)));
            let Some((pieces, t, c)) = found else {
                self.trouble.no_date = true;
                continue;
            };
            self.take(i);
            pieces.iter().for_each(|p| self.take(*p));
            let expr = Expr::Column(t, c);
            let negated = self.negated(i);
            let condition = if self.ctx.is_temporal(t, c) {
                Condition::Period(expr, period.lo, period.hi)
            } else {
                years(expr, period)
            };
            if period.relative {
                let day = |d: Option<jiff::civil::Date>| d.map(|d| d.to_string());
                let last = period.hi.and_then(|d| d.yesterday().ok());
                self.assumptions.push(match (day(period.lo), day(last)) {
                    (Some(lo), Some(hi)) => format!("'{}' read as {lo} to {hi}", period.text),
                    (Some(lo), None) => format!("'{}' read as from {lo} on", period.text),
                    (None, Some(hi)) => format!("'{}' read as up to {hi}", period.text),
                    (None, None) => continue,
                });
            }
            if guessed {
                let name = self.name_of(t, c);
                self.assumptions.push(format!("dates are taken from {name}"));
            }
            if negated {
                continue;
            }
            self.filter(condition);
        }
    }

    fn temporal_left(&self, i: usize) -> Option<(Vec<usize>, usize, usize)> {
        for at in (i.saturating_sub(4)..i).rev() {
            match &self.nodes[at].item {
                Item::Word | Item::Unknown | Item::Op(Op::After | Op::Before | Op::Cmp(_)) => {}
                Item::Column(t, c) if !self.used[at] && self.dates(*t, *c) => {
                    return Some((vec![at], *t, *c));
                }
                _ => return None,
            }
        }
        None
    }

    fn temporal_right(&self, i: usize) -> Option<(Vec<usize>, usize, usize)> {
        let j = self.right(i)?;
        let (t, c) = self.column(j)?;
        (!self.used[j] && self.dates(t, c) && j == i + 1).then(|| (vec![j], t, c))
    }

    fn dates(&self, t: usize, c: usize) -> bool {
        self.ctx.is_temporal(t, c) || self.ctx.is_year(t, c)
    }

    /// The date column that a period without one is about. A verb near it decides
    /// (`shipped last week`), then the table near it.
    fn date_for(&self, i: usize) -> Option<(usize, usize)> {
        let Item::Period(period) = &self.nodes[i].item else {
            return None;
        };
        let tables = self.tables_by_nearness(self.table_near(i));
        let year = |t: usize| (0..self.ctx.catalog.tables[t].columns.len()).find(|c| self.ctx.is_year(t, *c));
        for t in tables {
            if let Some(c) = self.ctx.lexicon.tables[t].main_date {
                return Some((t, c));
            }
            if let Some(c) = year(t).filter(|_| period.years) {
                return Some((t, c));
            }
        }
        None
    }

    pub(super) fn name_of(&self, t: usize, c: usize) -> String {
        name_of(self.ctx, t, c)
    }

    /// Notes which column a word without a column of its own was taken to mean.
    pub(super) fn say_column(&mut self, i: usize, t: usize, c: usize) {
        let note = format!("'{}' read as {}", self.nodes[i].word, self.name_of(t, c));
        self.assumptions.push(note);
    }

    pub(super) fn direction(more: bool) -> Direction {
        if more { Direction::Descending } else { Direction::Ascending }
    }
}

fn name_of(ctx: &Context, t: usize, c: usize) -> String {
    format!("{}.{}", ctx.catalog.tables[t].name, ctx.catalog.column(t, c).name)
}

/// A period of whole years as a condition on a column that holds years.
fn years(column: Expr, period: &super::super::period::Period) -> Condition {
    let year = |d: jiff::civil::Date| f64::from(d.year());
    match (period.lo, period.hi) {
        (Some(lo), Some(hi)) if hi.year() - lo.year() == 1 => {
            Condition::Compare(column, Comparison::Eq, Literal::Number(year(lo)))
        }
        (Some(lo), Some(hi)) => Condition::Between(column, year(lo), year(hi) - 1.0),
        (Some(lo), None) => Condition::Compare(column, Comparison::Ge, Literal::Number(year(lo))),
        (None, Some(hi)) => Condition::Compare(column, Comparison::Lt, Literal::Number(year(hi))),
        (None, None) => Condition::Null(column, false),
    }
}
