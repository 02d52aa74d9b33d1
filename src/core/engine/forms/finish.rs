//! What is left is asked for: plain outputs; then the query is put together.

use super::super::ir::{Condition, Direction, Expr, Literal, Query, SetOperation};
use super::super::operator::{Aggregate, Op};
use super::super::resolve::Item;
use super::{Builder, Reading, Zone};

impl Builder<'_> {
    /// Columns and tables that are named where the question says what it wants.
    pub(super) fn plain_outputs(&mut self) {
        for i in 0..self.nodes.len() {
            if self.used[i] || self.zones[i] != Zone::Select {
                continue;
            }
            match *self.item(i) {
                Item::Column(t, c) => {
                    self.take(i);
                    let column = Expr::Column(t, c);
                    if self.is_money(i) && self.query.group.is_empty() && self.ctx.is_measure(t, c) {
                        self.form = "aggregate";
                        self.output(i, Expr::aggregate(Aggregate::Sum, column));
                        continue;
                    }
                    let grouped = !self.query.group.is_empty() && !self.query.group.contains(&column);
                    let expr = if grouped && self.form == "group" { self.summed(column) } else { column };
                    self.output(i, expr);
                    self.rest_of_name(i, t, c);
                }
                Item::Op(Op::Everything) => {
                    if let Some(t) = self.right_until(i, &["that"]).and_then(|j| self.table(j)).or(self.main_table()) {
                        self.take(i);
                        self.output(i, Expr::All(t));
                    }
                }
                Item::Op(Op::Distinct) => {
                    self.take(i);
                    self.query.distinct = true;
                }
                Item::Table(t) if self.is_asked_for_itself(i, t) => {
                    self.take(i);
                    for expr in self.ctx.label(t) {
                        self.output(i, expr);
                    }
                }
                _ => {}
            }
        }
    }

    /// `name` of people: the last name goes with the first.
    fn rest_of_name(&mut self, i: usize, t: usize, c: usize) {
        let label = &self.ctx.lexicon.tables[t].label;
        if let [first, last] = label[..] {
            let node = &self.nodes[i];
            if first == c && node.end - node.start == 1 && matches!(node.word.as_str(), "name" | "names") {
                self.output(i, Expr::Column(t, last));
            }
        }
    }

    /// `revenue` alone: nothing else is listed, so it is summed up.
    fn is_money(&self, i: usize) -> bool {
        super::super::lattice::is_money(&self.nodes[i].word)
            && !self.nodes[..i].iter().any(|n| matches!(n.item, Item::Table(_) | Item::Column(..)))
    }

    /// Whether the table at `i` stands for its rows' names: `list members`, not `names of members`.
    fn is_asked_for_itself(&self, i: usize, t: usize) -> bool {
        // `member names`, `member's names`
        let mut next = i + 1;
        if self.is_word(next, &["'s"]) {
            next += 1;
        }
        if self.column(next).is_some_and(|c| c.0 == t) {
            return false;
        }
        let counted = self.outputs.iter().any(|(_, e)| e.is_aggregate()) && self.query.group.is_empty();
        let mut j = i;
        while j > 0 {
            j -= 1;
            match &self.nodes[j].item {
                Item::Word => match self.nodes[j].word.as_str() {
                    "of" | "for" | "in" | "from" | "by" | "at" | "to" | "on" | "with" | "into" | "per" | "through" => {
                        return false;
                    }
                    "and" => {
                        // the second of two nouns that a preposition before governs
                        let governed =
                            (0..j).rev().take(6).any(|k| self.is_word(k, &["of", "for", "in", "from", "by", "at"]));
                        return !governed && !counted;
                    }
                    "the" | "all" | "each" | "every" | "a" | "an" | "any" | "'s" | "our" | "me" | "us" | "their"
                    | "its" => {}
                    _ => return !counted || self.outputs.is_empty(),
                },
                Item::Op(
                    Op::Superlative(_) | Op::Most | Op::Top | Op::Bottom | Op::Common | Op::Distinct | Op::Least,
                )
                | Item::Number(_)
                | Item::Value { .. }
                | Item::Unknown => {}
                Item::Comma | Item::Stop => return !counted,
                _ => return false,
            }
        }
        !counted
    }

    /// A last sentence `Return the name and city.` says all that is wanted.
    fn prefer_return_clause(&mut self) {
        let starts = (1..self.nodes.len()).rev().filter(|i| matches!(self.nodes[i - 1].item, Item::Stop));
        let Some(start) = starts.into_iter().find(|i| {
            matches!(
                self.nodes[*i].word.as_str(),
                "return" | "give" | "show" | "list" | "display" | "output" | "include"
            )
        }) else {
            return;
        };
        let later: Vec<&(usize, Expr)> = self.outputs.iter().filter(|(at, _)| *at >= start).collect();
        let aggregated = later.iter().any(|(_, e)| e.is_aggregate());
        if later.iter().any(|(_, e)| !e.is_aggregate()) {
            self.outputs.retain(|(at, e)| *at >= start || e.is_aggregate() && !aggregated);
        }
    }

    /// `*` says nothing beside other outputs, and cannot be grouped.
    fn leave_out_wholes(&mut self) {
        let grouped = self.query.is_grouped();
        self.query.group.retain(|e| !matches!(e, Expr::All(_)));
        if grouped && self.query.outputs.iter().any(|e| !matches!(e, Expr::All(_))) {
            self.query.outputs.retain(|e| !matches!(e, Expr::All(_)));
        }
    }

    /// `loans per month`: what is listed per group is counted.
    fn counted_subject(&mut self) {
        let aggregated = self.outputs.iter().any(|(_, e)| e.is_aggregate());
        if self.each.is_empty() || aggregated || !self.query.order.is_empty() || self.form != "group" {
            return;
        }
        let keys = &self.each;
        let Some(t) = self.subject.filter(|t| {
            !keys.iter().any(|k| matches!(k, Expr::Column(x, _) if x == t && self.ctx.label(*t).contains(k)))
        }) else {
            return;
        };
        let label = self.ctx.label(t);
        let own = |e: &Expr| label.contains(e);
        if self.outputs.iter().all(|(_, e)| own(e) || keys.contains(e)) && self.outputs.iter().any(|(_, e)| own(e)) {
            self.outputs.retain(|(_, e)| !own(e));
            self.outputs.push((usize::MAX, Expr::Rows(t)));
        }
    }

    /// `the most expensive book of each genre`: the first row of every group.
    fn first_of_each(&mut self) {
        let plain = self.query.order.first().is_some_and(|(e, _)| !e.is_aggregate());
        if self.each.is_empty() || self.query.limit != Some(1) || self.query.order.is_empty() {
            return;
        }
        let keys = std::mem::take(&mut self.each);
        if plain {
            self.query.group.clear();
        }
        self.query.limit = None;
        for (key, at) in keys.iter().zip(0..) {
            self.query.order.insert(at, (key.clone(), Direction::Ascending));
            if !self.query.outputs.contains(key) {
                self.query.outputs.insert(at, key.clone());
            }
        }
        self.query.first_of = keys;
        self.form = "first of each";
    }

    pub(super) fn finish(mut self) -> Option<Reading> {
        self.prefer_return_clause();
        self.counted_subject();
        self.default_output()?;
        // keys first, as a table of results is read
        let each = &self.each;
        self.outputs.sort_by_key(|(at, expr)| (!each.contains(expr), *at));
        let mut outputs: Vec<Expr> = Vec::new();
        for (_, expr) in std::mem::take(&mut self.outputs) {
            if !outputs.contains(&expr) {
                outputs.push(expr);
            }
        }
        self.query.outputs = outputs;
        self.leave_out_wholes();
        self.first_of_each();
        self.group_what_is_not_aggregated();
        self.resolve_order();
        self.split_contradictions();
        self.complete_set();
        self.count_groups();
        let (trouble, ignored) = self.count_trouble();
        let named = self.named();
        self.add_named_tables();
        self.keep_namesakes();
        self.order_by_time();
        Some(Reading { query: self.query, form: self.form, named, assumptions: self.assumptions, trouble, ignored })
    }

    /// A series over time is read from its beginning, asked for or not.
    fn order_by_time(&mut self) {
        let q = &mut self.query;
        if q.order.is_empty() && q.limit.is_none() && q.set.is_none() && !q.counted && q.first_of.is_empty() {
            let buckets = q.group.iter().filter(|key| matches!(key, Expr::Bucket(..)));
            q.order = buckets.map(|key| (key.clone(), Direction::Ascending)).collect();
        }
    }

    /// Where nothing is asked for by name: the subject itself.
    fn default_output(&mut self) -> Option<()> {
        let ranked_only = !self.outputs.is_empty()
            && self.outputs.iter().all(|(_, e)| e.is_aggregate() && self.query.order.iter().any(|(o, _)| o == e))
            && !self.query.group.is_empty();
        if self.outputs.is_empty() || ranked_only {
            let t = self.main_table()?;
            if !self.nodes.iter().any(|n| matches!(n.item, Item::Table(_))) {
                self.trouble.guessed_output = true;
            }
            let label = if self.query.group.is_empty()
                || self.query.group.iter().any(|g| matches!(g, Expr::Column(x, _) if *x == t))
                    && self.form != "group"
                    && self.query.group.len() > 1
            {
                self.ctx.label(t)
            } else {
                self.query.group.clone()
            };
            for (k, expr) in label.into_iter().enumerate() {
                if !self.outputs.iter().any(|(_, e)| *e == expr) {
                    self.outputs.insert(k, (0, expr));
                }
            }
        }
        Some(())
    }

    /// SQL wants every plain output in GROUP BY; so does the meaning: `city and number of members`.
    fn group_what_is_not_aggregated(&mut self) {
        let aggregated = self.query.outputs.iter().any(Expr::is_aggregate)
            || !self.query.having.is_empty()
            || self.query.order.iter().any(|(e, _)| e.is_aggregate());
        if !aggregated && self.query.group.is_empty() {
            return;
        }
        if !aggregated && self.query.having.is_empty() {
            // grouped, but nothing summed up: how many rows
            if self.form == "group" && self.query.outputs.iter().all(|o| self.query.group.contains(o)) {
                self.query.group.clear();
                self.query.distinct = true;
                return;
            }
        }
        // counting the rows of a table by one of its columns: its key would make every group one row
        let counted: Vec<usize> = {
            let compared = self.query.having.iter().filter_map(|h| match h {
                Condition::Compare(e, ..) | Condition::Between(e, ..) => Some(e),
                _ => None,
            });
            let all = self.query.outputs.iter().chain(self.query.order.iter().map(|o| &o.0)).chain(compared);
            all.filter_map(|e| match e {
                Expr::Rows(t) => Some(*t),
                _ => None,
            })
            .collect()
        };
        for output in &self.query.outputs {
            if output.is_aggregate() || self.query.group.contains(output) {
                continue;
            }
            if let Expr::All(t) = output {
                if let Some(key) = self.ctx.lexicon.tables[*t].primary_key {
                    let key = Expr::Column(*t, key);
                    if !self.query.group.contains(&key) {
                        self.query.group.push(key);
                    }
                }
                continue;
            }
            // a label may repeat: the key keeps its rows apart
            if let Expr::Column(t, c) = output {
                let words = &self.ctx.lexicon.tables[*t];
                if words.label.contains(c)
                    && !counted.contains(t)
                    && !self.ctx.catalog.column(*t, *c).unique
                    && let Some(key) = words.primary_key
                {
                    let key = Expr::Column(*t, key);
                    if !self.query.group.contains(&key) {
                        self.query.group.push(key);
                    }
                }
            }
            self.query.group.push(output.clone());
        }
        // conditions on groups of a subject that is not asked for by itself
        if self.query.group.is_empty()
            && !self.query.having.is_empty()
            && let Some(t) = self.subject
        {
            self.query.group = self.keyed_label(t);
        }
        let order: Vec<(Expr, Direction)> = std::mem::take(&mut self.query.order);
        let grouped = !self.query.group.is_empty();
        for (expr, direction) in order {
            let expr = match expr {
                Expr::Column(t, c)
                    if grouped && !self.query.group.contains(&Expr::Column(t, c)) && self.ctx.is_measure(t, c) =>
                {
                    self.summed(Expr::Column(t, c))
                }
                Expr::Column(t, c) if grouped && !self.query.group.contains(&Expr::Column(t, c)) => {
                    self.query.group.push(Expr::Column(t, c));
                    Expr::Column(t, c)
                }
                other => other,
            };
            self.query.order.push((expr, direction));
        }
    }

    /// An order by nothing in particular: by the count if there is one, or what is listed first.
    fn resolve_order(&mut self) {
        let fallback = self.query.outputs.iter().find(|o| o.is_aggregate()).or(self.query.outputs.first()).cloned();
        for (expr, _) in &mut self.query.order {
            if *expr == Expr::All(usize::MAX) {
                if let Some(Expr::All(t)) = fallback {
                    *expr = self.ctx.label(t).swap_remove(0);
                } else if let Some(fallback) = &fallback {
                    *expr = fallback.clone();
                }
            }
        }
        self.query.order.retain(|(e, _)| !matches!(e, Expr::All(_)));
        let aggregate_only = !self.query.outputs.is_empty()
            && self.query.outputs.iter().all(Expr::is_aggregate)
            && self.query.group.is_empty();
        if aggregate_only {
            self.query.order.clear();
            self.query.limit = None;
        }
    }

    /// `shared by people older than 30 and younger than 20`: no row is both, so two rows are meant.
    fn split_contradictions(&mut self) {
        use super::super::operator::Comparison::{Ge, Gt, Le, Lt};
        if self.query.set.is_some() || self.query.is_grouped() || self.query.limit.is_some() {
            return;
        }
        let bounds = |condition: &Condition| match condition {
            Condition::Compare(expr @ Expr::Column(..), op, Literal::Number(n)) => Some((expr.clone(), *op, *n)),
            _ => None,
        };
        let filters = &self.query.filters;
        let lower = filters.iter().filter_map(bounds).filter(|(_, op, _)| matches!(op, Gt | Ge));
        let pair = lower.into_iter().find_map(|(expr, _, low)| {
            filters
                .iter()
                .position(|f| bounds(f).is_some_and(|(e, op, high)| e == expr && matches!(op, Lt | Le) && high <= low))
        });
        if let Some(other) = pair {
            let condition = self.query.filters.remove(other);
            self.form = "both";
            self.query.set =
                Some((SetOperation::Intersect, Box::new(Query { filters: vec![condition], ..Query::default() })));
        }
    }

    /// The second query of an intersection returns the same columns under the other filters.
    fn complete_set(&mut self) {
        if let Some((SetOperation::Intersect, other)) = &mut self.query.set {
            let own = other.filters.clone();
            let shared: Vec<Condition> =
                self.query.filters.iter().filter(|f| !own.iter().any(|o| same_column(o, f))).cloned().collect();
            **other = Query {
                outputs: self.query.outputs.clone(),
                filters: own.into_iter().chain(shared).collect(),
                tables: self.query.tables.clone(),
                ..Query::default()
            };
        }
    }

    /// `how many members have more than 3 loans`: the groups themselves are counted.
    fn count_groups(&mut self) {
        if self.query.having.is_empty() || self.form == "group" {
            return;
        }
        match &self.query.outputs[..] {
            [Expr::Rows(t)] => {
                self.query.outputs = self.keyed_label(*t);
                self.query.outputs.truncate(1);
            }
            // `how many cities have more than 3 airports`
            [Expr::Aggregate { function: Aggregate::Count, argument, .. }] => {
                self.query.outputs = vec![(**argument).clone()];
                self.query.group = self.query.outputs.clone();
            }
            _ => return,
        }
        if self.query.group.is_empty() {
            self.query.group = self.query.outputs.clone();
        }
        self.query.counted = true;
    }

    /// What of the question the query leaves out: how much of each kind, and which pieces.
    fn count_trouble(&mut self) -> (super::Trouble, Vec<usize>) {
        let mut trouble = self.trouble;
        let mut ignored = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            match node.item {
                Item::Unknown => trouble.unknown_words += 1,
                _ if self.used[i] => continue,
                Item::Op(Op::Distinct | Op::Or | Op::Either | Op::Both) => continue,
                // `a good place`: told, but hardly what was asked for
                Item::Op(Op::Comparative(_)) => {}
                Item::Op(_) => trouble.unused_operators += 1,
                Item::Column(..) => trouble.unused_mentions += 1,
                Item::Value { .. } | Item::Text(_) => trouble.unused_values += 1,
                // `one` is as often no number
                Item::Number(n) if n != 1.0 || node.word == "1" => trouble.unused_numbers += 1,
                Item::Period(_) => {}
                _ => continue,
            }
            ignored.push(i);
        }
        (trouble, ignored)
    }

    /// Tables that are named but that no expression needs narrow the rows down by a join.
    fn add_named_tables(&mut self) {
        let all = self.query.all_tables();
        let absent: Vec<usize> = self
            .query
            .filters
            .iter()
            .filter_map(|f| match f {
                Condition::Exists { table, .. } => Some(*table),
                _ => None,
            })
            .collect();
        let mut tables = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            let Item::Table(t) = node.item else { continue };
            if !all.contains(&t) && !absent.contains(&t) && !tables.contains(&t) && !self.is_spurious(i, t) {
                tables.push(t);
            }
        }
        let root = all.first().copied();
        tables.retain(|t| root.is_none_or(|r| self.ctx.graph.distance(r, *t).is_some()));
        if !tables.is_empty() && !self.query.is_grouped() {
            self.query.distinct = true;
        }
        self.query.tables.extend(tables);
        // a list through a join that repeats rows: each once
        if !self.query.is_grouped() && self.query.all_tables().len() > 1 {
            let outputs: Vec<usize> = {
                let mut tables = Vec::new();
                self.query.outputs.iter().for_each(|o| o.tables(&mut tables));
                tables
            };
            if let [only] = outputs[..]
                && self.is_repeated(only)
            {
                self.query.distinct = true;
            }
        }
    }

    /// Rows of one table that a join repeats are told apart by their key: DISTINCT on a label that
    /// several rows share would make one of them.
    fn keep_namesakes(&mut self) {
        let q = &self.query;
        if !q.distinct || q.is_grouped() || q.set.is_some() || !q.first_of.is_empty() {
            return;
        }
        let mut tables = Vec::new();
        q.outputs.iter().for_each(|o| o.tables(&mut tables));
        let [t] = tables[..] else { return };
        let (label, words) = (self.ctx.label(t), &self.ctx.lexicon.tables[t]);
        let Some(key) = words.primary_key else { return };
        let column = |e: &Expr| match e {
            Expr::Column(_, c) => Some(*c),
            _ => None,
        };
        let unique = |c: usize| c == key || self.ctx.catalog.column(t, c).unique;
        let plain = q.outputs.iter().all(|o| column(o).is_some());
        let labelled = !label.is_empty() && label.iter().all(|l| q.outputs.contains(l));
        if !plain || !labelled || q.outputs.iter().filter_map(column).any(unique) {
            return;
        }
        let mut group = vec![Expr::Column(t, key)];
        group.extend(q.outputs.iter().cloned());
        for (expr, _) in &q.order {
            if !group.contains(expr) {
                group.push(expr.clone());
            }
        }
        self.query.group = group;
        self.query.distinct = false;
    }

    fn is_repeated(&self, t: usize) -> bool {
        let mut tables = self.query.all_tables();
        tables.retain(|x| *x != t);
        tables.insert(0, t);
        self.ctx.graph.connect(&tables, &self.named()).is_some_and(|tree| tree.repeats(t, self.ctx.graph.edges()))
    }

    /// A table mention that only echoes a column or value beside it.
    fn is_spurious(&self, i: usize, t: usize) -> bool {
        let near = |j: usize| match self.nodes.get(j).map(|n| &n.item) {
            Some(Item::Column(x, _) | Item::Value { table: x, .. }) => *x == t,
            _ => false,
        };
        near(i + 1) || i > 0 && near(i - 1)
    }
}

fn same_column(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (Condition::Compare(x, ..), Condition::Compare(y, ..)) => x == y,
        _ => false,
    }
}
