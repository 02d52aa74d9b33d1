//! Retry-After headers: any text, numbers and dates near the real ones.

use super::fuzz;
use crate::net::retry::parse_retry_after;
use proptest::prelude::*;

#[test]
fn retry_after() {
    let date = "[A-Z][a-z]{2}, [0-9]{1,2} (Jan|Feb|Mar|Dec|Foo) [0-9]{1,6} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3}( GMT)?";
    let number = "[-+]?[0-9]{0,40}\\.?[0-9]{0,5}(e[-+]?[0-9]{1,5})?|[-+]?inf|NaN| *[0-9]{1,3} *";
    let header = prop_oneof![any::<String>(), date, number];
    fuzz((header, any::<u64>()), |(header, now)| {
        if let Some(seconds) = parse_retry_after(header, *now) {
            // a number of seconds within a year, or until a date in a year of four digits
            prop_assert!(seconds <= 253_402_300_800, "{seconds}");
        }
        Ok(())
    });
}
