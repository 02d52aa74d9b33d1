//! Measures: `the number of loans`, `average age`, `total revenue`, and the
//! columns that adjectives such as `oldest` or `cheap` stand for.

use super::super::ir::Expr;
use super::super::operator::{ADJECTIVES, Aggregate, Op};
use super::super::resolve::Item;
use super::{Builder, Zone};

/// A measure found at some piece, with the pieces that it takes.
pub(super) struct Measure {
    pub expr: Expr,
    pub pieces: Vec<usize>,
    pub last: usize,
}

impl Builder<'_> {
    /// The measure that begins at or after piece `i`, small words aside.
    pub(super) fn measure_from(&self, i: usize) -> Option<Measure> {
        let mut pieces = Vec::new();
        let mut aggregate: Option<Aggregate> = None;
        let mut distinct = false;
        let mut at = i;
        while at < self.nodes.len() {
            match &self.nodes[at].item {
                Item::Word
                    if matches!(
                        self.nodes[at].word.as_str(),
                        "and" | "that" | "who" | "whose" | "which" | "with" | "by"
                    ) =>
                {
                    return None;
                }
                Item::Word => {}
                Item::Op(Op::Count) => {
                    // `average number of`: only its first part counts as an aggregate of a count
                    aggregate = Some(Aggregate::Count);
                    pieces.push(at);
                }
                Item::Op(Op::Agg(f)) if aggregate.is_none() => {
                    aggregate = Some(*f);
                    pieces.push(at);
                }
                Item::Op(Op::Distinct) => {
                    distinct = true;
                    pieces.push(at);
                }
                Item::Column(t, c) => {
                    pieces.push(at);
                    let column = Expr::Column(*t, *c);
                    let expr = match aggregate {
                        None => column,
                        Some(Aggregate::Count) if self.ctx.lexicon.tables[*t].primary_key == Some(*c) => Expr::Rows(*t),
                        // `the number of votes` that is stored, not counted
                        Some(Aggregate::Count) if !distinct && at > i && self.is_stored_count(*t, *c) => column,
                        Some(Aggregate::Count) => {
                            Expr::Aggregate { function: Aggregate::Count, distinct: true, argument: Box::new(column) }
                        }
                        Some(Aggregate::Sum | Aggregate::Avg | Aggregate::Median) if !self.ctx.is_measure(*t, *c) => {
                            return None;
                        }
                        Some(function) => Expr::Aggregate { function, distinct: false, argument: Box::new(column) },
                    };
                    return Some(Measure { expr, pieces, last: at });
                }
                Item::Table(t) => {
                    // `employee salary`: the table only says whose
                    if let Some(Item::Column(owner, _)) = self.nodes.get(at + 1).map(|n| &n.item)
                        && owner == t
                    {
                        pieces.push(at);
                        at += 1;
                        continue;
                    }
                    pieces.push(at);
                    return match aggregate {
                        None | Some(Aggregate::Count | Aggregate::Sum) => {
                            Some(Measure { expr: Expr::Rows(*t), pieces, last: at })
                        }
                        Some(_) => None,
                    };
                }
                Item::Unknown if !distinct => {
                    // an unknown adjective before a column that is known
                    if at > i + 3 {
                        return None;
                    }
                }
                _ => return None,
            }
            at += 1;
        }
        None
    }

    /// Whether a column holds how many of something there are, so that nothing needs to be counted.
    fn is_stored_count(&self, t: usize, c: usize) -> bool {
        let number = self.ctx.is_measure(t, c) || self.ctx.is_text(t, c) && self.ctx.is_comparable(t, c);
        number && !self.ctx.is_year(t, c)
    }

    /// The column that measures what an adjective says, and whether more of it is
    /// "more": in `table` first, then in its neighbours.
    pub(super) fn concept(&self, adjective: usize, table: Option<usize>) -> Option<(usize, usize, bool)> {
        let concepts = &ADJECTIVES[adjective].concepts;
        let tables = self.tables_by_nearness(table);
        let own = table.into_iter().collect::<Vec<_>>();
        for tables in [&own, &tables] {
            for t in tables {
                for (stem, more) in concepts {
                    let columns = &self.ctx.catalog.tables[*t].columns;
                    let found = (0..columns.len()).find(|c| {
                        let words = self.ctx.lexicon.column(*t, *c);
                        words.means_any(&[stem])
                            && !words.last_is(&["id", "name", "type"])
                            && (self.ctx.is_comparable(*t, *c) || self.ctx.is_temporal(*t, *c))
                    });
                    if let Some(c) = found {
                        return Some((*t, c, *more));
                    }
                }
                // dates under other names
                if concepts.iter().any(|(stem, _)| *stem == "date")
                    && let Some(c) = self.ctx.lexicon.tables[*t].main_date
                {
                    let more = concepts.iter().find(|(stem, _)| *stem == "date").is_some_and(|c| c.1);
                    return Some((*t, c, more));
                }
            }
        }
        None
    }

    /// Counts and aggregates that are asked for.
    pub(super) fn aggregates(&mut self) {
        for i in 0..self.nodes.len() {
            match self.op(i) {
                Some(Op::Count) => self.count(i),
                Some(Op::Agg(function)) => self.aggregate(i, function),
                _ => {}
            }
        }
    }

    fn count(&mut self, i: usize) {
        self.take(i);
        self.form = if self.query.group.is_empty() { "count" } else { "group" };
        if let Some(measure) = self.measure_from(i) {
            let counts_column = matches!(&measure.expr, Expr::Aggregate { .. });
            let taken = measure.pieces.iter().any(|p| self.used[*p] && *p != i);
            if !taken {
                // `how many points`: a number that is stored, not counted
                if let Some((t, c)) = self
                    .column(measure.last)
                    .filter(|(t, c)| counts_column && self.ctx.is_measure(*t, *c) && !self.ctx.is_year(*t, *c))
                {
                    let distinct = measure
                        .pieces
                        .iter()
                        .any(|p| self.nodes[*p].word != self.nodes[i].word && self.op(*p) == Some(Op::Distinct));
                    if !distinct {
                        measure.pieces.iter().for_each(|p| self.take(*p));
                        let column = Expr::Column(t, c);
                        let grouped = !self.query.group.is_empty();
                        self.output(i, if grouped { Expr::aggregate(Aggregate::Sum, column) } else { column });
                        return;
                    }
                }
                measure.pieces.iter().for_each(|p| self.take(*p));
                self.output(i, measure.expr);
                return;
            }
        }
        // `how many buttercups`: the table that the value belongs to, or what the question is about
        let value_table = self.nodes[i..].iter().find_map(|n| match n.item {
            Item::Value { table, .. } => Some(table),
            _ => None,
        });
        if let Some(t) = self.subject.or(value_table).or(self.main_table()) {
            self.output(i, Expr::Rows(t));
        }
    }

    fn aggregate(&mut self, i: usize, function: Aggregate) {
        // `maximum and minimum age`: the first borrows the column of the second
        let mut at = i + 1;
        while at < self.nodes.len()
            && (self.is_word(at, &["and", "or", "the"])
                || matches!(self.nodes[at].item, Item::Comma)
                || matches!(self.nodes[at].item, Item::Op(Op::Agg(_))))
        {
            at += 1;
        }
        let Some(measure) = self.measure_from(at) else {
            // `total` alone counts
            if function == Aggregate::Sum
                && self.zones[i] == Zone::Select
                && self.outputs.is_empty()
                && let Some(t) = self.right(i).and_then(|j| self.table(j))
            {
                self.take(i);
                self.output(i, Expr::Rows(t));
            }
            return;
        };
        let expr = match measure.expr {
            Expr::Column(t, c) => {
                let numeric = self.ctx.is_measure(t, c);
                let ordered = self.ctx.is_temporal(t, c) || self.ctx.is_comparable(t, c);
                match function {
                    Aggregate::Min | Aggregate::Max if numeric || ordered => {
                        Expr::aggregate(function, Expr::Column(t, c))
                    }
                    Aggregate::Sum | Aggregate::Avg | Aggregate::Median if numeric => {
                        Expr::aggregate(function, Expr::Column(t, c))
                    }
                    Aggregate::Sum => Expr::Aggregate {
                        function: Aggregate::Count,
                        distinct: true,
                        argument: Box::new(Expr::Column(t, c)),
                    },
                    _ => return,
                }
            }
            Expr::Rows(t) if function == Aggregate::Sum => Expr::Rows(t),
            _ => return,
        };
        self.take(i);
        self.form = "aggregate";
        self.output(i, expr);
        let shared = (i + 1..at).any(|j| matches!(self.nodes[j].item, Item::Op(Op::Agg(_))));
        if !shared {
            measure.pieces.iter().for_each(|p| self.take(*p));
            self.further_columns(measure.last, function);
        }
    }

    /// `average height and weight`: the aggregate goes for both.
    fn further_columns(&mut self, last: usize, function: Aggregate) {
        let mut at = last + 1;
        while at < self.nodes.len() && (self.is_word(at, &["and", "the"]) || matches!(self.nodes[at].item, Item::Comma))
        {
            at += 1;
        }
        if at == last + 1 || at >= self.nodes.len() || self.used[at] || self.zones[at] != Zone::Select {
            return;
        }
        if let Some((t, c)) = self.column(at).filter(|(t, c)| self.ctx.is_measure(*t, *c) && !self.ctx.is_year(*t, *c))
        {
            self.take(at);
            self.output(at, Expr::aggregate(function, Expr::Column(t, c)));
            self.further_columns(at, function);
        }
    }
}
