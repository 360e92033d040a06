//! Rows and columns, for people and for spreadsheets.

use std::fmt::Write as _;

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// What a spreadsheet takes for the beginning of a formula, in both widths, and what it skips before one.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

impl Sheet {
    pub(super) fn new(head: &[&str]) -> Self {
        Self::of(head.iter().map(|cell| (*cell).to_owned()).collect())
    }

    pub(super) fn of(head: Vec<String>) -> Self {
        Self {
            head,
            rows: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// For people: columns side by side, none of them wider than its widest cell. A line of a cell stays
    /// one line.
    pub fn table(&self) -> String {
        let flat = |cell: &str| cell.split_whitespace().collect::<Vec<_>>().join(" ");
        let head: Vec<String> = self.head.iter().map(|cell| flat(cell)).collect();
        let rows = self.rows.iter();
        let rows = rows.map(|row| row.iter().map(|cell| flat(cell)).collect());
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        let wide = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(wide).collect();
        let mut out = String::new();
        for line in &lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                // Writing to a String cannot fail.
                let _ = write!(text, "{cell:<width$}  ");
            }
            let _ = writeln!(out, "{}", text.trim_end());
        }
        out
    }

    /// For spreadsheets (RFC 4180, lines end with LF). Every cell is quoted, and one that a spreadsheet would
    /// run as a formula gets an apostrophe before it.
    pub fn csv(&self) -> String {
        let head = self.head.iter().map(|cell| quoted(cell)).collect();
        let rows = self.rows.iter();
        let rows = rows.map(|row| row.iter().map(|cell| quoted(cell)).collect());
        let lines = std::iter::once(head).chain(rows);
        lines
            .map(|line: Vec<String>| line.join(",") + "\n")
            .collect()
    }
}

fn quoted(cell: &str) -> String {
    let first = cell.trim_start().chars().next();
    let runs = first.is_some_and(|first| FORMULA.contains(&first))
        || cell.starts_with(|c: char| c.is_control());
    let mark = if runs { "'" } else { "" };
    format!("\"{mark}{}\"", cell.replace('"', "\"\""))
}

/// Names in one cell.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    //! What a spreadsheet would run does not get there.

    use super::*;

    #[test]
    fn formulas_are_text() {
        for bad in [
            "=HYPERLINK(\"http://x\",\"y\")",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            " =1",
            "＝1",
            "\r=1",
            "\n+1",
        ] {
            let cell = quoted(bad);
            assert!(cell.starts_with("\"'"), "{cell}");
        }
        for good in ["", "acme/x", "a=b", "1-2", "'", "<x>"] {
            assert!(!quoted(good).starts_with("\"'=") && quoted(good).len() == good.len() + 2);
        }
    }

    #[test]
    fn quotes_commas_and_lines_stay_in_their_cell() {
        let mut sheet = Sheet::new(&["a", "b"]);
        sheet.add(vec!["x,\"y\"".to_owned(), "1\n2".to_owned()]);
        assert_eq!(sheet.csv(), "\"a\",\"b\"\n\"x,\"\"y\"\"\",\"1\n2\"\n");
        assert_eq!(sheet.table(), "a      b\nx,\"y\"  1 2\n");
    }
}
