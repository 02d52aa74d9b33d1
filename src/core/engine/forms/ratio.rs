//! Ratios and proportions: `ratio of A to B`, `percentage of A that …`. Each
//! side is read as a question of its own; then the two are put over each other.

use super::super::ir::{Condition, Expr, Query};
use super::super::operator::Op;
use super::super::resolve::{Item, Node};
use super::{Builder, Reading};

impl Builder<'_> {
    pub(super) fn ratios(&mut self) {
        for i in 0..self.nodes.len() {
            match self.op(i) {
                Some(Op::Ratio) => self.ratio(i),
                Some(Op::Proportion) => self.proportion(i),
                _ => {}
            }
        }
    }

    fn ratio(&mut self, i: usize) {
        let end = self.part_end(i);
        let mentioned = |from: usize, to: usize| {
            self.nodes[from..to]
                .iter()
                .any(|n| matches!(n.item, Item::Table(_) | Item::Column(..) | Item::Value { .. }))
        };
        let Some(to) = (i + 1..end).find(|k| {
            (self.is_word(*k, &["to", "and"]) || self.is_word(*k, &["of"]) && self.is_word(*k - 1, &["out"]))
                && mentioned(i + 1, *k)
                && mentioned(*k + 1, end)
        }) else {
            return;
        };
        let (Some(above), Some(below)) = (self.part(i + 1, to, None), self.part(to + 1, end, self.subject)) else {
            return;
        };
        let (Some(a), Some(b)) = (above.query.outputs.first().cloned(), below.query.outputs.first().cloned()) else {
            return;
        };
        for k in i..end {
            self.take(k);
        }
        let grouped =
            self.nodes[end..].iter().any(|n| matches!(n.item, Item::Op(Op::Each | Op::Bucket(_))) || n.word == "by");
        let values = [&a, &b].iter().any(|e| !e.is_aggregate())
            && !(above.query.filters.is_empty() && below.query.filters.is_empty());
        let expr = if !values && tables(&above.query) == tables(&below.query) || grouped {
            // what only the second side narrows down, narrows both: `… in Oslo`
            let (own, shared): (Vec<Condition>, Vec<Condition>) = below
                .query
                .filters
                .into_iter()
                .partition(|f| above.query.filters.iter().any(|o| subject(o) == subject(f)));
            shared.into_iter().for_each(|f| self.filter(f));
            Expr::Ratio(Box::new(filtered(a, above.query.filters)), Box::new(filtered(b, own)), false)
        } else {
            Expr::Ratio(
                Box::new(Expr::Scalar(Box::new(above.query))),
                Box::new(Expr::Scalar(Box::new(below.query))),
                false,
            )
        };
        self.form = "ratio";
        self.assumptions.extend(above.assumptions.into_iter().chain(below.assumptions));
        self.output(i, expr);
    }

    /// The share of rows that meet the conditions named with them.
    fn proportion(&mut self, i: usize) {
        let end = self.part_end(i);
        let Some(part) = self.part(i + 1, end, None) else { return };
        let Some(Expr::Rows(t)) = part.query.outputs.first().cloned() else { return };
        if part.query.filters.is_empty() || part.query.outputs.len() > 1 {
            return;
        }
        for k in i..end {
            self.take(k);
        }
        let percent = self.nodes[i].last.contains("percent")
            || self.nodes[i].word.contains("percent")
            || self.nodes[i].end - self.nodes[i].start > 2;
        self.form = "ratio";
        self.assumptions.extend(part.assumptions);
        self.output(
            i,
            Expr::Ratio(Box::new(filtered(Expr::Rows(t), part.query.filters)), Box::new(Expr::Rows(t)), percent),
        );
    }

    /// Where what a ratio is made of ends: at its sentence, or where groups and orders begin.
    fn part_end(&self, i: usize) -> usize {
        (i + 1..self.nodes.len())
            .find(|j| match self.nodes[*j].item {
                Item::Stop | Item::Comma => true,
                Item::Op(Op::Each | Op::Order | Op::Bucket(_)) => true,
                Item::Word => self.nodes[*j].word == "by" && !self.nodes[*j - 1].last.ends_with("ed"),
                _ => false,
            })
            .unwrap_or(self.nodes.len())
    }

    /// One side, read as a question for a number. `default` is counted where no table is named.
    fn part(&self, from: usize, to: usize, default: Option<usize>) -> Option<Reading> {
        let mut nodes: Vec<Node> = self.nodes[from..to].to_vec();
        let word = |item: Item, text: &str| Node { item, start: 0, end: 1, word: text.into(), last: text.into() };
        let measured = nodes.iter().any(|n| matches!(n.item, Item::Op(Op::Count | Op::Agg(_))));
        let first = nodes.iter().find(|n| !matches!(n.item, Item::Word | Item::Op(Op::Not) | Item::Unknown))?;
        if !measured && !matches!(first.item, Item::Column(t, c) if self.ctx.is_measure(t, c)) {
            let named = nodes.iter().any(|n| matches!(n.item, Item::Table(_)));
            if let Some(t) = default.filter(|_| !named) {
                nodes.insert(0, word(Item::Table(t), "rows"));
            }
            nodes.insert(0, word(Item::Op(Op::Count), "count"));
        }
        Builder::new(self.ctx, &nodes).build()
    }
}

fn filtered(expr: Expr, filters: Vec<Condition>) -> Expr {
    if filters.is_empty() || !expr.is_aggregate() { expr } else { Expr::Filtered(Box::new(expr), filters) }
}

fn tables(query: &Query) -> Vec<usize> {
    let mut tables = query.all_tables();
    tables.sort_unstable();
    tables
}

/// What a condition is about.
fn subject(condition: &Condition) -> Option<&Expr> {
    match condition {
        Condition::Compare(e, ..)
        | Condition::In(e, ..)
        | Condition::Between(e, ..)
        | Condition::Like(e, ..)
        | Condition::Null(e, _)
        | Condition::Period(e, ..)
        | Condition::Flag(e, _) => Some(e),
        Condition::Any(list) => list.first().and_then(subject),
        Condition::Exists { .. } => None,
    }
}
