//! Fuzzing guided by coverage: libFuzzer drives the target that `SHOUWANG_FUZZ` names
//! (`docs/fuzzing.md`).

#![no_main]

use std::sync::OnceLock;

use shouwang_fuzz::{Target, Verdict, target};

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus {
    let found = TARGET.get_or_init(|| {
        let name = std::env::var("SHOUWANG_FUZZ").unwrap_or_default();
        // libFuzzer would end at the panics of other people's readers, which are caught where they may
        // come.
        std::panic::set_hook(Box::new(|_| {}));
        target(&name).unwrap_or_else(|| std::process::exit(2))
    });
    match std::panic::catch_unwind(|| (found.run)(bytes)) {
        Ok(Verdict::Accepted | Verdict::Refused) => libfuzzer_sys::Corpus::Keep,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            eprintln!("{}: {}", found.name, text.unwrap_or_default());
            std::process::abort()
        }
    }
});
