//! Dates and spans of time in a question: `in March 2024`, `last quarter`,
//! `between 2024-01-01 and 2024-06-30`, `since 2023`. Half-open ranges of days.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::operator::Unit;
use super::token::{Kind, Token};

/// Days from `lo` up to, but without, `hi`; open where `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    pub lo: Option<Date>,
    pub hi: Option<Date>,
    /// As asked: `last quarter`.
    pub text: String,
    /// Depends on today.
    pub relative: bool,
    /// Made of whole years, so that it can be compared with a year column.
    pub years: bool,
}

/// A period at tokens `start..end`.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    pub period: Period,
    /// Only a number that looks like a year: may as well be a number.
    pub bare_year: bool,
}

/// Every period in the question, overlapping ones too.
pub fn find(tokens: &[Token], today: Date) -> Vec<Found> {
    let parser = Parser { tokens, today };
    (0..tokens.len()).filter_map(|start| parser.bounded(start)).collect()
}

struct Parser<'a> {
    tokens: &'a [Token],
    today: Date,
}

/// A range found by the parser, before `since`, `before` and the like are applied.
struct Range {
    lo: Date,
    hi: Date,
    end: usize,
    relative: bool,
    years: bool,
    bare: bool,
}

impl Parser<'_> {
    fn word(&self, i: usize) -> &str {
        self.tokens.get(i).map_or("", |t| if t.kind == Kind::Quoted { "" } else { t.folded.as_str() })
    }

    /// `since R`, `between R and R`, `from R to R`, `on R`, or a plain range.
    fn bounded(&self, start: usize) -> Option<Found> {
        let (w0, w1, w2) = (self.word(start), self.word(start + 1), self.word(start + 2));
        if matches!(w0, "between" | "from") {
            let first = self.range(start + 1)?;
            if matches!((w0, self.word(first.end)), ("between", "and") | ("from", "to" | "until" | "through" | "till"))
            {
                let second = self.range(first.end + 1)?;
                return self.found(start, second.end, Some(first.lo), Some(second.hi), &first, false);
            }
            return (w0 == "from")
                .then(|| self.found(start, first.end, Some(first.lo), Some(first.hi), &first, first.bare))?;
        }
        let bound = match (w0, w1, w2) {
            ("on" | "in", "or", "after" | "later") => Some((3, Bound::From)),
            ("on" | "in", "or", "before") => Some((3, Bound::UpTo)),
            ("later", "than", _) => Some((2, Bound::After)),
            ("earlier", "than", _) | ("prior", "to", _) => Some((2, Bound::Before)),
            ("up", "to", _) => Some((2, Bound::UpTo)),
            ("since", ..) => Some((1, Bound::From)),
            ("after", ..) => Some((1, Bound::After)),
            ("before", ..) => Some((1, Bound::Before)),
            ("until" | "till" | "through", ..) => Some((1, Bound::UpTo)),
            ("in" | "during" | "on" | "within" | "throughout" | "over", ..) => Some((1, Bound::In)),
            _ => None,
        };
        let (skip, bound) = bound.unwrap_or((0, Bound::In));
        let skip = skip + usize::from(matches!(self.word(start + skip), "the" | "year") && skip > 0);
        let skip = skip + usize::from(matches!(self.word(start + skip), "year") && skip > 0);
        let range = self.range(start + skip)?;
        let (lo, hi) = match bound {
            Bound::In => (Some(range.lo), Some(range.hi)),
            Bound::From => (Some(range.lo), None),
            Bound::After => (Some(range.hi), None),
            Bound::Before => (None, Some(range.lo)),
            Bound::UpTo => (None, Some(range.hi)),
        };
        let later = matches!(
            (self.word(range.end), self.word(range.end + 1)),
            ("or", "later" | "after") | ("and", "later" | "after")
        );
        let earlier = matches!((self.word(range.end), self.word(range.end + 1)), ("or", "earlier" | "before"));
        let (lo, hi, end) = match (later, earlier) {
            (true, _) => (Some(range.lo), None, range.end + 2),
            (_, true) => (None, Some(range.hi), range.end + 2),
            _ => (lo, hi, range.end),
        };
        let bare = range.bare && skip == 0;
        self.found(start, end, lo, hi, &range, bare)
    }

    fn found(
        &self,
        start: usize,
        end: usize,
        lo: Option<Date>,
        hi: Option<Date>,
        range: &Range,
        bare_year: bool,
    ) -> Option<Found> {
        if let (Some(lo), Some(hi)) = (lo, hi)
            && lo >= hi
        {
            return None;
        }
        let text = self.tokens[start..end].iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ");
        let period = Period { lo, hi, text, relative: range.relative, years: range.years };
        Some(Found { start, end, period, bare_year })
    }

    fn range(&self, start: usize) -> Option<Range> {
        let start = start + usize::from(self.word(start) == "the");
        self.absolute(start).or_else(|| self.relative(start))
    }

    fn absolute(&self, i: usize) -> Option<Range> {
        let of =
            |lo: Date, hi: Date, end: usize| Some(Range { lo, hi, end, relative: false, years: false, bare: false });
        if let Kind::Date(day) = self.tokens.get(i)?.kind {
            // a time of day that follows is dropped
            let mut end = i + 1;
            while end < self.tokens.len()
                && end < i + 6
                && matches!(self.tokens[end].kind, Kind::Number(_) | Kind::Symbol(':'))
                && self.tokens[end].start <= self.tokens[end - 1].end + 1
            {
                end += 1;
            }
            return of(day, day.tomorrow().ok()?, end);
        }
        if let Some(month) = month(self.word(i)) {
            if let (Some(day), Some((year, end))) = (self.day(i + 1), self.year_after(i + 2)) {
                let day = Date::new(year, month, day).ok()?;
                return of(day, day.tomorrow().ok()?, end);
            }
            if let Some((year, end)) = self.year_after(i + 1) {
                return of(date(year, month, 1), add(date(year, month, 1), Unit::Month, 1)?, end);
            }
            // `may` and `march` are also other words: alone they need a capital or `in` before them
            let word = self.word(i);
            let sure = self.tokens[i].proper
                || word.len() > 3 && word != "march"
                || i > 0 && matches!(self.word(i - 1), "in" | "during" | "since" | "until");
            if sure && self.day(i + 1).is_none() {
                let this = date(self.today.year(), month, 1);
                let lo = if this > self.today { add(this, Unit::Year, -1)? } else { this };
                return Some(Range {
                    lo,
                    hi: add(lo, Unit::Month, 1)?,
                    end: i + 1,
                    relative: true,
                    years: false,
                    bare: false,
                });
            }
            return None;
        }
        if let Some(day) = self.day(i) {
            let of_word = usize::from(self.word(i + 1) == "of");
            if let (Some(month), Some((year, end))) =
                (month(self.word(i + 1 + of_word)), self.year_after(i + 2 + of_word))
            {
                let day = Date::new(year, month, day).ok()?;
                return of(day, day.tomorrow().ok()?, end);
            }
        }
        let quarter = match (self.word(i), self.word(i + 1)) {
            ("q1", _) | ("first" | "1st", "quarter") => Some(1),
            ("q2", _) | ("second" | "2nd", "quarter") => Some(4),
            ("q3", _) | ("third" | "3rd", "quarter") => Some(7),
            ("q4", _) | ("fourth" | "4th", "quarter") => Some(10),
            _ => None,
        };
        if let Some(month) = quarter {
            let words = if self.word(i + 1) == "quarter" { 2 } else { 1 };
            if let Some((year, end)) = self.year_after(i + words) {
                return of(date(year, month, 1), add(date(year, month, 1), Unit::Quarter, 1)?, end);
            }
            let lo = date(self.today.year(), month, 1);
            return Some(Range {
                lo,
                hi: add(lo, Unit::Quarter, 1)?,
                end: i + words,
                relative: true,
                years: false,
                bare: false,
            });
        }
        let year = self.year(i)?;
        Some(Range {
            lo: date(year, 1, 1),
            hi: date(year + 1, 1, 1),
            end: i + 1,
            relative: false,
            years: true,
            bare: true,
        })
    }

    fn relative(&self, i: usize) -> Option<Range> {
        let of =
            |lo: Date, hi: Date, end: usize| Some(Range { lo, hi, end, relative: true, years: false, bare: false });
        let tomorrow = self.today.tomorrow().ok()?;
        match self.word(i) {
            "today" => return of(self.today, tomorrow, i + 1),
            "yesterday" => return of(self.today.yesterday().ok()?, self.today, i + 1),
            "tomorrow" => return of(tomorrow, tomorrow.tomorrow().ok()?, i + 1),
            _ => {}
        }
        let whole = matches!(self.word(i), "last" | "previous" | "prior");
        if whole || matches!(self.word(i), "past" | "recent") {
            if let Some(unit) = unit(self.word(i + 1)) {
                if self.word(i) == "past" || self.word(i) == "recent" {
                    return of(add(self.today, unit, -1)?, tomorrow, i + 2);
                }
                let this = floor(self.today, unit)?;
                let mut range = of(add(this, unit, -1)?, this, i + 2)?;
                range.years = unit == Unit::Year;
                return Some(range);
            }
            let (count, unit) = (self.count(i + 1)?, unit(self.word(i + 2))?);
            return of(add(self.today, unit, -count)?, tomorrow, i + 3);
        }
        if matches!(self.word(i), "this" | "current") {
            let unit = unit(self.word(i + 1))?;
            let lo = floor(self.today, unit)?;
            let mut range = of(lo, add(lo, unit, 1)?, i + 2)?;
            range.years = unit == Unit::Year;
            return Some(range);
        }
        if self.word(i) == "next" {
            let unit = unit(self.word(i + 1))?;
            let lo = add(floor(self.today, unit)?, unit, 1)?;
            return of(lo, add(lo, unit, 1)?, i + 2);
        }
        if let (Some(count), Some(unit), "ago") = (self.count(i), unit(self.word(i + 1)), self.word(i + 2)) {
            let day = add(self.today, unit, -count)?;
            return of(day, day.tomorrow().ok()?, i + 3);
        }
        None
    }

    fn year(&self, i: usize) -> Option<i16> {
        let token = self.tokens.get(i)?;
        match token.kind {
            Kind::Number(n) if token.text.len() == 4 && (1500.0..2100.0).contains(&n) && n.fract() == 0.0 => {
                Some(n as i16)
            }
            _ => None,
        }
    }

    /// A year, perhaps after `,` or `of`.
    fn year_after(&self, i: usize) -> Option<(i16, usize)> {
        let i = i + usize::from(matches!(self.word(i), "," | "of" | "in"));
        self.year(i).map(|year| (year, i + 1))
    }

    fn day(&self, i: usize) -> Option<i8> {
        let digits = self.word(i).trim_end_matches(char::is_alphabetic);
        let suffix = &self.word(i)[digits.len()..];
        if !matches!(suffix, "" | "st" | "nd" | "rd" | "th") || digits.len() > 2 {
            return None;
        }
        digits.parse().ok().filter(|d| (1..=31).contains(d))
    }

    fn count(&self, i: usize) -> Option<i64> {
        match self.tokens.get(i)?.kind {
            Kind::Number(n) if (1.0..=1000.0).contains(&n) && n.fract() == 0.0 => Some(n as i64),
            _ => number_word(self.word(i)).map(|n| n as i64),
        }
    }
}

enum Bound {
    In,
    From,
    After,
    Before,
    UpTo,
}

/// `three` → 3.
pub fn number_word(word: &str) -> Option<f64> {
    let words =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    words.iter().position(|w| *w == word).map(|n| n as f64)
}

/// Whether a word speaks of a time, understood or not: what it narrows down must not be passed over.
pub fn is_time_word(word: &str) -> bool {
    month(word).is_some()
        || unit(word).is_some()
        || matches!(
            word,
            "monday"
                | "tuesday"
                | "wednesday"
                | "thursday"
                | "friday"
                | "saturday"
                | "sunday"
                | "mondays"
                | "tuesdays"
                | "wednesdays"
                | "thursdays"
                | "fridays"
                | "saturdays"
                | "sundays"
                | "weekday"
                | "weekdays"
                | "weekend"
                | "weekends"
                | "today"
                | "yesterday"
                | "tomorrow"
                | "christmas"
                | "easter"
                | "thanksgiving"
                | "summer"
                | "winter"
                | "spring"
                | "autumn"
                | "morning"
                | "evening"
                | "night"
                | "noon"
                | "midnight"
                | "ytd"
                | "mtd"
                | "qtd"
                | "fiscal"
                | "holiday"
                | "holidays"
        )
}

fn month(word: &str) -> Option<i8> {
    let names = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let found = names
        .iter()
        .position(|n| *n == word || word.len() == 3 && n.starts_with(word) || word == "sept" && *n == "september")?;
    Some(found as i8 + 1)
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "day" | "days" => Unit::Day,
        "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "quarter" | "quarters" => Unit::Quarter,
        "year" | "years" => Unit::Year,
        _ => return None,
    })
}

/// The first day of the unit that `day` is in; weeks begin on Monday.
fn floor(day: Date, unit: Unit) -> Option<Date> {
    match unit {
        Unit::Day => Some(day),
        Unit::Week => day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok(),
        Unit::Month => Some(day.first_of_month()),
        Unit::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
        Unit::Year => Some(day.first_of_year()),
    }
}

fn add(day: Date, unit: Unit, count: i64) -> Option<Date> {
    let span = match unit {
        Unit::Day => count.days(),
        Unit::Week => count.weeks(),
        Unit::Month => count.months(),
        Unit::Quarter => (3 * count).months(),
        Unit::Year => count.years(),
    };
    day.checked_add(span).ok()
}

#[cfg(test)]
mod tests {
    use super::super::token::tokenize;
    use super::*;

    fn longest(question: &str) -> Option<(String, String)> {
        let found = find(&tokenize(question), date(2025, 5, 14));
        let best = found.into_iter().max_by_key(|f| f.end - f.start)?.period;
        let show = |d: Option<Date>| d.map_or("".into(), |d| d.to_string());
        Some((show(best.lo), show(best.hi)))
    }

    #[test]
    fn periods() {
        for (question, lo, hi) in [
            ("loans in 2024", "2024-01-01", "2025-01-01"),
            ("since March 2024", "2024-03-01", ""),
            ("after 2020", "2021-01-01", ""),
            ("before May 3, 2024", "", "2024-05-03"),
            ("last quarter", "2025-01-01", "2025-04-01"),
            ("last month", "2025-04-01", "2025-05-01"),
            ("in the past 30 days", "2025-04-14", "2025-05-15"),
            ("this week", "2025-05-12", "2025-05-19"),
            ("between 2024-01-10 and 2024-02-10", "2024-01-10", "2024-02-11"),
            ("from January 2024 to March 2024", "2024-01-01", "2024-04-01"),
            ("in Q4 2023", "2023-10-01", "2024-01-01"),
            ("2023 or later", "2023-01-01", ""),
            ("on 2nd of June 2024", "2024-06-02", "2024-06-03"),
        ] {
            assert_eq!(longest(question), Some((lo.to_string(), hi.to_string())), "{question}");
        }
        assert_eq!(longest("members may borrow books"), None);
    }
}
