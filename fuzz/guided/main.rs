//! Fuzzing guided by coverage: libFuzzer drives the target that `SHOUWANG_FUZZ` names
//! (`docs/fuzzing.md`).

#![no_main]

use std::sync::OnceLock;

use shouwang_fuzz::{Target, Verdict, target};

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus {
    let found = TARGET.get_or_init(|| {
        let name = std::env::var("SHOUWANG_FUZZ").unwrap_or_default();
        target(&name).unwrap_or_else(|| panic!("SHOUWANG_FUZZ names no target: {name:?}"))
    });
    // What is refused leads to what is accepted: both stay.
    let (Verdict::Accepted | Verdict::Refused) = (found.run)(bytes);
    libfuzzer_sys::Corpus::Keep
});
