//! The text that Prometheus scrapes, read strictly: whatever breaks the format fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// One scrape.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    /// `name{label="value",..}` to value, labels in the order of the text.
    pub(crate) samples: BTreeMap<String, f64>,
    /// Family to its type.
    pub(crate) types: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads and holds the text against the format: a type and a help line before the samples of each
    /// family, families in one piece, no sample twice, every line ended.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is not ended");
        let mut scrape = Self::default();
        let mut helped = BTreeSet::new();
        let mut closed = BTreeSet::new();
        let mut open = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let name = rest.split(' ').next().unwrap_or_default().to_owned();
                assert!(rest.len() > name.len() + 1, "`{name}` has no help text");
                assert!(helped.insert(name), "helped twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type line has a type");
                assert!(
                    helped.contains(name),
                    "`{name}` has no help before its type"
                );
                let known = ["counter", "gauge", "histogram"];
                assert!(known.contains(&kind), "type of `{name}` is `{kind}`");
                let before = scrape.types.insert(name.to_owned(), kind.to_owned());
                assert!(before.is_none(), "`{name}` is in two pieces");
                closed.insert(std::mem::replace(&mut open, name.to_owned()));
            } else {
                assert!(!line.starts_with('#') && !line.is_empty(), "stray: {line}");
                scrape.sample(line, &open);
            }
        }
        scrape
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let name = series.split('{').next().unwrap_or_default();
        let own = ["", "_bucket", "_sum", "_count"];
        let fits = own.iter().any(|end| name == format!("{family}{end}"));
        assert!(fits, "`{name}` stands under `{family}`");
        if self.types.get(family).is_some_and(|kind| kind == "counter") {
            assert!(name.ends_with("_total"), "counter `{name}`");
        }
        let value = match value {
            "+Inf" => f64::INFINITY,
            value => value.parse().expect("a sample's value is a number"),
        };
        let before = self.samples.insert(series.to_owned(), value);
        assert!(before.is_none(), "twice: {series}");
    }

    /// The sum of all series of `name` whose labels include every one of `labels`.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let of_name = self
            .samples
            .iter()
            .filter(|(series, _)| series.split('{').next().is_some_and(|own| own == name));
        of_name
            .filter(|(series, _)| wanted.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    /// Whether there is any series of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.samples
            .keys()
            .any(|series| series.split('{').next().is_some_and(|own| own == name))
    }
}
