//! Ctrl-c while the demonstration runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Failure;

/// Whether somebody asked to stop. Whoever waits looks here, returns, and so lets the guards end
/// the processes and take the homes away.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen for ctrl-c and for a request to terminate. Asking twice ends at once; the
    /// nodes then end by themselves, because their stdin does.
    pub(crate) fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                while let Ok(interrupted) = crate::commands::up::interrupted() {
                    interrupted.await;
                    if flag.swap(true, Ordering::SeqCst) {
                        std::process::exit(1);
                    }
                }
            });
        });
        Self(asked)
    }

    /// Fails if somebody asked to stop.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(Failure::failed("interrupted")),
            false => Ok(()),
        }
    }
}
