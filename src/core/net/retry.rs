//! Whether and when a failed call is tried again. Pure: the shell does the waiting, since
//! only it can be interrupted.

use super::Failure;
use crate::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Calls after the first one.
pub const MAX_RETRIES: u32 = 3;
const FIRST_CEILING: Duration = Duration::from_millis(500);

/// How often a call was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    tried: u32,
}

impl Retry {
    /// How long to wait before the next try; None to give up and report `failure`.
    ///
    /// `remaining` is what is left of the deadline over all tries; `random` lies in 0..1.
    /// Without word from the endpoint: full jitter, so that many backends that failed at
    /// once don't come back at once. With Retry-After: not before it, and not at all where
    /// that is too late.
    pub fn next(&mut self, failure: &Failure, remaining: Duration, random: f64) -> Option<Duration> {
        if !failure.transient || self.tried == MAX_RETRIES {
            return None;
        }
        let ceiling = FIRST_CEILING * 2u32.pow(self.tried);
        self.tried += 1;
        let jitter = ceiling.mul_f64(random.clamp(0.0, 1.0));
        let wait = match failure.error {
            Error::EndpointStatus { retry_after: Some(seconds), .. } => {
                Duration::from_secs(seconds).checked_add(jitter.min(FIRST_CEILING))?
            }
            _ => jitter,
        };
        (wait < remaining).then_some(wait)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds to wait according to a Retry-After header: a number, or a date
/// (`Wed, 21 Oct 2026 07:28:00 GMT`). None for anything else.
pub fn parse_retry_after(value: &str, now: u64) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        // rounded up: coming back a moment too early costs another refusal
        return (0.0..=86_400.0 * 365.0).contains(&seconds).then(|| seconds.ceil() as u64);
    }
    Some(parse_http_date(value)?.saturating_sub(now))
}

/// Seconds since 1970 of an IMF-fixdate, the only form that servers may send today.
fn parse_http_date(text: &str) -> Option<u64> {
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let mut next = || parts.next();
    let (day, month, year, time) = (next()?, next()?, next()?, next()?);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let mut clock = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let plausible =
        (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60 && second <= 60;
    plausible.then(|| days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970 in the Gregorian calendar, counted in years that start in March so that
/// the leap day comes last.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(status: u16, retry_after: Option<u64>) -> Failure {
        super::super::status_failure(status, retry_after, b"")
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn only_passing_failures_are_retried() {
        for (code, retried) in [
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (408, true),
            (409, true),
            (422, false),
            (425, true),
            (429, true),
            (500, true),
            (503, true),
            (529, true),
            (307, false),
        ] {
            let next = Retry::default().next(&status(code, None), LONG, 0.5);
            assert_eq!(next.is_some(), retried, "{code}");
        }
        let refused = Failure::passing("it refused the connection");
        assert!(Retry::default().next(&refused, LONG, 0.5).is_some());
        let timeout = Failure { error: Error::EndpointTimeout(1), transient: false };
        assert_eq!(Retry::default().next(&timeout, LONG, 0.5), None);
    }

    #[test]
    fn waits_grow_and_end() {
        let mut retry = Retry::default();
        let failure = status(500, None);
        let millis: Vec<_> = (0..5).map(|_| retry.next(&failure, LONG, 1.0).map(|wait| wait.as_millis())).collect();
        assert_eq!(millis, [Some(500), Some(1000), Some(2000), None, None]);
        assert_eq!(Retry::default().next(&failure, LONG, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_is_kept_or_the_call_given_up() {
        let next = |seconds, remaining| Retry::default().next(&status(429, Some(seconds)), remaining, 0.5);
        assert_eq!(next(2, LONG), Some(Duration::from_millis(2250)));
        assert_eq!(next(30, LONG), None);
        assert_eq!(next(u64::MAX, LONG), None);
        assert_eq!(next(0, Duration::from_millis(100)), None);
    }

    #[test]
    fn retry_after_as_number_and_date() {
        let now = 1_792_567_680; // 2026-10-21 07:28:00
        for (value, expected) in [
            ("7", Some(7)),
            (" 0.2 ", Some(1)),
            ("-1", None),
            ("1e99", None),
            ("NaN", None),
            ("soon", None),
            ("Wed, 21 Oct 2026 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2026 07:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 00:00:00 GMT", Some(0)),
            ("Wed, 21 Okt 2026 07:28:30 GMT", None),
        ] {
            assert_eq!(parse_retry_after(value, now), expected, "{value}");
        }
        assert_eq!(parse_http_date("Thu, 29 Feb 2024 12:00:01 GMT"), Some(1_709_208_001));
        assert_eq!(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "\\PC{0,40}", now in any::<u64>()) {
            let _ = parse_retry_after(&value, now);
        }

        #[test]
        fn no_date_panics(d in 0u64..99, m in 0usize..13, y in any::<u64>(), h in any::<u64>(), now in any::<u64>()) {
            let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "X"][m];
            let _ = parse_retry_after(&format!("X, {d:02} {month} {y} {h}:00:00 GMT"), now);
        }

        #[test]
        fn no_wait_passes_the_deadline(tried in 0u32..4, after in proptest::option::of(0u64..100), left in 0u64..60_000, random in -1.0f64..2.0) {
            let remaining = Duration::from_millis(left);
            let mut retry = Retry { tried };
            if let Some(wait) = retry.next(&status(429, after), remaining, random) {
                prop_assert!(wait < remaining);
            }
        }
    }
}
