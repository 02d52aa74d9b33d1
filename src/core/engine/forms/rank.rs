//! Superlatives, top-N, most common, and orders.

use super::super::ir::{Direction, Expr};
use super::super::operator::{ADJECTIVES, Aggregate, Op};
use super::super::resolve::Item;
use super::{Builder, Zone};

impl Builder<'_> {
    /// `the oldest member`, `top 5 books by loans`, `the most common city`.
    pub(super) fn rankings(&mut self) {
        for i in 0..self.nodes.len() {
            match self.op(i) {
                Some(Op::Common) => self.common(i, Direction::Descending),
                Some(Op::Rare) => self.common(i, Direction::Ascending),
                Some(Op::Top) => self.top(i, Direction::Descending),
                Some(Op::Bottom) => self.top(i, Direction::Ascending),
                Some(Op::Most) => self.superlative(i, None, true),
                Some(Op::Least) => self.superlative(i, None, false),
                Some(Op::Superlative(a)) => self.superlative(i, Some(a), ADJECTIVES[a].more),
                // `with the maximum age`
                Some(Op::Agg(Aggregate::Max)) if self.zones[i] == Zone::Where => self.superlative(i, None, true),
                Some(Op::Agg(Aggregate::Min)) if self.zones[i] == Zone::Where => self.superlative(i, None, false),
                _ => {}
            }
        }
    }

    /// How many are wanted: `top 5`, `3 oldest`; one where nothing is said.
    fn wanted(&mut self, i: usize) -> u64 {
        let near = [Some(i + 1), i.checked_sub(1)].into_iter().flatten();
        for j in near {
            if let Some(n) = self.number(j).filter(|n| !self.used[j] && *n >= 1.0 && *n <= 1000.0 && n.fract() == 0.0) {
                self.take(j);
                return n as u64;
            }
        }
        // `which three cities have the largest …`: the number stands with what is wanted
        let wanted = (0..i).find(|j| {
            !self.used[*j]
                && self.zones[*j] == Zone::Select
                && self.number(*j).is_some_and(|n| (2.0..=100.0).contains(&n) && n.fract() == 0.0)
                && matches!(self.nodes.get(j + 1).map(|n| &n.item), Some(Item::Table(_) | Item::Column(..)))
                && !matches!(j.checked_sub(1).and_then(|b| self.op(b)), Some(Op::Cmp(_)))
        });
        if let Some(j) = wanted
            && let Some(n) = self.number(j)
        {
            self.take(j);
            return n as u64;
        }
        1
    }

    /// Groups that have the most or the fewest rows.
    fn common(&mut self, i: usize, direction: Direction) {
        let target = self.right_until(i, &["that", "who", "with"]);
        let Some(j) = target.filter(|j| matches!(self.item(*j), Item::Column(..) | Item::Table(_))) else {
            self.most_often(i, direction);
            return;
        };
        let limit = self.wanted(i);
        let (key, rows) = match self.item(j) {
            Item::Column(t, c) => (vec![Expr::Column(*t, *c)], *t),
            Item::Table(t) => {
                // `most popular books`: those that most rows of another table point to
                let Some(other) = self.facts_of(*t) else {
                    return;
                };
                (self.keyed_label(*t), other)
            }
            _ => return,
        };
        self.take(i);
        self.take(j);
        self.form = "most common";
        let label: Vec<Expr> = match self.item(j) {
            Item::Table(t) => self.ctx.label(*t),
            _ => key.clone(),
        };
        for expr in label {
            self.output(j, expr);
        }
        // counted are rows of the subject where the column belongs to another table
        let counted = self
            .named()
            .into_iter()
            .find(|t| *t != rows && matches!(self.item(j), Item::Column(..)) && self.points_to(*t, rows));
        self.query.group = key;
        self.order_by(Expr::Rows(counted.unwrap_or(rows)), direction);
        self.query.limit = Some(limit);
    }

    /// `which book was borrowed most often`: the table before says of what.
    fn most_often(&mut self, i: usize, direction: Direction) {
        let before = (0..i).rev().find_map(|j| self.table(j).filter(|t| Some(*t) != self.subject).map(|t| (j, t)));
        let counted = before.map(|b| b.1).or_else(|| self.facts_of(self.subject?));
        let Some(counted) = counted else { return };
        let limit = self.wanted(i).max(self.query.limit.unwrap_or(1));
        self.take(i);
        if let Some((j, _)) = before {
            self.take(j);
        }
        self.form = "most";
        self.rank(Expr::Rows(counted), direction, limit, i);
    }

    /// `who spent the most`: the measure stands before.
    fn measured_before(&mut self, i: usize, more: bool, limit: u64) -> bool {
        let Some(j) = self.left(i).filter(|j| !self.used[*j] && i - j <= 3) else { return false };
        let Some((t, c)) = self.column(j).filter(|(t, c)| self.ctx.is_measure(*t, *c)) else { return false };
        self.take(i);
        self.take(j);
        let many = self.subject.is_some_and(|s| s != t && self.is_many(s, t));
        let column = Expr::Column(t, c);
        self.form = "most";
        self.rank(
            if many { Expr::aggregate(self.summary_of(t, c), column) } else { column },
            Self::direction(more),
            limit,
            i,
        );
        true
    }

    /// Whether a row of `from` belongs to one of `to`.
    fn points_to(&self, from: usize, to: usize) -> bool {
        self.ctx.graph.edges().iter().any(|e| e.from == from && e.to == to)
    }

    /// The table whose rows refer to `t`: one that is named, or the largest.
    pub(super) fn facts_of(&self, t: usize) -> Option<usize> {
        let refers: Vec<usize> =
            self.ctx.graph.edges().iter().filter(|e| e.to == t && e.from != t).map(|e| e.from).collect();
        let named = self.named();
        refers.iter().copied().find(|f| named.contains(f)).or_else(|| {
            refers
                .into_iter()
                .max_by(|a, b| self.ctx.catalog.tables[*a].rows.total_cmp(&self.ctx.catalog.tables[*b].rows))
        })
    }

    /// Label of the table, with its key where the label alone may repeat.
    pub(super) fn keyed_label(&self, t: usize) -> Vec<Expr> {
        let label = self.ctx.label(t);
        let words = &self.ctx.lexicon.tables[t];
        let unique = words.label.len() == 1 && self.ctx.catalog.column(t, words.label[0]).unique;
        match words.primary_key {
            Some(key) if !unique && !words.label.contains(&key) => {
                let mut keys = vec![Expr::Column(t, key)];
                keys.extend(label);
                keys
            }
            _ => label,
        }
    }

    fn top(&mut self, i: usize, direction: Direction) {
        let limit = self.wanted(i);
        self.take(i);
        self.form = "top";
        self.query.limit = Some(limit);
        // a superlative later on says by what: `top 5 members with the most loans`
        let superlative =
            (i + 1..self.nodes.len()).any(|j| matches!(self.op(j), Some(Op::Most | Op::Least | Op::Superlative(_))));
        if superlative {
            return;
        }
        let by = (i + 1..self.nodes.len()).find(|j| {
            self.is_word(*j, &["by"])
                || self.nodes[*j].word == "based"
                || self.nodes[*j].word == "terms"
                || matches!(self.op(*j), Some(Op::Order))
        });
        let Some(by) = by else {
            // `top rated`: nothing says by what
            self.trouble.guessed_output = true;
            if let Some(t) = self.right(i).and_then(|j| self.table(j)) {
                let rating = (0..self.ctx.catalog.tables[t].columns.len()).find(|c| {
                    self.ctx.lexicon.column(t, *c).has_any(&["rate", "score", "rank", "point"])
                        && self.ctx.is_comparable(t, *c)
                });
                if let Some(c) = rating {
                    self.order_by(Expr::Column(t, c), direction);
                }
            }
            return;
        };
        let from = if self.nodes[by].word == "based" || self.nodes[by].word == "terms" { by + 2 } else { by + 1 };
        if self.op(by) == Some(Op::Order) {
            self.take(by);
        }
        if let Some(measure) = self.measure_from(from) {
            measure.pieces.iter().for_each(|p| self.take(*p));
            // `top 5 members by revenue`: a column of another table is summed up
            let entity = self.right(i).and_then(|j| self.table(j)).or(self.subject);
            let expr = match measure.expr {
                Expr::Column(t, c)
                    if Some(t) != entity && entity.is_some_and(|e| self.is_many(e, t)) && self.ctx.is_measure(t, c) =>
                {
                    Expr::aggregate(self.summary_of(t, c), Expr::Column(t, c))
                }
                other => other,
            };
            if expr.is_aggregate() {
                self.group_by_subject(i);
            }
            self.order_by(expr.clone(), direction);
            self.output(measure.last, expr);
        }
    }

    /// Whether many rows of `other` belong to one of `table`.
    pub(super) fn is_many(&self, table: usize, other: usize) -> bool {
        self.ctx
            .graph
            .connect(&[table, other], &self.named())
            .is_some_and(|tree| tree.repeats(table, self.ctx.graph.edges()))
    }

    /// Amounts are added up; ratings, prices and ages averaged.
    pub(super) fn summary_of(&self, t: usize, c: usize) -> Aggregate {
        if self.ctx.lexicon.column(t, c).has_any(&[
            "rate",
            "score",
            "age",
            "price",
            "percent",
            "grade",
            "height",
            "weight",
            "temperatur",
            "gpa",
        ]) {
            Aggregate::Avg
        } else {
            Aggregate::Sum
        }
    }

    /// `the most loans`, `the highest price`, `oldest`.
    fn superlative(&mut self, i: usize, adjective: Option<usize>, more: bool) {
        // ordinals and times of day: `first name` is a column, `first of all` is nothing
        let limit_before = self.query.limit;
        let place = self.ordinal_before(i);
        let limit = if place > 1 { 1 } else { self.wanted(i) };
        self.query.offset = place - 1;
        let direction = Self::direction(more);
        let whole_select = self.zones[i] == Zone::Select;
        if let Some(measure) = self.measure_from(i + 1).filter(|m| m.pieces.iter().all(|p| !self.used[*p])) {
            let near = measure.last - i <= 6;
            let first = measure.pieces[0];
            match measure.expr.clone() {
                // `highest` of a table: an adjective about its rows, unless it counts them
                Expr::Rows(t) if adjective.is_some() && self.op(first) != Some(Op::Count) => {
                    self.rank_by_adjective(i, adjective, Some(t), limit.max(limit_before.unwrap_or(1)));
                    return;
                }
                Expr::Rows(t) => {
                    measure.pieces.iter().for_each(|p| self.take(*p));
                    self.take(i);
                    self.form = "most";
                    self.rank(Expr::Rows(t), direction, limit.max(limit_before.unwrap_or(1)), i);
                    return;
                }
                Expr::Column(t, c) if near => {
                    let ordered = self.ctx.is_comparable(t, c) || self.ctx.is_temporal(t, c);
                    if ordered {
                        let direction = self.time_direction(adjective, more, t, c);
                        self.take(i);
                        let alone = whole_select
                            && self.outputs.is_empty()
                            && (limit, place) == (1, 1)
                            && limit_before.is_none();
                        if alone && self.stands_alone(i) {
                            let function =
                                if direction == Direction::Descending { Aggregate::Max } else { Aggregate::Min };
                            measure.pieces.iter().for_each(|p| self.take(*p));
                            self.bare_superlative = Some((measure.last, function, Expr::Column(t, c)));
                            self.form = "aggregate";
                            self.output(measure.last, Expr::aggregate(function, Expr::Column(t, c)));
                            return;
                        }
                        measure.pieces.iter().for_each(|p| self.take(*p));
                        self.form = "superlative";
                        self.rank(Expr::Column(t, c), direction, limit.max(limit_before.unwrap_or(1)), i);
                        return;
                    }
                    if adjective.is_none() && !self.ctx.is_temporal(t, c) {
                        // `the most countries`: how many different ones
                        measure.pieces.iter().for_each(|p| self.take(*p));
                        self.take(i);
                        self.form = "most";
                        let count = Expr::Aggregate {
                            function: Aggregate::Count,
                            distinct: true,
                            argument: Box::new(Expr::Column(t, c)),
                        };
                        self.rank(count, direction, limit.max(limit_before.unwrap_or(1)), i);
                        return;
                    }
                }
                expr if near && expr.is_aggregate() => {
                    measure.pieces.iter().for_each(|p| self.take(*p));
                    self.take(i);
                    self.form = "most";
                    self.rank(expr, direction, limit.max(limit_before.unwrap_or(1)), i);
                    return;
                }
                _ => {}
            }
        }
        if adjective.is_none() && self.measured_before(i, more, limit.max(limit_before.unwrap_or(1))) {
            return;
        }
        if adjective.is_some() {
            let table = self.right(i).and_then(|j| match *self.item(j) {
                Item::Table(t) => Some(t),
                Item::Column(t, _) | Item::Value { table: t, .. } => Some(t),
                _ => None,
            });
            self.rank_by_adjective(
                i,
                adjective,
                table.or_else(|| self.table_near(i)),
                limit.max(limit_before.unwrap_or(1)),
            );
        }
    }

    /// `the second oldest`: which place is meant, 1 where nothing is said.
    fn ordinal_before(&mut self, i: usize) -> u64 {
        let Some(j) = i.checked_sub(1).filter(|j| !self.used[*j]) else { return 1 };
        let place = match self.nodes[j].word.as_str() {
            "second" | "2nd" => 2,
            "third" | "3rd" => 3,
            "fourth" | "4th" => 4,
            "fifth" | "5th" => 5,
            _ => return 1,
        };
        self.take(j);
        place
    }

    /// `lowest date` is rare, but `latest year` is not `highest length`.
    fn time_direction(&self, adjective: Option<usize>, more: bool, t: usize, c: usize) -> Direction {
        let words = self.ctx.lexicon.column(t, c);
        let told =
            adjective.and_then(|a| ADJECTIVES[a].concepts.iter().find(|(stem, _)| words.has_any(&[stem])).map(|c| c.1));
        Self::direction(told.unwrap_or(more))
    }

    /// `What is the highest price [of books]?`: nothing but the measure is asked for.
    fn stands_alone(&self, i: usize) -> bool {
        let before = (0..i).any(|j| {
            matches!(self.nodes[j].item, Item::Column(..) | Item::Table(_) | Item::Op(Op::Count))
                && self.zones[j] == Zone::Select
        });
        let which = self.nodes[..i].iter().any(|n| matches!(n.word.as_str(), "which" | "who"));
        !before && !which
    }

    fn rank_by_adjective(&mut self, i: usize, adjective: Option<usize>, table: Option<usize>, limit: u64) {
        let Some(a) = adjective else { return };
        let Some((t, c, more)) = self.concept(a, table) else {
            return;
        };
        self.take(i);
        self.say_column(i, t, c);
        self.form = "superlative";
        self.rank(Expr::Column(t, c), Self::direction(more), limit, i);
    }

    /// Orders by the measure and keeps the first rows.
    fn rank(&mut self, expr: Expr, direction: Direction, limit: u64, i: usize) {
        if expr.is_aggregate() {
            self.group_by_subject(i);
        }
        self.order_by(expr, direction);
        self.query.limit = Some(limit);
    }

    /// `ordered by age`, `in descending order of price`, `alphabetically`.
    pub(super) fn orders(&mut self) {
        for i in 0..self.nodes.len() {
            let Some(op @ (Op::Order | Op::Ascending | Op::Descending | Op::Alphabetical)) = self.op(i) else {
                continue;
            };
            let direction = self.order_direction(i);
            self.take(i);
            // `the highest mountains, ordered by …`: all of them
            if op == Op::Order && self.form == "superlative" && self.query.limit == Some(1) {
                self.query.limit = None;
            }
            let follows = op == Op::Order
                || self.is_word(i + 1, &["of", "by", "according"])
                || matches!(self.nodes[i].end - self.nodes[i].start, 4..);
            if follows {
                let mut at = i + 1;
                let mut found = false;
                while let Some(measure) = self.measure_from(at).filter(|m| m.last < i + 9) {
                    let last = measure.last;
                    let counted = measure.pieces.iter().any(|p| matches!(self.nodes[*p].item, Item::Op(Op::Count)));
                    let expr = if counted { measure.expr } else { self.order_expr(measure.expr) };
                    let nearer = self.direction_after(last).unwrap_or(direction);
                    measure.pieces.iter().for_each(|p| self.take(*p));
                    self.order_by(expr, nearer);
                    found = true;
                    if !self.is_word(last + 1, &["and", "then"])
                        && !matches!(self.nodes.get(last + 1).map(|n| &n.item), Some(Item::Comma))
                    {
                        break;
                    }
                    at = last + 2;
                }
                if found {
                    continue;
                }
            }
            // a column just before: `by age in descending order` was taken by then
            if self.query.order.is_empty() {
                self.trouble.unused_operators += usize::from(op == Op::Order);
                self.query.order.push((Expr::All(usize::MAX), direction));
            } else if op != Op::Order
                && let Some(last) = self.query.order.last_mut()
            {
                last.1 = direction;
            }
        }
    }

    fn order_expr(&self, expr: Expr) -> Expr {
        match expr {
            // ordering by a table's rows means by how many there are, by its own by its name
            Expr::Rows(t) if Some(t) == self.subject && self.query.group.is_empty() => self.ctx.label(t).swap_remove(0),
            other => other,
        }
    }

    /// The direction that piece `i` or a neighbour says.
    fn order_direction(&self, i: usize) -> Direction {
        let of = |j: usize| match self.nodes.get(j).map(|n| &n.item) {
            Some(Item::Op(Op::Descending)) => Some(Direction::Descending),
            Some(Item::Op(Op::Ascending | Op::Alphabetical)) => Some(Direction::Ascending),
            _ => None,
        };
        of(i)
            .or_else(|| of(i + 1))
            .or_else(|| (i + 2..(i + 9).min(self.nodes.len())).find_map(of))
            .unwrap_or(Direction::Ascending)
    }

    fn direction_after(&mut self, i: usize) -> Option<Direction> {
        for j in i + 1..(i + 3).min(self.nodes.len()) {
            match self.op(j) {
                Some(Op::Descending) => {
                    self.take(j);
                    return Some(Direction::Descending);
                }
                Some(Op::Ascending | Op::Alphabetical) => {
                    self.take(j);
                    return Some(Direction::Ascending);
                }
                _ => {}
            }
        }
        None
    }
}
