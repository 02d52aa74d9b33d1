//! Where a question says what it wants and where it says of which rows.

use super::super::operator::Op;
use super::super::resolve::{Item, Node};
use super::Zone;

/// The zone of every piece.
pub fn zones(nodes: &[Node]) -> Vec<Zone> {
    let mut zones = Vec::with_capacity(nodes.len());
    let mut zone = Zone::Select;
    let mut sentence = 0;
    // `Among members from Oslo, how many …`: a leading clause up to its comma
    let mut leading = begins_with_clause(nodes, 0);
    for (i, node) in nodes.iter().enumerate() {
        if leading {
            zone = Zone::Where;
        }
        match &node.item {
            Item::Stop => {
                sentence = i + 1;
                zone = Zone::Select;
                leading = begins_with_clause(nodes, sentence);
            }
            Item::Comma if leading => {
                leading = false;
                zone = Zone::Select;
            }
            Item::Word | Item::Op(_) | Item::Unknown if !leading => {
                if asks(nodes, i, sentence) {
                    zone = Zone::Select;
                } else if narrows(nodes, i, sentence) {
                    zone = Zone::Where;
                }
            }
            _ => {}
        }
        zones.push(zone);
    }
    zones
}

/// Pieces of sentences that tell how to answer rather than what: `Match all names exactly.`
pub fn notes(nodes: &[Node]) -> Vec<usize> {
    let mut notes = Vec::new();
    let mut inside = false;
    for (i, node) in nodes.iter().enumerate() {
        if i > 0 && matches!(nodes[i - 1].item, Item::Stop) {
            inside = matches!(
                node.word.as_str(),
                "match"
                    | "note"
                    | "ensure"
                    | "treat"
                    | "consider"
                    | "represent"
                    | "assume"
                    | "use"
                    | "round"
                    | "ignore"
                    | "always"
                    | "hint"
            );
        }
        if inside {
            notes.push(i);
        }
    }
    notes
}

fn word(nodes: &[Node], i: usize) -> &str {
    nodes.get(i).map_or("", |n| n.word.as_str())
}

fn begins_with_clause(nodes: &[Node], start: usize) -> bool {
    let has_comma =
        nodes[start..].iter().take_while(|n| !matches!(n.item, Item::Stop)).any(|n| matches!(n.item, Item::Comma));
    let question = matches!(word(nodes, start + 1), "which" | "what" | "how" | "whom");
    has_comma
        && !question
        && (matches!(
            word(nodes, start),
            "among"
                | "amongst"
                | "in"
                | "of"
                | "from"
                | "during"
                | "for"
                | "considering"
                | "if"
                | "when"
                | "out"
                | "on"
        ) || nodes.get(start).is_some_and(|n| matches!(n.item, Item::Op(Op::Each))))
}

/// Whether a question or a command begins at `i`.
fn asks(nodes: &[Node], i: usize, sentence: usize) -> bool {
    let begins = i == sentence
        || matches!(nodes[i - 1].item, Item::Comma)
        || word(nodes, i - 1) == "and"
        || word(nodes, i - 1) == "also";
    let w = word(nodes, i);
    if begins
        && matches!(
            w,
            "what"
                | "how"
                | "show"
                | "list"
                | "give"
                | "find"
                | "return"
                | "display"
                | "tell"
                | "which"
                | "who"
                | "report"
                | "compute"
                | "calculate"
                | "their"
                | "its"
                | "where"
                | "when"
        )
    {
        return true;
    }
    if begins && i > sentence && matches!(nodes[i].item, Item::Op(Op::Count)) {
        return true;
    }
    // `members along with their cities`
    matches!(w, "with")
        && (matches!(word(nodes, i + 1), "their" | "its" | "his" | "her")
            || matches!(word(nodes, i.wrapping_sub(1)), "along" | "together"))
}

/// Whether what follows `i` narrows the rows down.
fn narrows(nodes: &[Node], i: usize, sentence: usize) -> bool {
    let w = word(nodes, i);
    let first = i == sentence;
    match w {
        "that" | "whose" | "having" | "when" | "if" | "whom" => true,
        "who" | "which" | "where" => {
            !first
                && (w == "who"
                    || !matches!(word(nodes, i - 1), "in" | "on" | "and" | "from" | "for" | "by" | "to" | "at" | "of"))
        }
        "with" => !first,
        "has" | "have" | "had" => i > sentence + 1 && !matches!(word(nodes, i + 1), "been"),
        "did" | "does" | "do" => false,
        _ => matches!(nodes[i].item, Item::Op(Op::No | Op::Never | Op::Order | Op::Named)),
    }
}
