//! Bodies of `/chat/completions` and `/embeddings`: JSON of every shape, and what is none.

use super::fuzz;
use crate::wire::{chat_reply, embeddings, error_code};
use proptest::collection::vec;
use proptest::prelude::*;

/// The keys that are looked for, and strings that servers put there.
fn text() -> impl Strategy<Value = String> {
    let known = [
        "data",
        "index",
        "embedding",
        "choices",
        "message",
        "content",
        "text",
        "error",
        "code",
        "type",
        "usage",
        "refusal",
        "finish_reason",
        "prompt_tokens",
        "length",
        "\\u0000",
        "\\ud800",
        "\\n",
        "sk-secret",
        "",
    ];
    prop_oneof![4 => proptest::sample::select(known.map(String::from).to_vec()), 1 => "[a-zé🦀]{0,8}"]
}

/// JSON as text, so that numbers may be anything and keys may come twice.
fn json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][-+]?[0-9]{1,6})?",
        proptest::sample::select(vec![
            "1e400",
            "-1e400",
            "1e-400",
            "1e39",
            "0",
            "-0.0",
            "NaN",
            "Infinity",
            "18446744073709551616"
        ])
        .prop_map(String::from),
    ];
    let leaf = prop_oneof![number, text().prop_map(|text| format!("\"{text}\"")), "null|true|false"];
    leaf.prop_recursive(6, 48, 6, |inner| {
        let object = vec((text(), inner.clone()), 0..5).prop_map(|fields| {
            let fields: Vec<_> = fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        });
        prop_oneof![vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))), object]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let chat =
        json().prop_map(|json| format!("{{\"choices\":[{{\"message\":{{\"content\":{json}}}}}],\"usage\":{json}}}"));
    let vectors = vec((json(), json()), 0..4).prop_map(|items| {
        let items: Vec<_> = items.iter().map(|(a, b)| format!("{{\"index\":{a},\"embedding\":[{b}]}}")).collect();
        format!("{{\"data\":[{}]}}", items.join(","))
    });
    let good = vec((0u64..4, vec(any::<f32>(), 1..4)), 1..4).prop_map(|items| {
        let items: Vec<_> = items.iter().map(|(i, v)| format!("{{\"index\":{i},\"embedding\":{v:?}}}")).collect();
        format!("{{\"data\":[{}]}}", items.join(","))
    });
    let deep = ("[\\[{]|\\{\"data\":|\\{\"error\":\\[", 1usize..300_000).prop_map(|(open, depth)| open.repeat(depth));
    let text = prop_oneof![4 => json(), 4 => chat, 4 => vectors, 4 => good, 1 => deep].prop_map(String::into_bytes);
    // and as a broken line leaves it
    let broken = (text, any::<prop::sample::Index>(), any::<u8>(), 0..6u8).prop_map(|(mut body, at, byte, how)| {
        let at = at.index(body.len().max(1)).min(body.len());
        match how {
            0 => body.truncate(at),
            1 => body.insert(at, byte),
            2 if at < body.len() => body[at] = byte,
            _ => {}
        }
        body
    });
    prop_oneof![12 => broken, 1 => vec(any::<u8>(), 0..300)]
}

#[test]
fn bodies() {
    fuzz((body(), 0usize..4, proptest::option::of(0usize..4)), |(body, count, dimensions)| {
        if let Ok(reply) = chat_reply(body) {
            prop_assert!(!reply.text.trim().is_empty() && !reply.text.contains('\0'));
        }
        if let Some(code) = error_code(body) {
            prop_assert!(code.len() <= 48 && code.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_'));
        }
        if let Ok(vectors) = embeddings(body, *count, *dimensions) {
            prop_assert_eq!(vectors.len(), *count);
            let length = vectors.first().map_or(0, Vec::len);
            prop_assert!(dimensions.is_none_or(|wanted| vectors.is_empty() || wanted == length));
            for vector in vectors {
                let usable = vector.iter().all(|x| x.is_finite()) && vector.iter().any(|x| *x != 0.0);
                prop_assert!(vector.len() == length && length > 0 && usable);
            }
        }
        Ok(())
    });
}
