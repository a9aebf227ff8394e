//! A small HTTP server that keeps what it is sent and answers as it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16, &'static str),
    Redirect(String),
    /// Takes the request and never says anything.
    Silence,
    /// Half of an answer, byte by byte, for ever.
    Drip,
    /// Hangs up without reading.
    Reset,
    /// An answer that does not end.
    Flood,
}

#[derive(Clone)]
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let answer = Arc::new(Mutex::new(Answer::Status(200, "ok")));
        let server = Server { port, requests: Arc::default(), answer };
        let worker = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let worker = worker.clone();
                std::thread::spawn(move || worker.serve(stream));
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().expect("unbroken") = answer;
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("unbroken").clone()
    }

    /// `event` of every body, in the order in which they came.
    pub fn events(&self) -> Vec<String> {
        self.requests().iter().map(|request| text(&request.json()["event"])).collect()
    }

    fn serve(&self, stream: TcpStream) {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let resets = matches!(*self.answer.lock().expect("unbroken"), Answer::Reset);
        if resets {
            // Closing a connection with bytes that were not read resets it.
            return std::thread::sleep(Duration::from_millis(100));
        }
        let mut reader = BufReader::new(stream);
        let Some(request) = read(&mut reader) else { return };
        self.requests.lock().expect("unbroken").push(request);
        let answer = self.answer.lock().expect("unbroken").clone();
        let mut stream = reader.into_inner();
        // Who hangs up early is part of the test.
        let _ = match answer {
            Answer::Status(code, body) => {
                write!(stream, "HTTP/1.1 {code} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            Answer::Redirect(to) => {
                write!(stream, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
            }
            Answer::Silence => {
                let _ = stream.read(&mut [0]);
                Ok(())
            }
            Answer::Drip => (0..400).try_for_each(|_| {
                std::thread::sleep(Duration::from_millis(50));
                stream.write_all(b"H").and_then(|()| stream.flush())
            }),
            Answer::Reset => Ok(()),
            Answer::Flood => {
                let head = write!(stream, "HTTP/1.1 500 X\r\n\r\n");
                head.and_then(|()| (0..100_000).try_for_each(|_| stream.write_all(&[b'x'; 1024])))
            }
        };
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { path, headers, body: String::from_utf8(body).ok()? })
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
