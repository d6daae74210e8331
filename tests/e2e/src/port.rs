//! Ports that no other test gets.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context as _, Result};
use tokio::net::TcpSocket;

/// Below the ports that Linux hands out to clients (`ip_local_port_range`, from 32768).
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that no other test uses while this value lives.
///
/// Every test may be a process of its own, and while a service restarts nothing listens on its port. So the port is
/// reserved by a lock on a file, which the system releases when the process ends, however it ends.
pub struct ReservedPort {
    number: u16,
    _lock: File,
}

impl ReservedPort {
    /// Reserves a port on which nothing listens.
    ///
    /// # Errors
    /// If the folder of the locks cannot be used, or no port is free.
    pub fn reserve() -> Result<Self> {
        let folder = std::env::temp_dir().join("countersign-test-ports");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let start = u16::try_from(std::process::id() % u32::from(COUNT))?;
        (0..COUNT)
            .map(|offset| FIRST + (start + offset) % COUNT)
            .find_map(|number| {
                let lock = File::options().create(true).append(true).open(folder.join(number.to_string()));
                let lock = lock.ok().filter(|lock| lock.try_lock().is_ok())?;
                TcpListener::bind(("127.0.0.1", number)).ok()?;
                Some(Self { number, _lock: lock })
            })
            .with_context(|| format!("no port can be reserved in {}", folder.display()))
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// A port that refuses connections: it is bound, so that nobody else gets it, and nothing listens on it.
pub struct ClosedPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl ClosedPort {
    /// Takes one.
    ///
    /// # Errors
    /// If there is none.
    pub fn take() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_reserved_port_is_free_and_is_not_reserved_again() {
        let ports: Vec<ReservedPort> = (0..3).map(|_| ReservedPort::reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(ReservedPort::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 3);
        for number in numbers {
            TcpListener::bind(("127.0.0.1", number)).unwrap();
        }
    }

    #[tokio::test]
    async fn a_closed_port_refuses_connections() {
        let closed = ClosedPort::take().unwrap();
        let refused = tokio::net::TcpStream::connect(closed.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        TcpListener::bind(closed.address()).unwrap_err();
    }
}
