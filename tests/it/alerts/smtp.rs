//! A small SMTP server that keeps the mails that it is given.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
pub struct Server {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<String>>>,
    /// What it says to the end of a mail.
    verdict: Arc<Mutex<&'static str>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let verdict = Arc::new(Mutex::new("250 taken"));
        let server = Server { port, mails: Arc::default(), commands: Arc::default(), verdict };
        let worker = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let worker = worker.clone();
                std::thread::spawn(move || worker.serve(stream));
            }
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn says(&self, verdict: &'static str) {
        *self.verdict.lock().expect("unbroken") = verdict;
    }

    /// Header and body of every mail, lines unfolded.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("unbroken").clone()
    }

    pub fn commands(&self) -> Vec<String> {
        self.commands.lock().expect("unbroken").clone()
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let mut writer = stream.try_clone().ok()?;
        let mut lines = BufReader::new(stream).lines();
        writer.write_all(b"220 test\r\n").ok()?;
        while let Some(Ok(line)) = lines.next() {
            self.commands.lock().expect("unbroken").push(line.clone());
            let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let answer = match word.as_str() {
                "EHLO" => "250-test\r\n250 AUTH PLAIN",
                "AUTH" => "235 welcome",
                "DATA" => {
                    writer.write_all(b"354 go on\r\n").ok()?;
                    let verdict = *self.verdict.lock().expect("unbroken");
                    let mut mail = String::new();
                    for line in lines.by_ref().map_while(Result::ok).take_while(|line| line != ".") {
                        mail += &format!("{line}\n");
                    }
                    if verdict.starts_with('2') {
                        self.mails.lock().expect("unbroken").push(mail.replace("\n ", " "));
                    }
                    verdict
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
        }
        Some(())
    }
}

/// The value of a header.
pub fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    let prefix = format!("{name}: ");
    mail.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
}
