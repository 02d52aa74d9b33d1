//! Embeddings without a model: every word is hashed to a direction.

/// A unit vector; texts that share words point in similar directions.
pub fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0f32; dimensions];
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    // a text without words still needs a direction
    for word in words.chain(std::iter::once("\u{1}")) {
        let hash = fnv1a(word.as_bytes());
        let sign = if hash & 1 == 0 { 1.0 } else { -1.0 };
        let weight = if word == "\u{1}" { 0.01 } else { 1.0 };
        vector[(hash >> 1) as usize % dimensions] += sign * weight;
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm == 0.0 {
        vector[0] = 1.0; // words that cancel each other out
        return vector;
    }
    vector.iter().map(|x| x / norm).collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::embed;

    #[test]
    fn similar_texts_are_near() {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let [books, book_loans, weather] =
            ["books of a member", "books lent to a member", "rain"].map(|text| embed(text, 64));
        assert!(dot(&books, &book_loans) > dot(&books, &weather));
        assert!((dot(&books, &books) - 1.0).abs() < 1e-5);
        assert!(embed("", 8).iter().any(|x| *x != 0.0));
    }
}
