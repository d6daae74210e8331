//! The table of programs is read as it is written.

use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../data/programs.txt");

fn lines() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

#[test]
fn each_line_has_the_columns_of_its_class() {
    for cells in lines() {
        let columns = match cells[0] {
            "plain" | "code" | "setters" | "quiet" | "asks" | "filters" | "writers" | "dangerous"
            | "meaning" | "harmless" => 2,
            "options" | "except" | "variables" | "script" => 3,
            "wrap" | "commands" => 4,
            other => panic!("the class {other}"),
        };
        assert_eq!(cells.len(), columns, "{cells:?}");
        let count = cells.get(2).copied().unwrap_or_default();
        assert!(cells[0] != "wrap" || count == "--" || count.parse::<usize>().is_ok(), "{cells:?}");
    }
}

#[test]
fn no_program_has_two_classes() {
    let mut classes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cells in lines() {
        match cells[0] {
            "plain" | "code" => {
                cells[1].split(' ').for_each(|name| classes.entry(name).or_default().push(cells[0]))
            }
            "options" | "except" | "variables" | "script" | "wrap" | "commands" => {
                classes.entry(cells[1]).or_default().push(cells[0]);
            }
            _ => {}
        }
    }
    classes.retain(|_, found| found.len() > 1);
    assert!(classes.is_empty(), "{classes:?}");
}
