//! Groups: `for each city`, `per month`, `by category`.

use super::super::ir::Expr;
use super::super::operator::Op;
use super::super::resolve::Item;
use super::{Builder, Zone};

impl Builder<'_> {
    /// `for each member`, `loans per month`, `revenue by city and year`.
    pub(super) fn groups(&mut self) {
        for i in 0..self.nodes.len() {
            match self.op(i) {
                Some(Op::Each) => {
                    self.take(i);
                    if !self.describes_rows(i) {
                        self.keys_after(i);
                    }
                }
                Some(Op::Bucket(unit)) => {
                    let table = self.table_near(i);
                    if let Some(bucket) = self.bucket(unit, table) {
                        self.take(i);
                        self.add_key(i, bucket);
                    }
                }
                Some(Op::WhichBucket(unit)) => {
                    let table = self.subject.or_else(|| self.named().first().copied());
                    if let Some(bucket) = self.bucket(unit, table) {
                        self.take(i);
                        self.output(i, bucket.clone());
                        if self.query.order.iter().any(|(e, _)| e.is_aggregate()) {
                            self.query.group = vec![bucket];
                        }
                    }
                }
                _ if self.is_word(i, &["by"]) && (self.summarised_before(i) || self.counts_by(i)) => {
                    self.keys_after(i);
                }
                _ => {}
            }
        }
    }

    /// `the price of each book`: nothing is summed up, each row is a result.
    fn describes_rows(&self, i: usize) -> bool {
        let Some(t) = self.right(i).and_then(|j| self.table(j)) else { return false };
        let nodes = || (0..self.nodes.len()).filter(|j| self.zones[*j] == Zone::Select || *j < i);
        let summed = (0..self.nodes.len()).any(|j| {
            matches!(
                self.nodes[j].item,
                Item::Op(
                    Op::Count
                        | Op::Agg(_)
                        | Op::Most
                        | Op::Least
                        | Op::Common
                        | Op::Superlative(_)
                        | Op::Ratio
                        | Op::Proportion
                )
            )
        });
        let mut columns = nodes().filter_map(|j| self.column(j)).peekable();
        !summed && columns.peek().is_some() && columns.all(|(x, _)| x == t)
    }

    /// `orders by status`: a table and one of few values that divides it; how many of each is asked.
    fn counts_by(&self, i: usize) -> bool {
        let Some(t) = i.checked_sub(1).and_then(|j| self.table(j)).filter(|t| Some(*t) == self.subject) else {
            return false;
        };
        let alone = (0..i).all(|j| self.column(j).is_none());
        let few = |x: usize, c: usize| {
            let column = self.ctx.catalog.column(x, c);
            let few = column.n_distinct.is_some_and(|n| n <= 100.0 && n < self.ctx.catalog.tables[x].rows * 0.2);
            x == t && (few || column.family == crate::schema::Family::Enum)
        };
        alone
            && self.right(i).is_some_and(|j| match *self.item(j) {
                Item::Column(x, c) => few(x, c),
                Item::Op(Op::Bucket(_)) => true,
                _ => false,
            })
    }

    /// Whether an aggregate stands before `by`, so that what follows is a group.
    fn summarised_before(&self, i: usize) -> bool {
        let start = (0..i).rev().find(|j| matches!(self.nodes[*j].item, Item::Stop)).map_or(0, |j| j + 1);
        let counted =
            (start..i).any(|j| matches!(self.op(j), Some(Op::Count | Op::Agg(_) | Op::Proportion | Op::Ratio)));
        let measured = (start..i).any(|j| self.column(j).is_some_and(|(t, c)| self.ctx.is_measure(t, c)));
        // `requested by`: a verb's subject follows, not a group
        let last = i.checked_sub(1).map_or("", |j| self.nodes[j].last.as_str());
        let verb = i > 0 && matches!(self.nodes[i - 1].item, Item::Unknown)
            || last.len() > 4 && (last.ends_with("ed") || last.ends_with("wn") || last.ends_with("ten"));
        let next_is_key = self.right(i).is_some_and(|j| match *self.item(j) {
            Item::Column(t, c) => !self.ctx.is_measure(t, c) || self.ctx.is_year(t, c),
            Item::Table(_) => true,
            _ => false,
        });
        next_is_key && !verb && (counted || measured && self.zones[i] == Zone::Select)
    }

    /// Takes the keys that follow piece `i`.
    fn keys_after(&mut self, i: usize) {
        let mut at = i;
        loop {
            let mut j = at + 1;
            while j < self.nodes.len()
                && (matches!(self.nodes[j].item, Item::Word | Item::Op(Op::Distinct | Op::Each))
                    && self.nodes[j].word != "and")
            {
                if matches!(self.nodes[j].item, Item::Op(_)) {
                    self.take(j);
                }
                j += 1;
            }
            if j >= self.nodes.len() {
                return;
            }
            match *self.item(j) {
                Item::Column(t, c) => {
                    self.take(j);
                    self.add_key(j, Expr::Column(t, c));
                }
                Item::Table(t) => {
                    // `for each member's city`
                    if matches!(self.nodes.get(j + 1).map(|n| &n.item), Some(Item::Column(..))) {
                        at = j;
                        continue;
                    }
                    self.take(j);
                    if self.subject == Some(t) && self.form == "most common" {
                        return;
                    }
                    self.add_table_key(j, t);
                }
                _ => return,
            }
            // `for each city and year`: further keys, unless a new question begins
            let and = self.is_word(j + 1, &["and"]);
            let next = self.nodes.get(j + 2).map(|n| &n.item);
            let next_is_key = match next {
                Some(Item::Column(t, c)) => !self.ctx.is_measure(*t, *c) || self.ctx.is_year(*t, *c),
                Some(Item::Table(_) | Item::Op(Op::Each)) => true,
                _ => false,
            };
            if !(and && next_is_key) {
                return;
            }
            at = j + 1;
        }
    }

    fn add_key(&mut self, at: usize, expr: Expr) {
        self.form = "group";
        self.each.push(expr.clone());
        if !self.query.group.contains(&expr) {
            self.query.group.push(expr.clone());
        }
        self.output(at, expr);
    }

    fn add_table_key(&mut self, at: usize, t: usize) {
        self.form = "group";
        for key in self.keyed_label(t) {
            if !self.query.group.contains(&key) {
                self.query.group.push(key);
            }
        }
        for label in self.ctx.label(t) {
            self.each.push(label.clone());
            self.output(at, label);
        }
    }

    /// Groups by the rows of what the question is about.
    pub(super) fn group_by_subject(&mut self, i: usize) {
        if !self.query.group.is_empty() {
            return;
        }
        // the columns or the table that stand before the measure; or what follows it
        let select: Vec<usize> =
            (0..self.nodes.len()).filter(|j| !self.used[*j] && self.zones[*j] == Zone::Select).collect();
        let column = select.iter().find_map(|j| self.column(*j).filter(|_| *j < i || self.zones[i] == Zone::Select));
        let table = select.iter().find_map(|j| self.table(*j));
        match (column, table.or(self.subject)) {
            (Some((t, c)), Some(of))
                if of != t
                    || !self.ctx.lexicon.tables[t].label.contains(&c)
                        && self.ctx.lexicon.tables[t].primary_key != Some(c)
                        && self.repeats_in_table(t, c) =>
            {
                // `which city has the most members`: the city is the group
                let aggregated = self.query.order.iter().any(|(e, _)| matches!(e, Expr::Rows(x) if *x == t));
                let _ = aggregated;
                self.query.group = vec![Expr::Column(t, c)];
            }
            (_, Some(t)) => self.query.group = self.keyed_label(t),
            (Some((t, c)), None) => self.query.group = vec![Expr::Column(t, c)],
            (None, None) => {}
        }
    }

    /// Whether several rows of the table share a value of the column.
    pub(super) fn repeats_in_table(&self, t: usize, c: usize) -> bool {
        let table = &self.ctx.catalog.tables[t];
        let column = &table.columns[c];
        !column.unique && column.n_distinct.is_some_and(|n| n < table.rows * 0.9)
    }

    /// Sums of measures where a group is asked for: `revenue by city`.
    pub(super) fn summed(&self, expr: Expr) -> Expr {
        match expr {
            Expr::Column(t, c) if self.ctx.is_measure(t, c) && !self.ctx.is_year(t, c) => {
                Expr::aggregate(self.summary_of(t, c), Expr::Column(t, c))
            }
            other => other,
        }
    }
}
