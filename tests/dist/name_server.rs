//! A name server of the test's own, by UDP and TCP (RFC 1035), for a network in which port 53 is
//! free. It serves until the process ends.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const A: u16 = 1;
const AAAA: u16 = 28;

/// An answer that has been cut short: to be asked again by TCP.
const TRUNCATED: u16 = 0x0200;
const NO_SUCH_NAME: u16 = 3;
/// A recursive server's answer to a recursive question.
const ANSWER: u16 = 0x8180;

/// Names with their addresses; a name may have none.
pub type Zone = &'static [(&'static str, &'static [&'static str])];

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Udp,
    Tcp,
}

/// A running name server.
pub struct NameServer {
    asked: Arc<Mutex<Vec<(By, String)>>>,
}

#[derive(Clone)]
struct Answers {
    zone: Zone,
    cuts_short: bool,
    asked: Arc<Mutex<Vec<(By, String)>>>,
}

impl NameServer {
    /// Starts one. If it `cuts_short`, no answer by UDP holds an address.
    pub fn start(address: &str, zone: Zone, cuts_short: bool) -> Self {
        let asked = Arc::default();
        let answers = Answers {
            zone,
            cuts_short,
            asked: Arc::clone(&asked),
        };
        let udp = UdpSocket::bind((address, 53)).expect("port 53");
        let tcp = TcpListener::bind((address, 53)).expect("port 53");
        let of_udp = answers.clone();
        thread::spawn(move || of_udp.serve_udp(&udp));
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let answers = answers.clone();
                thread::spawn(move || answers.serve_tcp(stream));
            }
        });
        Self { asked }
    }

    /// The names that were asked for, in order, each once however many questions it took.
    pub fn asked(&self) -> Vec<(By, String)> {
        let mut asked = lock(&self.asked).clone();
        asked.dedup();
        asked
    }
}

impl Answers {
    fn serve_udp(&self, socket: &UdpSocket) -> io::Result<()> {
        let mut question = [0; 512];
        loop {
            let (length, peer) = socket.recv_from(&mut question)?;
            socket.send_to(&self.answer(&question[..length], By::Udp), peer)?;
        }
    }

    fn serve_tcp(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut question)?;
            let answer = self.answer(&question, By::Tcp);
            let length = u16::try_from(answer.len()).expect("short").to_be_bytes();
            stream.write_all(&[&length, answer.as_slice()].concat())?;
        }
    }

    fn answer(&self, question: &[u8], by: By) -> Vec<u8> {
        let mut labels = Vec::new();
        let mut at = 12;
        while question[at] != 0 {
            let end = at + 1 + usize::from(question[at]);
            labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
            at = end;
        }
        let name = labels.join(".");
        let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
        let found = self.zone.iter().find(|(known, _)| *known == name);
        lock(&self.asked).push((by, name));
        let addresses: Vec<Vec<u8>> = found
            .map_or(&[] as &[&str], |(_, addresses)| *addresses)
            .iter()
            .filter_map(
                |address| match (kind, address.parse().expect("an address")) {
                    (A, IpAddr::V4(address)) => Some(address.octets().to_vec()),
                    (AAAA, IpAddr::V6(address)) => Some(address.octets().to_vec()),
                    _ => None,
                },
            )
            .collect();
        let (flags, addresses) = match (found, by) {
            (None, _) => (ANSWER | NO_SUCH_NAME, &[] as &[Vec<u8>]),
            (Some(_), By::Udp) if self.cuts_short => (ANSWER | TRUNCATED, &[] as &[Vec<u8>]),
            _ => (ANSWER, addresses.as_slice()),
        };
        let count = u16::try_from(addresses.len()).expect("few");
        let mut answer = question[..2].to_vec();
        for number in [flags, 1, count, 0, 0] {
            answer.extend(number.to_be_bytes());
        }
        answer.extend(&question[12..at + 5]);
        for address in addresses {
            // The name of the question, the class of the internet, for a minute.
            for number in [0xc00c, kind, 1, 0, 60, address.len() as u16] {
                answer.extend(number.to_be_bytes());
            }
            answer.extend(address);
        }
        answer
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
