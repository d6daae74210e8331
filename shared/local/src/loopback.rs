//! Where the platform's own endpoints listen.

use crate::error::LocalError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;

/// Listens on a free port of a loopback address that nobody can guess.
///
/// These endpoints check no signature. On Linux all of `127.0.0.0/8` is this machine, so a
/// random address there (22 bits beside the port's 16) keeps a web page, which can make a
/// browser connect to guessed loopback ports, from finding the store. Other users of the
/// machine can still read it in the socket table: as every local emulator, this one trusts
/// who can log in here. Where only `127.0.0.1` exists, that is used.
pub(crate) async fn listen() -> Result<(TcpListener, SocketAddr), LocalError> {
    let mut random = [0_u8; 3];
    getrandom::fill(&mut random).map_err(|e| LocalError::System {
        action: "reading random bytes",
        source: std::io::Error::other(e.to_string()),
    })?;
    let [a, b, c] = random;
    // Never .0 or .255 at the end: some systems treat them as network and broadcast.
    let hidden = IpAddr::V4(Ipv4Addr::new(127, a, b, c.clamp(1, 254)));
    let listener = match TcpListener::bind(SocketAddr::new(hidden, 0)).await {
        Ok(listener) => listener,
        Err(_) => {
            let plain = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            TcpListener::bind(plain).await.map_err(|e| LocalError::from_bind(plain, e))?
        }
    };
    let addr = listener
        .local_addr()
        .map_err(|e| LocalError::System { action: "reading the listener's address", source: e })?;
    Ok((listener, addr))
}

/// The URL of an endpoint at `addr`.
pub(crate) fn url(addr: SocketAddr) -> String {
    format!("http://{addr}")
}
