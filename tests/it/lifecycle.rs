//! Beginning and ending under load: signals, drains, hand-overs. The program itself runs, as an
//! operator would run it. Needs `haproxy` and Python.

mod activation;
mod drain;
mod echo;
mod load;
mod program;
mod reload;
mod rolling;
mod unit;

use std::env;
use std::io::Write as _;

/// More of something than CI has time for, if `tests/lifecycle` asks for it.
fn asked(name: &str, of_ci: u32) -> u32 {
    let asked = env::var_os(format!("PALISADE_TEST_{name}"));
    asked.map_or(of_ci, |asked| {
        let number = asked.to_str().and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("{name} is a number"))
    })
}

/// Tells figures to whoever runs `tests/lifecycle`.
fn tell(figures: &str) {
    if env::var_os("PALISADE_TEST_FIGURES").is_some() {
        // Whoever does not read them needs none.
        let _ = writeln!(std::io::stderr(), "{figures}");
    }
}
