//! Ctrl-C and its like: the first signal asks to stop at a safe point, the second one stops at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::command_error::Code;

/// Whether the person wants to stop.
#[derive(Clone)]
pub struct Interrupt {
    /// Set by the first signal.
    pub flag: Arc<AtomicBool>,
    woken: Arc<Notify>,
}

impl Interrupt {
    /// Listens to nothing: a signal ends the process, as it should where nothing is left half done.
    pub fn unheard() -> Self {
        Self { flag: Arc::default(), woken: Arc::default() }
    }

    /// Starts to listen for SIGINT, SIGTERM and SIGHUP, on a thread of its own: the others may be busy with a compiler.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> std::io::Result<Self> {
        let interrupt = Self::unheard();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            runtime.spawn(watch(signal(kind)?, interrupt.clone()));
        }
        drop(entered);
        let listening = move || runtime.block_on(std::future::pending::<()>());
        std::thread::Builder::new().name("repair-signals".to_owned()).spawn(listening)?;
        Ok(interrupt)
    }

    /// Whether a signal came.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Returns once a signal came.
    pub async fn wait(&self) {
        let woken = self.woken.notified();
        if !self.is_set() {
            woken.await;
        }
    }
}

async fn watch(mut signals: Signal, interrupt: Interrupt) {
    while signals.recv().await.is_some() {
        if interrupt.flag.swap(true, Ordering::Relaxed) {
            #[expect(clippy::disallowed_methods, reason = "a second signal means: at once; the log copes with that")]
            std::process::exit(Code::Interrupted as i32);
        }
        interrupt.woken.notify_waiters();
    }
}
