//! What a column is for, guessed from names, types and statistics: keys, labels,
//! years, flags, money, the date that a table's rows happened on.

use super::{ColumnWords, TableWords};
use crate::schema::{Column, Family, Table};

/// Whether the column holds dates or points in time.
pub fn is_temporal(column: &Column) -> bool {
    matches!(column.family, Family::Date | Family::Timestamp)
}

/// Whether the column identifies rows rather than measures them.
pub fn is_key_like(words: &ColumnWords, column: &Column) -> bool {
    column.key && column.unique
        || words.last_is(&["id", "uuid", "ssn"])
        || words.last_is(&["code", "key"]) && column.family == Family::Number
}

/// A number that can sensibly be summed or compared.
pub fn is_measure(words: &ColumnWords, column: &Column) -> bool {
    column.family == Family::Number && !is_key_like(words, column)
}

/// A number that is a calendar year.
pub fn is_year(words: &ColumnWords, column: &Column) -> bool {
    if !matches!(column.family, Family::Number | Family::Text) {
        return false;
    }
    let named = words.has_any(&["year", "found", "establish", "built", "open", "season", "releas"]);
    let in_range = |text: &Option<String>| match text.as_deref().map(str::parse::<f64>) {
        Some(Ok(year)) => (1000.0..=2200.0).contains(&year),
        Some(Err(_)) => false,
        None => true,
    };
    named && in_range(&column.min) && in_range(&column.max) && (column.min.is_some() || words.has_any(&["year"]))
}

/// Text that people read: can be searched for values, printed as a label.
pub fn is_text(column: &Column) -> bool {
    matches!(column.family, Family::Text | Family::Enum)
}

/// The column that identifies rows of the table, if one does.
pub fn primary_key(words: &TableWords, table: &Table) -> Option<usize> {
    let columns = || table.columns.iter().enumerate();
    let keys: Vec<usize> = columns().filter(|(_, c)| c.key).map(|(i, _)| i).collect();
    if keys.len() == 1 {
        return Some(keys[0]);
    }
    if keys.len() > 1 {
        return None;
    }
    let unique = |i: usize| {
        let column = &table.columns[i];
        column.unique
            || table.rows >= 2.0
                && column.n_distinct.is_some_and(|n| n >= table.rows * 0.99)
                && column.null_frac.unwrap_or(0.0) == 0.0
    };
    let id_like = |i: usize| words.columns[i].last_is(&["id"]);
    columns()
        .map(|(i, _)| i)
        .find(|i| id_like(*i) && unique(*i) && words.columns[*i].is_named_after_table)
        .or_else(|| columns().map(|(i, _)| i).find(|i| id_like(*i) && unique(*i)))
        .or_else(|| columns().map(|(i, _)| i).find(|i| table.columns[*i].unique))
}

/// The columns that are printed when the table itself is asked for.
pub fn label(words: &TableWords, table: &Table) -> Vec<usize> {
    let columns = &words.columns;
    let find = |test: &dyn Fn(&ColumnWords, &Column) -> bool| {
        (0..table.columns.len()).find(|i| test(&columns[*i], &table.columns[*i]))
    };
    let own_name = |name: &str| {
        let name = name.to_string();
        find(&move |w: &ColumnWords, c: &Column| is_text(c) && w.own_words() == [name.as_str()])
    };
    if let Some(i) = own_name("name").or_else(|| own_name("titl")) {
        return vec![i];
    }
    let first = find(&|w, c| is_text(c) && w.own_words() == ["first", "name"]);
    let last =
        find(&|w, c| is_text(c) && w.own_words() == ["last", "name"] || is_text(c) && w.own_words() == ["surnam"]);
    if let (Some(first), Some(last)) = (first, last) {
        return vec![first, last];
    }
    let named = find(&|w, c| {
        is_text(c) && w.has_any(&["name"]) && !w.has_any(&["first", "middl"]) || is_text(c) && w.has_any(&["titl"])
    })
    .or_else(|| find(&|w, c| is_text(c) && w.is_table_word_only))
    .or_else(|| find(&|w, c| is_text(c) && w.has_any(&["usernam", "symbol", "label"])))
    .or_else(|| find(&|w, c| is_text(c) && w.has_any(&["detail", "descript"])));
    if let Some(i) = named {
        return vec![i];
    }
    primary_key(words, table).into_iter().collect()
}

/// The date on which the table's rows happened, if it has one.
pub fn main_date(words: &TableWords, table: &Table) -> Option<usize> {
    let score = |i: usize| -> i32 {
        let (w, c) = (&words.columns[i], &table.columns[i]);
        if !is_temporal(c) {
            return i32::MIN;
        }
        let mut score = 10 - (i as i32).min(8);
        if w.own_words() == ["date"] || w.is_named_after_table {
            score += 20;
        }
        if w.has_any(&["date", "timestamp", "at", "on", "time"]) {
            score += 4;
        }
        if w.has_any(&["updat", "modifi", "delet", "birth", "due", "expir", "end", "cancel", "termin"]) {
            score -= 30;
        }
        if w.has_any(&["creat", "load", "insert"]) {
            score -= 5;
        }
        score
    };
    (0..table.columns.len())
        .filter(|i| is_temporal(&table.columns[*i]))
        .max_by_key(|i| (score(*i), std::cmp::Reverse(*i)))
}

/// A column of yes and no: true when `common` looks like a flag's values.
pub fn is_flag(words: &ColumnWords, column: &Column) -> bool {
    if column.family == Family::Bool {
        return true;
    }
    let named = words.starts_with_any(&["is", "has", "on", "can", "allow"]) || words.last_is(&["flag", "yn"]);
    let values = ["0", "1", "t", "f", "y", "n", "yes", "no", "true", "false"];
    named && !column.common.is_empty() && column.common.iter().all(|v| values.contains(&v.to_lowercase().as_str()))
}
