//! P14: no other process of the machine can act for the service.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use countersign_e2e::{Database, Serve};
use serde_json::json;

/// The addresses on which a process listens, by the socket tables of its network namespace.
fn listeners_of(process: u32) -> BTreeSet<String> {
    let process = Path::new("/proc").join(process.to_string());
    let own: BTreeSet<String> = fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut found = BTreeSet::new();
    for (table, listening) in [("tcp", Some("0A")), ("tcp6", Some("0A")), ("udp", None), ("udp6", None)] {
        for line in fs::read_to_string(process.join("net").join(table)).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, state, inode) = (fields[1], fields[3], fields[9]);
            if own.contains(inode) && listening.is_none_or(|listening| state == listening) {
                found.insert(format!("{table} {address}"));
            }
        }
    }
    // Sockets with a name in the file system or without one: `Num RefCount Protocol Flags Type St Inode Path`.
    for line in fs::read_to_string(process.join("net/unix")).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let accepts = u32::from_str_radix(fields[3], 16).unwrap() & 0x1_0000 != 0;
        if own.contains(fields[6]) && accepts {
            found.insert(format!("unix {}", fields.get(7).unwrap_or(&"")));
        }
    }
    found
}

/// As the kernel's table of IPv4 sockets writes it.
fn in_table(address: SocketAddr) -> String {
    let IpAddr::V4(ip) = address.ip() else { panic!("{address}") };
    format!("tcp {:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port())
}

#[tokio::test]
async fn the_program_listens_on_its_public_address_and_nowhere_else() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    // Everything has run that could open a port.
    let request =
        serve.submit("alice", "demo-db", "SELECT 1", json!({ "run": "on_approval" })).await.unwrap();
    serve.approve("dana", &request).await.unwrap();
    serve.wait_for("alice", &request, &["SUCCEEDED"]).await.unwrap();

    let public: SocketAddr = serve.url().trim_start_matches("http://").parse().unwrap();
    assert_eq!(public.ip(), Ipv4Addr::LOCALHOST);
    let listeners = listeners_of(serve.process_id().unwrap());
    assert_eq!(listeners, BTreeSet::from([in_table(public)]));
}
