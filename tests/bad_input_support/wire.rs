//! A wire to the engine's socket that a test holds in its hands: another address for the same engine, and a brake.
//!
//! It passes bytes as they are and answers nothing itself. A held request is passed on when the brake is released, and
//! never when its sender or this value is gone.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use repair_test_support::{DOCKER_HOST_VARIABLE, Engine};

/// Where clients of the wire connect.
pub trait Entry: Send + 'static {
    /// One client's stream.
    type Stream: Read + Write + Send + 'static;
    /// Waits for a client.
    fn client(&self) -> std::io::Result<Self::Stream>;
    /// A second handle of a client.
    fn twin(stream: &Self::Stream) -> std::io::Result<Self::Stream>;
    /// Says that nothing more comes.
    fn end(stream: &Self::Stream);
    /// Whether the client is gone.
    fn is_gone(stream: &Self::Stream) -> bool;
}

macro_rules! entry {
    ($listener:ty, $stream:ty) => {
        impl Entry for $listener {
            type Stream = $stream;
            fn client(&self) -> std::io::Result<$stream> {
                Ok(self.accept()?.0)
            }
            fn twin(stream: &$stream) -> std::io::Result<$stream> {
                stream.try_clone()
            }
            fn end(stream: &$stream) {
                let _ = stream.shutdown(Shutdown::Write);
            }
            fn is_gone(stream: &$stream) -> bool {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
                let gone = matches!((&*stream).read(&mut [0]), Ok(0));
                let _ = stream.set_read_timeout(None);
                gone
            }
        }
    };
}

entry!(UnixListener, UnixStream);
entry!(TcpListener, TcpStream);

/// A brake for requests that start a container.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    /// While true, no such request is passed on.
    pub on: Arc<AtomicBool>,
    /// Requests that are held now.
    pub held: Arc<AtomicUsize>,
}

/// Passes every client of `entry` on to the engine, for as long as this process lives.
pub fn connect<E: Entry>(engine: &Engine, entry: E) -> Brake {
    let variables = engine.variables();
    let host = variables.iter().find(|(name, _)| *name == DOCKER_HOST_VARIABLE).map(|(_, host)| host.clone());
    let host = host.or_else(|| std::env::var_os("DOCKER_HOST")).unwrap_or_else(|| "unix:///var/run/docker.sock".into());
    let socket = host.to_string_lossy().strip_prefix("unix://").map(PathBuf::from).expect("tests use a local engine");
    let brake = Brake::default();
    let ours = brake.clone();
    thread::spawn(move || {
        while let Ok(client) = entry.client() {
            let Ok(engine) = UnixStream::connect(&socket) else { continue };
            let (Ok(back), Ok(answers)) = (E::twin(&client), engine.try_clone()) else { continue };
            let brake = ours.clone();
            thread::spawn(move || requests::<E>(client, engine, &brake));
            thread::spawn(move || answer::<E>(answers, back));
        }
    });
    brake
}

fn requests<E: Entry>(mut client: E::Stream, mut engine: UnixStream, brake: &Brake) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let starts = buffer[..length].starts_with(b"POST ")
            && String::from_utf8_lossy(&buffer[..length]).lines().next().is_some_and(|line| line.contains("/start"));
        if starts && !passes::<E>(&client, brake) {
            break;
        }
        if engine.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = engine.shutdown(Shutdown::Write);
}

/// Waits until the brake is released; false when the client did not wait.
fn passes<E: Entry>(client: &E::Stream, brake: &Brake) -> bool {
    if !brake.on.load(Ordering::SeqCst) {
        return true;
    }
    brake.held.fetch_add(1, Ordering::SeqCst);
    let passes = loop {
        if E::is_gone(client) {
            break false;
        }
        if !brake.on.load(Ordering::SeqCst) {
            break true;
        }
        thread::sleep(Duration::from_millis(10));
    };
    brake.held.fetch_sub(1, Ordering::SeqCst);
    passes
}

fn answer<E: Entry>(mut engine: UnixStream, mut client: E::Stream) {
    let _ = std::io::copy(&mut engine, &mut client);
    E::end(&client);
}
