//! What programs in Rust do, for the agent's tests: files, threads, children and a socket.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[expect(clippy::print_stdout, reason = "it says that it is done")]
fn main() -> Result<(), Error> {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve()?,
        Some("crowd") => crowd()?,
        Some("child") => return Ok(()),
        _ => return Err("worker serve|crowd|child".into()),
    }
    println!("done");
    Ok(())
}

/// Files, and an echo over TCP.
fn serve() -> Result<(), Error> {
    fs::create_dir_all("/tmp/worker/sub")?;
    fs::write("/tmp/worker/sub/file", vec![7; 100_000])?;
    fs::rename("/tmp/worker/sub/file", "/tmp/worker/file")?;
    assert_eq!(fs::read("/tmp/worker/file")?.len(), 100_000);
    assert_eq!(fs::read_dir("/tmp/worker")?.count(), 2);
    fs::remove_dir_all("/tmp/worker")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut text = [0; 5];
        stream.read_exact(&mut text)?;
        stream.write_all(&text)
    });
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"hello")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    assert_eq!(text, "hello");
    server.join().map_err(|_| "the server")??;
    Ok(())
}

/// Eight threads that start eight children each.
fn crowd() -> Result<(), Error> {
    let threads: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(|| -> Result<(), Error> {
                for _ in 0..8 {
                    let status = Command::new(std::env::current_exe()?)
                        .arg("child")
                        .status()?;
                    assert!(status.success());
                    thread::yield_now();
                }
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread")??;
    }
    Ok(())
}
