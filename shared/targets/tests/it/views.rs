//! The views of stored output.

use countersign_targets::view::{Fate, Page, PageStart, csv, json, text};
use countersign_targets::{Column, Record};
use proptest::prelude::*;
use serde_json::Value;

type Cells = Vec<Option<String>>;

fn columns(names: &[(&str, &str)]) -> Record {
    let column = |(name, type_name): &(&str, &str)| Column {
        name: (*name).into(),
        type_name: (*type_name).into(),
        source: None,
    };
    Record::Columns(names.iter().map(column).collect())
}

fn row(cells: &[Option<&str>]) -> Record {
    Record::Row(cells.iter().map(|cell| cell.map(str::to_owned)).collect())
}

fn done(tag: &str, rows: Option<u64>) -> Record {
    Record::Done { tag: tag.into(), rows }
}

fn page(records: Vec<Record>) -> Page {
    Page { records, ..Page::default() }
}

#[test]
fn a_table_is_aligned_by_what_the_eye_sees() {
    let page = page(vec![
        columns(&[("id", "int4"), ("name", "text"), ("note", "text")]),
        row(&[Some("7"), Some("Ada"), None]),
        row(&[Some("1200"), Some("東京"), Some("")]),
        row(&[Some("8"), Some("two\nlines"), Some("\u{1b}[31mred\ttab\u{202e}")]),
        row(&[None, Some("∅"), Some("x")]),
        done("SELECT 4", Some(4)),
        done("DELETE 1", Some(1)),
    ]);
    assert_eq!(
        text(&page),
        concat!(
            " id   │ name     │ note\n",
            "──────┼──────────┼──────────────────────────\n",
            "    7 │ Ada      │ ∅\n",
            " 1200 │ 東京     │\n",
            "    8 │ two↵     │ \\x1b[31mred\\ttab\\u{202e}\n",
            "      │ lines    │\n",
            "    ∅ │ \\u{2205} │ x\n",
            "(4 rows)\n",
            "DELETE 1\n",
        )
    );
}

#[test]
fn a_cut_is_said_and_a_write_with_rows_says_both() {
    let page = page(vec![
        columns(&[("id", "int4")]),
        row(&[Some("1")]),
        Record::Truncated { kept_rows: 1, kept_bytes: 9, missing_rows: Some(41) },
        done("DELETE 42", Some(42)),
        columns(&[("id", "int4")]),
        row(&[Some("1")]),
        Record::Truncated { kept_rows: 1, kept_bytes: 9, missing_rows: None },
    ]);
    assert_eq!(
        text(&page),
        " id\n────\n  1\n… cut here: 1 row shown, 41 more rows not kept\n(42 rows)\nDELETE 42\n\n \
         id\n────\n  1\n… cut here: 1 row shown, more rows not kept\n"
    );
}

#[test]
fn numbers_without_a_type_stand_right_and_words_do_not() {
    let page = page(vec![
        columns(&[("n", ""), ("s", "")]),
        row(&[Some("1"), Some("1")]),
        row(&[Some("-22.5"), Some("x")]),
        done("SELECT 2", Some(2)),
    ]);
    assert_eq!(text(&page), " n     │ s\n───────┼───\n     1 │ 1\n -22.5 │ x\n(2 rows)\n");
}

#[test]
fn one_huge_cell_does_not_pad_every_row() {
    let wide = "x".repeat(1_000_000);
    let mut records = vec![columns(&[("a", "text"), ("b", "text")]), row(&[Some(&wide), Some("1")])];
    records.extend((0..10_000).map(|_| row(&[Some("y"), Some("2")])));
    let shown = text(&page(records));
    assert!(shown.contains(&wide), "the cell is shown whole");
    assert!(shown.len() < 2_000_000, "{} bytes", shown.len());
}

#[test]
fn json_is_what_its_documentation_says() {
    let page = page(vec![
        columns(&[("a", "int4"), ("a", "text")]),
        row(&[Some("1"), None]),
        Record::Truncated { kept_rows: 1, kept_bytes: 9, missing_rows: Some(2) },
        done("SELECT 3", Some(3)),
        Record::Notice { severity: "NOTICE".into(), code: None, message: "x".into() },
        done("CREATE TABLE", None),
    ]);
    let value: Value = serde_json::from_str(&json(&page)).unwrap();
    let expected = serde_json::json!([
        {"columns": [{"name": "a", "type": "int4", "key": "a"}, {"name": "a", "type": "text", "key": "a_2"}],
         "rows": [{"a": "1", "a_2": null}], "tag": "SELECT 3", "row_count": 3,
         "status": "committed", "notices": [],
         "truncated": {"kept_rows": 1, "missing_rows": 2}, "continued": false, "complete": true},
        {"columns": null, "rows": null, "tag": "CREATE TABLE", "row_count": null,
         "status": "committed", "notices": [{"severity": "NOTICE", "code": null, "message": "x"}],
         "truncated": null, "continued": false, "complete": true},
    ]);
    assert_eq!(value, expected);
    let undone: Value = serde_json::from_str(&json(&page.with_fate(Fate::RolledBack))).unwrap();
    for set in undone.as_array().unwrap() {
        assert_eq!((&set["status"], &set["tag"]), (&"rolled_back".into(), &Value::Null));
        assert_eq!((&set["row_count"], &set["complete"]), (&Value::Null, &false.into()));
    }
}

#[test]
fn csv_keeps_null_apart_from_the_empty_string() {
    let page = page(vec![
        done("CREATE TABLE", None),
        columns(&[("a", "text"), ("b,c", "text")]),
        row(&[None, Some("")]),
        row(&[Some("say \"hi\"\r\n"), Some("=1+1")]),
        done("SELECT 2", Some(2)),
        columns(&[("z", "text")]),
        done("SELECT 0", Some(0)),
    ]);
    assert_eq!(csv(&page), "\r\na,\"b,c\"\r\n,\"\"\r\n\"say \"\"hi\"\"\r\n\",=1+1\r\n\r\nz\r\n");
}

#[test]
fn damaged_lines_are_refused() {
    assert!(Page::parse("{\"row\":[\"1\"]}\n{\"row\":[\"1\"\n", PageStart::First).is_err());
}

/// One result of up to four columns, with cells of all sorts.
fn any_result() -> impl Strategy<Value = (Vec<String>, Vec<Cells>)> {
    let text = prop_oneof![any::<String>(), Just(String::new()), "[\",\r\n;a∅\\x1b]{0,8}", "[0-9]{1,4}"];
    (1_usize..5).prop_flat_map(move |width| {
        let names = proptest::collection::vec("[a-c]{1,2}", width);
        let cells = proptest::collection::vec(proptest::option::of(text.clone()), width);
        (names, proptest::collection::vec(cells, 0..8))
    })
}

fn records(names: &[String], rows: &[Cells]) -> Vec<Record> {
    let columns =
        names.iter().map(|name| Column { name: name.clone(), type_name: "text".into(), source: None });
    let mut records = vec![Record::Columns(columns.collect())];
    records.extend(rows.iter().cloned().map(Record::Row));
    records.push(done(&format!("SELECT {}", rows.len()), Some(rows.len() as u64)));
    records
}

/// The records in pages as storage would cut them, each read back from its lines.
fn pages(records: &[Record], size: usize) -> Vec<Page> {
    let mut start = PageStart::First;
    let mut pages = Vec::new();
    for part in records.chunks(size) {
        let lines: String = part.iter().map(Record::to_line).collect();
        let page = Page::parse(&lines, start.clone()).unwrap();
        start = page.end();
        pages.push(page);
    }
    pages
}

/// A second, naive reader of RFC 4180 that tells `` from `""`, which the csv crate does not.
fn read_csv(text: &str) -> Vec<Cells> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            (true, '"') => quoted = false,
            (false, '"') if field.is_empty() => (quoted, was_quoted) = (true, true),
            (false, ',' | '\r') => {
                let text = std::mem::take(&mut field);
                row.push((was_quoted || !text.is_empty()).then_some(text));
                was_quoted = false;
                if c == '\r' {
                    assert_eq!(chars.next(), Some('\n'));
                    rows.push(std::mem::take(&mut row));
                }
            }
            (_, c) => field.push(c),
        }
    }
    rows
}

proptest! {
    #[test]
    fn csv_reads_back_as_the_same_cells((names, rows) in any_result(), size in 1_usize..6) {
        let records = records(&names, &rows);
        let whole = csv(&page(records.clone()));
        let joined: String = pages(&records, size).iter().map(csv).collect();
        prop_assert_eq!(&joined, &whole, "pages joined are the whole");

        let back = read_csv(&whole);
        let header: Cells = names.iter().cloned().map(Some).collect();
        prop_assert_eq!(&back[0], &header);
        prop_assert_eq!(&back[1..], &rows[..]);
        // A kept reader agrees; it skips empty lines and knows no NULL.
        if names.len() > 1 {
            let mut reader = csv_reader(&whole);
            let read: Vec<Vec<String>> = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
            let expected: Vec<Vec<String>> = rows.iter().map(|r| r.iter().map(|c| c.clone().unwrap_or_default()).collect()).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn json_of_every_page_is_valid_and_holds_the_same_cells((names, rows) in any_result(), size in 1_usize..6) {
        let mut cells: Vec<Cells> = Vec::new();
        for (number, page) in pages(&records(&names, &rows), size).iter().enumerate() {
            let sets: Vec<Value> = serde_json::from_str(&json(page)).unwrap();
            prop_assert_eq!(sets.len(), 1);
            prop_assert_eq!(&sets[0]["continued"], &Value::Bool(number > 0));
            let keys: Vec<&str> = sets[0]["columns"].as_array().unwrap().iter().map(|c| c["key"].as_str().unwrap()).collect();
            for row in sets[0]["rows"].as_array().unwrap() {
                prop_assert_eq!(row.as_object().unwrap().len(), keys.len());
                cells.push(keys.iter().map(|key| row[*key].as_str().map(str::to_owned)).collect());
            }
        }
        prop_assert_eq!(cells, rows);
    }

    #[test]
    fn text_lets_no_control_character_through((names, rows) in any_result(), size in 1_usize..6) {
        for page in pages(&records(&names, &rows), size) {
            let shown = text(&page);
            prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        }
    }

    #[test]
    fn the_bars_of_a_table_stand_below_each_other((names, rows) in any_result()) {
        prop_assume!(rows.iter().flatten().flatten().all(|cell| !cell.contains('│')));
        let shown = text(&page(records(&names, &rows)));
        let bars = |line: &str| line.matches(['│', '┼']).count();
        let table: Vec<&str> = shown.lines().take_while(|line| !line.starts_with('(')).collect();
        prop_assert!(table.iter().all(|line| bars(line) == names.len() - 1), "{shown}");
    }
}

fn csv_reader(text: &str) -> ::csv::Reader<&[u8]> {
    ::csv::ReaderBuilder::new().from_reader(text.as_bytes())
}
