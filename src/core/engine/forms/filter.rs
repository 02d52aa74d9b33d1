//! Filters: stored values, quoted texts and patterns, plain numbers, missing
//! values, flags, and rows that other rows do or do not belong to.

use super::super::ir::{Condition, Expr, Literal, Query, SetOperation};
use super::super::operator::{Comparison, Op};
use super::super::resolve::Item;
use super::{Builder, Zone};
use crate::link::profile;

impl Builder<'_> {
    /// `without loans`, `who never borrowed`: no row of the other table.
    pub(super) fn absences(&mut self) {
        for i in 0..self.nodes.len() {
            let Some(op) = self.op(i) else { continue };
            let reach = match op {
                Op::No => 4,
                Op::Never | Op::Not => 7,
                _ => continue,
            };
            let Some(subject) = self.main_table() else {
                continue;
            };
            let end = self.clause_end(i, reach);
            let table = (i + 1..end).find(|j| self.table(*j).is_some_and(|t| t != subject) && !self.used[*j]);
            let column = (i + 1..end).find(|j| self.column(*j).is_some() && !self.used[*j]);
            if let (Op::No, Some(j), None) = (op, column, table) {
                // `members without a phone number`
                let Some((t, c)) = self.column(j) else {
                    continue;
                };
                self.take(i);
                self.take(j);
                if profile::is_flag(self.ctx.lexicon.column(t, c), self.ctx.catalog.column(t, c)) {
                    self.filter(Condition::Flag(Expr::Column(t, c), false));
                } else if t == subject {
                    self.filter(Condition::Null(Expr::Column(t, c), true));
                } else {
                    self.filter(Condition::Exists { subject, table: t, filters: Vec::new(), negated: true });
                }
                self.form = "absence";
                continue;
            }
            // a value of another table makes that table the one that is absent
            let foreign =
                (i + 1..end).find(|j| matches!(self.nodes[*j].item, Item::Value { table, .. } if table != subject));
            let target = match (table, foreign) {
                (Some(j), _) => self.table(j),
                (None, Some(j)) => match self.nodes[j].item {
                    Item::Value { table, .. } => Some(table),
                    _ => None,
                },
                (None, None) => None,
            };
            let Some(target) = target else { continue };
            if self.ctx.graph.distance(subject, target).is_none() {
                continue;
            }
            let mut filters = Vec::new();
            for j in i + 1..end {
                match self.nodes[j].item.clone() {
                    Item::Value { table, column, value, .. } if table != subject => {
                        filters.push(Condition::Compare(
                            Expr::Column(table, column),
                            Comparison::Eq,
                            Literal::Text(value),
                        ));
                        self.take(j);
                        self.absorb_label(j, table, column);
                    }
                    Item::Table(t) if t != subject => self.take(j),
                    _ => {}
                }
            }
            // periods inside the clause belong to what is absent: `no loans in 2024`
            let mut kept = Vec::new();
            for condition in std::mem::take(&mut self.query.filters) {
                let mut tables = Vec::new();
                condition.tables(&mut tables);
                if !matches!(condition, Condition::Exists { .. }) && tables == [target] {
                    filters.push(condition);
                } else {
                    kept.push(condition);
                }
            }
            self.query.filters = kept;
            self.take(i);
            self.form = "absence";
            self.filter(Condition::Exists { subject, table: target, filters, negated: true });
        }
    }

    /// Where the clause that begins at `i` ends, at most `reach` pieces on.
    fn clause_end(&self, i: usize, reach: usize) -> usize {
        let mut count = 0;
        for j in i + 1..self.nodes.len() {
            let stop = match self.nodes[j].item {
                Item::Stop | Item::Comma => true,
                Item::Word if matches!(self.nodes[j].word.as_str(), "and" | "but" | "that" | "who" | "which") => true,
                Item::Word => false,
                Item::Op(Op::Order | Op::Each | Op::Or) => true,
                _ => {
                    count += 1;
                    count > reach
                }
            };
            if stop {
                return j;
            }
        }
        self.nodes.len()
    }

    /// `starts with "A"`, `contains wood`, `named Hall`.
    pub(super) fn texts(&mut self) {
        for i in 0..self.nodes.len() {
            let Some(op @ (Op::Starts | Op::Ends | Op::Contains | Op::Named)) = self.op(i) else {
                continue;
            };
            let Some((j, text)) = self.text_right(i) else {
                continue;
            };
            if op == Op::Named
                && let Item::Value { .. } = self.nodes[j].item
            {
                // the value pass knows its column
                self.take(i);
                continue;
            }
            let Some((pieces, t, c)) = self.text_column(i) else {
                continue;
            };
            let negated = self.negated(i);
            self.take(i);
            self.take(j);
            pieces.iter().for_each(|p| self.take(*p));
            if op == Op::Named && matches!(self.nodes[j].item, Item::Text(_)) {
                self.note_missing(t, c);
            }
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let expr = Expr::Column(t, c);
            self.filter(match op {
                Op::Starts => Condition::Like(expr, format!("{escaped}%"), negated),
                Op::Ends => Condition::Like(expr, format!("%{escaped}"), negated),
                Op::Contains => Condition::Like(expr, format!("%{escaped}%"), negated),
                _ => {
                    Condition::Compare(expr, if negated { Comparison::Ne } else { Comparison::Eq }, Literal::Text(text))
                }
            });
            // `with "x" in its name` says the column once more
            if let Some(column) = (j + 1..(j + 5).min(self.nodes.len())).find(|k| self.column(*k) == Some((t, c))) {
                self.take(column);
            }
        }
    }

    /// Values of columns with few of them are all known to the value index.
    fn note_missing(&mut self, t: usize, c: usize) {
        if self.ctx.catalog.column(t, c).n_distinct.is_some_and(|n| n <= 2000.0) {
            self.trouble.missing_value = true;
        }
    }

    fn text_right(&self, i: usize) -> Option<(usize, String)> {
        for j in i + 1..(i + 6).min(self.nodes.len()) {
            match &self.nodes[j].item {
                Item::Text(text) => return Some((j, text.clone())),
                Item::Value { value, similarity, .. } => {
                    // what was typed, where the stored value only resembles it
                    let typed = self.nodes[j].word.clone();
                    return Some((j, if *similarity < 1.0 { typed } else { value.clone() }));
                }
                Item::Word
                    if !matches!(self.nodes[j].word.as_str(), "and" | "that") && self.nodes[j].word.len() > 1 => {}
                Item::Word if matches!(self.nodes[j].word.as_str(), "a" | "i") && j + 1 == self.nodes.len() => {
                    return Some((j, self.nodes[j].word.clone()));
                }
                Item::Unknown => return Some((j, self.nodes[j].word.clone())),
                Item::Word => {}
                _ => return None,
            }
        }
        None
    }

    /// The text column that a pattern is about: named before or after it, or the label of the table near it.
    fn text_column(&self, i: usize) -> Option<(Vec<usize>, usize, usize)> {
        for j in (i.saturating_sub(5)..i).rev() {
            match self.nodes[j].item {
                Item::Column(t, c) if self.ctx.is_text(t, c) => return Some((vec![j], t, c)),
                Item::Word | Item::Unknown => {}
                _ => break,
            }
        }
        let after = (i + 1..(i + 7).min(self.nodes.len()))
            .find_map(|j| self.column(j).filter(|(t, c)| self.ctx.is_text(*t, *c)).map(|(t, c)| (vec![j], t, c)));
        if after.is_some() && self.op(i) == Some(Op::Contains) {
            return after;
        }
        let t = self.table_near(i)?;
        let c = *self.ctx.lexicon.tables[t].label.first()?;
        self.ctx.is_text(t, c).then(|| (Vec::new(), t, c))
    }

    /// Stored values: equal, one of several, none of several, both.
    pub(super) fn values(&mut self) {
        let mut i = 0;
        while i < self.nodes.len() {
            let Item::Value { table, column, .. } = self.nodes[i].item.clone() else {
                self.quoted(i);
                i += 1;
                continue;
            };
            if self.used[i] {
                i += 1;
                continue;
            }
            let run = self.run_of_values(i, table, column);
            let mut values = Vec::new();
            for j in &run {
                if let Item::Value { value, similarity, .. } = &self.nodes[*j].item {
                    values.push(value.clone());
                    self.note_value(*j, table, column, &value.clone(), *similarity);
                }
            }
            let negated = self.negated_value(i);
            let both = self.both(&run);
            for j in &run {
                self.take(*j);
                self.absorb_label(*j, table, column);
            }
            let expr = Expr::Column(table, column);
            if both && !negated && values.len() == 2 {
                self.intersect(expr, &values);
            } else if values.len() == 1 {
                let comparison = if negated { Comparison::Ne } else { Comparison::Eq };
                let condition = Condition::Compare(expr, comparison, Literal::Text(values.remove(0)));
                self.value_filter(i, condition);
            } else {
                self.filter(Condition::In(expr, values, negated));
            }
            i = run.last().map_or(i, |l| *l) + 1;
        }
    }

    /// Adds the filter; `or` between filters of different columns makes them alternatives.
    fn value_filter(&mut self, i: usize, condition: Condition) {
        let or = (0..i).rev().take(4).find(|j| matches!(self.nodes[*j].item, Item::Op(Op::Or)) && !self.used[*j]);
        match (or, self.query.filters.pop()) {
            (Some(or), Some(before)) if before.can_be_alternative() => {
                self.take(or);
                self.query.filters.push(Condition::either(before, condition));
            }
            (_, before) => {
                self.query.filters.extend(before);
                self.filter(condition);
            }
        }
    }

    /// The value at `i` and those that `and`, `or` and commas join to it, of the same column.
    fn run_of_values(&mut self, i: usize, table: usize, column: usize) -> Vec<usize> {
        let mut run = vec![i];
        let mut at = i + 1;
        let mut between = Vec::new();
        while at < self.nodes.len() && at <= run[run.len() - 1] + 4 {
            match &self.nodes[at].item {
                Item::Value { table: t, column: c, .. } if (*t, *c) == (table, column) && !between.is_empty() => {
                    for b in between.drain(..) {
                        self.take(b);
                    }
                    run.push(at);
                }
                Item::Op(Op::Or) => between.push(at),
                Item::Comma => between.push(at),
                Item::Word if matches!(self.nodes[at].word.as_str(), "and" | "as" | "well") => between.push(at),
                Item::Word
                    if matches!(self.nodes[at].word.as_str(), "in" | "the" | "is" | "of" | "from" | "by" | "nor") => {}
                Item::Column(t, c) if (*t, *c) == (table, column) => {}
                _ => break,
            }
            at += 1;
        }
        run
    }

    /// Whether `both` or a plain `and` asks for rows that have the two values.
    fn both(&mut self, run: &[usize]) -> bool {
        if run.len() != 2 {
            return false;
        }
        if let Some(j) = (0..run[0]).rev().take(5).find(|j| self.op(*j) == Some(Op::Both)) {
            self.take(j);
            return true;
        }
        false
    }

    /// Rows that both values hold for, each through rows of its own.
    fn intersect(&mut self, expr: Expr, values: &[String]) {
        let [first, second] = values else { return };
        let condition = |value: &String| Condition::Compare(expr.clone(), Comparison::Eq, Literal::Text(value.clone()));
        self.form = "both";
        self.query.set =
            Some((SetOperation::Intersect, Box::new(Query { filters: vec![condition(second)], ..Query::default() })));
        self.filter(condition(first));
    }

    fn negated_value(&mut self, i: usize) -> bool {
        let mut steps = 0;
        for j in (0..i).rev() {
            match self.nodes[j].item {
                Item::Op(Op::Not | Op::Except | Op::No | Op::Never | Op::Cmp(Comparison::Ne)) => {
                    self.take(j);
                    return true;
                }
                Item::Word | Item::Column(..) | Item::Unknown => {}
                _ => return false,
            }
            steps += 1;
            if steps > 4 || self.is_word(j, &["and", "that", "who", "which", "with"]) {
                return false;
            }
        }
        false
    }

    /// The column's name beside its value adds nothing: `city Oslo`, `the city of Oslo`.
    fn absorb_label(&mut self, i: usize, table: usize, column: usize) {
        for j in (i.saturating_sub(4)..i).rev() {
            match self.nodes[j].item {
                Item::Column(t, c) if (t, c) == (table, column) => {
                    let asked = self.zones[j] == Zone::Select && self.is_asked_for(j);
                    if !asked {
                        self.take(j);
                    }
                    break;
                }
                Item::Op(Op::Cmp(Comparison::Eq) | Op::Named) => self.take(j),
                Item::Word | Item::Op(Op::Not) => {}
                _ => break,
            }
        }
        if let Some(j) = Some(i + 1).filter(|j| self.column(*j) == Some((table, column))) {
            self.take(j);
        }
    }

    /// Whether `what`, `which` or a command asks for the column itself: `which city`.
    fn is_asked_for(&self, j: usize) -> bool {
        let before: Vec<&str> = self.nodes[..j].iter().rev().take(3).map(|n| n.word.as_str()).collect();
        before.first().is_some_and(|w| matches!(*w, "which" | "what"))
            || before.iter().any(|w| matches!(*w, "list" | "show" | "find" | "give"))
    }

    fn note_value(&mut self, i: usize, table: usize, column: usize, value: &str, similarity: f32) {
        let node = &self.nodes[i];
        let typed = node.word.clone();
        if similarity < 1.0
            || !value.to_lowercase().starts_with(&typed)
            || typed.chars().next().is_some_and(char::is_lowercase)
                && value.chars().next().is_some_and(char::is_uppercase)
        {
            let note = format!("'{typed}' read as {} = '{value}'", self.name_of(table, column));
            if !self.assumptions.contains(&note) {
                self.assumptions.push(note);
            }
        }
    }

    /// A quoted text that is stored nowhere, after a text column: compared as it stands.
    fn quoted(&mut self, i: usize) {
        let Item::Text(text) = &self.nodes[i].item else {
            return;
        };
        if self.used[i] {
            return;
        }
        let text = text.clone();
        let mut at = i;
        while let Some(j) = at.checked_sub(1) {
            match self.nodes[j].item {
                Item::Column(t, c) if self.ctx.is_text(t, c) => {
                    let negated = self.negated_value(i);
                    self.take(i);
                    self.take(j);
                    let comparison = if negated { Comparison::Ne } else { Comparison::Eq };
                    self.note_missing(t, c);
                    self.filter(Condition::Compare(Expr::Column(t, c), comparison, Literal::Text(text)));
                    return;
                }
                Item::Word | Item::Op(Op::Cmp(Comparison::Eq) | Op::Named) if i - j < 5 => at = j,
                _ => return,
            }
        }
    }

    /// `year 1990`, `order 42`: a number after the column or table that it belongs to.
    pub(super) fn numbers(&mut self) {
        for i in 0..self.nodes.len() {
            let Some(n) = self.number(i).filter(|_| !self.used[i]) else {
                continue;
            };
            let mut at = i;
            for _ in 0..5 {
                let Some(j) = at.checked_sub(1) else { break };
                at = j;
                match self.nodes[j].item {
                    Item::Column(t, c) if !self.used[j] || self.zones[j] == Zone::Where => {
                        let fits = self.ctx.is_comparable(t, c)
                            || self.ctx.is_text(t, c)
                                && (self.ctx.catalog.column(t, c).key
                                    || self.ctx.lexicon.column(t, c).has_any(&["number", "code", "id"]));
                        let joined = self
                            .is_word(j + 1, &["of", "is", "are", "was", "equal", "equals", "to", "with", "as", "in"])
                            || j + 1 == i
                            || matches!(self.nodes[j + 1].item, Item::Op(Op::Cmp(_) | Op::Not | Op::Named));
                        if fits && joined {
                            let negated = self.negated_value(i);
                            self.take(i);
                            self.take(j);
                            for k in j + 1..i {
                                if matches!(self.nodes[k].item, Item::Op(Op::Cmp(Comparison::Eq))) {
                                    self.take(k);
                                }
                            }
                            let comparison = if negated { Comparison::Ne } else { Comparison::Eq };
                            self.filter(Condition::Compare(Expr::Column(t, c), comparison, Literal::Number(n)));
                        }
                        break;
                    }
                    Item::Table(t) if j + 1 == i || j + 2 == i && self.is_word(j + 1, &["number", "id"]) => {
                        let key = self.ctx.lexicon.tables[t].primary_key;
                        if let Some(c) = key.filter(|c| self.ctx.is_comparable(t, *c)) {
                            self.take(i);
                            self.take(j);
                            self.filter(Condition::Compare(Expr::Column(t, c), Comparison::Eq, Literal::Number(n)));
                        }
                        break;
                    }
                    Item::Word | Item::Op(Op::Cmp(Comparison::Eq) | Op::Not | Op::Named) => {}
                    _ => break,
                }
            }
        }
    }

    /// `whose phone is missing`; `active members`, `members that are not active`.
    pub(super) fn nulls_and_flags(&mut self) {
        for i in 0..self.nodes.len() {
            if let Some(op @ (Op::Missing | Op::Present)) = self.op(i) {
                let near = self
                    .left(i)
                    .filter(|j| self.column(*j).is_some())
                    .or_else(|| self.right(i).filter(|j| self.column(*j).is_some()));
                if let Some((j, (t, c))) = near.and_then(|j| self.column(j).map(|c| (j, c))) {
                    self.take(i);
                    self.take(j);
                    self.filter(Condition::Null(Expr::Column(t, c), op == Op::Missing));
                }
            }
            if let Some((t, c)) = self.column(i).filter(|_| !self.used[i]) {
                let flag = profile::is_flag(self.ctx.lexicon.column(t, c), self.ctx.catalog.column(t, c));
                let describes = self.zones[i] == Zone::Where
                    || self.right(i).is_some_and(|j| self.table(j) == Some(t) && j == i + 1)
                    || i > 0 && self.is_word(i - 1, &["is", "are", "was", "were"]);
                if flag && describes {
                    let yes = !self.negated_value(i);
                    self.take(i);
                    self.filter(Condition::Flag(Expr::Column(t, c), yes));
                }
            }
        }
    }
}
