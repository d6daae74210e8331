//! What comes out of a stream does not depend on how the bytes were cut.

use countersign_masking::{Counts, Entity, Masker, MaskingPolicy};
use proptest::prelude::*;
use serde_json::json;

fn masker() -> Masker {
    Masker::new(&MaskingPolicy::default(), None).unwrap()
}

fn hashing_masker() -> Masker {
    Masker::new(&MaskingPolicy::parse(&json!({"style": "hash"})).unwrap(), Some(b"key of a connection"))
        .unwrap()
}

/// The bytes in these pieces, through a stream.
fn streamed<'a>(masker: &Masker, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Counts) {
    let mut stream = masker.stream();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(stream.push(piece));
    }
    out.extend(stream.finish());
    (out, stream.counts().clone())
}

/// Text with something of everything, on lines and across them.
const SAMPLE: &str = "Phone:\n60-56-85-91\n\nmail jo@example.com or j\u{f6}rg@b\u{fc}cher.example\r\n\
    card 4111 1111 1111 1111 12/27, iban GB29 NWBK 6016 1331 9268 19; ssn 536-22-1234\n\
    2024-01-31T10:11:12.123456Z 86.121.97.248 2001:db8:85a3::8a2e:370:7334 00:1a:2b:3c:4d:5e id 7\n\
    -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n4111111111111111\n-----END PRIVATE KEY----- after\n\
    {\"email\": \"x\", \"password\": \"p\\\"q\", \"card\":4111111111111111}\n\
    postgres://app:s3cret@db/app eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3 AKIAIOSFODNN7EXAMPLE\n\
    416 60 039 office\n+46 (0)8 928 571 38 fax\n";

#[test]
fn a_text_cut_in_two_anywhere_is_masked_as_the_whole() {
    let masker = masker();
    let mut counts = Counts::new();
    let whole = masker.text(SAMPLE, &mut counts).unwrap();
    assert!(
        whole.contains("<PHONE_NUMBER>") && whole.contains("<PRIVATE_KEY> after") && !whole.contains("1111")
    );
    for cut in 0..=SAMPLE.len() {
        let (head, tail) = SAMPLE.as_bytes().split_at(cut);
        let (out, counted) = streamed(&masker, [head, tail].into_iter());
        assert_eq!(String::from_utf8(out).unwrap(), whole, "cut at {cut}");
        assert_eq!(counted, counts, "cut at {cut}");
    }
}

#[test]
fn a_line_longer_than_a_window_is_masked_alike_however_it_is_cut() {
    let masker = masker();
    // 400 times the sample in one line, so that windows end everywhere in it.
    let line = SAMPLE.replace(['\n', '\r'], " ").repeat(400);
    let whole = masker.text(&line, &mut Counts::new()).unwrap();
    assert!(!whole.contains("1111") && !whole.contains("example.com"));
    for size in [1, 7, 4096, 60_000, 65_536, 65_537, 1 << 20] {
        let (out, _) = streamed(&masker, line.as_bytes().chunks(size));
        assert!(out == whole.as_bytes(), "in pieces of {size}");
    }
}

#[test]
fn what_is_longer_than_a_window_leaves_nothing_of_itself() {
    let masker = masker();
    let token = format!("a eyJhbGciOiJIUzI1NiJ9.{}.sig z", "eA".repeat(100_000));
    assert_eq!(masker.text(&token, &mut Counts::new()).unwrap(), "a <JWT> z");
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY----- z", "QUJD\n".repeat(5_000));
    assert_eq!(masker.text(&key, &mut Counts::new()).unwrap(), "<PRIVATE_KEY> z");
    for size in [1000, 65_536] {
        let (out, _) = streamed(&masker, key.as_bytes().chunks(size));
        assert_eq!(out, b"<PRIVATE_KEY> z");
    }
}

#[test]
fn a_private_key_without_an_end_hides_a_bounded_rest() {
    let masker = masker();
    let text = format!("-----BEGIN PRIVATE KEY-----\n{}", "QUJD\n".repeat(20_000));
    let whole = masker.text(&text, &mut Counts::new()).unwrap();
    assert!(whole.starts_with("<PRIVATE_KEY>") && whole.len() < text.len() - 60_000);
    for size in [1, 999, 65_536] {
        let (out, _) = streamed(&masker, text.as_bytes().chunks(size));
        assert!(out == whole.as_bytes(), "in pieces of {size}");
    }
}

/// Keys of JSON, as they stand in text, whose values are masked by their names.
fn named_values() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "email",
        "phone",
        "password",
        "card_number",
        "PRIVATE KEY",
        "-----END PRIVATE KEY-----",
    ]);
    let quote = prop::sample::select(vec!["\"", "\\\"", "\"\""]);
    let value = prop::sample::select(vec![
        "",
        "\"",
        "'",
        "<",
        "<x>",
        "<SECRET>",
        "<EMAIL_ADDRESS:0123456789abcdef>",
        "<SECRET>x",
    ]);
    (key, quote, "[: ]{1,2}", value)
        .prop_map(|(key, quote, sign, value)| format!("{quote}{key}{quote}{sign}{value}"))
}

/// Words of which texts are put together that come close to what the recognisers look for.
fn near_misses() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "4111 1111", "1111-1111", "4111111111111111", "@", "jo", "example.com", "+49", "(0)", "30", "212", "555",
            "0199", "-", ".", " ", "\n", "\r\n", "phone", "ssn", "536-22-1234", "10.1.2.3", ":", "::", "2001:db8", "ab",
            "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "password=", "\"", "{", "}", "token: ", "eyJ",
            "://", "%40", "GB29", "NWBK", "6016", "1331926819", "AKIA", "x", "\u{a0}", "\u{e9}", "\u{4f60}", "00", "/",
        ]).prop_map(str::to_owned),
        2 => named_values(),
        1 => "[0-9]{1,6}",
        1 => "\\PC{0,4}",
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_in_any_pieces_is_masked_as_the_whole(text in near_misses(), cuts in prop::collection::vec(0_usize..400, 0..8)) {
        let masker = masker();
        let mut counts = Counts::new();
        let whole = masker.text(&text, &mut counts).unwrap();
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let (out, counted) = streamed(&masker, cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]));
        prop_assert_eq!(String::from_utf8(out).unwrap(), whole);
        prop_assert_eq!(counted, counts);
    }

    #[test]
    fn any_bytes_come_through_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
        let masker = masker();
        let (whole, _) = streamed(&masker, std::iter::once(bytes.as_slice()));
        let (out, _) = streamed(&masker, bytes.chunks(size));
        prop_assert_eq!(out, whole);
    }

    #[test]
    fn masked_text_is_masked_only_once(text in near_misses()) {
        // What is written in the place of a value is none itself.
        for masker in [masker(), hashing_masker()] {
            let once = masker.text(&text, &mut Counts::new()).unwrap();
            for find in masker.find(&once) {
                let found = once.get(find.range.clone()).unwrap();
                let replaced = Entity::ALL.iter().any(|entity| {
                    found.strip_prefix(&format!("<{entity}")).is_some_and(|rest| rest.starts_with(['>', ':']))
                });
                prop_assert!(!replaced, "{:?} is {} in {}", find, found, once);
            }
        }
    }
}
